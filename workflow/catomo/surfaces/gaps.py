"""How far it is from each particle to the nearest other one."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from catomo.labels.particles import Instances

# Distances are between centres of voxels. The surfaces of two digitised balls lie, together,
# this much farther out towards each other (mean over balls of 2 to 10 px radius, measured).
_BETWEEN_CENTRES_PX = 0.67

_LARGEST_BOX = 1 << 24  # voxels around a particle whose inner voxels are left out


def gaps(pieces: Instances, kept: np.ndarray) -> np.ndarray:
    """Return the gap from each particle to the nearest other, NaN where there is none."""
    spacing = np.full(pieces.count, np.nan)
    numbers = np.flatnonzero(kept)
    if len(numbers) < 2:
        return spacing
    order = np.argsort(pieces.ids, kind="stable")
    parts = np.split(pieces.voxels[order], np.cumsum(pieces.sizes())[:-1])
    parts = [_rim(parts[number]) for number in numbers]
    trees = [cKDTree(part) for part in parts]
    centres = pieces.centres()[numbers]
    pairs = zip(parts, centres, strict=True)
    reach = np.array([np.linalg.norm(part - centre, axis=1).max() for part, centre in pairs])
    for row, number in enumerate(numbers):
        # No two voxels are nearer to each other than the centres less how far voxels reach.
        least = np.linalg.norm(centres - centres[row], axis=1) - reach - reach[row]
        least[row] = np.inf
        best = np.inf
        for other in np.argsort(least, kind="stable"):
            if least[other] >= best or not np.isfinite(least[other]):
                break
            distances, _ = trees[row].query(parts[other], distance_upper_bound=best)
            best = min(best, float(np.min(distances)))
        spacing[number] = max(best - _BETWEEN_CENTRES_PX, 0.0)
    return spacing


def _rim(voxels: np.ndarray) -> np.ndarray:
    """Return the voxels of a particle with a face to something else: the others are not nearest."""
    box = np.ptp(voxels, axis=0) + 3
    if np.prod(box, dtype=float) > _LARGEST_BOX:
        return voxels
    place = tuple((voxels - voxels.min(axis=0) + 1).T)
    mask = np.zeros(box, bool)
    mask[place] = True
    return voxels[~binary_erosion(mask)[place]]
