"""The surface of a class without the faces that the frame makes, and what lies behind it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects, label

from catomo.surfaces.crofton import areas, loss_of_small
from catomo.surfaces.frame import Frame
from catomo.surfaces.meshes import Mesh, surface

_MARGIN = 4  # px beyond the frame, so that its smoothing does not reach in
_SMALL_PX = 5.0  # diameter of bodies, and of holes, that smoothing would shrink
_AT_ONCE = 1 << 22  # voxels
_STEPS_OUT_PX = (0.75, 1.25)  # from a surface to the middle of the voxel behind it


def areas_behind(
    labels: np.ndarray, own: int, classes: int, pixel_size_nm: float, frame: Frame
) -> np.ndarray:
    """Return the area of a class towards each value of the labels, in nm².

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    own : int
        Label of the class.
    classes : int
        Number of values that labels have.
    pixel_size_nm : float
    frame : Frame

    Returns
    -------
    ndarray of float64, (classes,)

    Notes
    -----
    The area is that of the smoothed mesh; bodies and holes below 5 px in diameter, which
    smoothing shrinks, are counted by Crofton's formula.
    """
    total = np.zeros(classes)
    for run in frame.runs():
        part = labels[run]
        mask = part == own
        inside = Frame.of(part.shape)
        for is_hole in (False, True):
            voxels, ids, count = _small(mask ^ is_hole, is_hole)
            if not count:
                continue
            towards = areas(part, voxels, ids, (count, classes), inside)
            towards /= loss_of_small(np.cbrt(6 * np.bincount(ids) / np.pi))[:, None]
            if is_hole:  # the surface of a hole is that of what is around it
                there = part[tuple(voxels.T)]
                shares = np.bincount(there, minlength=classes) / len(there)
                total += towards[:, own].sum() * shares
            else:
                total += towards.sum(axis=0)
            mask[tuple(voxels.T)] = is_hole
        total += _meshed(part, mask, classes)
    return total * pixel_size_nm**2


def _small(mask: np.ndarray, is_hole: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Return voxels, numbers and count of the small bodies of a mask.

    Holes at the frame are left out, as they may be large beyond it.
    """
    numbers, count = label(mask, None if is_hole else np.ones((3, 3, 3)))
    sizes = np.zeros(count + 1, np.int64)
    pages = max(_AT_ONCE // numbers[0].size, 1)
    for start in range(0, len(numbers), pages):  # NumPy counts a copy with eight bytes for each
        sizes += np.bincount(numbers[start : start + pages].ravel(), minlength=count + 1)
    is_small = np.cbrt(6 * sizes / np.pi) < _SMALL_PX
    is_small[0] = False
    for axis in range(3):
        for end in (0, -1):
            is_small[np.unique(np.take(numbers, end, axis))] = False
    voxels = np.argwhere(is_small[numbers]) if is_small.any() else np.empty((0, 3), np.int64)
    rank = np.cumsum(is_small) - 1
    return voxels, rank[numbers[tuple(voxels.T)]], int(is_small.sum())


def _meshed(labels: np.ndarray, mask: np.ndarray, classes: int) -> np.ndarray:
    """Return the area of a mask's mesh towards each value of the labels, in px²."""
    if not mask.any():
        return np.zeros(classes)
    return _by_label(*mirrored_mesh(mask), labels, classes)


def mirrored_mesh(mask: np.ndarray) -> tuple[Mesh, np.ndarray]:
    """Return the mesh of a mask that is not empty, in px, and its place (y, z, x).

    Beyond the frame the body goes on as in a mirror; elsewhere there is background.
    """
    box = find_objects(mask.view(np.int8))[0]
    widths = [
        (_MARGIN * (ends.start == 0), _MARGIN * (ends.stop == n))
        for ends, n in zip(box, mask.shape, strict=True)
    ]
    widths = [(min(a, m), min(b, m)) for (a, b), m in zip(widths, mask[box].shape, strict=True)]
    mesh = surface(np.pad(mask[box], widths, mode="symmetric"), 1.0)
    start = np.array([ends.start - before for ends, (before, _) in zip(box, widths, strict=True)])
    return mesh, start


def _by_label(mesh: Mesh, start: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return the area of the triangles in the frame towards each value of the labels."""
    crosses = mesh.crosses()
    doubled = np.linalg.norm(crosses, axis=1)
    outward = (crosses / np.maximum(doubled, 1e-12)[:, None])[:, [1, 2, 0]]
    middles = mesh.points.astype(np.float64)[mesh.faces].mean(axis=1)[:, [1, 2, 0]] + start
    ends = np.array(labels.shape) - 1
    is_seen = ((middles >= -0.5) & (middles <= ends + 0.5)).all(axis=1)
    middles, outward, doubled = middles[is_seen], outward[is_seen], doubled[is_seen]
    inner = np.rint(middles - 0.5 * outward).astype(np.int64)
    own = labels[tuple(np.clip(inner, 0, ends).T)]
    behind = own
    for step in _STEPS_OUT_PX:
        place = np.clip(np.rint(middles + step * outward).astype(np.int64), 0, ends)
        behind = np.where(behind == own, labels[tuple(place.T)], behind)
    return np.bincount(behind, doubled / 2, classes)
