"""How alike the noise of an image is in pixels near each other.

Noise of single pixels is independent. Where images were shifted, enlarged or smoothed before the
import, or the camera blurs, it is not, and means of many pixels keep more of it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage, optimize

_GROUPS = 6  # of equal brightness, in each of which the noise of an image is measured
_LEAST = 1e-3  # of the largest second difference: less is none
_DIFFERENCE = np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0]) / 6
LAGS = 8  # px: differences are looked at between pixels up to so far apart
# Widths (standard deviation, px) of what may have smoothed the noise, and structures of the
# surroundings. What is alike over more than the former is no noise.
_OF_NOISE, _OF_STRUCTURES = (0.0, 0.5, 0.7, 1.0), (2.0, 3.0, 5.0, 10.0)


def second_difference(image: np.ndarray) -> np.ndarray:
    """Return the second difference along both axes: of structures hardly anything is left.

    Noise that is independent from pixel to pixel keeps its variance.
    """
    return ndimage.convolve(image, _DIFFERENCE)


def half_differences(strip: np.ndarray) -> np.ndarray:
    """Return half the mean square of differences between pixels 1 to `LAGS` px apart along x.

    It is the variance less what is alike at this distance.

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


def likeness(differences: Iterable[np.ndarray]) -> tuple[float, np.ndarray]:
    """Return the variance of noise, and its correlation at 0 to `LAGS` px.

    Parameters
    ----------
    differences : iterable of ndarray (LAGS,)
        `half_differences` of strips with noise of the same kind.

    Returns
    -------
    variance : float
        As a part of the first of the half differences.
    alike : ndarray (LAGS + 1,)
    """
    seen = np.mean(list(differences), axis=0)
    if seen[0] <= 0:
        return 0.0, _alike(0.0)
    alike = np.array([_alike(width) for width in (*_OF_NOISE, *_OF_STRUCTURES)])
    variances, _ = optimize.nnls((1 - alike[:, 1:]).T, seen / seen[0])
    covariance = variances[: len(_OF_NOISE)] @ alike[: len(_OF_NOISE)]
    variance = float(covariance[0])
    return variance, covariance / variance if variance > 0 else _alike(0.0)


def _alike(width: float) -> np.ndarray:
    """Return the correlation at 0 to `LAGS` px of white noise that a Gaussian smoothed."""
    lags = np.arange(LAGS + 1)
    return np.exp(-(lags**2) / (4 * width**2)) if width else (lags == 0).astype(float)


def part_kept(weights: np.ndarray, alike: np.ndarray) -> float:
    """Return which part of the variance of noise a weighted sum of pixels along one axis keeps.

    Parameters
    ----------
    weights : ndarray (..., pixel)
        The mean of several sums is returned.
    alike : ndarray (LAGS + 1,)
        Correlation of the noise at 0 to `LAGS` px.
    """
    lags = np.arange(LAGS + 1)
    pixels = weights.shape[-1]
    both = [weights[..., lag:] * weights[..., : max(0, pixels - lag)] for lag in lags.tolist()]
    at_lag = np.array([np.mean(products.sum(axis=-1)) for products in both])
    return float(at_lag @ np.where(lags > 0, 2 * alike, alike))


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
    ours, theirs = (np.abs(second_difference(part)).ravel() for part in (image - seen, white))
    inside = theirs > _LEAST * theirs.max()  # beyond the frame there is no noise
    out = np.zeros(seen.size)
    for group in np.array_split(np.argsort(seen, axis=None, kind="stable"), _GROUPS):
        noisy = group[inside[group]]
        if noisy.size:
            out[noisy] = white.ravel()[noisy] * np.median(ours[noisy]) / np.median(theirs[noisy])
    return out.reshape(seen.shape)
