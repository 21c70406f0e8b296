"""Whether chance would put particles where they sit on their support.

Random places are drawn evenly by area on the bare surface, and each is a place as that of a real
particle is: nothing is measured of one and not of the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from catomo.surfaces.bare import Bare
from catomo.surfaces.envelope import Envelope, envelope_test
from catomo.surfaces.frame import Frame
from catomo.surfaces.null_model import Ways, draw, least_apart, spread_evenly
from catomo.surfaces.particles import MeasuredParticles
from catomo.surfaces.relief import Relief
from catomo.surfaces.seats import Seats

DRAWS = 999
LEAST = 5  # particles that can be tested
MOST = 500  # time grows with their square, and more tell nothing new
_PLACES = 3000  # outside of pores, and as many in them
_SIZES = 9  # at which room in pores is looked at
_ROOM = 0.5  # of its radius, that a particle in a pore has free above it
_LEAST_PLACES = 0.02  # share of the places outside of pores, or in them
_LEAST_ON_FACETS = 0.85  # share of the places; resolved plates have 0.98 and more, others to 0.72
_GRID = 64


@dataclass(frozen=True)
class Judged:
    """One statistic, observed and by chance: a curve over `places` with its envelope.

    ``note`` says in words what else a reader has to know of it, empty for nothing.
    """

    places: list[float] | list[str]
    observed: np.ndarray
    envelope: Envelope
    note: str = ""


@dataclass(frozen=True)
class Placement:
    """What the tests say.

    Attributes
    ----------
    tested : ndarray of bool, (pieces,)
        The particles that the tests hold.
    at_apex : ndarray of bool, (pieces,)
    apex_by_chance : float or None
    families : dict of str to ndarray of bool
        For each family that facets have, which of the tested particles sit on it.
    tests : dict of str to (Judged or str)
        ``apex``, ``facets`` and ``neighbour``; in words why there is none.
    covered : float
        Share of the surface where no particle can sit: below other classes, or around embedded
        particles.
    passed_over : int
        How many more particles could be tested; those that are were drawn among all.
    """

    tested: np.ndarray
    at_apex: np.ndarray
    apex_by_chance: float | None
    families: dict[str, np.ndarray]
    tests: dict[str, Judged | str]
    covered: float = 0.0
    passed_over: int = 0


def place(
    relief: Relief,
    particles: MeasuredParticles,
    seats: Seats,
    frame: Frame,
    seed: int = 1,
) -> Placement:
    """Test where particles sit against random places.

    Parameters
    ----------
    relief : Relief
    particles : MeasuredParticles
    seats : Seats
    frame : Frame
    seed : int
        Of the random places.
    """
    tested = particles.whole & seats.has_rim
    rng = np.random.default_rng([seed, 23])
    passed_over = max(int(tested.sum()) - MOST, 0)
    if passed_over:
        tested[rng.choice(np.flatnonzero(tested), passed_over, replace=False)] = False
    rooms = _Rooms(relief, particles, seats, tested, frame, rng)
    tested[rooms.rows[~rooms.is_free]] = False
    nowhere = np.zeros(len(tested), bool)
    number = int(tested.sum())
    if number < LEAST:
        why = f"only {number} whole particles sit on the support, and {LEAST} are the least"
        return _untested(tested, why)
    null = _Null(relief, rooms, seats)
    if null.taken is None:
        return _untested(tested, "particles of these sizes find no room at random places")
    at_apex = nowhere.copy()
    tests: dict[str, Judged | str] = {"neighbour": null.neighbour()}
    by_chance = None
    why = _no_apexes(relief, null)
    if not why:
        tests["apex"] = null.apex()
        at_apex[tested] = null.at_apex[-1]
        by_chance = float(null.at_apex[:-1].mean())
        tests["facets"] = null.facets()
    else:
        tests["apex"] = tests["facets"] = why
    on = seats.facets[tested]
    families = {
        name: np.isin(on, [k for k, one in enumerate(relief.names) if one == name])
        for name in set(relief.names)
    }
    covered = 1 - _share(relief.elements.areas, relief.bare.is_open)
    return Placement(tested, at_apex, by_chance, families, tests, covered, passed_over)


def _share(areas: np.ndarray, is_in: np.ndarray) -> float:
    return float(areas[is_in].sum() / areas.sum())


def _no_apexes(relief: Relief, null: _Null) -> str:
    """Return in words why apexes are not known, empty where they are."""
    if not relief.facets.facets:
        return "there are no facets"
    if null.on_facets < _LEAST_ON_FACETS:
        return (
            f"only {100 * null.on_facets:.0f} % of random places lie on facets: the rest of the "
            "surface is curved, or so narrow that its apexes are not resolved"
        )
    return "" if len(null.apexes) else "there is no apex on the outer surface"


def _untested(tested: np.ndarray, why: str) -> Placement:
    tests: dict[str, Judged | str] = dict.fromkeys(("apex", "facets", "neighbour"), why)
    return Placement(tested, np.zeros(len(tested), bool), None, {}, tests)


class _Rooms:
    """Places for particles, drawn evenly by area, and which of them each particle may take."""

    def __init__(
        self,
        relief: Relief,
        particles: MeasuredParticles,
        seats: Seats,
        tested: np.ndarray,
        frame: Frame,
        rng: np.random.Generator,
    ) -> None:
        self.rng, self.rows = rng, np.flatnonzero(tested)
        self._bare = bare = relief.bare
        self.radii = particles.diameters[self.rows] / 2
        self.heights = seats.heights[self.rows]
        self.centres = particles.pieces.centres()[self.rows]
        upright = np.array([bare.feet[int(one)].normal for one in self.rows]).reshape(-1, 3)
        self.reaches = _reaches(particles, self.rows, upright)
        walls, parts = seats.walls.elements, []
        for kind in np.unique(seats.in_pore[self.rows]):
            weights = bare.areas * (bare.is_open & (walls == kind))
            if weights.any():
                parts.append(spread_evenly(weights, _PLACES, rng))
        self.pool = np.concatenate(parts) if parts else np.empty(0, np.intp)
        is_wall = walls[self.pool]
        clear = _clearance(bare, self.pool, is_wall, self.radii)
        self.allowed = []
        for one, (radius, in_pore) in enumerate(
            zip(self.radii, seats.in_pore[self.rows], strict=True)
        ):
            middle, reach = self.centre_of(one, np.arange(len(self.pool))), self.reaches[one]
            low, up = np.ceil(middle - reach).astype(int), np.floor(middle + reach).astype(int)
            fits = (is_wall == in_pore) & (clear >= radius) & frame.holds(low, up)
            self.allowed.append(np.flatnonzero(fits))
        self.is_free = np.array([len(one) for one in self.allowed]) >= _LEAST_PLACES * _PLACES

    def centre_of(self, one: int, places: np.ndarray) -> np.ndarray:
        """Return where the centre of a particle is at each place."""
        at = self.pool[places]
        return self._bare.points[at] + self.heights[one] * self._bare.normals[at]


class _Null:
    """Random places for the tested particles, and the statistics of all draws.

    Rows of all arrays are draws, the last one is what was observed.
    """

    def __init__(self, relief: Relief, rooms: _Rooms, seats: Seats) -> None:
        self._relief, self._pool, self._rooms = relief, rooms.pool, rooms
        self.apexes = relief.points(True, but=seats.walls.planes)
        self._which = which = np.flatnonzero(rooms.is_free)
        rows, bare = rooms.rows[which], relief.bare
        self.taken = draw(
            [rooms.allowed[one] for one in which],
            rooms.reaches[which],
            lambda one, places: rooms.centre_of(int(which[one]), places),
            DRAWS,
            rooms.rng,
        )
        if self.taken is None:
            return
        at = rooms.pool[self.taken]
        self._nearest = np.asarray(cKDTree(bare.points).query(seats.points[rows])[1])
        at = np.vstack([at, self._nearest])
        self._points = bare.points[at]
        self._facets = np.append(relief.facets.facet_of_plane, -1)[bare.plane_of[at]]
        self.on_facets = float((self._facets[:-1] >= 0).mean())
        self._foot = np.sqrt(np.maximum(rooms.reaches**2 - rooms.heights**2, 0.0))[which]

    def apex(self) -> Judged:
        """Return the test of distances to the nearest apex."""
        away = np.asarray(cKDTree(self.apexes).query(self._points.reshape(-1, 3))[0])
        away = away.reshape(self._points.shape[:2])
        self.at_apex = away <= self._foot
        return _distribution(away)

    def facets(self) -> Judged:
        """Return the test of shares on families, or else on facets, and at apexes."""
        names = self._relief.names or [str(k + 1) for k in range(len(self._relief.facets.facets))]
        kinds = sorted(set(names))
        number = np.array([kinds.index(name) for name in names] + [-1])
        on = number[self._facets]
        shares = [(on == kind).mean(axis=1) for kind in range(len(kinds))]
        curves = np.stack([*shares, self.at_apex.mean(axis=1)], axis=1)
        return Judged([*kinds, "apex"], curves[-1], envelope_test(curves[-1], curves[:-1]))

    def neighbour(self) -> Judged | str:
        """Return the test of ways along the surface to the nearest other particle.

        No random particles lie as near to each other as real ones that touch: these count as one.
        """
        assert self.taken is not None
        one = _apart(self._rooms.centres[self._which], self._rooms.reaches[self._which])
        count, merged = len(one), len(self._which) - len(one)
        if count < LEAST:
            return f"only {count} particles do not touch a larger one, and {LEAST} are the least"
        ways = Ways(self._relief.bare, self._relief.elements.links, count)
        between = ways.between(np.concatenate([self._pool, self._nearest[one]]))
        rows = np.vstack([self.taken[:, one], len(self._pool) + np.arange(count)])
        points = self._points[:, one]
        closest = np.empty(rows.shape)
        for number, row in enumerate(rows):
            each = between[np.ix_(row, row)].astype(np.float64)
            each = np.maximum(each, cdist(points[number], points[number]))
            each[np.arange(count), np.arange(count)] = np.inf
            closest[number] = each.min(axis=1)
        told = _distribution(np.minimum(closest, ways.longest))
        note = f"{merged} that touch a larger one, or nearly so, count as one with it"
        return replace(told, note=note) if merged else told


def _reaches(particles: MeasuredParticles, rows: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return how far particles reach along the surface: the radius of a ball as wide there."""
    pieces = particles.pieces
    rank = np.full(pieces.count, -1)
    rank[rows] = np.arange(len(rows))
    own = rank[pieces.ids]
    voxels, own = pieces.voxels[own >= 0], own[own >= 0]
    away = voxels - pieces.centres()[rows][own]
    spread = np.empty((len(rows), 3, 3))
    for axis, other in np.ndindex(3, 3):
        spread[:, axis, other] = np.bincount(own, away[:, axis] * away[:, other], len(rows))
    spread = spread / pieces.sizes()[rows][:, None, None] + np.eye(3) / 12  # of a voxel itself
    upright = np.einsum("ij,ijk,ik->i", normals, np.linalg.inv(spread), normals)
    # A ball, whole or halved, has a fifth of its radius squared along each axis of its foot.
    return np.sqrt(5 * np.sqrt(np.linalg.det(spread) * upright))


