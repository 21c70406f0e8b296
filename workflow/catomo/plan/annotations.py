"""What `check` says of labels: their values, and whether every class of a model can be learnt."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from catomo.errors import UserError, line_of
from catomo.labels.files import TRUTH, check_label_values, check_labels
from catomo.labels.values import IGNORE, Annotation, check_every_class, missing_in
from catomo.segmentation.settings import Segmentation
from catomo.slices.settings import Slices
from catomo.train.settings import Train

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
        A line for each class that a dataset's labels lack, and for files that are not read.
    """
    problems: list[str] = []
    told: list[str] = []
    annotations: dict[str, Annotation] = {}
    for dataset in datasets:
        try:
            if dataset.labels:
                annotations[dataset.name] = _read(dataset, plan)
        except UserError as error:
            problems.append(f"{dataset.name}: {error}")
        except Exception as error:  # whatever a damaged file makes a library say
            problems.append(f"{dataset.name}: {dataset.labels}: cannot be read ({line_of(error)})")
    lacking = set()
    for model in plan.models():
        names = [dataset.name for dataset in plan.trainers(model)]
        if not all(name in annotations for name in names):
            continue
        settings = plan.settings_as(Train, model)
        classes = [phase.name for phase in settings.classes]
        of_model = [annotations[name] for name in names]
        masks = {name: annotations[name].mask_problem(classes) for name in names}
        if any(masks.values()) and missing_in(of_model, classes):
            problems += [f"{name}: {line}" for name, line in masks.items() if line]
            lacking |= set(names)
            continue
        try:
            check_every_class(of_model, classes)
        except UserError as error:
            (told if settings.init_from else problems).append(f"model {model}: {error}")
            lacking |= set(names)
    for dataset in datasets:
        if dataset.name in annotations and dataset.name not in lacking:
            then = "its model learns it elsewhere" if dataset.trains else "it gets no score"
            lines = annotations[dataset.name].told(_classes(dataset, plan), then)
            told += [f"{dataset.name}: {line}" for line in lines]
    return problems, told


def _read(dataset: Dataset, plan: Plan) -> Annotation:
    """Read and check the labels of a dataset as far as its slices are known before a run."""
    names = _classes(dataset, plan)
    if dataset.labels == TRUTH:
        return _of_phantom(os.path.expandvars(dataset.path))
    place = os.path.expandvars(dataset.labels)
    if dataset.source == "slices":
        from catomo.slices.stacks import expected_of, inspect_stack

        assert dataset.pixel_size_nm is not None  # the table requires it for slices
        settings = plan.settings_as(Slices, dataset.name)
        path = os.path.expandvars(dataset.path)
        stack = inspect_stack(path, dataset.pixel_size_nm, settings)
        annotation = check_labels(place, expected_of(stack, dataset.pixel_size_nm), len(names))
    elif dataset.source == "segmentation":
        from catomo.segmentation.stage import inspect_segmentation

        of_stage = plan.settings_as(Segmentation, dataset.name)
        path = os.path.expandvars(dataset.path)
        with inspect_segmentation(path, dataset.pixel_size_nm, of_stage) as volume:
            annotation = check_labels(place, volume.expected(), len(names))
    else:
        annotation = check_label_values(place, len(names))
    if not dataset.trains:  # of those that train, what the others show decides
        annotation.check_no_mask(names)
    return annotation


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
