"""How much of the particles' free face a molecule of some size reaches from outside."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

_FACES = tuple((axis, step) for axis in range(3) for step in (1, -1))


def reachable_shares(
    labels: np.ndarray, phase: int, inside: np.ndarray, radii_px: np.ndarray
) -> tuple[np.ndarray, int]:
    """Return which share of the free voxel faces of a class balls of each radius can touch.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    phase : int
        Label of the class.
    inside : ndarray of bool, (y, z, x)
        The hull of the support; balls come from outside of it.
    radii_px : ndarray of float64

    Returns
    -------
    ndarray of float64
        Zero where nothing is free.
    int
        Number of free faces.

    Notes
    -----
    A ball gets where the widest path from outside is as wide as it, and touches what lies within
    its radius there. The frame is no wall.
    """
    from skimage.morphology import reconstruction

    matter = labels != 0
    free = _free_faces(labels == phase, matter)
    places = tuple(np.nonzero(free))
    count = int(free.sum())
    if not count:
        return np.zeros(len(radii_px)), 0
    distance = distance_transform_edt(~matter).astype(np.float32)
    widest = reconstruction(np.where(inside, np.float32(0), distance), distance)
    shares = []
    # Only as far around the places as a ball reaches.
    margin = int(np.ceil(max(radii_px, default=0))) + 2
    box = tuple(slice(max(p.min() - margin, 0), p.max() + margin + 1) for p in places)
    faces = free[places]
    places = tuple(p - ends.start for p, ends in zip(places, box, strict=True))
    widest = widest[box]
    for radius in radii_px:
        # From the centre of a voxel to the end of matter it is half a px less than to its centre.
        centres = widest - 0.5 >= radius
        if not centres.any():
            shares.append(0.0)
            continue
        reached = distance_transform_edt(~centres)[places] <= radius + 0.5
        shares.append(float(faces[reached].sum() / count))
    return np.array(shares), count


def _free_faces(phase: np.ndarray, matter: np.ndarray) -> np.ndarray:
    """Return how many faces each background voxel shares with a class, uint8."""
    free = np.zeros(phase.shape, np.uint8)
    for axis, step in _FACES:
        here, there = [slice(None)] * 3, [slice(None)] * 3
        here[axis] = slice(1, None) if step > 0 else slice(None, -1)
        there[axis] = slice(None, -1) if step > 0 else slice(1, None)
        free[tuple(here)] += phase[tuple(there)]
    return np.where(matter, np.uint8(0), free)
