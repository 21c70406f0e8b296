"""Hausdorff distances: how far apart the edges of two masks are, in images and in volumes.

Edges are kept as sorted indices into the flattened array. So a volume is read page by page,
and memory is some tens of bytes per point of its edges. Points that both edges share have
distance 0 and are not searched for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

PERCENTILES = (100, 99, 95, 90, 75, 50)
_BLOCK = 1 << 20  # points of either edge that are searched at once


def hausdorff_distance(
    truth: np.ndarray,
    predicted: np.ndarray,
    spacing: float | Sequence[float] = 1.0,
    percentile: float | Sequence[float] = 100,
    mode: str = "directed",
    edge: str = "pixels",
) -> np.ndarray:
    """Return the Hausdorff distance between the edges of two masks, or a percentile of it.

    The 100th percentile is the Hausdorff distance; lower ones are "robust" Hausdorff
    distances (Genc et al. 2022, equations 5 to 7). Everything outside of the array counts as
    outside of the mask, so a mask has an edge where it reaches the end of the array.

    Parameters
    ----------
    truth, predicted : ndarray of bool
        Masks of the same shape, 2-D or 3-D (not zero is inside). For labels, compare one
        class: ``truth == label``.
    spacing : float or sequence of float
        Distance between pixels along each axis; the result has its unit, such as nm.
    percentile : float or sequence of float
        Percentile of the edge distances, 0 to 100.
    mode : str
        ``directed``: the percentile of the distances from truth to prediction and of those
        from prediction to truth, then the larger (as the paper's numbers imply, and as in
        MONAI and surface-distance). ``pooled``: the percentile of both sets of distances
        together (as in MedPy).
    edge : str
        ``pixels``: centres of the pixels of the mask that have a face neighbour outside of
        it (as in MedPy and MONAI). ``corners``: corners of pixels where inside and outside
        meet, which are the same for a mask and its complement (as in surface-distance, but
        each point counts once).

    Returns
    -------
    float64 or ndarray of float64
        One value per percentile, as from `numpy.percentile`. NaN if either mask is empty, or
        both are: there is no edge to measure from. (scikit-image's function of this name
        returns infinity or 0 then, and measures between all pixels, not only between edges.)

    Raises
    ------
    ValueError
        If the shapes differ, or `mode` or `edge` is unknown.
    """
    truth, predicted = np.asarray(truth, bool), np.asarray(predicted, bool)
    if truth.shape != predicted.shape:
        raise ValueError(f"truth {truth.shape} and prediction {predicted.shape} differ in shape")
    if edge not in _EDGES:
        raise ValueError(f"edge is '{edge}', expected 'pixels' or 'corners'")
    if not (truth.any() and predicted.any()):
        return np.full(np.shape(percentile), np.nan)[()]
    box = _bounding_box(truth | predicted)
    true_edge, predicted_edge = (_EDGES[edge](mask[box]) for mask in (truth, predicted))
    return edge_distance(
        np.flatnonzero(true_edge),
        np.flatnonzero(predicted_edge),
        true_edge.shape,
        spacing,
        percentile,
        mode,
    )


def edge_distance(
    true_edge: np.ndarray,
    predicted_edge: np.ndarray,
    shape: tuple[int, ...],
    spacing: float | Sequence[float],
    percentile: float | Sequence[float] = PERCENTILES,
    mode: str = "directed",
) -> np.ndarray:
    """Return percentiles of the distance between two edges, as `hausdorff_distance` does.

    Parameters
    ----------
    true_edge, predicted_edge : ndarray of int64
        Ascending indices into a flattened grid.
    shape : tuple of int
        Shape of the grid.
    spacing, percentile, mode
        As for `hausdorff_distance`.
    """
    if mode not in ("directed", "pooled"):
        raise ValueError(f"mode is '{mode}', expected 'directed' or 'pooled'")
    if not (len(true_edge) and len(predicted_edge)):
        return np.full(np.shape(percentile), np.nan)[()]
    steps = np.broadcast_to(np.asarray(spacing, dtype=np.float64), len(shape))
    there = _distances(true_edge, predicted_edge, shape, steps)
    back = _distances(predicted_edge, true_edge, shape, steps)
    if mode == "pooled":
        return np.percentile(np.concatenate([there, back]), percentile)
    return np.maximum(np.percentile(there, percentile), np.percentile(back, percentile))


def volume_edge(
    pages: Iterable[np.ndarray], shape: tuple[int, ...], edge: str = "pixels"
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the edge of a mask in a volume whose pages are read one by one.

    Parameters
    ----------
    pages : iterable of ndarray of bool, (rows, columns)
        The pages of the volume in order.
    shape : (int, int, int)
        Shape of the volume.
    edge : str
        As for `hausdorff_distance`.

    Returns
    -------
    points : ndarray of int64
        Ascending indices into a flattened grid.
    grid : (int, int, int)
        Shape of the grid: that of the volume, or of the corners of its voxels.
    """
    grid = tuple(n + (edge == "corners") for n in shape)
    outside = np.zeros(shape[1:], bool)
    window = deque([outside, outside], maxlen=3)
    points = []
    # The edge in the middle page depends on the page before it and the page after it.
    for number, page in enumerate(chain(pages, (outside, outside)), start=-1):
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
    """Return the corners of pixels at which a boolean mask and its outside meet.

    The result is larger by one along each axis; corner ``i`` lies before pixel ``i``.
    """
    some = every = np.pad(mask, 1)
    for axis in range(mask.ndim):
        before = (slice(None),) * axis + (slice(-1),)
        after = (slice(None),) * axis + (slice(1, None),)
        some, every = some[before] | some[after], every[before] & every[after]
    return some & ~every


