"""The low-order terms of shifts: what a moved specimen and the offset of the axis look like.

A specimen that sits elsewhere in the volume moves across the tilt axis by a·cos θ + b·sin θ,
and the offset of the axis is a constant.
"""

from __future__ import annotations

import numpy as np

_ROUNDS = 10  # of the fit with new weights


def low_order_terms(tilt_deg: np.ndarray) -> np.ndarray:
    """Return the columns cos θ, sin θ and 1, (tilt, 3)."""
    theta = np.deg2rad(tilt_deg)
    return np.stack([np.cos(theta), np.sin(theta), np.ones_like(theta)], axis=1)


def fit_low_order(tilt_deg: np.ndarray, values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return the combination of low-order terms nearest to `values`; outliers count less.

    Least squares with Huber's weights, repeated until they settle.

    Parameters
    ----------
    tilt_deg, values : ndarray (tilt,)
    usable : ndarray of bool, (tilt,)
        Other values do not count.

    Returns
    -------
    ndarray (tilt,)
    """
    columns = low_order_terms(tilt_deg)
    weights = usable.astype(float)
    for _ in range(_ROUNDS):
        root = np.sqrt(weights)[:, None]
        solution = np.linalg.lstsq(columns * root, values * root[:, 0], rcond=None)[0]
        residual = np.abs(values - columns @ solution)
        limit = 2 * max(np.median(residual[usable]), 1e-6)
        weights = usable * np.minimum(1, limit / np.maximum(residual, 1e-12))
    return columns @ solution
