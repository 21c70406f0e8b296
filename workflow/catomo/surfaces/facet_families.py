"""Which family of lattice planes each facet belongs to, by the angles between all of them."""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np
from scipy.spatial.transform import Rotation

from catomo.surfaces.facets import Facets

# Families of a lattice with the planes of one half of all directions.
_INDICES = {"cubic": ((1, 0, 0), (1, 1, 0), (1, 1, 1))}

OTHER = "other"
_OFF_DEG = 5.0  # of a facet from the plane that it is named after
_TRIED = 6  # largest facets, whose pairs are laid on pairs of lattice planes
_LEAST_TURN_DEG = 10.0
_SAME_AREA = 0.02  # of all facets: a smaller difference prefers none


def family_names(lattice: str) -> list[str]:
    """Return the families of a lattice that facets may have."""
    return ["".join(map(str, indices)) for indices in _INDICES[lattice]]


def families(facets: Facets, lattice: str) -> list[str] | str:
    """Return the family of each facet, or in words why it cannot be told.

    Parameters
    ----------
    facets : Facets
    lattice : str
        A key of the lattices known: ``cubic``.
    """
    normals = facets.normals
    areas = np.array([one.area for one in facets.facets])
    planes, names = _planes(lattice)
    # Turns of the lattice bring any plane of a family to any other of it: one of each will do.
    firsts = [names.index(name) for name in family_names(lattice)]
    found: dict[tuple[str, ...], tuple[float, float]] = {}
    for one, other in combinations(range(min(len(normals), _TRIED)), 2):
        turn = _turn(normals[one], normals[other])
        if not _LEAST_TURN_DEG < turn < 180 - _LEAST_TURN_DEG:
            continue
        pair = normals[[one, other]]
        for first, second in product(firsts, range(len(planes))):
            if abs(_turn(planes[first], planes[second]) - turn) > _OFF_DEG:
                continue
            rotation = Rotation.align_vectors(pair, planes[[first, second]])[0]
            named, score = _named(normals, areas, rotation.apply(planes), names)
            found[named] = max(found.get(named, (-1.0, -np.inf)), score)
    if not found:
        return f"no two facets meet at an angle of the {lattice} lattice"
    return _best(found, float(areas.sum()), lattice)


def _best(
    found: dict[tuple[str, ...], tuple[float, float]], area: float, lattice: str
) -> list[str] | str:
    """Return the names that fit most of the area with the fewest families."""
    most = max(score[0] for score in found.values())
    good = [name for name, score in found.items() if score[0] >= most - _SAME_AREA * area]
    fewest = min(len(set(name) - {OTHER}) for name in good)
    good = [name for name in good if len(set(name) - {OTHER}) == fewest]
    if len(good) > 1:
        # Of those within the tolerance, one that fits far better is meant.
        off = {name: -found[name][1] for name in good}
        first, second = sorted(off.values())[:2]
        if second < 2 * first + 1.0:
            return f"several namings of the {lattice} lattice fit the angles of the facets"
        good.sort(key=off.__getitem__)
    return list(good[0])


def _planes(lattice: str) -> tuple[np.ndarray, list[str]]:
    """Return unit normals of all planes of a lattice, and the family of each."""
    planes, names = [], []
    for indices, name in zip(_INDICES[lattice], family_names(lattice), strict=True):
        every = {
            tuple(sign * value for sign, value in zip(signs, order, strict=True))
            for order in permutations(indices)
            for signs in product((1, -1), repeat=3)
        }
        planes += [np.array(one) / np.linalg.norm(one) for one in sorted(every)]
        names += [name] * len(every)
    return np.array(planes), names


def _turn(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(one @ other, -1, 1))))


def _named(
    normals: np.ndarray, areas: np.ndarray, planes: np.ndarray, names: list[str]
) -> tuple[tuple[str, ...], tuple[float, float]]:
    """Return the names of facets, the area that has one, and minus by how much it is off."""
    towards = np.clip(normals @ planes.T, -1, 1)
    nearest = towards.argmax(axis=1)
    off = np.degrees(np.arccos(towards.max(axis=1)))
    fits = off <= _OFF_DEG
    named = tuple(names[k] if good else OTHER for k, good in zip(nearest, fits, strict=True))
    area = float(areas[fits].sum())
    spread = float(np.sqrt(np.average(off[fits] ** 2, weights=areas[fits]))) if fits.any() else 90.0
    return named, (area, -spread)


def lattice_angle(lattice: str, one: str, other: str) -> float:
    """Return the smallest angle, in degrees, between planes of two families that do not coincide.

    It is 70.5° for {111} and {111} of a cubic lattice, and 54.7° for {100} and {111}.
    """
    planes, names = _planes(lattice)
    firsts = planes[[name == one for name in names]]
    seconds = planes[[name == other for name in names]]
    angles = np.degrees(np.arccos(np.clip(np.abs(firsts @ seconds.T), 0, 1)))
    return float(angles[angles > 1].min())
