"""Scores of the confidence map: its calibration, and whether it is low where labels are wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catomo.evaluate.calibration import (
    expected_calibration_error,
    reliability,
    risk_coverage,
    without_temperature,
)
from catomo.labels.boundary import NEAR_PX

PLACES = ("everywhere", "near_boundary")
_COVERAGES = (1.0, 0.99, 0.95, 0.9, 0.8)


def confidence_scores(counts: np.ndarray, temperature: float, class_names: Sequence[str]) -> dict:
    """Return how well the confidence predicts errors, everywhere and near class boundaries.

    Parameters
    ----------
    counts : ndarray of int64, (2, classes, 256, 2)
        Sum over images of `catomo.evaluate.calibration.tally`.
    temperature : float
        The temperature that was applied to the confidence; 1 for none.
    class_names : sequence of str

    Returns
    -------
    dict
        For each of `PLACES`: ``ece`` (expected calibration error), ``ece_uncalibrated`` (the
        same without the temperature, see `without_temperature`; None if there is none), both
        again for each predicted class, ``reliability``, and ``risk_coverage``: ``risk`` at
        some coverages, ``area``, ``best_area``, and the share of all errors that lies in the
        5 % of pixels with the lowest confidence.
    """
    before = without_temperature(counts, temperature) if temperature != 1 else None
    return {
        "temperature": temperature,
        "near_boundary_px": NEAR_PX,
        **{
            place: {
                **_errors(counts[k], before if before is None else before[k]),
                "classes": {
                    name: _errors(counts[k, label], before if before is None else before[k, label])
                    for label, name in enumerate(class_names)
                },
                "reliability": reliability(counts[k]),
                "risk_coverage": _risk(counts[k]),
            }
            for k, place in enumerate(PLACES)
        },
    }


def _errors(counts: np.ndarray, before: np.ndarray | None) -> dict:
    return {
        "ece": expected_calibration_error(counts),
        "ece_uncalibrated": None if before is None else expected_calibration_error(before),
        "pixels": counts.sum(),
    }


def _risk(counts: np.ndarray) -> dict:
    curve = risk_coverage(counts)
    if not curve["coverage"]:
        return {"risk": {}, "area": np.nan, "best_area": np.nan, "errors_in_least_sure_5": np.nan}
    risk = np.interp(_COVERAGES, curve["coverage"], curve["risk"])
    at = dict(zip(_COVERAGES, risk, strict=True))
    return {
        "risk": {f"{100 * coverage:g}": value for coverage, value in at.items()},
        "area": curve["area"],
        "best_area": curve["best_area"],
        "errors_in_least_sure_5": 1 - 0.95 * at[0.95] / at[1.0] if at[1.0] else np.nan,
    }
