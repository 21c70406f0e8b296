"""How far a confidence can be trusted: calibration error, reliability, risk and coverage.

All of it comes from one histogram (class predicted, byte of confidence, wrong or right), so
it streams: the histograms of single slices are simply added.
"""

from __future__ import annotations

import numpy as np

from catomo.labels.files import IGNORE
from catomo.network.temperature import near_boundary

_LEVELS = np.arange(256) / 255


def tally(
    predicted: np.ndarray, confidence: np.ndarray, truth: np.ndarray, class_count: int
) -> np.ndarray:
    """Count the pixels of one slice by class predicted, confidence, and wrong or right.

    Parameters
    ----------
    predicted : ndarray of uint8, (z, x)
    confidence : ndarray of uint8, (z, x)
        255 is certain.
    truth : ndarray of uint8, (z, x)
        Pixels of 255 do not count.
    class_count : int

    Returns
    -------
    ndarray of int64, (2, class_count, 256, 2)
        First anywhere, then within three pixels of a boundary of the truth; class predicted;
        byte of confidence; wrong, right.
    """
    judged = truth != IGNORE
    cell = (predicted.astype(np.intp) * 256 + confidence) * 2 + (predicted == truth)
    counts = [
        np.bincount(cell[chosen], minlength=class_count * 512)
        for chosen in (judged, judged & near_boundary(truth))
    ]
    return np.stack(counts).reshape(2, class_count, 256, 2)


def expected_calibration_error(counts: np.ndarray, bins: int = 15) -> float:
    """Return by how much confidence and accuracy differ on average; NaN without pixels.

    Parameters
    ----------
    counts : ndarray, (..., 256, 2)
        Of `tally`; leading axes are summed.
    bins : int
        Equal intervals of confidence from 0 to 1.

    References
    ----------
    Naeini et al., AAAI 2015; Guo et al., ICML 2017 (15 bins).
    """
    found = reliability(counts, bins)
    pixels = np.array(found["pixels"])
    if not pixels.sum():
        return float("nan")
    gaps = np.abs(np.array(found["confidence"]) - found["accuracy"])
    return float(np.sum(gaps[pixels > 0] * pixels[pixels > 0]) / pixels.sum())


def reliability(counts: np.ndarray, bins: int = 15) -> dict[str, list]:
    """Return mean confidence, accuracy and number of pixels of each interval of confidence.

    Confidence and accuracy are NaN where there is no pixel. Arguments as for
    `expected_calibration_error`.
    """
    flat = counts.reshape(-1, 256, 2).sum(axis=0)
    pixels = flat.sum(axis=1)
    of = np.minimum((_LEVELS * bins).astype(int), bins - 1)
    total, sure, right = (
        np.bincount(of, weights=w, minlength=bins) for w in (pixels, pixels * _LEVELS, flat[:, 1])
    )
    with np.errstate(invalid="ignore"):
        return {
            "confidence": (sure / total).tolist(),
            "accuracy": (right / total).tolist(),
            "pixels": total.astype(int).tolist(),
        }


def risk_coverage(counts: np.ndarray) -> dict:
    """Return how wrong the most certain pixels are, from few of them to all.

    Parameters
    ----------
    counts : ndarray, (..., 256, 2)
        Of `tally`; leading axes are summed.

    Returns
    -------
    dict
        ``coverage`` and ``risk``: the fraction of pixels taken, most certain first, and the
        fraction of these that is wrong, once per byte of confidence in use. ``area`` under
        this curve; ``best_area``, had all wrong pixels been the least certain.

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
        # Pixels of one byte are in no order, so up to the first point the risk is constant.
        "area": float(np.trapezoid(risk, coverage) + risk[0] * coverage[0]),
        "best_area": float(best),
    }


def without_temperature(counts: np.ndarray, temperature: float) -> np.ndarray:
    """Return the histogram as it were had no temperature been applied.

    Parameters
    ----------
    counts : ndarray, (..., 256, 2)
        Of `tally`, for a confidence at this temperature.
    temperature : float

    Returns
    -------
    ndarray of int64, (..., 256, 2)
        Bytes are moved as if two classes competed in every pixel: then p becomes
        p^T / (p^T + (1 - p)^T), exactly up to the rounding to bytes. Where three compete it
        is an approximation.
    """
    p, q = _LEVELS**temperature, (1 - _LEVELS) ** temperature
    moved = np.zeros_like(counts)
    for level, target in enumerate(np.rint(255 * p / (p + q)).astype(int)):
        moved[..., target, :] += counts[..., level, :]
    return moved
