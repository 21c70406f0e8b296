"""The fine part of a gain pattern: single pixels, rows and columns that answer unlike those beside.

A weak pattern is buried in noise, and what it looks like on a scale of several pixels may be the
specimen's, whose edges hardly move. What differs from pixel to pixel, or from column to column,
and in the same way in two parts of the images, between which the specimen moved, is the
detector's. It is divided out only as far as it is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_FINE_PX = 1.5  # sigma of what is taken for the coarse part of a pattern
_FINE_LINES_PX = 3.0  # the same of whole rows and columns, which are known far better
_LEAST = 0.02  # of the gain
_ALIKE = 0.1  # correlation of two opinions on the pattern
_SIGMAS = 5.0  # of that of opinions that have nothing in common
_PART_OF_ALL = 3 / 8  # of all pairs of images that one opinion rests on


@dataclass(frozen=True)
class Opinion:
    """What some of the images tell of a gain pattern.

    Attributes
    ----------
    log : ndarray (y, x)
        Logarithm of the gain, 0 where nothing is known.
    weight : ndarray (y, x)
        One over its variance, but for a factor.
    """

    log: np.ndarray
    weight: np.ndarray


def fine_sigma(one: Opinion, other: Opinion) -> float | None:
    """Return how much a pattern varies from pixel to pixel; None if two opinions do not agree.

    Parameters
    ----------
    one, other : Opinion
        Of two separate parts of the images, with the same weights.
    """
    weight = one.weight
    alike, shared = agreement(_high(one.log, weight), _high(other.log, weight), weight)
    if alike < max(_ALIKE, _SIGMAS / np.sqrt((weight > 0).sum())) or shared < _LEAST**2:
        return None
    return float(np.sqrt(shared))


def split(one: Opinion, other: Opinion, everything: Opinion) -> tuple[np.ndarray, np.ndarray]:
    """Return the fine part (y, x) of a pattern, as far as it is known, and the coarse part.

    Parameters
    ----------
    one, other : Opinion
        Of two separate parts of the images, with the same weights.
    everything : Opinion
        Of all images.
    """
    opinions = [one, other, everything]
    fine = np.zeros(one.log.shape)
    for axis in (0, 1):
        lines = [_lines(opinion, axis) for opinion in opinions]
        fine += _as_known(*lines)
        opinions = [
            Opinion(opinion.log - line.log, opinion.weight)
            for opinion, line in zip(opinions, lines, strict=True)
        ]
    pixels = [Opinion(_high(opinion.log, opinion.weight), opinion.weight) for opinion in opinions]
    return fine + _as_known(*pixels), opinions[-1].log - pixels[-1].log


def agreement(one: np.ndarray, other: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return the correlation of two patterns, and the variance that they share."""
    shared = float(np.average(one * other, weights=weight))
    own = np.average(one**2, weights=weight) * np.average(other**2, weights=weight)
    return (shared / float(np.sqrt(own)) if own > 0 else 0.0), shared


def _as_known(one: Opinion, other: Opinion, everything: Opinion) -> np.ndarray:
    """Return a part of a pattern, the less of it the more is noise (Wiener's filter)."""
    _, shared = agreement(one.log, other.log, one.weight)
    if shared <= 0:
        return np.zeros(everything.log.shape)
    own = np.mean([np.average(part.log**2, weights=part.weight) for part in (one, other)])
    weight = everything.weight
    noise = _PART_OF_ALL * max(float(own) - shared, 0.0) * weight[weight > 0].mean()
    return everything.log * shared * weight / np.maximum(shared * weight + noise, 1e-30)


def _high(log: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return what differs from the surroundings."""
    return np.where(weight > 0, log - _smooth(log, weight, (_FINE_PX, _FINE_PX)), 0.0)


def _lines(opinion: Opinion, axis: int) -> Opinion:
    """Return by how much lines along an axis differ from those beside them; it has one place."""
    total = opinion.weight.sum(axis, keepdims=True)
    mean = (opinion.log * opinion.weight).sum(axis, keepdims=True) / np.maximum(total, 1e-30)
    sigmas = (_FINE_LINES_PX, 0.0) if axis == 1 else (0.0, _FINE_LINES_PX)
    return Opinion(np.where(total > 0, mean - _smooth(mean, total, sigmas), 0.0), total)


def _smooth(log: np.ndarray, weight: np.ndarray, sigmas: tuple[float, float]) -> np.ndarray:
    total = ndimage.gaussian_filter(weight, sigmas, mode="constant")
    smooth: np.ndarray = ndimage.gaussian_filter(log * weight, sigmas, mode="constant")
    return smooth / np.maximum(total, 1e-12 * total.max())
