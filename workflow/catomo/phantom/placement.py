"""Where the particles of a phantom sit on its plate.

On the tops of the ridges, at their feet, anywhere on the outer surface, or there in clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catomo.errors import UserError
from catomo.phantom.plate import RIDGES, SIDES, SINE, SLOPE, drop, half_width, ridge_middles
from catomo.phantom.settings import Plate, Specimen

# A pore as a box: its low and its high corner in nm.
Box = tuple[np.ndarray, np.ndarray]
_Sphere = tuple[np.ndarray, float]

_GAP_NM = 0.3  # least distance between particles
_BELOW_NM = 0.1  # a place on the surface where solid begins
_TRIES = 1000  # of places for one particle
_OF_CLUSTER = 4  # particles
_WIDER = (1.7, 2.2, 3.0, 4.0)  # reach of a cluster in median diameters, as far as need be


def draw_spheres(specimen: Specimen, pores: list[Box], rng: np.random.Generator) -> list[_Sphere]:
    """Draw particles as (centre, diameter) in nm in the plate's own axes.

    Parameters
    ----------
    specimen : Specimen
    pores : list of (ndarray, ndarray)
        As boxes along the two side normals and the face normal.
    rng : Generator

    Raises
    ------
    UserError
        If there is no room for all of them.
    """
    rule = specimen.particles
    diameters = rule.median_diameter_nm * np.exp(rule.sigma_log * rng.standard_normal(rule.count))
    smallest, largest = rule.clip_nm
    diameters = np.sort(np.clip(diameters, smallest, largest))[::-1]
    if rule.placement in ("facet_apex", "facet_valley"):
        return _on_lines(specimen, diameters, rng)
    return _on_surface(specimen, pores, diameters, rng)


def _on_lines(specimen: Specimen, diameters: np.ndarray, rng: np.random.Generator) -> list[_Sphere]:
    """Draw particles along the tops or the feet of the ridges.

    Particles are dealt to the lines, the largest first and longer free lines more often; then the
    free length of each line is divided at random between its particles.
    """
    plate, rule = specimen.plate, specimen.particles
    at_top = rule.placement == "facet_apex"
    height = plate.thickness_nm / 2 - (0.0 if at_top else plate.corrugation_depth_nm)
    # The chord of a rhombus at `middle`; its sides run at 1/√2 to the ridges.
    ridges = [
        (face, middle, 2**0.5 * (half_width(plate) * 3**0.5 - abs(middle)))
        for face in (1, -1)
        for middle in (ridge_middles(plate, face) if at_top else _feet(plate, face))
    ]
    free = np.array([length for _, _, length in ridges])
    strung: list[list[float]] = [[] for _ in ridges]
    for number, diameter in enumerate(diameters):
        room = np.where(free >= diameter + _GAP_NM, free, 0.0)
        if not room.any():
            raise UserError(
                f"particles.count: found room for {number} of {rule.count} along the ridges; "
                "ask for fewer or smaller particles, or a shorter corrugation_period_nm"
            )
        ridge = rng.choice(len(ridges), p=room / room.sum())
        strung[ridge].append(diameter)
        free[ridge] -= diameter + _GAP_NM
    spheres = []
    for (face, middle, length), beads, rest in zip(ridges, strung, free, strict=True):
        shuffled = rng.permutation(beads)
        gaps = rest * np.diff(np.sort(rng.random(len(beads))), prepend=0.0)
        position = -length / 2
        for diameter, gap in zip(shuffled, gaps, strict=True):
            along = position + gap + (diameter + _GAP_NM) / 2
            position = along + (diameter + _GAP_NM) / 2
            above = height + (0.5 - rule.embedded_fraction) * diameter
            spheres.append((np.array([along, middle, face * above]), diameter))
    return spheres


def _feet(plate: Plate, face: int) -> np.ndarray:
    """Return where ridges begin, across them, in nm; every second foot, so that none is crowded."""
    feet = ridge_middles(plate, face) + plate.corrugation_depth_nm / SLOPE
    return feet[np.abs(feet) < half_width(plate) * 3**0.5]


def _on_surface(
    specimen: Specimen, pores: list[Box], diameters: np.ndarray, rng: np.random.Generator
) -> list[_Sphere]:
    """Draw particles evenly over the outer surface, pore mouths left out, or there in clusters."""
    rule = specimen.particles
    places: list[np.ndarray] = []
    centres: list[np.ndarray] = []
    shuffled = rng.permutation(diameters)
    for number, diameter in enumerate(shuffled):
        begins = rule.placement == "random" or number % _OF_CLUSTER == 0
        parent = None if begins else places[number - number % _OF_CLUSTER]
        above = (0.5 - rule.embedded_fraction) * diameter
        apart = [(diameter + size) / 2 + _GAP_NM for size in shuffled[:number]]
        found = None
        for wider in _WIDER if parent is not None else _WIDER[:1]:
            room = _Room(centres, apart, parent, wider * rule.median_diameter_nm)
            found = found or _place(specimen.plate, pores, above, room, rng)
        if found is None:
            raise UserError(
                f"particles.count: found room for {number} of {rule.count} on the surface; "
                "ask for fewer or smaller particles"
            )
        places.append(found[0])
        centres.append(found[1])
    return [(centre, float(size)) for centre, size in zip(centres, shuffled, strict=True)]


@dataclass(frozen=True)
class _Room:
    """Where a particle fits: apart from the others and, in a cluster, near its first particle."""

    centres: list[np.ndarray]
    apart: list[float]
    parent: np.ndarray | None
    reach: float

    def holds(self, place: np.ndarray, centre: np.ndarray) -> bool:
        """Return whether a particle with its foot and its centre here fits."""
        if self.parent is not None and np.linalg.norm(place - self.parent) > self.reach:
            return False
        others = np.array(self.centres).reshape(-1, 3)
        return bool((np.linalg.norm(others - centre, axis=1) >= self.apart).all())


def _place(
    plate: Plate,
    pores: list[Box],
    above: float,
    room: _Room,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return a place on the outer surface, and the centre of its particle, where one fits."""
    for _ in range(_TRIES):
        place, normal = _anywhere(plate, rng)
        if _is_solid(pores, place - _BELOW_NM * normal):
            centre = place + above * normal
            if room.holds(place, centre):
                return place, centre
    return None


