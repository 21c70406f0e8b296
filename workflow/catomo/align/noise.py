"""How alike the noise of an image is in pixels near each other.

Noise of single pixels is independent. Where images were shifted, enlarged or smoothed before the
import, or the camera blurs, it is not, and means of many pixels keep more of it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

_GROUPS = 6  # of equal brightness, in each of which the noise of an image is measured
# The second difference along both axes leaves the noise and hardly any structure.
_DIFFERENCE = np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0])
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


def added_noise(image: np.ndarray, seen: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Return noise that is as strong as that of an image, at each brightness.

    Parameters
    ----------
    image : ndarray (y, x)
    seen : ndarray (y, x)
        The same without noise.
    white : ndarray (y, x)
        Noise of another kind, smoothed as that of the image.
    """
    ours, theirs = (np.abs(ndimage.convolve(part, _DIFFERENCE)) for part in (image - seen, white))
    out = np.empty(seen.shape)
    for group in np.array_split(np.argsort(seen, axis=None, kind="stable"), _GROUPS):
        least = max(float(np.median(theirs.ravel()[group])), 1e-30)
        out.ravel()[group] = white.ravel()[group] * np.median(ours.ravel()[group]) / least
    return out
