"""Where each particle sits on its support: its facet, and how far apexes and the like are.

A particle sits where the bare surface of the support is nearest to its centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from catomo.surfaces.facet_surface import Elements
from catomo.surfaces.particles import InHull, MeasuredParticles
from catomo.surfaces.relief import Relief

_FLATTEST = 0.65  # thickness over width of what counts as a plate, by second moments
_IN_PLANE = 0.5  # cosine to the plate's normal: facets below it are its sides
# Share of a plane, or of a rim without one, in the hull, from which it is the wall of a pore. Walls
# have 0.97 and more; the hull of a large volume is coarse, and outer planes have up to 0.64 then.
_MOST = 0.8


@dataclass(frozen=True)
class Seats:
    """Where each piece sits on the support.

    Attributes
    ----------
    points : ndarray of float64, (pieces, 3)
        Places (y, z, x) on the bare surface in px; not a number without a rim on the free one.
    heights : ndarray of float64, (pieces,)
        Of the centres above these places, in px.
    facets : ndarray of int64, (pieces,)
        The facet at each place, -1 for none.
    in_pore : ndarray of bool, (pieces,)
        Whether the place is on the wall of a pore.
    apex, valley, mouth, edge : ndarray of float64, (pieces,)
        Distances in px; not a number where there is nothing of the kind. Apexes and valleys are
        those of the outer surface: mouths of pores are told apart.
    walls : Walls
    """

    points: np.ndarray
    heights: np.ndarray
    facets: np.ndarray
    in_pore: np.ndarray
    apex: np.ndarray
    valley: np.ndarray
    mouth: np.ndarray
    edge: np.ndarray
    walls: Walls

    @property
    def has_rim(self) -> np.ndarray:
        """Whether each piece meets the free surface of the support."""
        return np.isfinite(self.heights)


@dataclass(frozen=True)
class Walls:
    """Which parts of a surface are walls of pores.

    Attributes
    ----------
    planes, elements : ndarray of bool
        A plane is as most of it is, and its elements are as it is.
    """

    planes: np.ndarray
    elements: np.ndarray


def find_seats(relief: Relief, particles: MeasuredParticles, in_hull: InHull | None) -> Seats:
    """Return where each piece sits."""
    count = particles.pieces.count
    points, heights = np.full((count, 3), np.nan), np.full(count, np.nan)
    facets, in_pore = np.full(count, -1), np.zeros(count, bool)
    walls = _walls(relief, in_hull)
    for one, foot in relief.bare.feet.items():
        points[one], heights[one] = foot.point, foot.height
        if foot.plane >= 0:
            facets[one] = relief.facets.facet_of_plane[foot.plane]
            in_pore[one] = walls.planes[foot.plane]
        else:
            in_pore[one] = walls.elements[foot.rim].mean() > _MOST
    has_rim = np.isfinite(heights)

    def to(targets: np.ndarray) -> np.ndarray:
        result = np.full(count, np.nan)
        if len(targets) and has_rim.any():
            result[has_rim] = cKDTree(targets).query(points[has_rim])[0]
        return result

    apex, valley = (to(relief.points(is_apex, but=walls.planes)) for is_apex in (True, False))
    mouth, edge = to(_mouths(relief.elements, in_hull)), to(_edges(relief))
    return Seats(points, heights, facets, in_pore, apex, valley, mouth, edge, walls)


def _walls(relief: Relief, in_hull: InHull | None) -> Walls:
    elements, bare = relief.elements, relief.bare
    count = len(relief.facets.offsets)
    if in_hull is None:
        return Walls(np.zeros(count, bool), np.zeros(len(elements.points), bool))
    inside = in_hull(elements.behind) & elements.is_free
    has = (bare.plane_of >= 0) & elements.is_free
    area = np.bincount(bare.plane_of[has], elements.areas[has], count)
    within = np.bincount(bare.plane_of[has], (elements.areas * inside)[has], count)
    planes = within > _MOST * area
    for one, foot in relief.bare.feet.items():  # what is hidden is as what is around it
        inside[bare.owner == one] = inside[foot.rim].mean() > _MOST
    on_plane = bare.plane_of >= 0
    inside[on_plane] = planes[bare.plane_of[on_plane]]
    return Walls(planes, inside)


def _mouths(elements: Elements, in_hull: InHull | None) -> np.ndarray:
    """Return where the outer surface goes over into the walls of pores, (n, 3)."""
    if in_hull is None:
        return np.empty((0, 3))
    inside = in_hull(elements.behind)
    links = elements.links.tocoo()
    free = elements.is_free[links.row] & elements.is_free[links.col]
    at = free & inside[links.row] & ~inside[links.col]
    return elements.points[np.unique(links.row[at])]


def _edges(relief: Relief) -> np.ndarray:
    """Return the points of apexes between a broad face of a plate and one of its sides."""
    points = relief.elements.points
    spread, axes = np.linalg.eigh(np.cov(points.T))
    if np.sqrt(spread[0] / spread[1]) > _FLATTEST:
        return np.empty((0, 3))
    steep = np.abs(relief.facets.normals @ axes[:, 0]) < _IN_PLANE
    found = [
        line.points
        for line in relief.lines
        if line.is_apex and steep[line.facets[0]] != steep[line.facets[1]]
    ]
    return np.concatenate(found) if found else np.empty((0, 3))
