"""Score a segmentation: from labels in memory, or from images that are read one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from catomo.evaluate.calibration import tally
from catomo.evaluate.confidence import confidence_scores
from catomo.evaluate.detection import detection, matched_diameters
from catomo.evaluate.presets import paper_scores
from catomo.evaluate.scores import (
    AnnotatedImage,
    ImageScores,
    LabelPairs,
    score_image,
    summary,
    volume_scores,
)
from catomo.evaluate.settings import Evaluate
from catomo.labels.values import IGNORE

_LEARNT = {
    True: ", training slices among them",
    None: ", perhaps training slices among them",
    False: "",
}


@dataclass(frozen=True)
class Scores:
    """What was measured, before it is summarised.

    Attributes
    ----------
    images : list of ImageScores
    calibration : ndarray of int64, (2, classes, 256, 2), or None
        Sum over images of `catomo.evaluate.calibration.tally`; None without a confidence.
    diameters_nm : list of ndarray, or None
        Diameters in nm of the matched particles (n, 2: true, predicted), of the missed and of
        the false ones. None if no class consists of particles.
    """

    images: list[ImageScores]
    calibration: np.ndarray | None
    diameters_nm: list[np.ndarray] | None


def score_labels(
    truth: np.ndarray,
    predicted: np.ndarray,
    pixel_size_nm: float,
    settings: Evaluate | None = None,
    confidence: np.ndarray | None = None,
    is_volume: bool = False,
) -> dict:
    """Score predicted labels against true labels, as ``catomo evaluate`` does.

    Parameters
    ----------
    truth, predicted : ndarray of uint8, (n, z, x)
        Labels of n images. Pixels whose truth is 255 are not counted.
    pixel_size_nm : float
        Edge of a pixel in nm.
    settings : Evaluate, optional
        Classes, intervals, rules for edges and particles; the defaults if left out.
    confidence : ndarray of uint8, (n, z, x), optional
        Confidence of the prediction, 255 for certain.
    is_volume : bool
        Whether the images are all slices of one volume in their order. If so, and if every
        pixel is annotated, distances and particles are also measured in 3-D.

    Returns
    -------
    dict
        As in ``metrics.json``: ``classes`` (means over images), ``confusion_px``, ``paper``,
        and, where they apply, ``confidence``, ``volume`` and ``particles``.

    Raises
    ------
    ValueError
        If the shapes differ, there is no image, or a label is no class.
    """
    settings = settings or Evaluate()
    if not len(truth) or len(truth) != len(predicted):
        raise ValueError(f"found {len(truth)} true and {len(predicted)} predicted images")
    volume = None
    if is_volume and not np.any(truth == IGNORE):
        volume = LabelPairs(
            lambda: zip(truth, predicted, strict=True),
            truth.shape,
            spacing_of(pixel_size_nm, settings),
        )
    images = (
        AnnotatedImage(
            f"{k}", k, truth[k], predicted[k], None if confidence is None else confidence[k]
        )
        for k in range(len(truth))
    )
    scores = score_images(images, pixel_size_nm, settings, volume)
    return summarise(scores, pixel_size_nm, settings, volume)


def spacing_of(pixel_size_nm: float, settings: Evaluate) -> tuple[float, float, float]:
    """Return the distance between the voxels of a volume (y, z, x) along each axis, in nm."""
    return (settings.slice_distance_nm or pixel_size_nm, pixel_size_nm, pixel_size_nm)


def score_images(
    images: Iterable[AnnotatedImage],
    pixel_size_nm: float,
    settings: Evaluate,
    volume: LabelPairs | None = None,
) -> Scores:
    """Measure images one by one; particles in the volume if there is one.

    Parameters
    ----------
    images : iterable of AnnotatedImage
        Only one of them is held at a time.
    pixel_size_nm : float
    settings : Evaluate
    volume : LabelPairs, optional
        The whole volume, if its truth is known.
    """
    scored, counts, diameters = [], None, []
    has_particles = settings.particles.phase is not None
    for image in images:
        scored.append(score_image(image, pixel_size_nm, settings))
        if image.confidence is not None:
            count = tally(image.predicted, image.confidence, image.truth, len(settings.classes))
            counts = count if counts is None else counts + count
        if has_particles and volume is None:
            diameters.append(matched_diameters(_pairs_of(image, pixel_size_nm), settings))
    edge_nm = pixel_size_nm
    if has_particles and volume is not None:
        diameters.append(matched_diameters(volume, settings))
        # The edge of the cube that is as large as a voxel.
        edge_nm = np.cbrt(np.prod(volume.spacing_nm))
    kinds = [edge_nm * np.concatenate(kind) for kind in zip(*diameters, strict=True)]
    return Scores(scored, counts, kinds if has_particles else None)


def summarise(
    scores: Scores,
    pixel_size_nm: float,
    settings: Evaluate,
    volume: LabelPairs | None = None,
    temperature: float = 1.0,
    is_learnt_here: bool | None = False,
) -> dict:
    """Return the scores as they are in ``metrics.json``.

    Parameters
    ----------
    scores : Scores
    pixel_size_nm : float
    settings : Evaluate
    volume : LabelPairs, optional
        As for `score_images`.
    temperature : float
        The temperature that was applied to the confidence; 1 for none.
    is_learnt_here : bool or None
        Whether the model was trained on some of these slices; None if nobody knows.
    """
    names = [phase.name for phase in settings.classes]
    result = {
        "classes": summary(scores.images, pixel_size_nm, settings),
        "confusion_px": sum(image.matrix for image in scores.images),
        "paper": paper_scores(names),
    }
    if scores.calibration is not None:
        result["confidence"] = confidence_scores(scores.calibration, temperature, names)
    where = f"2-D, in each of the {len(scores.images)} scored images"
    if volume is not None:
        where = f"3-D, in the whole volume of {volume.shape[0]} slices"
        where += _LEARNT[is_learnt_here]
        result["volume"] = {
            "scope": where,
            "spacing_nm": volume.spacing_nm,
            "classes": volume_scores(volume, settings),
        }
    if scores.diameters_nm is not None:
        matched, missed, false = scores.diameters_nm
        particles = detection(matched, missed, false, settings.size_edges_nm)
        result["particles"] = {"scope": where, **particles}
    return result


def _pairs_of(image: AnnotatedImage, pixel_size_nm: float) -> LabelPairs:
    """Return the one page of an image."""
    page = (image.truth, image.predicted)
    return LabelPairs(lambda: [page], image.truth.shape, (pixel_size_nm, pixel_size_nm))