def _apart(centres: np.ndarray, reaches: np.ndarray) -> np.ndarray:
    """Return the largest of each group of particles that touch or nearly do."""
    pairs = np.nonzero(cdist(centres, centres) < least_apart(reaches, reaches[:, None]))
    near = coo_array((np.ones(len(pairs[0])), pairs), shape=(len(reaches),) * 2)
    _, group = connected_components(near, directed=False)
    order = np.argsort(-reaches, kind="stable")
    return np.sort(order[np.unique(group[order], return_index=True)[1]])


def _clearance(bare: Bare, pool: np.ndarray, is_wall: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return how large a particle may be at each place before it meets another wall of a pore."""
    clear = np.where(is_wall, 0.0, np.inf)
    if not is_wall.any():
        return clear
    tree, walls = cKDTree(bare.points), np.flatnonzero(is_wall)
    for radius in np.quantile(radii, np.linspace(0, 1, _SIZES)):
        top = bare.points[pool[walls]] + radius * bare.normals[pool[walls]]
        fits = tree.query(top)[0] >= _ROOM * radius
        walls = walls[fits]
        clear[walls] = radius
    clear[walls] = np.inf
    return clear


def _distribution(values: np.ndarray) -> Judged:
    """Return the test of how values are distributed, of the last row against all others."""
    grid = np.linspace(0, np.nanpercentile(values[:-1], 99), _GRID + 1)[1:]
    ordered = np.sort(values, axis=1)
    curves = np.stack([np.searchsorted(row, grid, "right") for row in ordered]) / values.shape[1]
    return Judged(list(grid), curves[-1], envelope_test(curves[-1], curves[:-1]))
