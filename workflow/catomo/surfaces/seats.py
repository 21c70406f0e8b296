"""Where each particle sits on its support: its facet, and how far apexes and the like are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from catomo.surfaces.facet_surface import Elements
from catomo.surfaces.particles import InHull, MeasuredParticles
from catomo.surfaces.relief import Relief

_FLATTEST = 0.65  # thickness over width of what counts as a plate, by second moments
_IN_PLANE = 0.5  # cosine to the plate's normal: facets below it are its sides


@dataclass(frozen=True)
class Seats:
    """Where each piece sits on the support.

    Attributes
    ----------
    has_rim : ndarray of bool, (pieces,)
        Whether it meets the free surface of the support.
    facets : ndarray of int64, (pieces,)
        The facet that most of its rim lies on, -1 for none.
    apex, valley, mouth, edge : ndarray of float64, (pieces,)
        Distances of the middle of its rim in px; not a number where there is nothing of the kind.
    """

    has_rim: np.ndarray
    facets: np.ndarray
    apex: np.ndarray
    valley: np.ndarray
    mouth: np.ndarray
    edge: np.ndarray


def find_seats(relief: Relief, particles: MeasuredParticles, in_hull: InHull | None) -> Seats:
    """Return where each piece sits."""
    elements, pieces = relief.elements, particles.pieces
    count = pieces.count
    owner = _owners(elements, particles)
    links = elements.links.tocoo()
    is_rim = elements.is_free[links.row] & (owner[links.col] >= 0)
    pairs = np.unique(np.stack([owner[links.col[is_rim]], links.row[is_rim]]), axis=1)
    points, facets = np.full((count, 3), np.nan), np.full(count, -1)
    starts = np.searchsorted(pairs[0], np.arange(count + 1))
    for one in np.unique(pairs[0]):
        ring = pairs[1, starts[one] : starts[one + 1]]
        points[one], facets[one] = _ring_of(elements, relief.facets.facet_of, ring)
    has_rim = np.isfinite(points[:, 0])

    def to(targets: np.ndarray) -> np.ndarray:
        result = np.full(count, np.nan)
        if len(targets) and has_rim.any():
            result[has_rim] = cKDTree(targets).query(points[has_rim])[0]
        return result

    apex, valley = to(relief.points(True)), to(relief.points(False))
    mouth, edge = to(_mouths(elements, in_hull)), to(_edges(relief))
    return Seats(has_rim, facets, apex, valley, mouth, edge)


def _ring_of(elements: Elements, facet_of: np.ndarray, ring: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the middle of some elements, and the facet of most of them."""
    weight = elements.areas[ring]
    middle = (elements.points[ring] * weight[:, None]).sum(axis=0) / weight.sum()
    area = np.bincount(facet_of[ring] + 1, weight)
    return middle, int(area.argmax()) - 1


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
