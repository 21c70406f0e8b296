"""Detection of particles: how many were matched, missed and false, and their error of size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from catomo.evaluate.intervals import mean_ci
from catomo.evaluate.scores import LabelPairs
from catomo.labels.particles import Instances, find_particles
from catomo.labels.values import IGNORE

if TYPE_CHECKING:
    from catomo.evaluate.settings import Evaluate


def matched_diameters(pairs: LabelPairs, settings: Evaluate) -> list[np.ndarray]:
    """Find the particles of truth and prediction, and match them.

    Parameters
    ----------
    pairs : LabelPairs
        Of an image or of a volume. No particle is sought where the truth is 255.
    settings : Evaluate
        Its `particles` must name a class.

    Returns
    -------
    list of ndarray
        Equivalent diameters in px of the matched particles (n, 2: true, predicted), of the
        missed and of the false particles.
    """
    rule = settings.particles
    label = [phase.name for phase in settings.classes].index(str(rule.phase))
    limits = rule.smallest_diameter_px, rule.split_depth_px
    truth = find_particles((true for true, _ in pairs.pages()), label, pairs.shape, *limits)
    masked = (np.where(true == IGNORE, IGNORE, page) for true, page in pairs.pages())
    predicted = find_particles(masked, label, pairs.shape, *limits)
    matches = match(truth, predicted, settings.match_iou)
    true_px, predicted_px = truth.diameters(), predicted.diameters()
    return [
        np.stack([true_px[matches[:, 0]], predicted_px[matches[:, 1]]], axis=1),
        np.delete(true_px, matches[:, 0]),
        np.delete(predicted_px, matches[:, 1]),
    ]


def match(truth: Instances, predicted: Instances, least_iou: float) -> np.ndarray:
    """Match true and predicted particles one to one, those with the best overlap first.

    Parameters
    ----------
    truth, predicted : Instances
        Particles of the same image or volume.
    least_iou : float
        Intersection over union from which two particles match.

    Returns
    -------
    ndarray of int64, (matches, 2)
        Numbers of the true and of the predicted particle of each match.
    """
    _, here, there = np.intersect1d(
        truth.flat(), predicted.flat(), assume_unique=True, return_indices=True
    )
    pairs, common = np.unique(
        np.stack([truth.ids[here], predicted.ids[there]], axis=1), axis=0, return_counts=True
    )
    union = truth.sizes()[pairs[:, 0]] + predicted.sizes()[pairs[:, 1]] - common
    iou = common / union
    matches: list[tuple[int, int]] = []
    free_truth, free_predicted = np.ones(truth.count, bool), np.ones(predicted.count, bool)
    for best in np.argsort(-iou, kind="stable"):
        one, other = pairs[best]
        if iou[best] >= least_iou and free_truth[one] and free_predicted[other]:
            free_truth[one] = free_predicted[other] = False
            matches.append((one, other))
    return np.array(sorted(matches), dtype=np.int64).reshape(-1, 2)


def detection(
    pairs_nm: np.ndarray, missed_nm: np.ndarray, false_nm: np.ndarray, edges_nm: Sequence[float]
) -> dict:
    """Summarise matched, missed and false particles, in total and by size.

    Parameters
    ----------
    pairs_nm : ndarray, (matches, 2)
        Diameters of the true and of the predicted particle of each match, in nm.
    missed_nm, false_nm : ndarray
        Diameters of the true particles without a match, and of the predicted ones.
    edges_nm : sequence of float
        Limits between the size classes; a true particle counts by its true diameter.

    Returns
    -------
    dict
        ``f1``, ``matched``, ``missed``, ``false``, ``size_bias_nm`` (predicted minus true
        diameter: mean and 95 % interval), and the same for each size class in ``by_size``.
    """
    pairs_nm = np.asarray(pairs_nm, dtype=np.float64).reshape(-1, 2)
    bias_nm = pairs_nm[:, 1] - pairs_nm[:, 0]
    limits = [0.0, *edges_nm, np.inf]
    kinds = (pairs_nm[:, 0], np.asarray(missed_nm), np.asarray(false_nm))
    classes = []
    for low, high in pairwise(limits):
        inside = [(low <= nm) & (nm < high) for nm in kinds]
        classes.append(
            {
                "from_nm": low,
                "to_nm": high,
                **_counts(*(int(np.count_nonzero(sizes)) for sizes in inside)),
                "size_bias_nm": mean_ci(bias_nm[inside[0]]),
            }
        )
    return {**_counts(*map(len, kinds)), "size_bias_nm": mean_ci(bias_nm), "by_size": classes}


def _counts(matched: int, missed: int, false: int) -> dict:
    total = 2 * matched + missed + false
    f1 = 2 * matched / total if total else np.nan
    return {"f1": f1, "matched": matched, "missed": missed, "false": false}
