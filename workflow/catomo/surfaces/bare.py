"""The surface of a support as it was before particles lay on it.

A particle hides the surface below it and dents it. What is hidden goes on from the rim of the
particle: the planes around it are continued to where they meet. Without that, an edge below a
particle would be missing just where the particle sits on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from catomo.surfaces.facet_surface import Elements
from catomo.surfaces.facets import Facets
from catomo.surfaces.particles import MeasuredParticles

_SAME_PX = 0.5  # between two planes on each other's rim, below which neither bounds the other
_OFF_PX = 0.3  # beyond the end of a plane
_NEAR_PX = 1.0
_MOST_INCLINED = 0.5  # cosine between an element and its plane that still counts
_SAME_WAY = 0.3  # normals so near to each other do not tell areas on them apart
_LEAST_RISE = 0.2  # of a plane against the way up to it
_AT_ONCE = 1 << 21  # pairs of a hidden place and a place on a rim
_MOST = 0.5  # share of a rim on planes, from which they are what lies below


@dataclass(frozen=True)
class Bare:
    """Elements of the surface of a support, with what particles hide put back.

    Attributes
    ----------
    points, normals : ndarray of float64, (n, 3)
        Where elements lie and which way they face (y, z, x); hidden ones as their planes do.
    areas : ndarray of float64, (n,)
        In px²; those of hidden elements are of the flat surface and not of the dent: together
        they are as large as the footprint of the piece.
    plane_of : ndarray of int64, (n,)
        The plane of each element, -1 for none.
    owner : ndarray of int64, (n,)
        The piece that hides each element, -1 for none.
    is_open : ndarray of bool, (n,)
        Where particles may sit: not below other classes, nor around what has no foot.
    feet : dict of int to Foot
        Of each piece that has a rim on the free surface.
    """

    points: np.ndarray
    normals: np.ndarray
    areas: np.ndarray
    plane_of: np.ndarray
    owner: np.ndarray
    is_open: np.ndarray
    feet: dict[int, Foot]


@dataclass(frozen=True)
class Foot:
    """Where a piece sits: the place of the bare surface that is nearest to its centre.

    Attributes
    ----------
    point : ndarray of float64, (3,)
    height : float
        Of the centre above it, in px; negative below it.
    normal : ndarray of float64, (3,)
        Of the bare surface there.
    plane : int
        The plane there, -1 for none.
    rim : ndarray of int64
        The free elements around the piece.
    """

    point: np.ndarray
    height: float
    normal: np.ndarray
    plane: int
    rim: np.ndarray


def bare_surface(elements: Elements, facets: Facets, particles: MeasuredParticles | None) -> Bare:
    """Return the surface as it was before particles lay on it."""
    owner = np.full(len(elements.points), -1)
    is_open = elements.is_free.copy()
    bare = Bare(*_sharp(elements, facets), facets.plane_of.copy(), owner, is_open, {})
    if particles is None or not particles.pieces.count:
        return bare
    owner[:] = _owners(elements, particles)
    links = elements.links.tocoo()
    is_rim = elements.is_free[links.row] & (owner[links.col] >= 0)
    pieces, rims = np.unique(np.stack([owner[links.col[is_rim]], links.row[is_rim]]), axis=1)
    centres = particles.pieces.centres()
    order = np.argsort(owner, kind="stable")
    hidden = np.split(order, np.searchsorted(owner[order], np.arange(particles.pieces.count)))[1:]
    for one in np.unique(pieces):
        rim = rims[slice(*np.searchsorted(pieces, [one, one + 1]))]
        around = _Around.of(elements, facets, rim)
        rows = hidden[one]
        ways = around.ways_up()
        points, plane = around.places(elements.points[rows], ways)
        bare.points[rows] = points
        bare.plane_of[rows] = around.numbers[plane]
        bare.normals[rows] = around.normals[plane]
        bare.areas[rows] = _footprint(elements.vectors[rows], around.normals, ways, plane)
        is_open[rows] = True
        # A rim leans into the dent, and is not the rounded end of its plane.
        flat = rim[bare.plane_of[rim] >= 0]
        leaning = np.einsum("ij,ij->i", elements.vectors[flat], bare.normals[flat])
        bare.areas[flat] = np.maximum(leaning, 0.0)
        bare.feet[int(one)] = around.foot(centres[one], rim)
    return bare


def _footprint(
    vectors: np.ndarray, normals: np.ndarray, ways: np.ndarray, plane: np.ndarray
) -> np.ndarray:
    """Return the areas of the elements of a dent on the planes that close it.

    Parameters
    ----------
    vectors : ndarray of float32, (n, 3)
        Areas of the elements.
    normals, ways : ndarray of float64, (planes, 3)
        Of the planes, and along which elements were put there.
    plane : ndarray of int64, (n,)
        On which plane each element lies.

    Notes
    -----
    What overhangs counts against the rest, and what closes a dent has the same sum of vectors as
    it: that gives the area on each plane, however deep the dent. Only what faces out can be drawn
    and has a share of it.
    """
    each = np.einsum("ij,ij->i", vectors, ways[plane], dtype=np.float64)
    outward = np.maximum(each, 0.0)
    used = np.unique(plane)
    area = np.bincount(plane, each, len(normals))[used]
    missing = vectors.sum(axis=0, dtype=np.float64) - area @ normals[used]
    area += np.linalg.pinv(normals[used].T, rcond=_SAME_WAY) @ missing
    seen = np.bincount(plane, outward, len(normals))[used]
    share = np.zeros(len(normals))
    share[used] = np.maximum(area, 0.0) / np.maximum(seen, 1e-12)
    return outward * share[plane]


def _sharp(elements: Elements, facets: Facets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points, normals and areas of elements as they are on their planes.

    A mesh rounds edges, so that there is too little surface near them: what is inclined there
    stands for as much more of its plane (of plates, distances to apexes came out 2 % too large).
    """
    points, normals = elements.points.copy(), elements.normals.copy()
    areas = elements.areas.copy()
    on = np.flatnonzero(facets.plane_of >= 0)
    plane = facets.plane_of[on]
    normals[on] = facets.normals[facets.facet_of_plane[plane]]
    above = np.einsum("ij,ij->i", points[on], normals[on]) - facets.offsets[plane]
    points[on] -= above[:, None] * normals[on]
    inclined = np.einsum("ij,ij->i", elements.normals[on], normals[on])
    areas[on] /= np.clip(inclined, _MOST_INCLINED, 1)
    return points, normals, areas


