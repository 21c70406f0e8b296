"""Particles as lists of voxels: found, split where they touch, measured.

Particles fill a few tenths of a percent of a volume. Each voxel is kept as its index, so
memory follows the particles and not the volume, and images and volumes share one code.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

_LARGEST_BOX = 1 << 24  # voxels; the watershed takes a hundred bytes for each


@dataclass(frozen=True)
class Instances:
    """Particles of one image or volume.

    Attributes
    ----------
    voxels : ndarray of int64, (n, 2 or 3)
        Indices of all voxels that belong to a particle, in the order of the array.
    ids : ndarray of int64, (n,)
        Which particle each voxel belongs to, 0 … `count` - 1.
    shape : tuple of int
        Shape of the image or volume.
    count, touching : int
        Number of particles, and of the connected groups they form.
    """

    voxels: np.ndarray
    ids: np.ndarray
    shape: tuple[int, ...]
    count: int
    touching: int

    def sizes(self) -> np.ndarray:
        """Return the number of voxels of each particle."""
        return np.bincount(self.ids, minlength=self.count)

    def diameters(self) -> np.ndarray:
        """Return the diameter of the disc or ball of equal size of each particle, in px."""
        return equivalent_diameter(self.sizes(), len(self.shape))

    def centres(self) -> np.ndarray:
        """Return the centroids, (count, 2 or 3), in px; 0 is the centre of the first voxel."""
        sums = [np.bincount(self.ids, axis, self.count) for axis in self.voxels.T]
        return np.stack(sums, axis=1) / np.maximum(self.sizes(), 1)[:, None]

    def flat(self) -> np.ndarray:
        """Return the voxels as indices into the flattened array, ascending."""
        return np.ravel_multi_index(tuple(self.voxels.T), self.shape).astype(np.int64)


def equivalent_diameter(size, dimensions: int):
    """Return the diameter of the disc (2) or ball (3) of `size` pixels or voxels, in px."""
    size = np.asarray(size, dtype=np.float64)
    return np.sqrt(4 * size / np.pi) if dimensions == 2 else np.cbrt(6 * size / np.pi)


def find_particles(pages, label: int, shape, smallest_px: float, split_px: float) -> Instances:
    """Find the particles of one class, splitting those that touch.

    Voxels are connected through faces, edges and corners (8 neighbours in an image, 26
    in a volume). A connected group is split by the watershed of its distance transform,
    one particle per maximum that rises at least `split_px` above its surroundings. A group
    whose box holds more than 16 million voxels is a network, no cluster, and stays whole.

    Parameters
    ----------
    pages : iterable of ndarray
        The pages of a label volume in order, or the one page of an image.
    label : int
        Label value of the class.
    shape : tuple of int
        Shape of the volume (pages, rows, columns) or image (rows, columns).
    smallest_px : float
        Equivalent diameter below which a group or a piece of it is dropped.
    split_px : float
        Height of a maximum of the distance transform that makes a particle.

    Returns
    -------
    Instances
        Numbered in the order of their first voxel.
    """
    shape = tuple(int(n) for n in shape)
    voxels = _voxels(pages, label, len(shape))
    groups = _connected(voxels, shape)
    ids = np.full(len(voxels), -1)
    order = np.argsort(groups, kind="stable")
    count = 0
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        pieces = _split(voxels[members], split_px)
        for piece in range(pieces.max(initial=-1) + 1):
            own = members[pieces == piece]
            if equivalent_diameter(len(own), len(shape)) >= smallest_px:
                ids[own] = count
                count += 1
    kept = ids >= 0
    voxels, groups, ids = voxels[kept], groups[kept], ids[kept]
    _, first = np.unique(ids, return_index=True)
    rank = np.argsort(np.argsort(first))
    return Instances(voxels, rank[ids], shape, count, len(np.unique(groups)))


def _voxels(pages, label: int, dimensions: int) -> np.ndarray:
    found = []
    for number, page in enumerate(pages):
        inside = np.argwhere(page == label)
        if dimensions == 3:
            inside = np.insert(inside, 0, number, axis=1)
        found.append(inside)
    return np.concatenate(found) if found else np.empty((0, dimensions), np.int64)


def _connected(voxels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the number of the connected group of each voxel, by looking up neighbours."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(voxels):
        return np.empty(0, np.int64)
    # A frame of one voxel keeps the flat index of a neighbour from wrapping round.
    framed = tuple(n + 2 for n in shape)
    flat = np.ravel_multi_index(tuple(voxels.T + 1), framed)
    strides = np.cumprod((1, *framed[:0:-1]))[::-1]
    # Voxels side by side along the last axis are one run; runs are linked, they are few.
    run = np.cumsum(np.diff(flat, prepend=flat[0]) > 1)
    links = []
    for step in product((-1, 0, 1), repeat=len(shape)):
        if any(step[:-1]) and step > (0,) * len(shape):  # half of them: links have no direction
            goal = flat + np.dot(step, strides)
            place = np.searchsorted(flat, goal).clip(max=len(flat) - 1)
            met = flat[place] == goal
            pairs = np.stack([run[met], run[place[met]]])
            links.append(pairs[:, np.diff(pairs, prepend=-1).any(axis=0)])
    start, goal = np.concatenate(links, axis=1)
    n = run[-1] + 1
    graph = coo_array((np.ones(len(start), bool), (start, goal)), shape=(n, n))
    return connected_components(graph, directed=False)[1][run]


def _split(voxels: np.ndarray, depth_px: float) -> np.ndarray:
    """Return which piece of one connected group each of its voxels belongs to."""
    from scipy.ndimage import distance_transform_edt, label
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    if not len(voxels):
        return np.empty(0, np.int64)
    box = np.ptp(voxels, axis=0) + 3
    if np.prod(box) > _LARGEST_BOX:
        return np.zeros(len(voxels), np.int64)
    place = tuple((voxels - voxels.min(axis=0) + 1).T)
    mask = np.zeros(box, dtype=bool)
    mask[place] = True
    distance = distance_transform_edt(mask)
    if distance.max() < 1 + depth_px:  # no room for a maximum above its surroundings
        return np.zeros(len(voxels), np.int64)
    lowered = reconstruction(distance - depth_px, distance)
    corners = np.ones((3,) * mask.ndim, bool)
    markers, _ = label(local_maxima(lowered) & mask, corners)
    return watershed(-lowered, markers, connectivity=corners, mask=mask)[place] - 1
