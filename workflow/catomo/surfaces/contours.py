"""Boundaries of one class of a volume, read slab by slab.

What is contoured is a field of bytes: positive where a voxel belongs to the class, negative
elsewhere, and the nearer to zero, the less sure that is. Labels alone make a field of two
values, so boundaries lie midway between voxels. With the confidence of a model they lie where
the class becomes as likely as everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Slices of a slab: enough that the one slice that two slabs share costs little.
_SLAB_VOXELS = 1 << 25

# Takes the first slice and the one past the last; returns them, (slices, rows, columns). A field
# is int8.
Reader = Callable[[int, int], np.ndarray]

_CERTAIN = np.int8(127)
# From the confidence as a byte to how far the field lies from zero.
_SURE = np.maximum((2 * np.arange(256) - 255) // 2, 1).astype(np.int8)


@dataclass(frozen=True)
class Contour:
    """Closed triangles around a class.

    Attributes
    ----------
    points : ndarray of float32, (n, 3)
        x, z, y in px from the corner `start`.
    faces : ndarray of int32, (m, 3)
        Corners of each triangle, counter-clockwise seen from outside with axes (x, z, y).
    start : ndarray of int64, (3,)
        Slice, row and column that points are counted from.
    at_frame : ndarray of bool, (m,)
        Which triangles close the class where the data end.
    """

    points: np.ndarray
    faces: np.ndarray
    start: np.ndarray
    at_frame: np.ndarray


def field_of(labels: np.ndarray, phase: int, confidence: Reader | None = None) -> Reader:
    """Return the field of a class of labels.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    phase : int
    confidence : callable, optional
        Takes the first slice and the one past the last; returns how likely each label is, as
        uint8 (slices, z, x), 255 for certain. A label that is the likeliest of several and
        still below one half stays on its side.
    """

    def read(start: int, stop: int) -> np.ndarray:
        inside = labels[start:stop] == phase
        sure = _CERTAIN if confidence is None else _SURE[confidence(start, stop)]
        return np.where(inside, sure, -sure)

    return read


def coarser(read: Reader, shape: tuple[int, ...], factor: int) -> tuple[Reader, tuple[int, ...]]:
    """Return a field of larger voxels, each the mean of `factor`³, and its shape.

    What is positive in the mean of its voxels is positive, and so is what is zero.
    """
    counts = tuple(-(-n // factor) for n in shape)

    def read_coarse(start: int, stop: int) -> np.ndarray:
        part = read(start * factor, min(stop * factor, shape[0]))
        voxels = np.ones((1, 1, 1), np.int32)
        for axis in range(3):
            lead = (slice(None),) * axis
            every = [part[(*lead, slice(k, None, factor))] for k in range(factor)]
            part, counted = every[0].astype(np.int32), np.ones(every[0].shape[axis], np.int32)
            for one in every[1:]:
                here = slice(0, one.shape[axis])
                part[(*lead, here)] += one
                counted[here] += 1
            along = [-1 if other == axis else 1 for other in range(3)]
            voxels = voxels * counted.reshape(along)
        mean = np.rint(part / voxels).astype(np.int8)
        return np.where(mean == 0, np.int8(1), mean)

    return read_coarse, counts


def contour(
    read: Reader, shape: tuple[int, ...], run: slice, slab_voxels: int = _SLAB_VOXELS
) -> Contour | None:
    """Return the boundary of a class in an unbroken run of slices; None if it is empty.

    Parameters
    ----------
    read : callable
        The field.
    shape : (int, int, int)
        Shape of the volume (y, z, x).
    run : slice
        Slices of the volume; the class is closed half a voxel beyond them, as it is on the
        other four sides of the volume.
    slab_voxels : int
        How many voxels to hold at a time; it changes no triangle.
    """
    thick = max(int(slab_voxels // max(shape[1] * shape[2], 1)), 1)
    box = _extent(read, run, thick, shape)
    if box is None:
        return None
    parts, first = _Stitched(), box[0].start - 1
    for here in range(first, box[0].stop, thick):
        slab = _padded(read, here, min(here + thick, box[0].stop) + 1, box, run)
        parts.add(*_flying_edges(slab, here - first), here - first)
    points, faces = parts.joined()
    start = np.array([ends.start - 1 for ends in box])
    ends = (run, slice(0, shape[1]), slice(0, shape[2]))
    return Contour(points, faces, start, _at_frame(points, faces, start, ends))


def _extent(
    read: Reader, run: slice, thick: int, shape: tuple[int, ...]
) -> tuple[slice, ...] | None:
    """Return the box around the class, None if it is empty."""
    hit = [np.zeros(n, bool) for n in shape]
    for start in range(run.start, run.stop, thick):
        stop = min(start + thick, run.stop)
        inside = read(start, stop) > 0
        flat = inside.max(axis=0)
        hit[0][start:stop] = inside.any(axis=(1, 2))
        hit[1] |= flat.any(axis=1)
        hit[2] |= flat.any(axis=0)
    if not hit[0].any():
        return None
    ends = [np.flatnonzero(one)[[0, -1]] for one in hit]
    return tuple(slice(int(low), int(high) + 1) for low, high in ends)


def _padded(read: Reader, start: int, stop: int, box: tuple[slice, ...], run: slice) -> np.ndarray:
    """Return slices of the field with a voxel more around the box.

    Beyond the run and the volume it has the opposite sign, so that the boundary lies midway.
    """
    part = read(max(start, run.start), min(stop, run.stop))
    wanted = (
        np.arange(start, stop) - max(start, run.start),
        *(np.arange(ends.start - 1, ends.stop + 1) for ends in box[1:]),
    )
    for axis, places in enumerate(wanted):
        there = places.clip(0, part.shape[axis] - 1)
        part = np.take(part, there, axis)
        beyond = (*(slice(None),) * axis, there != places)
        part[beyond] = -np.abs(part[beyond])
    return part


def _flying_edges(part: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points (x, z, y) and triangles of a slab that begins at slice `start`."""
    import pyvista

    grid = pyvista.ImageData(dimensions=part.shape[::-1], origin=(0, 0, start))
    grid.point_data["field"] = np.ascontiguousarray(part).ravel()
    found = grid.contour(
        [0], "field", method="flying_edges", compute_normals=False, compute_scalars=False
    )
    return np.asarray(found.points), found.regular_faces.reshape(-1, 3)