@dataclass(frozen=True)
class _Around:
    """The planes around a piece; where the surface has none, the plane of its rim itself.

    Attributes
    ----------
    numbers, normals, offsets : ndarray
        Of the planes; the number -1 stands for the rim's own.
    rim : ndarray of float64, (n, 3)
        Places around the piece.
    on : ndarray of float64, (planes, n)
        The area at each of them that lies on each plane.
    """

    numbers: np.ndarray
    normals: np.ndarray
    offsets: np.ndarray
    rim: np.ndarray
    on: np.ndarray

    @classmethod
    def of(cls, elements: Elements, facets: Facets, rim: np.ndarray) -> _Around:
        """Return the planes at a rim."""
        plane, areas, points = facets.plane_of[rim], elements.areas[rim], elements.points[rim]
        numbers = np.unique(plane[plane >= 0])
        if areas[plane >= 0].sum() > _MOST * areas.sum():
            normals = facets.normals[facets.facet_of_plane[numbers]]
            on = (plane == numbers[:, None]) * areas
            return cls(numbers, normals, facets.offsets[numbers], points, on)
        normal = (elements.normals[rim] * areas[:, None]).sum(axis=0)
        normal /= max(float(np.linalg.norm(normal)), 1e-12)
        offset = np.average(points @ normal, weights=areas)
        return cls(np.array([-1]), normal[None], np.array([offset]), points, areas[None])

    def ways_up(self) -> np.ndarray:
        """Return the ways from a dent to each plane, (planes, 3), one px off it each.

        They are all along one direction: along the normals of the planes nothing in a dent across
        an apex would come to lie near that apex, and too much would on the floor of a valley.
        """
        up = self.on.sum(axis=1) @ self.normals
        up /= max(float(np.linalg.norm(up)), 1e-12)
        rise = self.normals @ up
        return np.where(
            rise[:, None] > _LEAST_RISE, up / np.maximum(rise, _LEAST_RISE)[:, None], self.normals
        )

    def places(self, points: np.ndarray, ways: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return places on the planes as they bound each other, and on which one each lies.

        `ways` (planes, 3) say along what each plane is sought; with the normals, places are the
        nearest ones. Where no plane is reached, as above an apex, it is a place on the edge of two.
        """
        # A large piece has many hidden places and a long rim.
        part = max(_AT_ONCE // len(self.rim), 1)
        every = [
            self._places(points[start : start + part], ways)
            for start in range(0, len(points), part)
        ]
        places, planes = zip(*every, strict=True)
        return np.concatenate(places), np.concatenate(planes)

    def _places(self, points: np.ndarray, ways: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        above = points @ self.normals.T - self.offsets
        far = np.abs(above) * np.linalg.norm(ways, axis=1)
        best = np.full(len(points), -1)
        for one, way in enumerate(ways):
            on_plane = points - above[:, [one]] * way
            over = on_plane @ self.normals.T - self.offsets
            reached = (self._sides(one, on_plane) * over >= -_OFF_PX).all(axis=1)
            nearer = far[:, one] < far[np.arange(len(points)), best]
            best[reached & (nearer | (best < 0))] = one
        result = points - np.take_along_axis(above, best[:, None], 1) * ways[best]
        most = int(self.on.sum(axis=1).argmax())
        for row in np.flatnonzero(best < 0):
            two = np.argsort(-above[row], kind="stable")[:2]
            result[row] = points[row] - np.linalg.pinv(self.normals[two]) @ above[row, two]
            best[row] = most if most in two else two[0]
        return result, best

    def _sides(self, one: int, places: np.ndarray) -> np.ndarray:
        """Return on which side of each plane the surface of one lies near places on it.

        It is -1 below it, as at an apex, 1 above it, as in a valley, and 0 where neither bounds
        the other. A pore may part a plane, so what lies nearest counts most.
        """
        above = self.rim @ self.normals.T - self.offsets
        near = 1 / (_NEAR_PX**2 + cdist(places, self.rim, "sqeuclidean")) ** 2
        own = _mean(near, self.on[one], above)
        others = np.stack([_mean(near, on, above)[:, one] for on in self.on], axis=1)
        return np.where(np.abs(own) < _SAME_PX, 0, np.sign(own)) + np.where(
            np.abs(others) < _SAME_PX, 0, np.sign(others)
        )

    def foot(self, centre: np.ndarray, rim: np.ndarray) -> Foot:
        """Return where a piece with this centre and this rim sits."""
        points, plane = self.places(centre[None], self.normals)
        away = centre - points[0]
        normal = self.normals[plane[0]]
        height = float(np.copysign(np.linalg.norm(away), away @ normal))
        return Foot(points[0], height, normal, int(self.numbers[plane[0]]), rim)


def _mean(near: np.ndarray, on: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean of values (n, planes) at each place, by nearness and area."""
    weights = near * on
    return weights @ values / np.maximum(weights.sum(axis=1), 1e-300)[:, None]


def _owners(elements: Elements, particles: MeasuredParticles) -> np.ndarray:
    """Return the piece that lies on each element, -1 for none."""
    voxels, ids = particles.pieces.voxels, particles.pieces.ids
    owner = np.full(len(elements.points), -1)
    rows = np.flatnonzero(~elements.is_free)
    if not len(rows) or not len(voxels):
        return owner
    shape = tuple(np.maximum(voxels.max(axis=0), elements.behind.max(axis=0)) + 1)
    flat = np.ravel_multi_index(tuple(voxels.T), shape)
    order = np.argsort(flat)
    wanted = np.ravel_multi_index(tuple(elements.behind[rows].T), shape)
    at = np.minimum(np.searchsorted(flat[order], wanted), len(flat) - 1)
    hit = flat[order[at]] == wanted
    owner[rows[hit]] = ids[order[at[hit]]]
    return owner
