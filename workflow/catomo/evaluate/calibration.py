"""Calibration: whether a confidence of 0.9 means that 90 % of the predictions are right.

Everything is computed from one histogram (predicted class, confidence as a byte, wrong or
right). The histogram of many slices is the sum of theirs, so they need not be in memory.
"""

from __future__ import annotations

import numpy as np

from catomo.labels.boundary import near_boundary
from catomo.labels.values import IGNORE

_LEVELS = np.arange(256) / 255


def tally(
    predicted: np.ndarray, confidence: np.ndarray, truth: np.ndarray, class_count: int
) -> np.ndarray:
    """Count the pixels of one slice by predicted class, confidence, and wrong or right.

    Parameters
    ----------
    predicted : ndarray of uint8, (z, x)
    confidence : ndarray of uint8, (z, x)
        255 is certain.
    truth : ndarray of uint8, (z, x)
        Pixels of 255 are not counted.
    class_count : int

    Returns
    -------
    ndarray of int64, (2, class_count, 256, 2)
        Place: everywhere, and within three pixels of a class boundary of the truth;
        predicted class; confidence; wrong, right.
    """
    annotated = truth != IGNORE
    cell = (predicted.astype(np.intp) * 256 + confidence) * 2 + (predicted == truth)
    counts = [
        np.bincount(cell[chosen], minlength=class_count * 512)
        for chosen in (annotated, annotated & near_boundary(truth))
    ]
    return np.stack(counts).reshape(2, class_count, 256, 2)


def expected_calibration_error(counts: np.ndarray, bins: int = 15) -> float:
    """Return the mean difference of confidence and accuracy; NaN without pixels.

    Parameters
    ----------
    counts : ndarray, (..., 256, 2)
        Of `tally`; the leading axes are summed.
    bins : int
        Number of equal intervals of confidence from 0 to 1.

    References
    ----------
    Naeini et al., AAAI 2015; Guo et al., ICML 2017 (15 bins).
    """
    curve = reliability(counts, bins)
    pixels = np.array(curve["pixels"])
    if not pixels.sum():
        return float("nan")
    gaps = np.abs(np.array(curve["confidence"]) - curve["accuracy"])
    return float(np.sum(gaps[pixels > 0] * pixels[pixels > 0]) / pixels.sum())


def reliability(counts: np.ndarray, bins: int = 15) -> dict[str, list]:
    """Return mean confidence, accuracy and number of pixels of each interval of confidence.

    Confidence and accuracy are NaN where there is no pixel. Arguments as for
    `expected_calibration_error`.
    """
    flat = counts.reshape(-1, 256, 2).sum(axis=0)
    pixels = flat.sum(axis=1)
    interval = np.minimum((_LEVELS * bins).astype(int), bins - 1)
    total, confidence, right = (
        np.bincount(interval, weights=weights, minlength=bins)
        for weights in (pixels, pixels * _LEVELS, flat[:, 1])
    )
    with np.errstate(invalid="ignore"):
        return {
            "confidence": (confidence / total).tolist(),
            "accuracy": (right / total).tolist(),
            "pixels": total.astype(int).tolist(),
        }


def risk_coverage(counts: np.ndarray) -> dict:
    """Return the share of wrong pixels (risk) among the most certain ones (coverage).

    Parameters
    ----------
    counts : ndarray, (..., 256, 2)
        Of `tally`; the leading axes are summed.

    Returns
    -------
    dict
        ``coverage`` and ``risk``: the fraction of pixels taken, the most certain first, and
        the fraction of these that is wrong, with a point for each confidence that occurs.
        ``area`` under this curve, and ``best_area``, the area if all wrong pixels were the
        least certain ones.

    References
    ----------
    Geifman, Uziel & El-Yaniv, ICLR 2019 (area and its lower bound).
    """
    flat = counts.reshape(-1, 256, 2).sum(axis=0)[::-1]
    flat = flat[flat.sum(axis=1) > 0]
    taken = np.cumsum(flat.sum(axis=1))
    if not len(taken):
        nan = float("nan")
        return {"coverage": [], "risk": [], "area": nan, "best_area": nan}
    coverage, risk = taken / taken[-1], np.cumsum(flat[:, 0]) / taken
    error = float(risk[-1])
    best = error + (1 - error) * np.log1p(-error) if error < 1 else 1.0
    return {
        "coverage": coverage.tolist(),
        "risk": risk.tolist(),
        # Pixels of equal confidence have no order, so the risk is constant up to the first point.
        "area": float(np.trapezoid(risk, coverage) + risk[0] * coverage[0]),
        "best_area": float(best),
    }


def without_temperature(counts: np.ndarray, temperature: float) -> np.ndarray:
    """Return the histogram as it would be without the temperature.

    Parameters
    ----------
    counts : ndarray, (..., 256, 2)
        Of `tally`, with a confidence at this temperature.
    temperature : float
        As in `catomo.network.temperature.tempered`.

    Returns
    -------
    ndarray of int64, (..., 256, 2)
        Each confidence is changed as if only two classes were possible in a pixel: p becomes
        p^T / (p^T + (1 - p)^T), which is exact up to the rounding to bytes. It is an
        approximation where three classes have a probability that matters.
    """
    p, q = _LEVELS**temperature, (1 - _LEVELS) ** temperature
    moved = np.zeros_like(counts)
    for level, target in enumerate(np.rint(255 * p / (p + q)).astype(int)):
        moved[..., target, :] += counts[..., level, :]
    return moved
