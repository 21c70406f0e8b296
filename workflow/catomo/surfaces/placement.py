"""Where particles sit on the facets of their support, and whether chance would put them there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from catomo.surfaces.envelope import Envelope, envelope_test
from catomo.surfaces.facet_surface import Elements
from catomo.surfaces.frame import Frame
from catomo.surfaces.null_model import Places, Ways, draw, places_of, ring_of
from catomo.surfaces.particles import InHull, MeasuredParticles
from catomo.surfaces.relief import Relief

DRAWS = 999
LEAST = 5  # particles that can be tested
_POOL = (1500, 4, 6000)  # places: at least, for each particle, at most
_CLASSES = 4  # of sizes
_ROOM = 0.5  # of its radius, that a particle has free around its middle
_LEAST_POOL = 0.1  # share of the places that a particle may take
_GRID = 64
_FLATTEST = 0.65  # thickness over width of what counts as a plate, by second moments
_IN_PLANE = 0.5  # cosine to the plate's normal: facets below it are its sides


@dataclass(frozen=True)
class Seats:
    """Where each piece sits on the support.

    Attributes
    ----------
    points : ndarray of float64, (pieces, 3)
        Middle of its rim (y, z, x) in px; not a number without one.
    radii : ndarray of float64, (pieces,)
        Of the rim, in px.
    facets : ndarray of int64, (pieces,)
        The facet that most of its rim lies on, -1 for none.
    apex, valley, mouth, edge : ndarray of float64, (pieces,)
        Distances in px; not a number where there is nothing of the kind.
    """

    points: np.ndarray
    radii: np.ndarray
    facets: np.ndarray
    apex: np.ndarray
    valley: np.ndarray
    mouth: np.ndarray
    edge: np.ndarray


@dataclass(frozen=True)
class Tested:
    """One statistic, observed and by chance: a curve over `places` with its envelope."""

    places: list[float] | list[str]
    observed: np.ndarray
    envelope: Envelope


@dataclass(frozen=True)
class Placement:
    """The places of particles, and what the tests say.

    Attributes
    ----------
    seats : Seats
    tested : ndarray of bool, (pieces,)
        The particles that the tests hold.
    at_apex : ndarray of bool, (pieces,)
    apex_by_chance : float or None
    tests : dict of str to (Tested or str)
        ``apex``, ``facets`` and ``neighbour``; in words why there is none.
    """

    seats: Seats
    tested: np.ndarray
    at_apex: np.ndarray
    apex_by_chance: float | None
    tests: dict[str, Tested | str]


def find_seats(relief: Relief, particles: MeasuredParticles, in_hull: InHull | None) -> Seats:
    """Return where each piece sits."""
    elements, pieces = relief.elements, particles.pieces
    count = pieces.count
    owner = _owners(elements, particles)
    links = elements.links.tocoo()
    is_rim = elements.is_free[links.row] & (owner[links.col] >= 0)
    pairs = np.unique(np.stack([owner[links.col[is_rim]], links.row[is_rim]]), axis=1)
    points, radii = np.full((count, 3), np.nan), np.full(count, np.nan)
    facets = np.full(count, -1)
    starts = np.searchsorted(pairs[0], np.arange(count + 1))
    for one in np.unique(pairs[0]):
        ring = pairs[1, starts[one] : starts[one + 1]]
        points[one], facets[one] = ring_of(elements, relief.facets.facet_of, ring)
        away = ((elements.points[ring] - points[one]) ** 2).sum(axis=1)
        radii[one] = np.sqrt(np.average(away, weights=elements.areas[ring]))
    known = np.isfinite(radii)

    def to(targets: np.ndarray) -> np.ndarray:
        result = np.full(count, np.nan)
        if len(targets) and known.any():
            result[known] = cKDTree(targets).query(points[known])[0]
        return result

    return Seats(
        points, radii, facets, to(relief.points(True)), to(relief.points(False)),
        to(_mouths(elements, in_hull)), to(_edges(relief)),
    )  # fmt: skip


def place(
    relief: Relief,
    particles: MeasuredParticles,
    in_hull: InHull | None,
    frame: Frame,
    seed: int = 1,
) -> Placement:
    """Return where particles sit, and test it against random places.

    Parameters
    ----------
    relief : Relief
    particles : MeasuredParticles
    in_hull : callable or None
        Tells which voxels lie in the hull of the support.
    frame : Frame
    seed : int
        Of the random places.
    """
    seats = find_seats(relief, particles, in_hull)
    tested = particles.whole & np.isfinite(seats.radii)
    nowhere = np.zeros(len(tested), bool)
    number = int(tested.sum())
    if number < LEAST:
        why = f"only {number} whole particles sit on the support, and {LEAST} are the least"
        return _untested(seats, tested, nowhere, why)
    null = _Null(relief, particles, seats, tested, in_hull, frame, seed)
    if null.why:
        return _untested(seats, tested, nowhere, null.why)
    at_apex = nowhere.copy()
    tests: dict[str, Tested | str] = {"neighbour": null.neighbour()}
    by_chance = None
    if len(relief.points(True)):
        tests["apex"] = null.apex()
        at_apex[tested] = null.at_apex[-1]
        by_chance = float(null.at_apex[:-1].mean())
        tests["facets"] = null.facets()
    else:
        what = "no two facets meet" if relief.facets.facets else "there are no facets"
        tests["apex"] = tests["facets"] = what
    return Placement(seats, tested, at_apex, by_chance, tests)


def _untested(seats: Seats, tested: np.ndarray, nowhere: np.ndarray, why: str) -> Placement:
    tests: dict[str, Tested | str] = dict.fromkeys(("apex", "facets", "neighbour"), why)
    return Placement(seats, tested, nowhere, None, tests)


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
        in_hull: InHull | None,
        frame: Frame,
        seed: int,
    ) -> None:
        self.why = ""
        self._relief = relief
        rng = np.random.default_rng([seed, 23])
        rows = np.flatnonzero(tested)
        elements = relief.elements
        radii = particles.diameters[rows] / 2
        pool = self._pool(elements, particles, len(rows), rng)
        middles = particles.pieces.centres()[rows]
        sizes, group = _classes(radii)
        points, facets, allowed, reach = [], [], [], []
        for one, size in enumerate(sizes):
            here = group == one
            foot = float(seats.radii[rows[here]].mean())
            reach.append(foot)
            # By how much the middle of a ball lies above a foot, or below it.
            high = float(np.sqrt(max(size**2 - foot**2, 0.0)))
            heights = _heights(elements, seats.points[rows[here]], middles[here])
            high *= float(np.sign(np.median(heights)))
            found = places_of(elements, relief.facets.facet_of, pool, size, high)
            points.append(found.points)
            facets.append(found.facets)
            fits = _fits(elements, pool, found, float(radii[here].max()), high, frame)
            outside = _is_outside(elements.points[pool] + high * elements.normals[pool], in_hull)
            for middle in middles[here]:
                same = outside == _is_outside(middle[None], in_hull)[0]
                allowed.append(np.flatnonzero(fits & same))
        order = np.argsort(np.argsort(group, kind="stable"), kind="stable")
        allowed = [allowed[k] for k in order]
        if min(map(len, allowed)) < _LEAST_POOL * len(pool):
            self.why = "there is too little surface where particles as large may sit"
            return
        taken = draw(allowed, radii, elements.points[pool], DRAWS, rng)
        if taken is None:
            self.why = "particles of these sizes find no room at random places"
            return
        nearest = np.asarray(cKDTree(elements.points).query(seats.points[rows])[1])
        self._elements = np.vstack([pool[taken], nearest])
        self._ways = Ways(elements, len(rows)), pool, taken, nearest
        every = np.stack(points)
        self._points = np.concatenate([every[group, taken], seats.points[rows][None]])
        self._facets = np.vstack([np.stack(facets)[group, taken], seats.facets[rows]])
        self._reach = np.asarray(reach)[group]

    @staticmethod
    def _pool(
        elements: Elements, particles: MeasuredParticles, count: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Return elements drawn by area; a dent below a particle counts as the flat it was."""
        weight = elements.areas.copy()
        owner = _owners(elements, particles)
        under = owner >= 0
        dent = np.bincount(owner[under], weight[under], particles.pieces.count)
        flat = np.clip(1 - dent / (np.pi * particles.diameters**2), 0, 1)
        weight[under] *= flat[owner[under]]
        least, each, most = _POOL
        size = min(max(least, each * count), most)
        return rng.choice(len(weight), size, p=weight / weight.sum())

    def apex(self) -> Tested:
        """Return the test of distances to the nearest apex."""
        tree = cKDTree(self._relief.points(True))
        away = np.asarray(tree.query(self._points.reshape(-1, 3))[0])
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
        ways, pool, taken, nearest = self._ways
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


