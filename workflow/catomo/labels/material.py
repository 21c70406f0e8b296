"""Which slices to annotate: spread over the specimen, not over the empty frame around it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def suggest(slices: Iterable[np.ndarray], count: int) -> list[int]:
    """Return the indices of `count` slices that cover the specimen evenly.

    Each suggested slice stands for an equal share of all material, that is of the pixels
    brighter than a threshold (Otsu 1979) common to the stack. All slices are suggested when
    there are no more than `count`.

    Parameters
    ----------
    slices : iterable of ndarray
        All slices (z, x) in order, uint8.
    count : int
        How many to suggest.

    Returns
    -------
    list of int
        Ascending, each once.
    """
    return spread(material_per_slice(slices), count)


def material_per_slice(slices: Iterable[np.ndarray]) -> np.ndarray:
    """Return the number of pixels with material, be it alumina or Pt, of each uint8 slice."""
    histograms = np.array([np.bincount(image.ravel(), minlength=256) for image in slices])
    threshold = material_threshold(histograms.sum(axis=0))
    return histograms[:, threshold + 1 :].sum(axis=1)


def spread(content: np.ndarray, count: int) -> list[int]:
    """Return `count` indices at equal steps of the cumulative content (1-D)."""
    if count >= len(content):
        return list(range(len(content)))
    content = np.asarray(content, dtype=np.float64)
    if not content.any():
        content = np.ones_like(content)
    share = np.cumsum(content) / content.sum()
    chosen = set(np.searchsorted(share, (np.arange(count) + 0.5) / count).tolist())
    # One slice with several shares was hit more than once: the fullest of the rest step in.
    for index in np.argsort(-content, kind="stable").tolist():
        if len(chosen) == count:
            break
        chosen.add(index)
    return sorted(chosen)


def material_threshold(histogram: np.ndarray) -> int:
    """Return the grey above which there is material, be it alumina or Pt.

    A first threshold may part Pt from all else. For the second, everything brighter counts
    as no brighter than the first, so that empty and filled are what is left to part.
    """
    top = _otsu(histogram)
    capped = histogram[: top + 2].copy()
    capped[top + 1] = histogram[top + 1 :].sum()
    return _otsu(capped)


def _otsu(histogram: np.ndarray) -> int:
    """Return the grey that best parts a histogram in two by the variance between the parts."""
    greys = np.arange(len(histogram))
    weight = np.cumsum(histogram) / histogram.sum()
    mean = np.cumsum(histogram * greys) / histogram.sum()
    inside = weight * (1 - weight)
    between = (mean[-1] * weight - mean) ** 2 / np.where(inside > 0, inside, np.inf)
    best = np.flatnonzero(between >= (1 - 1e-9) * between.max())
    return int(best.mean())  # the middle of a gap in the histogram
