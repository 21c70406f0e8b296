"""What `check` says of labels: their values, and whether every class can be learnt and tested."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catomo.errors import UserError, line_of
from catomo.labels.files import TRUTH, check_label_values, check_labels
from catomo.labels.values import IGNORE, Annotation, check_every_class, missing_in
from catomo.segmentation.settings import Segmentation
from catomo.segmentation.stage import inspect_segmentation
from catomo.slices.settings import Slices
from catomo.slices.stacks import expected_of, inspect_stack, numbered
from catomo.train.scorable import Labelled, lines_of_split
from catomo.train.settings import Train
from catomo.train.split import places_of, split_parts

if TYPE_CHECKING:
    from catomo.plan.datasets import Dataset
    from catomo.plan.plan import Plan


def annotation_lines(plan: Plan, datasets: list[Dataset]) -> tuple[list[str], list[str]]:
    """Check the labels of datasets, and the classes of the models that learn from them.

    Parameters
    ----------
    plan : Plan
    datasets : list of Dataset
        Those whose labels can be checked: of slices and segmentations only if these can be read.

    Returns
    -------
    problems : list of str
        One line each.
    told : list of str
        A line for each class that a dataset's labels or a part of the split lack, and for files
        that are not read.
    """
    problems: list[str] = []
    told: list[str] = []
    read: dict[str, _Labels] = {}
    for dataset in datasets:
        try:
            if dataset.labels:
                read[dataset.name] = _read(dataset, plan)
        except UserError as error:
            problems.append(f"{dataset.name}: {error}")
        except Exception as error:  # whatever a damaged file makes a library say
            problems.append(f"{dataset.name}: {dataset.labels}: cannot be read ({line_of(error)})")
    lacking = set()
    for model in plan.models():
        names = [dataset.name for dataset in plan.trainers(model)]
        if not all(name in read for name in names):
            continue
        settings = plan.settings_as(Train, model)
        classes = [phase.name for phase in settings.classes]
        of_model = [read[name].annotation for name in names]
        masks = {name: read[name].annotation.mask_problem(classes) for name in names}
        if any(masks.values()) and missing_in(of_model, classes):
            problems += [f"{name}: {line}" for name, line in masks.items() if line]
            lacking |= set(names)
            continue
        try:
            check_every_class(of_model, classes)
        except UserError as error:
            (told if settings.init_from else problems).append(f"model {model}: {error}")
            lacking |= set(names)
        of_split = _split_lines(settings, {name: read[name] for name in names})
        problems += [f"model {model}: {line}" for line in of_split[0]]
        told += [f"model {model}: {line}" for line in of_split[1]]
    for dataset in datasets:
        if dataset.name in read and dataset.name not in lacking:
            then = "its model learns it elsewhere" if dataset.trains else "it gets no score"
            lines = read[dataset.name].annotation.told(_classes(dataset, plan), then)
            told += [f"{dataset.name}: {line}" for line in lines]
    return problems, told


@dataclass(frozen=True)
class _Labels:
    """The labels of a dataset, as far as they are known before a run.

    Attributes
    ----------
    annotation : Annotation
    places : dict of int
        The place of each annotated slice in the row of slices, by name.
    shows : dict of frozenset of int
        The classes that each annotated slice shows, by name; empty if that is not known.
    """

    annotation: Annotation
    places: dict[str, int]
    shows: dict[str, frozenset[int]]

    @classmethod
    def of(cls, annotation: Annotation, names: list[str], contiguous: bool) -> _Labels:
        """Return the labels of slices whose names are known."""
        place_of = places_of(names, contiguous)
        shows = {names[index]: classes for index, classes in annotation.shown.items()}
        return cls(annotation, {name: place_of[name] for name in shows}, shows)


def _split_lines(settings: Train, labels: dict[str, _Labels]) -> tuple[list[str], list[str]]:
    """Return what is wrong with the split of a model's slices, and what is told of it."""
    if not all(of_dataset.shows for of_dataset in labels.values()):
        return [], []  # the truth of a phantom is not known before its slices are
    shows = {name: of_dataset.shows for name, of_dataset in labels.items()}
    names = [phase.name for phase in settings.classes]
    try:
        places = {name: of_dataset.places for name, of_dataset in labels.items()}
        parts = split_parts(places, settings.split, settings.seed, shows)
    except UserError as error:
        return [str(error)], []
    annotations = [of_dataset.annotation for of_dataset in labels.values()]
    problems, told = lines_of_split(parts, Labelled.of(names, annotations, shows), settings.split)
    return ([], problems + told) if settings.init_from else (problems, told)


def _read(dataset: Dataset, plan: Plan) -> _Labels:
    """Read and check the labels of a dataset as far as its slices are known before a run."""
    names = _classes(dataset, plan)
    if dataset.labels == TRUTH:
        return _Labels(_of_phantom(os.path.expandvars(dataset.path)), {}, {})
    place = os.path.expandvars(dataset.labels)
    if dataset.source == "slices":
        assert dataset.pixel_size_nm is not None  # the table requires it for slices
        settings = plan.settings_as(Slices, dataset.name)
        path = os.path.expandvars(dataset.path)
        stack = inspect_stack(path, dataset.pixel_size_nm, settings)
        annotation = check_labels(place, expected_of(stack, dataset.pixel_size_nm), len(names))
        labels = _Labels.of(annotation, stack.names, stack.contiguous)
    elif dataset.source == "segmentation":
        of_stage = plan.settings_as(Segmentation, dataset.name)
        path = os.path.expandvars(dataset.path)
        with inspect_segmentation(path, dataset.pixel_size_nm, of_stage) as volume:
            annotation = check_labels(place, volume.expected(), len(names))
            labels = _Labels.of(annotation, volume.names, contiguous=True)
    else:
        annotation = check_label_values(place, len(names))
        count = max(annotation.shown, default=-1) + 1
        labels = _Labels.of(annotation, numbered(count), contiguous=True)
    if not dataset.trains:  # of those that train, what the others show decides
        annotation.check_no_mask(names)
    return labels


def _of_phantom(path: str) -> Annotation:
    """Return which labels the truth of a phantom has; how many pixels is not known yet."""
    from catomo.phantom.specimen import read_specimen

    specimen = read_specimen(path)
    parts = specimen.labels.model_dump()
    if not specimen.particles.count:
        del parts["particles"]
    pixels = [0] * (IGNORE + 1)
    for label in (0, *parts.values()):
        pixels[label] = 1
    return Annotation(path, tuple(pixels))


def _classes(dataset: Dataset, plan: Plan) -> list[str]:
    settings = (
        plan.settings_as(Segmentation, dataset.name)
        if dataset.source == "segmentation"
        else plan.settings_as(Slices, dataset.name)
    )
    return [phase.name for phase in settings.classes]