class _Stitched:
    """Slabs put together where they share a slice, in the order of the whole volume.

    Flying edges list the points of each row of voxels one after the other, row by row and slice
    by slice. So the points in the slice that two slabs share are the last of the one and, but
    for those between this slice and the next, the first of the other, in the same order.
    """

    def __init__(self) -> None:
        self._points: list[np.ndarray] = []
        self._faces: list[np.ndarray] = []
        self._count = 0

    def add(self, points: np.ndarray, faces: np.ndarray, shared: int) -> None:
        """Add a slab that begins at the slice `shared`, at which the one before it ended."""
        faces = faces.astype(np.int32)
        if self._points:
            former, before = self._points[-1], self._faces[-1]
            kept = len(former) - int(np.count_nonzero(former[:, 2] == shared))
            self._count -= len(former) - kept
            self._points[-1] = former[:kept]
            own = np.flatnonzero(points[:, 2] == shared)
            is_shared = before >= self._count
            before[is_shared] = own[before[is_shared] - self._count] + self._count
        self._faces.append(faces + np.int32(self._count))
        self._points.append(points)
        self._count += len(points)

    def joined(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all points and all triangles."""
        return np.concatenate(self._points), np.concatenate(self._faces)


def _at_frame(
    points: np.ndarray, faces: np.ndarray, start: np.ndarray, ends: tuple[slice, ...]
) -> np.ndarray:
    """Return which triangles have two corners or three on the six ends of the data.

    With those of two corners, half of each chamfer between surface and end counts as surface.
    """
    is_at = np.zeros(len(points), bool)
    for axis, column in enumerate((2, 1, 0)):
        for end in (ends[axis].start - 0.5, ends[axis].stop - 0.5):
            is_at |= points[:, column] == end - start[axis]
    return is_at[faces].sum(axis=1) >= 2