_EDGES = {"pixels": edge_pixels, "corners": edge_corners}


def _bounding_box(mask: np.ndarray) -> tuple[slice, ...]:
    """Return the smallest box around a mask that is not empty."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        (hit,) = np.nonzero(mask.any(axis=others))
        box.append(slice(hit[0], hit[-1] + 1))
    return tuple(box)


def _distances(
    start: np.ndarray, goal: np.ndarray, shape: tuple[int, ...], spacing: np.ndarray
) -> np.ndarray:
    """Return the distance from each point of `start` to the nearest of `goal`, in any order."""
    distances = np.zeros(len(start))
    for first in range(0, len(start), _BLOCK):
        block = start[first : first + _BLOCK]
        place = np.searchsorted(goal, block).clip(max=len(goal) - 1)
        apart = block[goal[place] != block]
        if len(apart):
            distances[first : first + len(apart)] = _nearest(apart, goal, shape, spacing)
    return distances


def _nearest(
    start: np.ndarray, goal: np.ndarray, shape: tuple[int, ...], spacing: np.ndarray
) -> np.ndarray:
    """Return the distance from each point of `start` to the nearest of `goal`.

    `goal` is searched block by block, nearest pages first, and a block only for those points
    of `start` that it may be nearer to than the blocks before.
    """
    from scipy.spatial import cKDTree

    def places(flat: np.ndarray) -> np.ndarray:
        return np.stack(np.unravel_index(flat, shape), axis=1) * (spacing / unit)

    unit = spacing.min()  # measured in this unit, equal distances are equal numbers
    points, nearest = places(start), np.full(len(start), np.inf)
    page = points[:, 0]
    blocks = []
    for first in range(0, len(goal), _BLOCK):
        block = goal[first : first + _BLOCK]
        low, high = places(block[[0, -1]])[:, 0]  # no point of the block is on other pages
        blocks.append((max(low - page[-1], page[0] - high), first, low, high, block))
    for *_, low, high, block in sorted(blocks, key=lambda entry: entry[:2]):
        left = nearest > np.maximum(low - page, page - high)
        if left.any():
            tree = cKDTree(places(block), balanced_tree=False, compact_nodes=False)
            nearest[left] = np.minimum(nearest[left], tree.query(points[left])[0])
    return nearest * unit