def _distribution(values: np.ndarray) -> Tested:
    """Return the test of how values are distributed, of the last row against all others."""
    grid = np.linspace(0, np.nanpercentile(values[:-1], 99), _GRID + 1)[1:]
    ordered = np.sort(values, axis=1)
    curves = np.stack([np.searchsorted(row, grid, "right") for row in ordered]) / values.shape[1]
    return Tested(list(grid), curves[-1], envelope_test(curves[-1], curves[:-1]))


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


def _classes(radii: np.ndarray) -> tuple[list[float], np.ndarray]:
    """Return the mean radius of a few classes of size, and the class of each particle."""
    count = min(_CLASSES, max(len(radii) // 5, 1))
    group = np.empty(len(radii), np.intp)
    for number, rows in enumerate(np.array_split(np.argsort(radii, kind="stable"), count)):
        group[rows] = number
    return [float(radii[group == number].mean()) for number in range(count)], group


def _heights(elements: Elements, places: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Return how far the middles of particles lie above their places."""
    normal = elements.normals[cKDTree(elements.points).query(places)[1]]
    return np.einsum("ij,ij->i", middles - places, normal)


def _fits(
    elements: Elements, pool: np.ndarray, found: Places, radius: float, high: float, frame: Frame
) -> np.ndarray:
    """Return at which places a particle is whole and not squeezed between walls."""
    middle = elements.points[pool] + high * elements.normals[pool]
    fits = np.isfinite(found.points).all(axis=1)
    low, up = np.floor(middle - radius).astype(int), np.ceil(middle + radius).astype(int)
    fits &= frame.holds(low, up)
    free = elements.points[pool] + radius * elements.normals[pool]
    return fits & (cKDTree(elements.points).query(free)[0] >= _ROOM * radius)


def _is_outside(points: np.ndarray, in_hull: InHull | None) -> np.ndarray:
    if in_hull is None:
        return np.ones(len(points), bool)
    return ~in_hull(np.rint(points).astype(np.int64))


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
