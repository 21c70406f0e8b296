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
_LEAST_PLACES = 0.02  # share of the places on its side, the outer one or pores
_GRID = 64


@dataclass(frozen=True)
class Tested:
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
    tests : dict of str to (Tested or str)
        ``apex``, ``facets`` and ``neighbour``; in words why there is none.
    """

    tested: np.ndarray
    at_apex: np.ndarray
    apex_by_chance: float | None
    tests: dict[str, Tested | str]


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
    nowhere = np.zeros(len(tested), bool)
    number = int(tested.sum())
    if number < LEAST:
        why = f"only {number} whole particles sit on the support, and {LEAST} are the least"
        return _untested(tested, why)
    null = _Null(relief, particles, seats, tested, frame, seed)
    if null.why:
        return _untested(tested, null.why)
    at_apex = nowhere.copy()
    tests: dict[str, Tested | str] = {"neighbour": null.neighbour()}
    by_chance = None
    if len(null.apexes):
        tests["apex"] = null.apex()
        at_apex[tested] = null.at_apex[-1]
        by_chance = float(null.at_apex[:-1].mean())
        tests["facets"] = null.facets()
    else:
        what = "no two facets meet" if relief.facets.facets else "there are no facets"
        tests["apex"] = tests["facets"] = what
    return Placement(tested, at_apex, by_chance, tests)


def _untested(tested: np.ndarray, why: str) -> Placement:
    tests: dict[str, Tested | str] = dict.fromkeys(("apex", "facets", "neighbour"), why)
    return Placement(tested, np.zeros(len(tested), bool), None, tests)


class _Null:
    """Random places for the tested particles, and the statistics of all draws.

    Rows of all arrays are draws, the last one is what was observed.
    """

    def __init__(
        self,
        relief: Relief,
        particles: MeasuredParticles,
        seats: Seats,
        tested: np.ndarray,
        frame: Frame,
        seed: int,
    ) -> None:
        self.why = ""
        self._relief = relief
        self.apexes = relief.points(True, but=seats.walls.planes)
        rng = np.random.default_rng([seed, 23])
        rows, bare = np.flatnonzero(tested), relief.bare
        radii, heights = particles.diameters[rows] / 2, seats.heights[rows]
        size = int(np.clip(_POOL[1] * len(rows), _POOL[0], _POOL[2]))
        pools = {
            bool(kind): spread_evenly(bare.areas * (seats.walls.elements == kind), size, rng)
            for kind in np.unique(seats.in_pore[rows])
        }
        pool = np.concatenate(list(pools.values()))
        is_wall = np.repeat(list(pools), size)
        clear = np.where(is_wall, _clearance(bare, pool, is_wall, radii), np.inf)

        def centre_of(one: int, places: np.ndarray) -> np.ndarray:
            return bare.points[pool[places]] + heights[one] * bare.normals[pool[places]]

        allowed = []
        for one, (radius, in_pore) in enumerate(zip(radii, seats.in_pore[rows], strict=True)):
            middle = centre_of(one, np.arange(len(pool)))
            low, up = np.floor(middle - radius).astype(int), np.ceil(middle + radius).astype(int)
            fits = (is_wall == in_pore) & (clear >= radius) & frame.holds(low, up)
            allowed.append(np.flatnonzero(fits))
        if min(map(len, allowed)) < _LEAST_PLACES * size:
            self.why = "there is too little surface where particles as large may sit"
            return
        taken = draw(allowed, radii, centre_of, DRAWS, rng)
        if taken is None:
            self.why = "particles of these sizes find no room at random places"
            return
        nearest = np.asarray(cKDTree(bare.points).query(seats.points[rows])[1])
        self._ways = pool, taken, nearest
        self._points = np.concatenate([bare.points[pool[taken]], seats.points[rows][None]])
        facet = np.append(relief.facets.facet_of_plane, -1)[bare.plane_of[pool]]
        self._facets = np.vstack([facet[taken], seats.facets[rows]])
        self._reach = np.sqrt(np.maximum(radii**2 - heights**2, 0.0))

    def apex(self) -> Tested:
        """Return the test of distances to the nearest apex."""
        away = np.asarray(cKDTree(self.apexes).query(self._points.reshape(-1, 3))[0])
        away = away.reshape(self._points.shape[:2])
        self.at_apex = away <= self._reach
        return _distribution(away)

    def facets(self) -> Tested:
        """Return the test of shares on families, or else on facets, and at apexes."""
        names = self._relief.names or [str(k + 1) for k in range(len(self._relief.facets.facets))]
        kinds = sorted(set(names))
        number = np.array([kinds.index(name) for name in names] + [-1])
        on = number[self._facets]
        shares = [(on == kind).mean(axis=1) for kind in range(len(kinds))]
        curves = np.stack([*shares, self.at_apex.mean(axis=1)], axis=1)
        return Tested([*kinds, "apex"], curves[-1], envelope_test(curves[-1], curves[:-1]))

    def neighbour(self) -> Tested:
        """Return the test of ways along the surface to the nearest other particle."""
        pool, taken, nearest = self._ways
        ways = Ways(self._relief.elements, taken.shape[1])
        between = ways.between(np.concatenate([pool, nearest]))
        rows = np.vstack([taken, len(pool) + np.arange(len(nearest))])
        count = rows.shape[1]
        closest = np.empty(rows.shape)
        for number, row in enumerate(rows):
            each = between[np.ix_(row, row)].astype(np.float64)
            straight = np.linalg.norm(self._points[number][:, None] - self._points[number], axis=2)
            each = np.maximum(each, straight)
            each[np.arange(count), np.arange(count)] = np.inf
            closest[number] = each.min(axis=1)
        return _distribution(np.minimum(closest, ways.longest))


def _clearance(
    bare: Bare, pool: np.ndarray, is_wall: np.ndarray, radii: np.ndarray
) -> np.ndarray:
    """Return how large a particle on each wall of a pore may be before it meets another wall."""
    clear = np.zeros(len(pool))
    tree, walls = cKDTree(bare.points), np.flatnonzero(is_wall)
    for radius in np.quantile(radii, np.linspace(0, 1, _SIZES)):
        top = bare.points[pool[walls]] + radius * bare.normals[pool[walls]]
        fits = tree.query(top)[0] >= _ROOM * radius
        walls = walls[fits]
        clear[walls] = radius
    clear[walls] = np.inf
    return clear


def _distribution(values: np.ndarray) -> Tested:
    """Return the test of how values are distributed, of the last row against all others."""
    grid = np.linspace(0, np.nanpercentile(values[:-1], 99), _GRID + 1)[1:]
    ordered = np.sort(values, axis=1)
    curves = np.stack([np.searchsorted(row, grid, "right") for row in ordered]) / values.shape[1]
    return Tested(list(grid), curves[-1], envelope_test(curves[-1], curves[:-1]))
