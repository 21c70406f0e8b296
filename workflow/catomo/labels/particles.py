"""Particles in labels: found, split where they touch, and measured.

Particles often fill less than one percent of a volume. They are kept as the indices of their
voxels, so memory grows with the particles and not with the volume, and the same code works
for images and volumes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from catomo.labels.settings import Particles

_DEFAULT = Particles()
_LARGEST_BOX = 1 << 24  # voxels; the watershed needs about a hundred bytes for each
_AT_ONCE = 1 << 22  # voxels whose neighbours are looked for


@dataclass(frozen=True)
class Instances:
    """Particles of one image or volume.

    Attributes
    ----------
    voxels : ndarray of int32, (n, 2 or 3)
        Indices of all voxels that belong to a particle, in the order of the array.
    ids : ndarray of int32, (n,)
        Number of the particle that each voxel belongs to, from 0 to `count` - 1.
    shape : tuple of int
        Shape of the image or volume.
    count : int
        Number of particles.
    groups : ndarray of int32, (count,)
        Number of the connected group of voxels that each particle belongs to.
    """

    voxels: np.ndarray
    ids: np.ndarray
    shape: tuple[int, ...]
    count: int
    groups: np.ndarray

    def sizes(self) -> np.ndarray:
        """Return the number of voxels of each particle."""
        return np.bincount(self.ids, minlength=self.count)

    def diameters(self) -> np.ndarray:
        """Return the equivalent diameter of each particle, in px."""
        return equivalent_diameter(self.sizes(), len(self.shape))

    def centres(self) -> np.ndarray:
        """Return the centroids, (count, 2 or 3), in px from the centre of the first voxel."""
        sums = [np.bincount(self.ids, axis, self.count) for axis in self.voxels.T]
        return np.stack(sums, axis=1) / np.maximum(self.sizes(), 1)[:, None]

    def flat(self) -> np.ndarray:
        """Return the ascending indices of the voxels in the flattened array."""
        return np.ravel_multi_index(tuple(self.voxels.T), self.shape).astype(np.int64)


def label_particles(
    labels: np.ndarray,
    phase: int,
    smallest_diameter_px: float = _DEFAULT.smallest_diameter_px,
    split_depth_px: float = _DEFAULT.split_depth_px,
) -> np.ndarray:
    """Give each particle of one class a number, splitting those that touch.

    Parameters
    ----------
    labels : ndarray of uint8, (z, x) or (y, z, x)
        Labels of an image or of a volume.
    phase : int
        Label value of the class that consists of particles.
    smallest_diameter_px : float
        Equivalent diameter (of the disc or ball of equal size) below which a connected group
        of voxels is no particle.
    split_depth_px : float
        Two touching particles are split where the radius of the neck between them is smaller
        than both of their radii by more than this.

    Returns
    -------
    ndarray of int32, same shape
        0 outside of particles; particles are 1, 2, … in the order of their first voxel.

    Notes
    -----
    ``catomo.labels.particles.find_particles`` describes the method. It does the same for volumes
    that are read page by page.
    """
    labels = np.asarray(labels)
    if labels.ndim not in (2, 3):
        raise ValueError(f"labels have {labels.ndim} axes, expected (z, x) or (y, z, x)")
    pages = labels if labels.ndim == 3 else labels[None]
    particles = find_particles(pages, phase, labels.shape, smallest_diameter_px, split_depth_px)
    numbers = np.zeros(labels.shape, np.int32)
    numbers[tuple(particles.voxels.T)] = particles.ids + 1
    return numbers


def equivalent_diameter(size: np.ndarray | float, dimensions: int) -> np.ndarray:
    """Return the diameter, in px, of the disc (2-D) or ball (3-D) of `size` pixels or voxels."""
    size = np.asarray(size, dtype=np.float64)
    return np.sqrt(4 * size / np.pi) if dimensions == 2 else np.cbrt(6 * size / np.pi)


def find_particles(
    pages: Iterable[np.ndarray],
    label: int,
    shape: tuple[int, ...],
    smallest_px: float,
    split_px: float,
) -> Instances:
    """Find the particles of one class, splitting those that touch.

    Voxels are connected through faces, edges and corners (8 neighbours in an image, 26
    in a volume). A connected group is split by the watershed of its distance transform,
    one particle per maximum that rises at least `split_px` above its surroundings. A group
    whose bounding box holds more than 16 million voxels is taken for a network, not for
    touching particles, and is not split.

    Parameters
    ----------
    pages : iterable of ndarray
        The pages of a label volume in order, or the one page of an image.
    label : int
        Label value of the class.
    shape : tuple of int
        Shape of the volume (pages, rows, columns) or image (rows, columns).
    smallest_px : float
        Equivalent diameter below which a group, or a part of a split group, is dropped.
    split_px : float
        Height above its surroundings from which a maximum of the distance transform is a
        particle of its own.

    Returns
    -------
    Instances
        Numbered in the order of their first voxel.
    """
    shape = tuple(int(n) for n in shape)
    voxels = _voxels(pages, label, len(shape))
    groups = _connected(voxels, shape)
    ids = np.full(len(voxels), -1, np.int32)
    order = np.argsort(groups, kind="stable")
    count = 0
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        pieces = _split(voxels[members], split_px)
        for piece in range(pieces.max(initial=-1) + 1):
            own = members[pieces == piece]
            if equivalent_diameter(len(own), len(shape)) >= smallest_px:
                ids[own] = count
                count += 1
    del order
    kept = ids >= 0
    if not kept.all():
        voxels, groups, ids = voxels[kept], groups[kept], ids[kept]
    first = np.empty(count, np.int64)
    first[ids[::-1]] = np.arange(len(ids))[::-1]  # the last that is written is the first voxel
    rank = np.argsort(np.argsort(first)).astype(np.int32)
    return Instances(voxels, rank[ids], shape, count, groups[np.sort(first)])


def _voxels(pages: Iterable[np.ndarray], label: int, dimensions: int) -> np.ndarray:
    """Return the indices of all voxels of a class, in the order of the array."""
    indices = []
    for number, page in enumerate(pages):
        places = np.nonzero(page == label)
        inside = np.empty((len(places[0]), dimensions), np.int32)
        inside[:, -len(places) :] = np.stack(places, axis=1)
        if dimensions == 3:
            inside[:, 0] = number
        indices.append(inside)
    return np.concatenate(indices) if indices else np.empty((0, dimensions), np.int32)


def _connected(voxels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the number of the connected group that each voxel belongs to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(voxels):
        return np.empty(0, np.int32)
    # With a margin of one voxel, no neighbour's flat index falls into the next row.
    padded = tuple(n + 2 for n in shape)
    flat = np.ravel_multi_index(tuple(voxels.T + 1), padded)
    strides = np.cumprod((1, *padded[:0:-1]))[::-1]
    # Neighbours along the last axis form runs; linking runs needs far fewer links than voxels.
    run = np.cumsum(np.diff(flat, prepend=flat[0]) > 1, dtype=np.int32)
    links = []
    for step in product((-1, 0, 1), repeat=len(shape)):
        if any(step[:-1]) and step > (0,) * len(shape):  # one of each two opposite directions
            for first in range(0, len(flat), _AT_ONCE):
                part = slice(first, first + _AT_ONCE)
                goal = flat[part] + np.dot(step, strides)
                place = np.searchsorted(flat, goal).clip(max=len(flat) - 1)
                is_voxel = flat[place] == goal
                pairs = np.stack([run[part][is_voxel], run[place[is_voxel]]])
                links.append(pairs[:, np.diff(pairs, prepend=-1).any(axis=0)])
    start, goal = np.concatenate(links, axis=1)
    n = run[-1] + 1
    graph = coo_array((np.ones(len(start), bool), (start, goal)), shape=(n, n))
    return connected_components(graph, directed=False)[1][run]


def count_split(particles: Instances, depth_px: float) -> int:
    """Return how many particles there would be if their groups were split at another depth.

    Parameters
    ----------
    particles : Instances
        All of their groups, however small.
    depth_px : float
        As `split_px` of `find_particles`.
    """
    groups = particles.groups[particles.ids]
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(np.diff(groups[order])) + 1
    return sum(
        1 if (found := _markers(particles.voxels[members], depth_px)) is None else found.parts
        for members in np.split(order, ends)
        if len(members)
    )


class _Markers(NamedTuple):
    """What the watershed of one connected group starts from, in the box around it."""

    place: tuple[np.ndarray, ...]
    mask: np.ndarray
    heights: np.ndarray
    numbers: np.ndarray
    parts: int


def _split(voxels: np.ndarray, depth_px: float) -> np.ndarray:
    """Return the number of the part of one connected group that each voxel belongs to."""
    from skimage.segmentation import watershed

    found = _markers(voxels, depth_px)
    if found is None:
        return np.zeros(len(voxels), np.int64)
    corners = np.ones((3,) * found.mask.ndim, bool)
    parts = watershed(-found.heights, found.numbers, connectivity=corners, mask=found.mask)
    return parts[found.place] - 1


def _markers(voxels: np.ndarray, depth_px: float) -> _Markers | None:
    """Return where the parts of one connected group begin; None if it is one part."""
    from scipy.ndimage import distance_transform_edt, label
    from skimage.morphology import local_maxima, reconstruction

    if not len(voxels):
        return None
    box = np.ptp(voxels, axis=0) + 3
    if np.prod(box) > _LARGEST_BOX:
        return None
    place = tuple((voxels - voxels.min(axis=0) + 1).T)
    mask = np.zeros(box, dtype=bool)
    mask[place] = True
    distance = distance_transform_edt(mask)
    if distance.max() < 1 + depth_px:  # no room for a maximum above its surroundings
        return None
    lowered = reconstruction(distance - depth_px, distance)
    numbers, count = label(local_maxima(lowered) & mask, np.ones((3,) * mask.ndim, bool))
    return _Markers(place, mask, lowered, numbers, count)
