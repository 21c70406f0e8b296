"""How the errors of a network hang together: over which length, and in a whole specimen.

A confidence of 0.9 says that one pixel in ten is wrong, not whether those lie side by side. Here
the classes of a pixel, in their order, are thresholds of one hidden Gaussian number that the
probabilities leave open. Where an annotation says on which side of the thresholds it was, pairs
of pixels tell how its values correlate with the distance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.special import ndtri

from catomo.labels.values import IGNORE

_LEAST = 1 / 510  # probability; smaller ones are zero in files of bytes
_FARTHEST_PX = 64
_LENGTHS_PX = np.geomspace(0.7, 32, 80)
_MOST_COMMON = 0.95
_LEAST_UNSURE = 50.0  # pixels with nothing sure; of fewer a correlation is chance


@dataclass(frozen=True)
class Errors:
    """The correlation of a network's errors at the distance r: c + (1 - c) exp(-(r / length)²).

    Attributes
    ----------
    length_px : float
        Where the correlation of the errors of one place has fallen to 1/e.
    common : float
        The share c, 0 to 1, of the variance that all of a slice has in common.
    images : int
        Number of annotated slices that told it.
    marks : list of str
        Marks of those slices, see `catomo.labels.tie.mark_of`; sorted. In another specimen a
        network has other errors, often to one side; how far these go, only several specimens tell.
    specimens : int
        Number of datasets that those slices are of.
    """

    length_px: float
    common: float
    images: int
    marks: list[str] = field(default_factory=list)
    specimens: int = 1

    @classmethod
    def of(cls, content: dict[str, Any] | None) -> Errors | None:
        """Return what a record or a model file says; None where it says nothing."""
        return cls(**content) if content else None

    def record(self) -> dict[str, Any]:
        """Return what a record says."""
        return {key: value for key, value in asdict(self).items() if key != "marks"}


def fit_errors(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Errors | None:
    """Measure how the errors of a network hang together.

    Parameters
    ----------
    pairs : iterable of (ndarray, ndarray)
        Of each slice the probabilities (z, x, classes) at the model's temperature and the labels
        (z, x), uint8; 255 is ignored. Slices that did not teach the network.

    Returns
    -------
    Errors or None
        None if the slices are too few, too small, or the network is sure of nearly all.
    """
    seen, possible = np.zeros(_FARTHEST_PX + 1), np.zeros(_FARTHEST_PX + 1)
    images, unsure, farthest = 0, 0.0, _FARTHEST_PX
    for probabilities, labels in pairs:
        mean, variance = _hidden(probabilities, labels)
        farthest = min(farthest, min(labels.shape) // 2)
        for sums, values in ((seen, mean), (possible, variance)):
            sums += _pairs_by_distance(values)
        unsure += float(variance.sum())
        images += 1
    if farthest < 4 or unsure < _LEAST_UNSURE:
        return None
    near = slice(1, farthest + 1)
    length, common = _fitted(np.arange(_FARTHEST_PX + 1)[near], seen[near], possible[near])
    return Errors(length, common, images)


def _hidden(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the hidden number of each pixel, and the variance of that mean."""
    p = np.clip(np.asarray(probabilities, np.float64), _LEAST, None)
    p /= p.sum(axis=-1, keepdims=True)
    ends = ndtri(np.cumsum(p, axis=-1)[..., :-1])
    density = np.exp(-(ends**2) / 2) / np.sqrt(2 * np.pi)
    density = np.pad(density, [(0, 0), (0, 0), (1, 1)])
    means = -np.diff(density, axis=-1) / p
    is_known = labels != IGNORE
    known = is_known & (p.max(axis=-1) < 1 - _LEAST * 2)  # sure ones are never redrawn
    truth = np.where(is_known, labels, 0).astype(np.intp)[..., None]
    mean = np.take_along_axis(means, truth, axis=-1)[..., 0]
    return np.where(known, mean, 0), np.where(known, (p * means**2).sum(axis=-1), 0)


def _pairs_by_distance(values: np.ndarray) -> np.ndarray:
    """Return the sum of products over all pairs of pixels, by their distance in whole pixels."""
    shape = [next_fast_len(n + _FARTHEST_PX, real=True) for n in values.shape]
    spectrum = rfft2(values, shape)
    products = irfft2(np.abs(spectrum) ** 2, shape)
    steps = [np.minimum(np.arange(n), n - np.arange(n)) for n in shape]
    distance = np.rint(np.hypot(steps[0][:, None], steps[1])).astype(int)
    is_near = distance <= _FARTHEST_PX
    return np.bincount(distance[is_near], products[is_near], _FARTHEST_PX + 1)


def _fitted(distance: np.ndarray, seen: np.ndarray, possible: np.ndarray) -> tuple[float, float]:
    """Return length and common share that fit best; every pair of pixels has the same weight."""
    best = (np.inf, 0.0, 0.0)
    weight = np.maximum(possible, 0)
    correlation = seen / np.maximum(possible, 1e-9)
    for length in _LENGTHS_PX:
        local = np.exp(-((distance / length) ** 2))
        rest = 1 - local
        common = (weight * rest * (correlation - local)).sum() / (weight * rest**2).sum()
        common = min(max(common, 0.0), _MOST_COMMON)
        off = (weight * (correlation - local - common * rest) ** 2).sum()
        best = min(best, (float(off), float(length), float(common)))
    return best[1], best[2]
