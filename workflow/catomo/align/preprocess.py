"""Make raw images fit to be compared: bad pixels mended, background at zero.

Centres of mass are worthless on a background (5.9 px off instead of 0.10 px on a test
particle), and one hot pixel outshines the noise at every frequency; so this comes first.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_NOISE_GROUPS = 16  # noise is measured apart in this many groups of equal brightness
_BLOCKS = 8  # blocks along each edge of the frame in which its evenness is judged


def mend(image: np.ndarray, sigmas: float) -> tuple[np.ndarray, int]:
    """Replace bad pixels by the median of their surroundings.

    A pixel is bad if it is not finite, or if it lies beyond its eight neighbours by more
    than `sigmas` times the noise at its brightness (counting noise grows with the signal).

    Parameters
    ----------
    image : ndarray (y, x)
    sigmas : float
        0 mends only what is not finite.

    Returns
    -------
    mended : ndarray (y, x), float32
    bad : int
        Number of pixels replaced.
    """
    image = np.array(image, dtype=np.float32)
    bad = ~np.isfinite(image)
    if bad.any():
        image[bad] = np.median(image[~bad]) if not bad.all() else 0.0
    median = ndimage.median_filter(image, 3, mode="mirror")
    if sigmas > 0:
        around = np.ones((3, 3), bool)
        around[1, 1] = False
        highest = ndimage.maximum_filter(image, footprint=around, mode="mirror")
        lowest = ndimage.minimum_filter(image, footprint=around, mode="mirror")
        beyond = np.maximum(image - highest, lowest - image)
        bad |= beyond > sigmas * _noise(image - median, median)
    image[bad] = median[bad]
    return image, int(bad.sum())


def ring_of(image: np.ndarray) -> list[np.ndarray]:
    """Return the blocks along the edge of an image: 1/32 of its width deep, 1/8 long."""
    depth = max(2, min(image.shape) // 32)
    sides = image[:depth], image[-depth:], image[:, :depth].T, image[:, -depth:].T
    return [block for side in sides for block in np.array_split(side, _BLOCKS, axis=1)]


def ring_level(image: np.ndarray) -> float:
    """Return the mean of the edge of an image, without what stands out from it.

    A mean, not a median: the median of counts is a whole number, and half a count over
    the whole frame moves a centre of mass.
    """
    return _steady_mean(np.concatenate([block.ravel() for block in ring_of(image)]))


def unevenness_px(image: np.ndarray) -> float:
    """Return how far the surroundings of the specimen may pull its centre of mass, in px.

    The blocks of the edge are compared: if the whole frame were as uneven as they are, the
    centre of mass would be off by this (one standard deviation), not counting noise: film, a
    neighbour or a specimen cut by the frame.

    Parameters
    ----------
    image : ndarray (y, x)
        With the level of its edge subtracted.
    """
    mass = image.sum()
    if mass <= 0:
        return np.inf
    blocks = ring_of(image)
    size = blocks[0].size
    noise = np.mean([block.var() for block in blocks]) / size
    spread = np.var([block.mean() for block in blocks])
    # A variance from n blocks is uncertain by sqrt(2/n) of itself; twice that is noise, too.
    spread = max(0.0, spread - noise * (1 + 2 * np.sqrt(2 / len(blocks))))
    lever = np.hypot(*image.shape) / 24**0.5
    return float(np.sqrt(spread * size * image.size) * lever / mass)


def _noise(residual: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Return the noise sigma of each pixel, from residuals in groups of equal brightness."""
    order = np.argsort(brightness, axis=None, kind="stable")
    groups = np.array_split(order, _NOISE_GROUPS)
    sigma = np.array([_sigma(residual.flat[group]) for group in groups])
    middle = np.array([np.median(brightness.flat[group]) for group in groups])
    return np.interp(brightness, middle, sigma)


def _steady_mean(values: np.ndarray) -> float:
    """Return the mean of the values within four sigmas of their median."""
    middle = np.median(values)
    near = np.abs(values - middle) <= 4 * _sigma(values - middle)
    return float(values[near].mean(dtype=np.float64))


def _sigma(residual: np.ndarray) -> float:
    """Return the noise sigma, from 95 % of the residuals: also where most counts are zero."""
    return float(np.percentile(np.abs(residual), 95) / 1.96)
