"""Temperature scaling: one number that makes a network's confidence match its accuracy.

The temperature is fitted to the pixels within three pixels of a class boundary, where labels
are uncertain. Fitted to all pixels it would mostly describe empty background: on the authors'
real patches the expected calibration error near boundaries is then 0.13 instead of 0.04.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize_scalar

from catomo.labels.boundary import near_boundary
from catomo.labels.values import IGNORE

_SMALLEST_PROBABILITY = 1e-7  # keeps logarithms finite
_MAX_PIXELS = 1_000_000  # more than enough to fit one number


def fit_temperature(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float | None:
    """Fit the temperature of a network.

    Parameters
    ----------
    pairs : iterable of (ndarray, ndarray)
        Of each slice the probabilities (z, x, classes) and the labels (z, x), uint8;
        255 is ignored.

    Returns
    -------
    float or None
        The T of ``softmax(log(p) / T)`` with the least negative log-likelihood near the
        boundaries of the labels. Above 1 the network was overconfident. None if the labels
        have no boundaries.

    References
    ----------
    Guo et al., ICML 2017.
    """
    parts = []
    for probabilities, labels in pairs:
        chosen = near_boundary(labels) & (labels != IGNORE)
        parts.append((probabilities[chosen], labels[chosen]))
    p, truth = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if not truth.size:
        return None
    step = -(-truth.size // _MAX_PIXELS)
    logs = np.log(np.clip(p[::step], _SMALLEST_PROBABILITY, 1)).astype(np.float64)
    truth = truth[::step, None].astype(np.intp)

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = logs * np.exp(-log_temperature)
        top = scaled.max(axis=1, keepdims=True)
        total = top + np.log(np.exp(scaled - top).sum(axis=1, keepdims=True))
        return float(np.mean(total - np.take_along_axis(scaled, truth, axis=1)))

    bounds = (np.log(0.1), np.log(20))
    return float(
        np.exp(minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded").x)
    )


def tempered(probabilities: Any, temperature: float) -> Any:
    """Return ``softmax(log(p) / temperature)``.

    Parameters
    ----------
    probabilities : tensor or ndarray of float32, (..., classes)
    temperature : float
        As `fit_temperature` returns it; above 1 it lowers the confidence.

    Returns
    -------
    tensor of float32, (..., classes)

    References
    ----------
    Guo et al., ICML 2017.
    """
    # Class by class: planes are added much faster than sums along a last axis of three are made.
    planes = [
        tf.maximum(plane, _SMALLEST_PROBABILITY) for plane in tf.unstack(probabilities, axis=-1)
    ]
    if temperature != 1:
        planes = [tf.exp(tf.math.log(plane) / temperature) for plane in planes]
    total = tf.add_n(planes)
    return tf.stack([plane / total for plane in planes], axis=-1)
