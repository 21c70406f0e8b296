"""Apexes and valleys: lines along which two planes of a surface meet.

Labels may round an edge, or draw a skin of support around the particles on it, so that neither
plane reaches it. There it is where the two planes would meet, if each comes near to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

from catomo.surfaces.bare import Bare
from catomo.surfaces.facets import Facets

_LEAST_PX = 4.0  # length of a line
_STEP_PX = 0.5  # between the points that stand for a line
_MOST_GAP_PX = 3.0  # between two places of one line
_LEAST_TURN_DEG = 15.0
_ROUND_PX = 6.0  # from a line to where its planes end, where it is rounded
# Least share of what lies of a plane near a line that is on one side of the other plane. Of a plane
# that goes on across the line it is about a half.
_ONE_SIDE = 0.8


@dataclass(frozen=True)
class Line:
    """Where two planes meet.

    Attributes
    ----------
    facets : (int, int)
        Their facets, the smaller number first.
    planes : (int, int)
        Their planes.
    angle_deg : float
        Between their normals.
    is_apex : bool
        Whether the surface is convex there; else it is a valley.
    points : ndarray of float64, (n, 3)
        Places (y, z, x) in px along it, half a pixel apart.
    """

    facets: tuple[int, int]
    planes: tuple[int, int]
    angle_deg: float
    is_apex: bool
    points: np.ndarray

    @property
    def length(self) -> float:
        """Length in px."""
        return _STEP_PX * (len(self.points) - 1)


@dataclass(frozen=True)
class _Axis:
    """Where two planes meet if both go on, with what is needed of them; arrays have one row each.

    Attributes
    ----------
    planes : (int, int)
    facets : ndarray of int64, (2,)
    normals : ndarray of float64, (2, 3)
    offsets : ndarray of float64, (2,)
    turn_deg : float
        Between the normals.
    origin, along : ndarray of float64, (3,)
    """

    planes: tuple[int, int]
    facets: np.ndarray
    normals: np.ndarray
    offsets: np.ndarray
    turn_deg: float
    origin: np.ndarray
    along: np.ndarray

    @classmethod
    def of(cls, facets: Facets, planes: tuple[int, int]) -> _Axis | None:
        """Return it, None where planes are parallel, or two sides of a thin wall."""
        owners = facets.facet_of_plane[list(planes)]
        normals, offsets = facets.normals[owners], facets.offsets[list(planes)]
        turn = float(np.degrees(np.arccos(np.clip(normals[0] @ normals[1], -1, 1))))
        along = np.cross(*normals)
        size = np.linalg.norm(along)
        if size < np.sin(np.radians(_LEAST_TURN_DEG)):
            return None
        along /= size
        rows, heights = np.vstack([normals, along]), np.append(offsets, 0.0)
        origin = np.linalg.lstsq(rows, heights, rcond=None)[0]
        return cls(planes, owners, normals, offsets, turn, origin, along)


def find_lines(bare: Bare, facets: Facets, links: csr_array) -> list[Line]:
    """Return all lines of a surface.

    Parameters
    ----------
    bare : Bare
        The surface, without what lies on it.
    facets : Facets
        The planes of `bare` are theirs.
    links : csr_array, (n, n)
        1 where two elements are neighbours.
    """
    order = np.argsort(bare.plane_of, kind="stable")
    ends = np.searchsorted(bare.plane_of[order], np.arange(len(facets.offsets) + 1))
    touching = _touching(bare, facets, links)
    tree = cKDTree(bare.points)
    lines = []
    for planes in sorted({*touching, *_near(bare, facets)}):
        axis = _Axis.of(facets, planes)
        if axis is None:
            continue
        parts = [bare.points[order[ends[plane] : ends[plane + 1]]] for plane in planes]
        rounded = _rounded(axis, _within_reach(parts))
        is_apex = len(rounded[True]) >= len(rounded[False])
        if planes in touching:
            here, there = touching[planes]
            is_apex = bool(((there - here) @ (axis.normals[1] - axis.normals[0])).mean() > 0)
        at = rounded[is_apex]
        # A third plane between them, as of a chamfer, meets either of them instead.
        nearest = bare.plane_of[tree.query(axis.origin + at[:, None] * axis.along)[1]]
        at = at[np.isin(nearest, [-1, *planes])]
        if planes in touching:
            at = np.append(at, (here + there) / 2 @ axis.along)
        line = _line(axis, at, is_apex)
        lines += [] if line is None else [line]
    return sorted(lines, key=lambda line: (line.facets, *line.points[0]))


def _touching(
    bare: Bare, facets: Facets, links: csr_array
) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """Return, for each pair of planes that touch, the places on both sides of the contact."""
    pairs_of = links.tocoo()
    one, other = bare.plane_of[pairs_of.row], bare.plane_of[pairs_of.col]
    at = np.flatnonzero((one >= 0) & (one < other))
    at = at[facets.facet_of_plane[one[at]] != facets.facet_of_plane[other[at]]]
    if not len(at):
        return {}
    pairs, group = np.unique(np.stack([one[at], other[at]], axis=1), axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    ends = np.searchsorted(group.ravel()[order], np.arange(len(pairs) + 1))
    found = {}
    for number, (first, second) in enumerate(pairs.tolist()):
        rows = at[order[ends[number] : ends[number + 1]]]
        found[first, second] = bare.points[pairs_of.row[rows]], bare.points[pairs_of.col[rows]]
    return found


def _near(bare: Bare, facets: Facets) -> list[tuple[int, int]]:
    """Return the pairs of planes of two facets that come so near that an edge may lie between."""
    on = bare.plane_of >= 0
    if not on.any():
        return []
    points, plane_of = bare.points[on], bare.plane_of[on]
    count = len(facets.offsets)
    meet = csr_array((count, count), dtype=np.int64)
    # Places less than half a cell apart lie in one cell of one of two grids half a cell apart.
    cells = 4 * _ROUND_PX
    for shift in np.ndindex(2, 2, 2):
        cell = np.floor((points - points.min(axis=0)) / cells + np.array(shift) / 2)
        flat = np.ravel_multi_index(
            tuple(cell.T.astype(np.int64)), tuple(cell.max(axis=0).astype(int) + 1)
        )
        has = coo_array(
            (np.ones(len(flat), np.int64), (flat, plane_of)), shape=(flat.max() + 1, count)
        ).tocsr()
        has.data[:] = 1
        meet = meet + has.T @ has
    first, second = meet.tocoo().coords
    differ = (first < second) & (facets.facet_of_plane[first] != facets.facet_of_plane[second])
    return list(zip(first[differ].tolist(), second[differ].tolist(), strict=True))


def _within_reach(parts: list[np.ndarray]) -> list[np.ndarray]:
    """Return what lies of two planes near the other one: near the box around it."""
    boxes = [(part.min(axis=0) - 2 * _ROUND_PX, part.max(axis=0) + 2 * _ROUND_PX) for part in parts]
    return [
        part[((part >= low) & (part <= high)).all(axis=1)]
        for part, (low, high) in zip(parts, reversed(boxes), strict=True)
    ]


def _rounded(axis: _Axis, parts: list[np.ndarray]) -> dict[bool, np.ndarray]:
    """Return where along an axis both planes end near it, a pixel apart: apexes, and valleys.

    Of an apex each plane lies below the other one, and of a valley above. `parts` are the places
    (n, 3) on each plane. The keys tell whether the surface is convex.
    """
    found = []
    for number, places in enumerate(parts):
        away = places - axis.origin
        at = away @ axis.along
        near = np.linalg.norm(away - at[:, None] * axis.along, axis=1) <= _ROUND_PX
        above = places[near] @ axis.normals[1 - number] - axis.offsets[1 - number] > 0
        found.append((np.floor(at[near]).astype(np.int64), above))
    if not all(len(steps) for steps, _ in found):
        return {True: np.empty(0), False: np.empty(0)}
    lowest = min(steps.min() for steps, _ in found)
    count = max(steps.max() for steps, _ in found) - lowest + 1
    ends = {True: np.ones(count, bool), False: np.ones(count, bool)}
    for steps, above in found:
        total = np.bincount(steps - lowest, minlength=count)
        over = np.bincount(steps - lowest, above, count)
        ends[True] &= (total > 0) & (total - over >= _ONE_SIDE * total)
        ends[False] &= (total > 0) & (over >= _ONE_SIDE * total)
    return {convex: np.flatnonzero(here) + lowest + 0.5 for convex, here in ends.items()}


def _line(axis: _Axis, at: np.ndarray, is_apex: bool) -> Line | None:
    """Return the line through places along an axis, None where it is too short."""
    at = np.sort(at)
    parts = np.split(at, np.flatnonzero(np.diff(at) > _MOST_GAP_PX) + 1)
    places = [
        np.arange(part[0], part[-1] + _STEP_PX / 2, _STEP_PX)
        for part in parts
        if len(part) and part[-1] - part[0] >= _LEAST_PX
    ]
    if not places:
        return None
    points = axis.origin + np.concatenate(places)[:, None] * axis.along
    first, second = sorted(int(one) for one in axis.facets)
    return Line((first, second), axis.planes, axis.turn_deg, is_apex, points)
