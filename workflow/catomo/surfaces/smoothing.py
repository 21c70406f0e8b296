"""Taubin smoothing of meshes, block by block where they are large.

A round moves a point by what its neighbours are, so what lies more slices away than there are
rounds plays no part: blocks with so many slices around them give the same as the whole.
"""

from __future__ import annotations

import numpy as np

ROUNDS = 20
_BLOCK = 1_000_000  # points


def smoothed(
    points: np.ndarray, faces: np.ndarray, pass_band: float, block: int = _BLOCK
) -> np.ndarray:
    """Return the points of a mesh after smoothing.

    Parameters
    ----------
    points : ndarray of float32, (n, 3)
        In px. Those between one slice and the next stand together, in the order of the slices,
        which their last coordinate tells.
    faces : ndarray of int32, (m, 3)
        Triangles within one voxel.
    pass_band : float
        The larger, the less is smoothed.
    block : int
        How many points to smooth at a time, about; it changes no coordinate.
    """
    if len(points) <= block:
        return _smooth(points, faces, pass_band)
    slices = np.floor(points[:, 2]).astype(np.int32)
    result = np.empty_like(points)
    start = 0
    while start < len(points):
        stop = int(np.searchsorted(slices, slices[min(start + block, len(points)) - 1], "right"))
        reach = (slices[start] - ROUNDS - 2, slices[stop - 1] + ROUNDS + 2)
        low, high = np.searchsorted(slices, reach[0]), np.searchsorted(slices, reach[1], "right")
        own = faces[((faces >= low) & (faces < high)).all(axis=1)] - np.int32(low)
        part = _smooth(points[low:high], own, pass_band)
        result[start:stop] = part[start - low : stop - low]
        start = stop
    return result


def _smooth(points: np.ndarray, faces: np.ndarray, pass_band: float) -> np.ndarray:
    import pyvista

    poly = pyvista.PolyData.from_regular_faces(points, faces)
    return np.asarray(poly.smooth_taubin(n_iter=ROUNDS, pass_band=pass_band).points)
