"""Hausdorff distances: how far the edges of two masks lie apart, in images and in volumes.

Edges are kept as sorted flat indices, so a volume streams through page by page, and memory is
some tens of bytes per point of its surface. Points that both edges share are at distance 0 and
cost no search.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import chain

import numpy as np

PERCENTILES = (100, 99, 95, 90, 75, 50)
_BLOCK = 1 << 20  # points searched at once, of either edge


def hausdorff(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing,
    percentiles=PERCENTILES,
    mode: str = "directed",
    edge: str = "pixels",
) -> np.ndarray:
    """Return percentiles of the distance between the edges of two masks.

    The 100th percentile is the Hausdorff distance, lower ones are "robust" (Genc et al.
    2022, equations 5 to 7). What lies beyond the rim of the picture is outside the mask.

    Parameters
    ----------
    truth, prediction : ndarray of bool
        Masks of the same shape, 2-D or 3-D.
    spacing : float or sequence of float
        Distance between pixels along each axis; sets the unit of the result (nm).
    percentiles : sequence of float
    mode : str
        ``directed``: percentile of truth → prediction and of prediction → truth, then the
        larger (as the paper's numbers imply; MONAI, surface-distance). ``pooled``: percentile
        over both sets of distances together (MedPy).
    edge : str
        ``pixels``: centres of the mask's pixels that have a face neighbour outside (MedPy,
        MONAI). ``corners``: corners of pixels where inside and outside meet, the same for a
        mask and its complement (surface-distance). Each point counts once.

    Returns
    -------
    ndarray of float64, (len(percentiles),)
        NaN when either mask is empty, or both are.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} differ in shape")
    if not (truth.any() and prediction.any()):
        return np.full(len(percentiles), np.nan)
    box = _box(truth | prediction)
    found = [_EDGES[edge](mask[box]) for mask in (truth, prediction)]
    flat = [np.flatnonzero(points) for points in found]
    return between(*flat, found[0].shape, spacing, percentiles, mode)


def between(true_edge, found_edge, shape, spacing, percentiles=PERCENTILES, mode="directed"):
    """Return percentiles of the distance between two edges, as `hausdorff` does.

    Parameters
    ----------
    true_edge, found_edge : ndarray of int64
        Ascending flat indices into a grid of `shape`.
    shape : tuple of int
    spacing, percentiles, mode
        As for `hausdorff`.
    """
    if mode not in ("directed", "pooled"):
        raise ValueError(f"mode is '{mode}', expected 'directed' or 'pooled'")
    if not (len(true_edge) and len(found_edge)):
        return np.full(len(percentiles), np.nan)
    spacing = np.broadcast_to(np.asarray(spacing, dtype=np.float64), len(shape))
    there = _distances(true_edge, found_edge, shape, spacing)
    back = _distances(found_edge, true_edge, shape, spacing)
    if mode == "pooled":
        return np.percentile(np.concatenate([there, back]), percentiles)
    return np.maximum(np.percentile(there, percentiles), np.percentile(back, percentiles))


def surface(pages: Iterable[np.ndarray], shape, edge: str = "pixels"):
    """Return the edge of a mask in a volume whose pages come one by one.

    Parameters
    ----------
    pages : iterable of ndarray of bool, (rows, columns)
        The pages of the volume in order.
    shape : (int, int, int)
        Shape of the volume.
    edge : str
        As for `hausdorff`.

    Returns
    -------
    points : ndarray of int64
        Ascending flat indices into a grid.
    grid : (int, int, int)
        Shape of the grid: that of the volume, or of the corners of its voxels.
    """
    grid = tuple(n + (edge == "corners") for n in shape)
    beyond = np.zeros(shape[1:], bool)
    window = deque([beyond, beyond], maxlen=3)
    points = []
    # The middle page's edge depends on the page before it and the one after.
    for number, page in enumerate(chain(pages, (beyond, beyond)), start=-1):
        window.append(page)
        if 0 <= number < grid[0]:
            middle = np.flatnonzero(_EDGES[edge](np.stack(window))[1])
            points.append(middle + number * grid[1] * grid[2])
    return np.concatenate(points), grid


def edge_pixels(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a boolean mask that have a face neighbour outside it."""
    inside = mask.copy()
    for axis in range(mask.ndim):
        along, kept = np.moveaxis(mask, axis, 0), np.moveaxis(inside, axis, 0)
        kept[1:] &= along[:-1]
        kept[:-1] &= along[1:]
        kept[0] = kept[-1] = False
    return mask & ~inside


def edge_corners(mask: np.ndarray) -> np.ndarray:
    """Return the corners of pixels that touch both the mask and its outside.

    The result is larger by one along each axis; corner ``i`` lies before pixel ``i``.
    """
    some = every = np.pad(mask, 1)
    for axis in range(mask.ndim):
        before = (slice(None),) * axis + (slice(-1),)
        after = (slice(None),) * axis + (slice(1, None),)
        some, every = some[before] | some[after], every[before] & every[after]
    return some & ~every


_EDGES = {"pixels": edge_pixels, "corners": edge_corners}


def _box(mask: np.ndarray) -> tuple[slice, ...]:
    """Return the smallest box around a mask that is not empty."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        (hit,) = np.nonzero(mask.any(axis=others))
        box.append(slice(hit[0], hit[-1] + 1))
    return tuple(box)


def _distances(start: np.ndarray, goal: np.ndarray, shape, spacing: np.ndarray) -> np.ndarray:
    """Return the distance from every point of `start` to the nearest of `goal`, in any order."""
    distances = np.zeros(len(start))
    for first in range(0, len(start), _BLOCK):
        block = start[first : first + _BLOCK]
        place = np.searchsorted(goal, block).clip(max=len(goal) - 1)
        away = block[goal[place] != block]
        if len(away):
            distances[first : first + len(away)] = _nearest(away, goal, shape, spacing)
    return distances


def _nearest(away: np.ndarray, goal: np.ndarray, shape, spacing: np.ndarray) -> np.ndarray:
    """Search `goal` block by block, each only for the points that it may be nearer to."""
    from scipy.spatial import cKDTree

    def places(flat: np.ndarray) -> np.ndarray:
        return np.stack(np.unravel_index(flat, shape), axis=1) * (spacing / unit)

    unit = spacing.min()  # in units of it, equal distances are equal numbers
    points, nearest = places(away), np.full(len(away), np.inf)
    page = points[:, 0]
    blocks = []
    for first in range(0, len(goal), _BLOCK):
        block = goal[first : first + _BLOCK]
        low, high = places(block[[0, -1]])[:, 0]  # its pages; it is no nearer than these
        blocks.append((max(low - page[-1], page[0] - high), first, low, high, block))
    for *_, low, high, block in sorted(blocks, key=lambda entry: entry[:2]):
        left = nearest > np.maximum(low - page, page - high)
        if left.any():
            tree = cKDTree(places(block), balanced_tree=False, compact_nodes=False)
            nearest[left] = np.minimum(nearest[left], tree.query(points[left])[0])
    return nearest * unit
