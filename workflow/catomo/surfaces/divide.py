"""Divide one particle in two, as a person asks: by the watershed of two seeds."""

from __future__ import annotations

import numpy as np

_ROUNDS = 12  # of halving the depth at which two maxima are sought


def divided(voxels: np.ndarray) -> np.ndarray:
    """Return which voxels of a particle belong to its second part.

    The seeds are the two maxima of the distance transform with the deepest neck between them. A
    body without a neck has one maximum; then its seeds are the ends of its longest axis.

    Parameters
    ----------
    voxels : ndarray of int, (n, 3)

    Returns
    -------
    ndarray of bool, (n,)
        Neither all nor none, if there are two voxels.
    """
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import watershed

    low = voxels.min(axis=0) - 1
    place = tuple((voxels - low).T)
    mask = np.zeros(np.ptp(voxels, axis=0) + 3, bool)
    mask[place] = True
    distance = distance_transform_edt(mask)
    seeds = _seeds(distance, mask)
    if seeds is None:
        seeds = _ends(mask, place)
    parts = watershed(-distance, seeds, connectivity=np.ones((3, 3, 3), bool), mask=mask)
    second = parts[place] == 2
    # Seeds at the ends of a flat distance may leave one of them with nothing but itself.
    return second if second.any() else np.arange(len(voxels)) == len(voxels) - 1


def _seeds(distance: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """Return the markers of the two maxima with the deepest neck; None if there is one only."""
    from scipy.ndimage import label
    from skimage.morphology import local_maxima, reconstruction

    corners = np.ones((3, 3, 3), bool)

    def maxima(depth: float) -> tuple[np.ndarray, int]:
        lowered = reconstruction(distance - depth, distance) if depth else distance
        return label(local_maxima(lowered) & mask, corners)

    shallow, deep = 0.0, float(distance.max())
    markers, count = maxima(1e-6)
    if count < 2:
        return None
    for _ in range(_ROUNDS):
        depth = (shallow + deep) / 2
        tried, number = maxima(depth)
        if number >= 2:
            shallow, markers, count = depth, tried, number
        else:
            deep = depth
    heights = np.array([distance[markers == n].max() for n in range(1, count + 1)])
    first, second = np.argsort(-heights, kind="stable")[:2] + 1
    return np.where(markers == first, 1, np.where(markers == second, 2, 0))


def _ends(mask: np.ndarray, place: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return markers on the two halves of a body, away from the plane between them."""
    points = np.stack(place, axis=1).astype(float)
    points -= points.mean(axis=0)
    axis = np.linalg.svd(points, full_matrices=False)[2][0]
    along = points @ axis
    markers = np.zeros(mask.shape, np.int32)
    middle = np.median(along)
    markers[tuple(index[along <= middle] for index in place)] = 1
    markers[tuple(index[along > middle] for index in place)] = 2
    return markers
