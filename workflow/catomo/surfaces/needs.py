"""What surfaces need, from how much surface the labels have: known before any mesh is made.

Files, memory and time grow with the voxel faces at which a class ends. Labels of smooth bodies
have few of them, labels full of specks many times more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

_FACES_PER_AREA = 1.575  # of the demo, the needle and their like


class Needs(NamedTuple):
    """What surfaces take: bytes of memory and of disk, and seconds of one core."""

    memory: float
    disk: float
    seconds: float


def area_of(voxels: float, classes: int) -> float:
    """Return the area, in voxel faces, by which smooth bodies in so many voxels are judged.

    Parameters
    ----------
    voxels : float
    classes : int
        The background among them.
    """
    return voxels ** (2 / 3) * (classes - 1)


def usual_faces(area: float) -> float:
    """Return how many voxel faces the classes of a usual specimen have, see `count_faces`."""
    return _FACES_PER_AREA * area


def needs(area: float, faces: float, voxels: float, redraws: int) -> Needs:
    """Return what surfaces and quantities of labels take.

    Parameters
    ----------
    area : float
        See `area_of`.
    faces : float
        Voxel faces that the classes have; see `count_faces` and `usual_faces`.
    voxels : float
    redraws : int
        How often the labels are redrawn.
    """
    # The larger of two peaks: a renderer runs beside the stage, or quantities are measured. Of
    # large meshes small copies are made, so the first faces take most.
    drawn = 0.68e9 + min(1800 * faces, 0.25e9) + 430 * faces + 2 * voxels
    measured = 0.4e9 + 11.5 * voxels
    of_redraw = 1e-7 * voxels + 3e-6 * faces
    seconds = 5 + 3.2e-4 * area + 4e-5 * faces + redraws * of_redraw
    return Needs(max(drawn, measured), 1.9e6 + 200 * faces, seconds)


def count_faces(labels: Iterable[np.ndarray]) -> int:
    """Return how many voxel faces the classes have, summed over all but the background.

    Parameters
    ----------
    labels : iterable of ndarray of uint8, (z, x)
        The slices in their order; 0 is the background. The end of the data is no face.
    """
    count, before = 0, None
    for here in labels:
        pairs = [(here[:-1], here[1:]), (here[:, :-1], here[:, 1:])]
        if before is not None:
            pairs.append((before, here))
        for one, other in pairs:
            differ = one != other
            both = differ & (one > 0) & (other > 0)  # each of the two classes has a face
            count += int(np.count_nonzero(differ)) + int(np.count_nonzero(both))
        before = here
    return count
