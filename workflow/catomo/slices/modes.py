"""The values that most of the background and most of the support have, from a histogram.

Both exist in every specimen of a kind, however many particles it carries. The background is
the value that is densest below the threshold between empty space and material. Of what lies
above its noise, the support is a peak of the distribution of logarithms, where a peak has the
same width at every scale: mostly the highest. A support film or plenty of particles have peaks
of their own, so all are returned, with the distribution that tells which is which in two
specimens of a kind. Streaks around the specimen have no peak.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from catomo.labels.otsu import material_threshold
from catomo.network.levels import MATTER_BINS, MATTER_STEP

_BINS = 1024  # at equal steps of the square root, finest for dark values
_LINEAR_BINS = 2048
_SMOOTH_BINS = 3
_PILE = 0.05  # share of values at black from which these are the background
_FINE = 5  # steps of the logarithm in one of the record
_SMOOTH_LOG = 0.12  # about the width of the peak of a support
_NOISE_WIDTHS = 3.0  # what lies so far above the background is no noise
_VALLEY = 0.7  # of a peak: the highest that the lowest place below it may be
_LEAST_PEAK = 0.25  # of the highest peak
_BELOW = 0.05  # share of values clearly below the background from which it is none
_HALF_WIDTH = 1.18  # half the full width at half maximum of a Gaussian, in standard deviations


class Modes(NamedTuple):
    """What a histogram shows; see `catomo.network.levels.Levels` for the attributes."""

    background: float | None
    peaks: tuple[float, ...] = ()
    matter: tuple[float, ...] = ()


def fit_modes(
    values: np.ndarray, low: float, high: float, background: float | None = None
) -> Modes:
    """Return the values of the background and of the matter in a volume.

    Parameters
    ----------
    values : ndarray
        A sample of the volume, blurred so that noise does not hide the support.
    low, high : float
        Values that become black and white.
    background : float, optional
        Value of the background where it is known.

    Returns
    -------
    Modes
        Without peaks where the values show no support.
    """
    edges = low + (high - low) * (np.arange(_BINS + 1) / _BINS) ** 2
    counts = np.histogram(np.clip(values, low, high), edges)[0].astype(np.float64)
    middles = (edges[1:] + edges[:-1]) / 2
    density = counts / np.diff(edges)
    density[0], density[-1] = density[1], 0  # black and white collect what lies beyond them
    density = gaussian_filter1d(density, _SMOOTH_BINS, mode="nearest")
    known = background is not None
    if background is None:
        background = low
        if np.mean(values <= low) < _PILE:
            background = float(middles[_densest(density, counts, middles, low, high)])
    if background >= high:
        return Modes(background)
    noise = _noise(density, middles, background) if background >= low else 0.0
    if not known and counts[middles < background - _NOISE_WIDTHS * noise].sum() > (
        _BELOW * counts.sum()
    ):
        return Modes(None)  # the densest value is that of material which fills the images
    return Modes(background, *_matter(counts, edges, background, noise))


def _densest(
    density: np.ndarray, counts: np.ndarray, middles: np.ndarray, low: float, high: float
) -> int:
    """Return the bin of the densest value of empty space."""
    linear = np.histogram(middles, _LINEAR_BINS, (low, high), weights=counts)[0]
    threshold = low + (material_threshold(linear) + 1) * (high - low) / _LINEAR_BINS
    return int(np.argmax(np.where(middles < threshold, density, 0)))


def _noise(density: np.ndarray, middles: np.ndarray, background: float) -> float:
    """Return the standard deviation of the background, from the bright side of its peak."""
    at = min(int(np.searchsorted(middles, background)), len(middles) - 2)
    lower = np.flatnonzero(density[at:] < density[at] / 2)
    return float(middles[at + lower[0]] - background) / _HALF_WIDTH if len(lower) else 0.0


def _matter(
    counts: np.ndarray, edges: np.ndarray, background: float, noise: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the peaks of the logarithms above the noise, the highest first, and all heights."""
    span, step = edges[-1] - background, MATTER_STEP / _FINE
    grid = step * np.arange(-_FINE * MATTER_BINS, 1)
    logs = np.log(np.maximum((edges - background) / span, 1e-12))
    below = np.interp(grid, logs, np.concatenate([[0], np.cumsum(counts)])) / counts.sum()
    first = int(np.searchsorted(grid, np.log(max(_NOISE_WIDTHS * noise / span, 1e-12))))
    first = min(first, len(grid) - 4)
    height = np.zeros(len(grid) - 1)
    height[first:] = gaussian_filter1d(np.diff(below)[first:], _SMOOTH_LOG / step, mode="nearest")
    seen = np.concatenate([height[first:], [0]])
    lowest, inner = np.minimum.accumulate(seen)[1:-1], seen[1:-1]
    is_peak = (inner >= seen[:-2]) & (inner > seen[2:]) & (lowest < _VALLEY * inner)
    peaks = first + 1 + np.flatnonzero(is_peak & (inner > _LEAST_PEAK * seen.max()))
    peaks = peaks[np.argsort(-height[peaks], kind="stable")]
    found = background + span * np.exp(grid[peaks] + step / 2)
    matter = height.reshape(MATTER_BINS, _FINE).sum(axis=1)
    return tuple(found.tolist()), tuple(matter.round(6).tolist())
