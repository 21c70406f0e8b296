"""The pores of a support: its hull, and what of it is open, closed or not to be known.

The hull is the morphological closing of the support by a ball, with its holes filled. Beyond
the frame everything goes on as at its end, so the frame neither opens nor closes a pore.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_fill_holes, distance_transform_edt, label

from catomo.surfaces.frame import Frame

# The hull of a larger volume is computed from every k-th voxel along each axis, in bounded
# memory and time.
_MOST_VOXELS = 12_000_000


@dataclass(frozen=True)
class Hull:
    """The support without its pores, in one run of recorded slices, on a coarser grid.

    Attributes
    ----------
    run : slice
        The slices of the volume.
    stride : int
        Every how many voxels.
    inside : ndarray of bool
        The hull.
    """

    run: slice
    stride: int
    inside: np.ndarray

    def holds(self, voxels: np.ndarray) -> np.ndarray:
        """Return which voxels (n, 3) of the volume lie in the hull."""
        here = (voxels[:, 0] >= self.run.start) & (voxels[:, 0] < self.run.stop)
        place = (voxels[here] - [self.run.start, 0, 0]) // self.stride
        result = np.zeros(len(voxels), bool)
        result[here] = self.inside[tuple(place.T)]
        return result


@dataclass(frozen=True)
class Pores:
    """How many voxels of the hull are pores, by their way out.

    Attributes
    ----------
    hull : int
        Voxels of the hull.
    open, closed, unknown : int
        Voxels of pores with a way out through faces of voxels, without one, and without one
        in the frame that may have one beyond it.
    """

    hull: int
    open: int
    closed: int
    unknown: int

    def __add__(self, other: Pores) -> Pores:
        return Pores(
            self.hull + other.hull,
            self.open + other.open,
            self.closed + other.closed,
            self.unknown + other.unknown,
        )


def stride_of(shape: tuple[int, ...]) -> int:
    """Return every how many voxels pores are looked at."""
    return int(np.ceil((np.prod(shape, dtype=float) / _MOST_VOXELS) ** (1 / 3)))


def hulls_of(solid: np.ndarray, radius_px: float, frame: Frame) -> list[Hull]:
    """Return the hull of a support in each run of recorded slices.

    Parameters
    ----------
    solid : ndarray of bool, (y, z, x)
        The support.
    radius_px : float
        Radius of the ball that closes it.
    frame : Frame
    """
    stride = stride_of(solid.shape)
    return [
        Hull(run, stride, hull(solid[run][(slice(None, None, stride),) * 3], radius_px / stride))
        for run in frame.runs()
    ]


def in_hulls(hulls: list[Hull], voxels: np.ndarray) -> np.ndarray:
    """Return which voxels (n, 3) of the volume lie in one of the hulls."""
    result = np.zeros(len(voxels), bool)
    for one in hulls:
        result |= one.holds(voxels)
    return result


def with_pores(labels: np.ndarray, hulls: list[Hull], value: int) -> np.ndarray:
    """Return labels in which background within the hull has a value of its own."""
    result = labels.copy()
    for one in hulls:
        part = result[one.run]
        for number, page in enumerate(part):
            inside = one.inside[number // one.stride]
            fine = inside.repeat(one.stride, axis=0).repeat(one.stride, axis=1)
            page[fine[: page.shape[0], : page.shape[1]] & (page == 0)] = value
    return result


def hull(solid: np.ndarray, radius_px: float) -> np.ndarray:
    """Return the closing of a mask by a ball, with holes filled; it goes on beyond its ends."""
    result = np.zeros_like(solid)
    if not solid.any():
        return result
    margin = int(np.ceil(radius_px)) + 1
    box = tuple(_around(solid, axis, margin) for axis in range(3))
    part = solid[box]
    inner = tuple(slice(margin, n + margin) for n in part.shape)
    distance = distance_transform_edt(~np.pad(part, margin, mode="edge"))
    closed = distance_transform_edt(distance <= radius_px) > radius_px
    result[box] = binary_fill_holes(closed[inner] | part)
    return result


def find_pores(matter: np.ndarray, inside: np.ndarray) -> Pores:
    """Sort the pores of one run by their way out.

    Parameters
    ----------
    matter : ndarray of bool, (y, z, x)
        Everything but background.
    inside : ndarray of bool
        The hull, on the same grid.
    """
    numbers, count = label(~matter)
    leads_out, at_frame = np.zeros(count + 1, bool), np.zeros(count + 1, bool)
    leads_out[np.unique(numbers[~inside])] = True
    for axis in range(3):
        for end in (0, -1):
            at_frame[np.unique(np.take(numbers, end, axis))] = True
    sizes = np.bincount(numbers[inside], minlength=count + 1)
    sizes[0] = leads_out[0] = at_frame[0] = 0
    return Pores(
        int(np.count_nonzero(inside)),
        int(sizes[leads_out].sum()),
        int(sizes[~leads_out & ~at_frame].sum()),
        int(sizes[~leads_out & at_frame].sum()),
    )


def _around(mask: np.ndarray, axis: int, margin: int) -> slice:
    """Return where a mask is not empty along an axis, and `margin` more on either side."""
    others = tuple(other for other in range(mask.ndim) if other != axis)
    (hit,) = np.nonzero(mask.any(axis=others))
    return slice(max(hit[0] - margin, 0), min(hit[-1] + 1 + margin, mask.shape[axis]))