def _anywhere(plate: Plate, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a place spread evenly over the outer surface, and the normal there.

    Places are drawn on the six planes around the plate. On the broad ones a place on a ridge
    stands for more surface than one on the floor, by one over the cosine of its slope.
    """
    wall, top = half_width(plate), plate.thickness_nm / 2
    side = 2 * wall / SINE
    steep = (1 + SLOPE**2) ** 0.5
    broad, narrow = 2 * wall * side * steep, 2 * top * side
    while True:
        if rng.random() < broad / (broad + 2 * narrow):
            face = rng.choice((1, -1))
            near = rng.uniform(-wall, wall, 2)  # along the two side normals
            x, y = np.linalg.solve(SIDES[:, :2], near)
            low = float(drop(plate, np.array([y]), face)[0])
            on_ridge = low < plate.corrugation_depth_nm
            if not on_ridge and rng.random() > 1 / steep:
                continue
            rises = float(drop(plate, np.array([y + 1e-6]), face)[0]) < low
            normal = RIDGES[1 if rises else 0] if on_ridge else np.array([0.0, 0.0, 1.0])
            return np.array([x, y, face * (top - low)]), normal * [1, 1, face]
        which, sign = rng.integers(2), rng.choice((1, -1))
        near = np.empty(2)
        near[which], near[1 - which] = sign * wall, rng.uniform(-wall, wall)
        x, y = np.linalg.solve(SIDES[:, :2], near)
        z = rng.uniform(-top, top)
        if abs(z) <= top - float(drop(plate, np.array([y]), int(np.sign(z) or 1))[0]):
            return np.array([x, y, z]), sign * SIDES[which]


def _is_solid(pores: list[Box], place: np.ndarray) -> bool:
    """Return whether a place in the plate lies in no pore."""
    near = np.array([*(SIDES @ place), place[2]])
    return not any(((near > low) & (near < high)).all() for low, high in pores)
