"""The values that most of the background and most of the support have, from a histogram.

Both exist in every specimen of a kind, however many particles it carries. The background is
the value that is densest below the threshold between empty space and material. Of what lies
above its noise, the support is the peak of the distribution of logarithms, where a peak has
the same width at every scale: particles take up fewer voxels, and streaks around the specimen
have no peak.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from catomo.labels.otsu import material_threshold

_BINS = 1024  # at equal steps of the square root, finest for dark values
_LINEAR_BINS = 2048
_SMOOTH_BINS = 3
_PILE = 0.05  # share of values at black from which these are the background
_LOG_STEP = 0.01
_LOG_SMOOTH = 12  # steps; about the width of the peak of a support
_MOST_CONTRAST = 200.0  # no particle is that much brighter than its support: Pt on carbon is 50
_NOISE_WIDTHS = 3.0  # what lies so far above the background is no noise
_VALLEY = 0.7  # of a peak: the highest that the lowest place below it may be
_BELOW = 0.05  # share of values clearly below the background from which it is none
_HALF_WIDTH = 1.18  # half the full width at half maximum of a Gaussian, in standard deviations


def fit_modes(
    values: np.ndarray, low: float, high: float, background: float | None = None
) -> tuple[float | None, float | None]:
    """Return the values of the background and of the support.

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
    background, support : float or None
        None where the values show no such thing.
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
        return background, None
    noise = _noise(density, middles, background)
    if not known and counts[middles < background - _NOISE_WIDTHS * noise].sum() > (
        _BELOW * counts.sum()
    ):
        return None, None  # the densest value is that of material which fills the images
    return background, _support(counts, edges, background, noise)


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


def _support(
    counts: np.ndarray, edges: np.ndarray, background: float, noise: float
) -> float | None:
    """Return the highest peak of the logarithms above the noise; None if there is none."""
    span = edges[-1] - background
    first = max(np.log(1 / _MOST_CONTRAST), np.log(max(_NOISE_WIDTHS * noise / span, 1e-12)))
    grid = np.arange(first, 2 * _LOG_STEP, _LOG_STEP)
    logs = np.log(np.maximum((edges - background) / span, 1e-12))
    below = np.interp(grid, logs, np.concatenate([[0], np.cumsum(counts)]))
    if len(grid) < 4:
        return None
    height = gaussian_filter1d(np.diff(below), _LOG_SMOOTH, mode="nearest")
    lowest = np.minimum.accumulate(height)
    inner = height[1:-1]
    is_peak = (inner >= height[:-2]) & (inner > height[2:]) & (lowest[1:-1] < _VALLEY * inner)
    if not is_peak.any():
        return None
    peak = 1 + int(np.argmax(np.where(is_peak, inner, 0)))
    return float(background + span * np.exp(grid[peak] + _LOG_STEP / 2))
