"""The annotated slices of all datasets, and the part that each of them plays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files.store import StackReader
from catomo.labels import values
from catomo.labels.files import TRUTH, load_labels, unread_files
from catomo.labels.values import (
    IGNORE,
    Annotation,
    check_every_class,
    check_no_masks,
    classes_in,
)
from catomo.network.levels import Levels, recorded_levels
from catomo.network.matching import Match, common_levels, match
from catomo.network.model_info import ModelInfo
from catomo.progress import say
from catomo.record.record import Record
from catomo.train import augment, split
from catomo.train.scorable import PARTS, Labelled, PartNames, lines_of_split
from catomo.train.settings import Split, Train

_SAME_MATTER = 1.5  # medians of a class and peaks of the values differ by less


@dataclass(frozen=True)
class Source:
    """A dataset to learn from.

    Attributes
    ----------
    dataset : str
        Its name.
    slices : Record
        Record of its stage `slices`.
    labels : path or "truth"
        A person's labels, or those of a phantom.
    """

    dataset: str
    slices: Record
    labels: Path | str

    @property
    def is_phantom(self) -> bool:
        """Whether the labels are the truth of a phantom."""
        return str(self.labels) == TRUTH


@dataclass(frozen=True)
class Sample:
    """An annotated slice: grey values and labels, both uint8, (z, x)."""

    dataset: str
    name: str
    image: np.ndarray
    labels: np.ndarray


Parts = dict[str, list[Sample]]  # by the names in `scorable.PARTS`


def read_samples(
    sources: list[Source], settings: Train, starts_from_model: bool = False
) -> tuple[Parts, PartNames]:
    """Read the annotated slices and divide them into parts.

    Parameters
    ----------
    sources : list of Source
    settings : catomo.train.settings.Train
    starts_from_model : bool
        Whether the training starts from a model, which may know a class that no slice shows.

    Returns
    -------
    samples : dict of lists of Sample
        By part. In the training part, black borders count as not annotated.
    names : dict
        Names of the slices by dataset and part, as `split.split_parts` returns them.

    Raises
    ------
    UserError
        If labels do not fit the slices or are masks of 0 and 255, no slice shows a class, or
        none that is left to train on does.
    """
    samples, places, annotations = [], {}, []
    for source in sources:
        names = source.slices["names"]
        indices, labels = load_labels(source.labels, source.slices, len(settings.classes))
        where = f"truth of {source.dataset}" if source.is_phantom else source.labels
        annotations.append(Annotation.of(where, labels, unread_files(source.labels, names)))
        place_of = split.places_of(names, source.slices["contiguous"])
        with StackReader(source.slices.file("slices.tif")) as reader:
            for index, mask in zip(indices, labels, strict=True):
                image = reader.read(index, index + 1)[0]
                samples.append(Sample(source.dataset, names[index], image, mask))
        places[source.dataset] = {names[i]: place_of[names[i]] for i in indices}
    _check_classes(annotations, settings, starts_from_model)
    shows: dict[str, dict[str, frozenset[int]]] = {name: {} for name in places}
    for sample in samples:
        shows[sample.dataset][sample.name] = classes_in(without_black_border(sample).labels)
    parts = split.split_parts(places, settings.split, settings.seed, shows)
    names = [phase.name for phase in settings.classes]
    labelled = Labelled.of(names, annotations, shows)
    _check_parts(parts, labelled, settings.split, starts_from_model)
    by_part = {part: [s for s in samples if s.name in parts[s.dataset][part]] for part in PARTS}
    by_part["train"] = [without_black_border(s) for s in by_part["train"]]
    say(", ".join(f"{len(by_part[part])} {part.replace('_', ' ')}" for part in PARTS))
    return by_part, parts


def _check_classes(annotations: list[Annotation], settings: Train, starts_from_model: bool) -> None:
    """Check that the annotations together show every class; say what each of them lacks."""
    names = [phase.name for phase in settings.classes]
    check_no_masks(annotations, names)
    try:
        check_every_class(annotations, names)
    except UserError as error:
        if not starts_from_model:
            raise
        say(f"{error}; the model that the training starts from may know it")
    for annotation in annotations:
        for line in annotation.told(names, "the model learns it elsewhere"):
            say(line)


def _check_parts(
    parts: PartNames, labelled: Labelled, settings: Split, starts_from_model: bool
) -> None:
    """Check that the training shows every class; say which class the other parts lack."""
    problems, told = lines_of_split(parts, labelled, settings)
    if problems and not starts_from_model:
        raise UserError("; ".join(problems))
    for line in [f"{p}; the model that the training starts from may know it" for p in problems]:
        say(line)
    for line in told:
        say(line)


def to_common_levels(
    samples: Parts, sources: list[Source], before: ModelInfo | None = None
) -> tuple[Parts, Levels | None, dict[str, Match]]:
    """Bring the samples of all datasets to the grey levels of one of them.

    Parameters
    ----------
    samples : dict of lists of Sample
        By part, as `read_samples` returns them.
    sources : list of Source
    before : ModelInfo, optional
        The model that the training starts from.

    Returns
    -------
    samples : dict of lists of Sample
    levels : Levels or None
        The levels that the model learns; None if no record holds any.
    matches : dict of Match
        How the greys of each dataset came to them.

    Raises
    ------
    UserError
        If neither greys nor labels tell which of several peaks the support of a dataset is.
    """
    support = _support(samples["train"])
    of: dict[str, Levels | None] = {}
    for source in sources:
        own = recorded_levels(source.slices)
        shown = [s for s in samples["train"] if s.dataset == source.dataset]
        of[source.dataset] = own and _with_support(own, shown, support)
    levels = common_levels([before.levels if before else None, *of.values()])
    matches = {name: match(own, levels) for name, own in of.items()}
    for source in sources if levels else ():
        matched = matches[source.dataset]
        if matched.is_undecided:
            raise UserError(f"{source.slices.path}: {matched.notes[0]}")
        for note in matched.notes:
            say(f"{source.dataset}: {note}")
    brought = {
        part: [replace(s, image=matches[s.dataset].apply(s.image)) for s in of_part]
        for part, of_part in samples.items()
    }
    return brought, levels, matches


def _support(samples: list[Sample]) -> int:
    """Return the class that has most pixels, apart from the background."""
    counts = sum(np.bincount(s.labels.ravel(), minlength=IGNORE + 1) for s in samples)
    return 1 + int(np.argmax(np.asarray(counts)[1:IGNORE]))


def _with_support(levels: Levels, samples: list[Sample], support: int) -> Levels:
    """Return the levels with that peak of the matter alone which labels show to be the support.

    It is the peak nearest to the values of that class.
    """
    greys = [s.image[s.labels == support] for s in samples]
    if levels.missing or not any(of_slice.size for of_slice in greys):
        return levels
    labelled = levels.above(float(levels.contrast.values(np.median(np.concatenate(greys)))))
    peaks = np.array([levels.above(peak) for peak in levels.peaks])
    apart = np.abs(np.log(peaks / max(labelled, 1e-12 * peaks.max())))
    if apart.min() > np.log(_SAME_MATTER):
        return levels
    return replace(levels, peaks=(levels.peaks[int(apart.argmin())],))


def without_black_border(sample: Sample) -> Sample:
    """Return the sample with its black outermost rows and columns marked as not annotated."""
    return replace(sample, labels=values.without_black_border(sample.labels, sample.image))


def class_fractions(samples: list[Sample], class_count: int) -> list[float]:
    """Return the share of each class in all annotated pixels.

    Raises
    ------
    UserError
        If no pixel is annotated, so that there is nothing to learn.
    """
    counts = np.zeros(class_count, np.int64)
    for sample in samples:
        counts += np.bincount(sample.labels.ravel(), minlength=IGNORE + 1)[:class_count]
    if not counts.any():
        raise UserError(
            "labels: no pixel of a training slice is annotated outside black borders, where "
            "nothing was measured; label pixels of the specimen"
        )
    return (counts / counts.sum()).tolist()


def training_window(samples: list[Sample], settings: Train) -> tuple[int, int]:
    """Return the shape of the training window: whole slices, but at most ``patch_px``."""
    multiple = settings.network.size().downsampling
    largest = np.max([s.image.shape for s in samples], axis=0)
    rows, columns = (-(-min(int(n), settings.patch_px) // multiple) * multiple for n in largest)
    return rows, columns


def training_batches(samples: list[Sample], settings: Train, first: int = 0) -> Any:
    """Return the training data of all steps from `first` on, see `augment.batches`."""
    images, labels = [s.image for s in samples], [s.labels for s in samples]
    return augment.batches(images, labels, settings, training_window(samples, settings), first)
