"""Which slices to annotate: spread over the specimen, not over the empty space around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from catomo.labels.otsu import material_threshold


def suggest(slices: Iterable[np.ndarray], count: int, left_out: Sequence[int] = ()) -> list[int]:
    """Return the indices of `count` slices that cover the specimen evenly.

    Each suggested slice stands for an equal share of all material, that is of the pixels
    brighter than a threshold common to the stack. All slices are suggested when there are
    no more than `count`.

    Parameters
    ----------
    slices : iterable of ndarray of uint8, (z, x)
        All slices in order.
    count : int
        How many to suggest.
    left_out : sequence of int
        Slices that are not suggested, unless there are no others.

    Returns
    -------
    list of int
        Ascending, each once.
    """
    content = material_per_slice(slices)
    kept = np.setdiff1d(np.arange(len(content)), left_out)
    if not len(kept):
        kept = np.arange(len(content))
    return kept[spread(content[kept], count)].tolist()


def material_per_slice(slices: Iterable[np.ndarray]) -> np.ndarray:
    """Return the number of pixels with material of any class in each uint8 slice (z, x)."""
    histograms = np.array([np.bincount(image.ravel(), minlength=256) for image in slices])
    threshold = material_threshold(histograms.sum(axis=0))
    return histograms[:, threshold + 1 :].sum(axis=1)


def spread(content: np.ndarray, count: int) -> list[int]:
    """Return `count` ascending indices at equal steps of the cumulative content (1-D)."""
    if count >= len(content):
        return list(range(len(content)))
    content = np.asarray(content, dtype=np.float64)
    if not content.any():
        content = np.ones_like(content)
    share = np.cumsum(content) / content.sum()
    chosen = set(np.searchsorted(share, (np.arange(count) + 0.5) / count).tolist())
    # A slice that holds several shares was chosen for each of them; the fullest of the
    # others are taken in addition, until there are `count`.
    for index in np.argsort(-content, kind="stable").tolist():
        if len(chosen) == count:
            break
        chosen.add(index)
    return sorted(chosen)
