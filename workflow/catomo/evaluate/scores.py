"""The scores of one image, their means over images, and the scores of a whole volume."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from catomo.evaluate.distances import (
    PERCENTILES,
    edge_distance,
    hausdorff_distance,
    volume_edge,
)
from catomo.evaluate.intervals import mean_ci, mean_se
from catomo.labels.overlap import confusion_matrix, overlap_scores
from catomo.labels.values import IGNORE

if TYPE_CHECKING:
    from catomo.evaluate.settings import Evaluate

SCORES = ("dsc", "precision", "recall", "iou")


@dataclass(frozen=True)
class AnnotatedImage:
    """An annotated image and its prediction.

    Attributes
    ----------
    name : str
    index : int
        Its place in the stack of slices.
    truth, predicted : ndarray of uint8, (z, x)
        Labels; pixels whose truth is 255 are not counted.
    confidence : ndarray of uint8, (z, x), or None
        Confidence of the prediction, 255 for certain.
    """

    name: str
    index: int
    truth: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray | None = None


@dataclass(frozen=True)
class LabelPairs:
    """True and predicted labels of an image or a volume, read page by page.

    Attributes
    ----------
    pages : callable
        Returns the pages in order (for an image, its one page), as pairs of true and
        predicted labels; each call starts again with the first.
    shape : tuple of int
        Shape of the volume (pages, rows, columns) or image (rows, columns).
    spacing_nm : tuple of float
        Distance between pixels along each axis.
    """

    pages: Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]
    shape: tuple[int, ...]
    spacing_nm: tuple[float, ...]


@dataclass(frozen=True)
class ImageScores:
    """The scores of one image.

    Attributes
    ----------
    name, index
        As for `AnnotatedImage`.
    matrix : ndarray of int64, (classes, classes)
        Confusion matrix in px, rows truth.
    distances : ndarray of float64, (classes, percentiles)
        Hausdorff distances in nm at `PERCENTILES`; NaN for background and absent classes.
    """

    name: str
    index: int
    matrix: np.ndarray
    distances: np.ndarray

    def overlap(self) -> dict[str, np.ndarray]:
        """Return precision, recall, DSC and IoU of each class."""
        return overlap_scores(self.matrix)

    def mean_dsc(self) -> float:
        """Return the mean DSC of the material classes that are present; NaN without any."""
        dsc = self.overlap()["dsc"][1:]
        return dsc[np.isfinite(dsc)].mean() if np.isfinite(dsc).any() else np.nan


def score_image(image: AnnotatedImage, pixel_size_nm: float, settings: Evaluate) -> ImageScores:
    """Return the scores of one image where it is annotated."""
    count = len(settings.classes)
    annotated = image.truth != IGNORE
    distances = np.full((count, len(PERCENTILES)), np.nan)
    for label in range(1, count):
        distances[label] = hausdorff_distance(
            image.truth == label,
            (image.predicted == label) & annotated,
            pixel_size_nm,
            PERCENTILES,
            mode=settings.hausdorff,
            edge=settings.edge,
        )
    matrix = confusion_matrix(image.truth, image.predicted, count)
    return ImageScores(image.name, image.index, matrix, distances)


def from_worst(scored: list[ImageScores]) -> list[ImageScores]:
    """Return the images by their mean DSC over the material classes, the worst first."""
    present = [image for image in scored if np.isfinite(image.mean_dsc())]
    return sorted(present, key=ImageScores.mean_dsc) or scored[:1]


def interval_of(scored: list[ImageScores], settings: Evaluate) -> Callable[..., dict]:
    """Return the function that makes a mean and its interval from one value per image."""
    blocks = [image.index // settings.block_slices for image in scored]
    return partial(mean_ci, interval=settings.interval, blocks=blocks)


def summary(scored: list[ImageScores], pixel_size_nm: float, settings: Evaluate) -> dict:
    """Return the means over images of every score of every class."""
    mean = interval_of(scored, settings)
    overlap = [image.overlap() for image in scored]
    true = np.array([image.matrix.sum(axis=1) for image in scored])
    predicted = np.array([image.matrix.sum(axis=0) for image in scored])
    result = {}
    for label, phase in enumerate(settings.classes):
        absent = true[:, label] == 0
        result[phase.name] = {
            **{score: mean([scores[score][label] for scores in overlap]) for score in SCORES},
            "images": {
                "present": np.count_nonzero(~absent),
                "absent": np.count_nonzero(absent),
                "never_predicted": np.count_nonzero(~absent & (predicted[:, label] == 0)),
                "falsely_predicted": np.count_nonzero(absent & (predicted[:, label] > 0)),
            },
            "false_area_where_absent_nm2": predicted[absent, label].sum() * pixel_size_nm**2,
        }
        if label:
            result[phase.name]["rhd_nm"] = {
                str(percentile): mean_se([image.distances[label, k] for image in scored])
                for k, percentile in enumerate(PERCENTILES)
            }
    return result


def volume_scores(volume: LabelPairs, settings: Evaluate) -> dict:
    """Return the scores of each class in a whole volume, with distances in 3-D."""
    count = len(settings.classes)
    matrix = np.zeros((count, count), np.int64)
    for truth, predicted in volume.pages():
        matrix += confusion_matrix(truth, predicted, count)
    overlap = overlap_scores(matrix)
    result: dict[str, dict] = {}
    for label, phase in enumerate(settings.classes):
        result[phase.name] = {score: overlap[score][label] for score in SCORES}
        if label:
            distances = _volume_distances(volume, label, settings)
            result[phase.name]["rhd_nm"] = dict(zip(map(str, PERCENTILES), distances, strict=True))
    return result


def _volume_distances(volume: LabelPairs, label: int, settings: Evaluate) -> np.ndarray:
    """Return the Hausdorff distances of one class at `PERCENTILES`, in nm."""
    true_masks = (truth == label for truth, _ in volume.pages())
    true_edge, grid = volume_edge(true_masks, volume.shape, settings.edge)
    masks = ((page == label) & (truth != IGNORE) for truth, page in volume.pages())
    predicted_edge, _ = volume_edge(masks, volume.shape, settings.edge)
    return edge_distance(
        true_edge, predicted_edge, grid, volume.spacing_nm, mode=settings.hausdorff
    )
