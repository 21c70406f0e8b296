"""Particles found, missed and invented, in all and by size, and how wrong their size is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np

from catomo.evaluate.intervals import mean_ci
from catomo.labels.files import IGNORE
from catomo.labels.particles import Instances, find_particles


def matched_diameters(pages: Callable[[], Iterable], shape, settings) -> list[np.ndarray]:
    """Find the particles of truth and prediction and pair them.

    Parameters
    ----------
    pages : callable
        Returns the pages of a volume, or the one page of an image, anew each time it is
        called: pairs of true and predicted labels. Where the truth is 255 nothing is found.
    shape : tuple of int
        Shape of the volume (pages, rows, columns) or image (rows, columns).
    settings : Evaluate

    Returns
    -------
    list of ndarray
        Equivalent diameters in px: (true, found) of pairs, of missed and of false particles.
    """
    rule = settings.particles
    label = [phase.name for phase in settings.classes].index(rule.phase)
    limits = rule.smallest_diameter_px, rule.split_depth_px
    truth = find_particles((true for true, _ in pages()), label, shape, *limits)
    masked = (np.where(true == IGNORE, IGNORE, found) for true, found in pages())
    found = find_particles(masked, label, shape, *limits)
    pairs = match(truth, found, settings.match_iou)
    true_px, found_px = truth.diameters(), found.diameters()
    return [
        np.stack([true_px[pairs[:, 0]], found_px[pairs[:, 1]]], axis=1),
        np.delete(true_px, pairs[:, 0]),
        np.delete(found_px, pairs[:, 1]),
    ]


def match(truth: Instances, found: Instances, least_iou: float) -> np.ndarray:
    """Pair true and found particles one to one, best overlap first.

    Returns
    -------
    ndarray of int64, (pairs, 2)
        Numbers of the true and the found particle of each pair whose intersection over
        union is at least `least_iou`.
    """
    _, here, there = np.intersect1d(
        truth.flat(), found.flat(), assume_unique=True, return_indices=True
    )
    pairs, common = np.unique(
        np.stack([truth.ids[here], found.ids[there]], axis=1), axis=0, return_counts=True
    )
    union = truth.sizes()[pairs[:, 0]] + found.sizes()[pairs[:, 1]] - common
    iou = common / union
    taken: list[tuple[int, int]] = []
    free_truth, free_found = np.ones(truth.count, bool), np.ones(found.count, bool)
    for best in np.argsort(-iou, kind="stable"):
        one, other = pairs[best]
        if iou[best] >= least_iou and free_truth[one] and free_found[other]:
            free_truth[one] = free_found[other] = False
            taken.append((one, other))
    return np.array(sorted(taken), dtype=np.int64).reshape(-1, 2)


def detection(pairs_nm, missed_nm, false_nm, edges_nm) -> dict:
    """Summarise found, missed and false particles, in all and by size.

    Parameters
    ----------
    pairs_nm : ndarray, (pairs, 2)
        Diameters of the true and the found particle of each pair, in nm.
    missed_nm, false_nm : ndarray
        Diameters of true particles without, and found particles without, a partner.
    edges_nm : sequence of float
        Limits between the size classes; a true particle counts by its true diameter.

    Returns
    -------
    dict
        ``f1``, ``matched``, ``missed``, ``false``, ``size_bias_nm`` (found minus true
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
                **_counts(*map(np.count_nonzero, inside)),
                "size_bias_nm": mean_ci(bias_nm[inside[0]]),
            }
        )
    return {**_counts(*map(len, kinds)), "size_bias_nm": mean_ci(bias_nm), "by_size": classes}


def _counts(matched: int, missed: int, false: int) -> dict:
    total = 2 * matched + missed + false
    f1 = 2 * matched / total if total else np.nan
    return {"f1": f1, "matched": matched, "missed": missed, "false": false}
