"""How alike the noise of an image is in pixels near each other.

Noise of single pixels is independent. Where images were shifted, enlarged or smoothed before the
import, or the camera blurs, it is not, and means of many pixels keep more of it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

LAGS = 4  # px: noise is taken to be independent so far apart


def half_differences(strip: np.ndarray) -> np.ndarray:
    """Return half the mean square of differences between pixels 1 to `LAGS` px apart along x.

    It is the variance of the noise, less what is alike at this distance. The specimen adds little,
    where it changes slowly.

    Parameters
    ----------
    strip : ndarray (y, x)
        Wider than `LAGS`.

    Returns
    -------
    ndarray (LAGS,)
    """
    lags = range(1, LAGS + 1)
    return np.array([np.mean((strip[:, lag:] - strip[:, :-lag]) ** 2) / 2 for lag in lags])


def likeness(differences: Iterable[np.ndarray]) -> np.ndarray:
    """Return the correlation of noise at 0 to `LAGS` - 1 px, from `half_differences` of strips."""
    mean = np.mean(list(differences), axis=0)
    return np.append(1.0, 1 - mean[:-1] / mean[-1]) if mean[-1] > 0 else np.eye(1, LAGS)[0]


def part_kept(weights: np.ndarray, alike: np.ndarray) -> float:
    """Return which part of the variance of noise a weighted sum of pixels along one axis keeps.

    Parameters
    ----------
    weights : ndarray (..., pixel)
        The mean of several sums is returned.
    alike : ndarray (LAGS,)
        `likeness` of the noise.
    """
    both = [weights[..., lag:] * weights[..., : weights.shape[-1] - lag] for lag in range(LAGS)]
    at_lag = np.array([np.mean(products.sum(axis=-1)) for products in both])
    return float(at_lag @ np.where(np.arange(LAGS) > 0, 2 * alike, alike))
