"""Whether chance would put particles where they sit on their support.

Random places are drawn evenly by area on the bare surface, and each is a place as that of a real
particle is: nothing is measured of one and not of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from catomo.surfaces.bare import Bare
from catomo.surfaces.envelope import Envelope, envelope_test
from catomo.surfaces.frame import Frame
from catomo.surfaces.null_model import Ways, draw, spread_evenly
from catomo.surfaces.particles import MeasuredParticles
from catomo.surfaces.relief import Relief
from catomo.surfaces.seats import Seats

DRAWS = 999
LEAST = 5  # particles that can be tested
_POOL = (3000, 4, 6000)  # places: at least, for each particle, at most
_SIZES = 9  # at which room in pores is looked at
_ROOM = 0.5  # of its radius, that a particle in a pore has free above it
_LEAST_PLACES = 0.02  # share of the places outside of pores, or in them
_LEAST_ON_FACETS = 0.85  # share of the places; resolved plates have 0.98 and more, others to 0.72
_GRID = 64


@dataclass(frozen=True)
class Judged:
    """One statistic, observed and by chance: a curve over `places` with its envelope."""

    places: list[float] | list[str]
    observed: np.ndarray
    envelope: Envelope


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
    """

    tested: np.ndarray
    at_apex: np.ndarray
    apex_by_chance: float | None
    families: dict[str, np.ndarray]
    tests: dict[str, Judged | str]


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
    rooms = _Rooms(relief, particles, seats, tested, frame, np.random.default_rng([seed, 23]))
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
    why = _no_apexes(relief, null, rooms)
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
    return Placement(tested, at_apex, by_chance, families, tests)


def _no_apexes(relief: Relief, null: _Null, rooms: _Rooms) -> str:
    """Return in words why apexes are not known, empty where they are."""
    if not relief.facets.facets:
        return "there are no facets"
    share = float((relief.bare.plane_of[rooms.pool] >= 0).mean())
    if share < _LEAST_ON_FACETS:
        return (
            f"only {100 * share:.0f} % of the surface where particles may sit lies on facets: the "
            "rest is curved, or so narrow that its apexes are not resolved"
        )
    return "" if len(null.apexes) else "no two facets meet"


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
        size = int(np.clip(_POOL[1] * len(self.rows), _POOL[0], _POOL[2]))
        walls, parts = seats.walls.elements, []
        for kind in np.unique(seats.in_pore[self.rows]):
            weights = bare.areas * (walls == kind)
            if weights.any():
                parts.append(spread_evenly(weights, size, rng))
        self.pool = np.concatenate(parts) if parts else np.empty(0, np.intp)
        is_wall = walls[self.pool]
        clear = _clearance(bare, self.pool, is_wall, self.radii)
        self.allowed = []
        for one, (radius, in_pore) in enumerate(
            zip(self.radii, seats.in_pore[self.rows], strict=True)
        ):
            middle = self.centre_of(one, np.arange(len(self.pool)))
            low, up = np.floor(middle - radius).astype(int), np.ceil(middle + radius).astype(int)
            fits = (is_wall == in_pore) & (clear >= radius) & frame.holds(low, up)
            self.allowed.append(np.flatnonzero(fits))
        self.is_free = np.array([len(one) for one in self.allowed]) >= _LEAST_PLACES * size

    def centre_of(self, one: int, places: np.ndarray) -> np.ndarray:
        """Return where the centre of a particle is at each place."""
        at = self.pool[places]
        return self._bare.points[at] + self.heights[one] * self._bare.normals[at]


class _Null:
    """Random places for the tested particles, and the statistics of all draws.

    Rows of all arrays are draws, the last one is what was observed.
    """

    def __init__(self, relief: Relief, rooms: _Rooms, seats: Seats) -> None:
        self._relief, self._pool = relief, rooms.pool
        self.apexes = relief.points(True, but=seats.walls.planes)
        which = np.flatnonzero(rooms.is_free)
        rows, bare = rooms.rows[which], relief.bare
        self.taken = draw(
            [rooms.allowed[one] for one in which],
            rooms.radii[which],
            lambda one, places: rooms.centre_of(int(which[one]), places),
            DRAWS,
            rooms.rng,
        )
        if self.taken is None:
            return
        at = rooms.pool[self.taken]
        self._nearest = np.asarray(cKDTree(bare.points).query(seats.points[rows])[1])
        self._points = np.concatenate([bare.points[at], seats.points[rows][None]])
        facet = np.append(relief.facets.facet_of_plane, -1)[bare.plane_of]
        self._facets = np.vstack([facet[at], seats.facets[rows]])
        self._reach = np.sqrt(np.maximum(rooms.radii**2 - rooms.heights**2, 0.0))[which]

    def apex(self) -> Judged:
        """Return the test of distances to the nearest apex."""
        away = np.asarray(cKDTree(self.apexes).query(self._points.reshape(-1, 3))[0])
        away = away.reshape(self._points.shape[:2])
        self.at_apex = away <= self._reach
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

    def neighbour(self) -> Judged:
        """Return the test of ways along the surface to the nearest other particle."""
        assert self.taken is not None
        count = len(self._nearest)
        ways = Ways(self._relief.elements, count)
        between = ways.between(np.concatenate([self._pool, self._nearest]))
        rows = np.vstack([self.taken, len(self._pool) + np.arange(count)])
        closest = np.empty(rows.shape)
        for number, row in enumerate(rows):
            each = between[np.ix_(row, row)].astype(np.float64)
            straight = np.linalg.norm(self._points[number][:, None] - self._points[number], axis=2)
            each = np.maximum(each, straight)
            each[np.arange(count), np.arange(count)] = np.inf
            closest[number] = each.min(axis=1)
        return _distribution(np.minimum(closest, ways.longest))


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
