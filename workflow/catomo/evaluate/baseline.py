"""The baseline of a segmentation: what a blur and two thresholds score in the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from catomo.labels.baselines import apply_thresholds
from catomo.labels.overlap import confusion_matrix, overlap_scores


def threshold_scores(
    images: Iterable[tuple[np.ndarray, np.ndarray]],
    thresholds: dict[str, Any],
    mean: Callable[..., dict],
    class_names: list[str],
) -> dict[str, dict]:
    """Return the mean scores of a segmentation by thresholds.

    Parameters
    ----------
    images : iterable of (ndarray of uint8, ndarray of uint8), (z, x)
        Grey values and true labels of each image.
    thresholds : dict
        ``values`` and ``sigma_px``, as the stage `train` fitted them to its training part.
    mean : callable
        Makes a mean and its interval from one value per image.
    class_names : list of str

    Returns
    -------
    dict of str to dict
        Of each class: ``dsc``, ``dsc_ci95``, ``precision``, ``recall`` and the number of
        images ``n``.
    """
    overlap = []
    for grey, truth in images:
        predicted = apply_thresholds(grey, thresholds["values"], thresholds["sigma_px"])
        overlap.append(overlap_scores(confusion_matrix(truth, predicted, len(class_names))))
    result = {}
    for label, name in enumerate(class_names):
        dsc, precision, recall = (
            mean([scores[score][label] for scores in overlap])
            for score in ("dsc", "precision", "recall")
        )
        result[name] = {
            "dsc": dsc["mean"],
            "dsc_ci95": dsc["ci95"],
            "precision": precision["mean"],
            "recall": recall["mean"],
            "n": dsc["n"],
        }
    return result
