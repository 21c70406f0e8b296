"""Widths: the largest ball that fits around each voxel, and the largest that gets there.

Distances are to the centre of the nearest voxel of something else. The frame is no wall: what
lies beyond it is not known and does not narrow anything.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects

_MOST_SIZES = 24
_LEAST_SEEN = 0.1  # share of the widest places whose balls end in the frame


def local_radii(mask: np.ndarray) -> np.ndarray:
    """Return, for each voxel of a mask, the radius of the largest ball in it that covers it.

    Parameters
    ----------
    mask : ndarray of bool, (y, z, x)

    Returns
    -------
    ndarray of float64, (n,)
        In px, in the order of the voxels in the mask; empty if the mask is empty or full.
    """
    if not mask.any() or mask.all():
        return np.empty(0)
    box = _around(mask)
    mask = mask[box]
    if mask.all():  # up to the frame on all sides of the box but where there is a wall beyond
        return np.empty(0)
    return _covered(distance_transform_edt(mask), mask)


def are_seen(mask: np.ndarray, radius: float) -> bool:
    """Return whether enough balls of about this radius lie in the frame and not half beyond it.

    Where they do not, as in a plate that the frame cuts along its faces, a width is a guess.

    Parameters
    ----------
    mask : ndarray of bool, (y, z, x)
    radius : float
        In px.
    """
    if not mask.any() or mask.all():
        return False
    distance = distance_transform_edt(mask)
    wide = np.nonzero(distance >= 0.9 * radius)
    ends = [np.minimum(one + 1, n - one) for one, n in zip(wide, mask.shape, strict=True)]
    is_seen = np.min(ends, axis=0) >= distance[wide]
    return bool(is_seen.mean() >= _LEAST_SEEN)


def seen_weights(radii: np.ndarray, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return how much each ball counts: one over its chance to lie in the frame, cut ones zero.

    Parameters
    ----------
    radii : ndarray of float64, (n,)
        In px.
    places : ndarray of int64, (n, 3)
        Voxels that they belong to.
    shape : (int, int, int)
        Shape of the frame.
    """
    room = np.minimum(places, np.array(shape) - 1 - places).min(axis=1, initial=max(shape)) + 0.5
    reach = radii - 0.5  # from a centre to the last voxel's end
    chance = np.prod(np.maximum(1 - 2 * reach[:, None] / np.array(shape), 0), axis=1)
    return np.where((room >= reach) & (chance > 0), 1 / np.maximum(chance, 1e-6), 0.0)


def median_of(radii: np.ndarray, weights: np.ndarray) -> float | None:
    """Return the median of radii with these weights; None where too few have one above zero."""
    if not weights.any() or np.mean(weights > 0) < _LEAST_SEEN:
        return None
    order = np.argsort(radii, kind="stable")
    share = np.cumsum(weights[order])
    return float(radii[order][np.searchsorted(share, share[-1] / 2)])


def access_radii(matter: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each voxel of open pores, the radius of the largest ball that gets there.

    Parameters
    ----------
    matter : ndarray of bool, (y, z, x)
        Everything but background.
    inside : ndarray of bool
        The hull; balls come from outside of it.

    Returns
    -------
    ndarray of float64, (n,)
        In px; empty if there are no open pores.
    ndarray of int64, (n, 3)
        The voxels.

    Notes
    -----
    The widest path from outside is the greyscale reconstruction by dilation of the distance
    map, seeded outside the hull.
    """
    from skimage.morphology import reconstruction

    pores = inside & ~matter
    if not pores.any():
        return np.empty(0), np.empty((0, 3), np.int64)
    box = _around(inside)
    matter, inside, pores = matter[box], inside[box], pores[box]
    distance = distance_transform_edt(~matter).astype(np.float32)
    seeds = np.where(inside, np.float32(0), distance)
    widest = reconstruction(seeds, distance).astype(np.float32)
    is_open = pores & (widest > 0)
    places = np.argwhere(is_open) + [ends.start for ends in box]
    return _covered(np.where(is_open, widest, np.float32(0)), is_open), places


def _around(mask: np.ndarray, margin: int = 1) -> tuple[slice, ...]:
    """Return the box around a mask with this many voxels more on each side."""
    box = find_objects(mask.view(np.int8))[0]
    return tuple(
        slice(max(ends.start - margin, 0), min(ends.stop + margin, n))
        for ends, n in zip(box, mask.shape, strict=True)
    )


def _covered(radii: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return for each voxel of a mask the largest radius whose ball covers it."""
    result = np.zeros(mask.shape, np.float32)
    every = np.unique(radii[mask])
    steps = np.array_split(every, _MOST_SIZES) if len(every) > _MOST_SIZES else every[:, None]
    for step in reversed(steps):
        centres = radii >= step[0]
        box = _around(centres, int(np.ceil(step[0])))  # farther no ball reaches
        part = result[box]
        reach = distance_transform_edt(~centres[box]) < step[0]
        part[reach & (part == 0)] = step.mean()
    return result[mask].astype(np.float64)
