"""The images that a segmentation is scored in, read from the folders of the stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.evaluate.scores import AnnotatedImage, LabelPairs
from catomo.evaluate.settings import Evaluate
from catomo.files.store import StackReader, read_pages
from catomo.labels.files import TRUTH, count_labels, stream_labels
from catomo.labels.values import IGNORE
from catomo.network.matching import Match
from catomo.progress import say
from catomo.record.record import Record

_PAGES_AT_ONCE = 64


class Images:
    """Slices with annotation, prediction and confidence; nothing is kept in memory.

    Parameters
    ----------
    prediction, slices : Record
        Of the stages `predict` and `slices`, of the same images; a segmentation made elsewhere
        stands for both.
    labels : path or "truth"
        The annotation; see `catomo.labels.files.load_labels`.
    class_count : int

    Attributes
    ----------
    names : list of str
        Name of every slice.
    pixel_size_nm : float
    """

    def __init__(
        self, prediction: Record, slices: Record, labels: Path | str, class_count: int
    ) -> None:
        self.names: list[str] = slices["names"]
        self.pixel_size_nm: float = slices["pixel_size_nm"]
        self._slices, self._labels, self._class_count = slices, labels, class_count
        self._match = Match.of(prediction.get("levels"))
        self._predicted = prediction.file("labels.tif")
        made_here = slices is not prediction
        self._greys = slices.file("slices.tif") if made_here else None
        self._confidence = prediction.file("confidence.tif") if made_here else None

    def annotations(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield index and true labels of each annotated slice, ascending."""
        return stream_labels(self._labels, self._slices, self._class_count)

    @cached_property
    def is_complete(self) -> dict[int, bool]:
        """Whether each annotated slice is annotated in every pixel, by index."""
        return {index: not np.any(truth == IGNORE) for index, truth in self.annotations()}

    def annotated(self, names: set[str]) -> Iterator[AnnotatedImage]:
        """Yield the annotated slices of these names with their predictions."""
        for index, truth in self.annotations():
            if self.names[index] in names:
                confidence = None
                if self._confidence:
                    confidence = read_pages(self._confidence, index, index + 1)[0]
                yield AnnotatedImage(
                    self.names[index], index, truth, self.predicted(index), confidence
                )

    def learnt_grey(self, index: int) -> np.ndarray | None:
        """Return the grey values of a slice at the levels at which the model learnt.

        None where the segmentation came without grey values.
        """
        grey = self.grey(index)
        return None if grey is None else self._match.apply(grey)

    def grey(self, index: int) -> np.ndarray | None:
        """Return the grey values of a slice; None where the segmentation came without them."""
        if self._greys is None:
            return None
        with StackReader(self._greys) as reader:
            return reader.read(index, index + 1)[0]

    def predicted(self, index: int) -> np.ndarray:
        """Return the predicted labels of a slice."""
        return read_pages(self._predicted, index, index + 1)[0]

    def whole_volume(self, spacing_nm: tuple[float, float, float]) -> LabelPairs | None:
        """Return the labels of all slices if they are one volume whose whole truth is known."""
        shape = tuple(self._slices["shape"])
        if not self._slices["contiguous"]:
            return None
        if str(self._labels) == TRUTH:
            path = self._slices.file("truth_labels.tif")

            def truths() -> Iterable[np.ndarray]:
                return _pages(path, shape[0])

        elif len(self.is_complete) == shape[0] and all(self.is_complete.values()):

            def truths() -> Iterable[np.ndarray]:
                return (truth for _, truth in self.annotations())

        else:
            return None
        return LabelPairs(
            lambda: zip(truths(), _pages(self._predicted, shape[0]), strict=True),
            shape,
            spacing_nm,
        )


def say_what_is_missing(
    labels: Path | str, slices: Record, settings: Evaluate, training: Record | None
) -> None:
    """Say which classes an annotation lacks.

    Raises
    ------
    UserError
        If it is masks of 0 and 255, of which only the background would be scored, and the model
        did not learn from it together with others that show the classes.
    """
    names = [phase.name for phase in settings.classes]
    annotation = count_labels(labels, slices, len(names))
    if not learnt_from(slices, training):
        annotation.check_no_mask(names)
    for line in annotation.told(names, "it gets no score"):
        say(line)


def learnt_from(slices: Record, training: Record | None) -> list[str]:
    """Return under which names of datasets a model learnt from these slices."""
    if training is None:
        return []
    sha256 = slices["files"]["slices.tif"]["sha256"]
    return [name for name, data in training["data"].items() if data["slices_sha256"] == sha256]


def is_learnt_here(slices: Record, training: Record | None) -> bool | None:
    """Return whether a model learnt from some of these slices; None if nobody knows.

    A segmentation made elsewhere says itself what it lacks.
    """
    if slices["stage"] == "segmentation":
        return False
    if training is None:
        return None
    if learnt_from(slices, training):
        return True
    return None if "init_from" in training.get("inputs", {}) else False


def scored_names(
    annotated: list[str], slices: Record, training: Record | None
) -> tuple[set[str], str]:
    """Return which images are scored, and a sentence that says why these.

    Parameters
    ----------
    annotated : list of str
        Names of the annotated images.
    slices : Record
        Of the stage `slices`, or of a segmentation made elsewhere.
    training : Record, optional
        Of the stage `train`: of the images that took part in it, only the test part is scored.

    Raises
    ------
    UserError
        If no annotated image is in the test part.
    """
    count = len(annotated)
    if slices["stage"] == "segmentation":
        return set(annotated), (
            f"All {count} annotated images are scored; the segmentation was made elsewhere, so it "
            "may have been made with these very labels."
        )
    if training is None:
        return set(annotated), (
            f"All {count} annotated images are scored; the model came without the record of "
            "its training, so it may have learnt from them."
        )
    here = learnt_from(slices, training)
    if not here:
        unless = ", unless the model that it started from did"
        return set(annotated), (
            f"All {count} annotated images are scored; the model learnt from none of these slices"
            f"{'' if is_learnt_here(slices, training) is False else unless}."
        )
    # If two datasets of the training are these slices, a test image must be one for both.
    test = set.intersection(*(set(training["split"][name]["test"]) for name in here))
    wanted = test & set(annotated)
    if not wanted:
        raise UserError(
            f"{training.path}: none of the {count} annotated images is in its test part, so "
            "there is no independent image to score; raise train.split.test_fraction"
        )
    return wanted, (
        f"The {len(wanted)} annotated images of the training's test part are scored, "
        f"of {count} annotated."
    )


def _pages(path: Path, count: int) -> Iterator[np.ndarray]:
    for start in range(0, count, _PAGES_AT_ONCE):
        yield from read_pages(path, start, start + _PAGES_AT_ONCE)
