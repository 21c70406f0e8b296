"""Thresholds between empty space and material, from a histogram of grey values alone."""

from __future__ import annotations

import numpy as np


def material_threshold(histogram: np.ndarray) -> int:
    """Return the grey value above which there is material of any class, bright or faint.

    Otsu's threshold of the whole histogram may separate only the brightest class (metal
    particles) from everything else. So it is computed a second time, with everything
    brighter than the first threshold counted as one grey value just above it; then only
    empty space and material are left to separate.

    Parameters
    ----------
    histogram : ndarray of int, (grey values,)
        Number of pixels of each grey value.

    Returns
    -------
    int
        Pixels brighter than this are material.
    """
    top = otsu_threshold(histogram)
    capped = histogram[: top + 2].copy()
    capped[top + 1] = histogram[top + 1 :].sum()
    return otsu_threshold(capped)


def otsu_threshold(histogram: np.ndarray) -> int:
    """Return the grey value that separates a histogram in two with the most variance between.

    Parameters
    ----------
    histogram : ndarray of int, (grey values,)
        Number of pixels of each grey value.

    Returns
    -------
    int
        The last grey value of the darker part; in the middle of a gap in the histogram.

    References
    ----------
    Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62.
    """
    greys = np.arange(len(histogram))
    weight = np.cumsum(histogram) / histogram.sum()
    mean = np.cumsum(histogram * greys) / histogram.sum()
    inside = weight * (1 - weight)
    between = (mean[-1] * weight - mean) ** 2 / np.where(inside > 0, inside, np.inf)
    best = np.flatnonzero(between >= (1 - 1e-9) * between.max())
    return int(best.mean())
