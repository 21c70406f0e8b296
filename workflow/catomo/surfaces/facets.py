"""Flat facets on the surface of a support: directions in which its normals gather.

Around the direction of a facet, nearly all of the surface within twenty degrees lies within ten;
of a ball it is a quarter and of a cylinder a half. Directions that pass are facets; each is one
plane or several parallel ones, which are fitted to what lies well inside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from catomo.surfaces.facet_planes import grown, planes_of
from catomo.surfaces.facet_surface import Elements, facets_near

# Of what lies within the wide angle of a direction, a facet has this share within the narrow one:
# a ball has 0.25 and a cylinder 0.5; facets had 0.62 to 0.95. Balls that voxels meet just so have
# up to 0.66 at their six poles, which are then a flat eighth of their surface (measured).
LEAST_GATHERED = 0.6
_LEAST_BLURRED = 0.45  # of a narrow facet between others, whose round edges are left out then
_BESIDE = 2  # elements
LEAST_FLAT = 0.2  # share of the free surface within the narrow angle of any facet
NARROW_DEG, WIDE_DEG = 10.0, 20.0

_BAND_DEG = 5.0  # of the density of normals
_APART_DEG = 15.0  # least angle between two facets
_LEAST_SHARE = 0.01  # of the free surface, for a facet
_LEAST_PATCH_PX = 25.0  # px², for a plane of it
_DIRECTIONS = 6000
_INNER = 1  # neighbours all on the same facet: well inside of it
_ROUNDS = 2
_SHARP_DEG = 45.0  # turn within what grew from a rim, of curved bodies at most 40°
_NEXT_DEG = 28.0  # least turn to another facet; strips of curved bodies are 15 to 25° apart
_LEAST_EDGE = 0.75  # share of the rim of a facet
_ROUNDED = 2  # elements beyond the rim of what is surely flat, on no facet where edges are round
_SURE = 0.77  # gathered around a facet; around flat strips of cylinders it is up to 0.74

# Half of a 95 % interval of a direction: how far a plane is off at the distance of its half width.
_OFF_PX, _OFF_DEG = 0.1, 0.2


@dataclass(frozen=True)
class Facet:
    """A flat part of a surface.

    Attributes
    ----------
    normal : ndarray of float64, (3,)
        Outward unit vector (y, z, x).
    area : float
        In px².
    gathered : float
        Which share of what lies within 20° of it lies within 10°.
    flatness : float
        RMS distance from its planes, in px.
    off_deg : float
        Half of a 95 % interval of its direction.
    """

    normal: np.ndarray
    area: float
    gathered: float
    flatness: float
    off_deg: float


@dataclass(frozen=True)
class Facets:
    """All facets of a surface.

    Attributes
    ----------
    facets : list of Facet
        The largest first.
    facet_of : ndarray of int64, (elements,)
        The facet of each element, -1 for none.
    plane_of : ndarray of int64, (elements,)
        The plane of each element, -1 for none; facets may have several.
    offsets : ndarray of float64, (planes,)
        How far each plane lies from the origin, in px along its normal.
    facet_of_plane : ndarray of int64, (planes,)
    best : float
        The largest share within 10° of any direction that much of the surface faces, be it a
        facet or not.
    flat : float
        The share of the free surface that faces within 10° of a direction of a facet, also where
        it is so small that there are none.
    density : ndarray of float64, (directions,)
        Free area by direction (`directions`), 1 where all directions have the same.
    """

    facets: list[Facet]
    facet_of: np.ndarray
    plane_of: np.ndarray
    offsets: np.ndarray
    facet_of_plane: np.ndarray
    best: float
    flat: float
    density: np.ndarray

    @property
    def normals(self) -> np.ndarray:
        """The normals of all facets, (facets, 3)."""
        return np.array([one.normal for one in self.facets]).reshape(-1, 3)


@cache
def directions() -> np.ndarray:
    """Return unit vectors spread evenly over all directions."""
    turn = np.arange(_DIRECTIONS) + 0.5
    height = 1 - 2 * turn / _DIRECTIONS
    around, flat = np.pi * (1 + 5**0.5) * turn, np.sqrt(1 - height**2)
    return np.stack([np.cos(around) * flat, np.sin(around) * flat, height], axis=1)


def find_facets(elements: Elements) -> Facets:
    """Return the facets of a surface; there are none where it is curved."""
    areas = elements.free_areas
    density, peaks = _peaks(elements.normals, areas)
    none = np.full(len(areas), -1)
    kept, best = [], 0.0
    for peak in peaks:
        share = _within(elements.normals, areas, peak, WIDE_DEG) / areas.sum()
        gathered = gathered_around(elements.normals, areas, peak)
        if share >= _LEAST_SHARE:
            best = max(best, gathered)
            if gathered >= LEAST_GATHERED:
                kept.append(peak)
    normals = np.array(kept).reshape(-1, 3)
    flat = sum(_within(elements.normals, areas, one, NARROW_DEG) for one in kept) / areas.sum()
    if flat < LEAST_FLAT:
        normals = normals[:0]
    normals = np.concatenate([normals, _between(elements, normals, peaks)])
    for _ in range(_ROUNDS):
        if not len(normals):
            break
        facet_of = _nearest(elements, normals)
        inner = _inside(elements, facet_of)
        patch_of = _patches(elements, facet_of)
        normals, is_good = _fitted(elements, facet_of, patch_of, inner, normals)
        normals = normals[is_good]
    facts = (best, float(flat), density)
    while len(normals):
        found = _measured(elements, normals, facts)
        is_good = _are_bounded(elements, found)
        is_good &= np.array([one.gathered >= LEAST_GATHERED for one in found.facets])
        if is_good.all():
            return found
        normals = found.normals[is_good]
    return Facets([], none, none, np.empty(0), np.empty(0, int), *facts)


def _between(elements: Elements, normals: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Return directions that gather only if what is beside the facets `normals` is left out.

    The floor between two ridges is so narrow that the round edges beside it blur it.
    """
    if not len(normals):
        return normals
    found = []
    for peak in peaks:
        share = _within(elements.normals, elements.free_areas, peak, WIDE_DEG)
        if share < _LEAST_SHARE * elements.free_areas.sum() or peak.tolist() in normals.tolist():
            continue
        if _gathered(elements, peak, normals) >= LEAST_GATHERED:
            found.append(peak)
    return np.array(found).reshape(-1, 3)


def _gathered(elements: Elements, direction: np.ndarray, others: np.ndarray) -> float:
    """Return `gathered_around`, where that is too little of what is not beside other facets."""
    whole = gathered_around(elements.normals, elements.free_areas, direction)
    others = others[others @ direction < np.cos(np.radians(WIDE_DEG))]
    if whole >= LEAST_GATHERED or whole < _LEAST_BLURRED or not len(others):
        return whole
    beside = (elements.normals @ others.T).max(axis=1) >= np.cos(np.radians(WIDE_DEG))
    for _ in range(_BESIDE):
        beside |= elements.links @ beside.astype(np.float32) > 0
    areas = np.where(beside, 0.0, elements.free_areas)
    return gathered_around(elements.normals, areas, direction)


def gathered_around(normals: np.ndarray, areas: np.ndarray, direction: np.ndarray) -> float:
    """Return which share of the area that faces within 20° of a direction does within 10°."""
    wide = _within(normals, areas, direction, WIDE_DEG)
    return float(_within(normals, areas, direction, NARROW_DEG) / wide) if wide else 0.0


def _within(normals: np.ndarray, areas: np.ndarray, direction: np.ndarray, deg: float) -> float:
    return float(areas[normals @ direction >= np.cos(np.radians(deg))].sum())


def _chord(deg: float) -> float:
    return float(2 * np.sin(np.radians(deg) / 2))


@cache
def _kernel() -> csr_array:
    """Return the matrix that smooths numbers by direction; its rows sum to one."""
    tree = cKDTree(directions())
    near = tree.sparse_distance_matrix(tree, _chord(3 * _BAND_DEG), output_type="coo_matrix")
    weight = np.exp(-0.5 * (near.data / _chord(_BAND_DEG)) ** 2)
    total = np.bincount(near.row, weight, _DIRECTIONS)
    return coo_array((weight / total[near.row], (near.row, near.col)), shape=near.shape).tocsr()


def _peaks(normals: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the area by direction, and the directions of its maxima."""
    tree = cKDTree(directions())
    by_direction = np.bincount(tree.query(normals)[1], areas, _DIRECTIONS)
    density = _kernel() @ by_direction * (_DIRECTIONS / max(areas.sum(), 1e-12))
    around = tree.query_ball_point(directions(), _chord(_APART_DEG))
    highest = np.array([density[near].max() for near in around])
    return density, directions()[(density >= highest) & (density > 1)]


def _nearest(elements: Elements, normals: np.ndarray) -> np.ndarray:
    """Return for each free element the facet whose direction is nearest, -1 beyond 20°."""
    towards = elements.normals @ normals.T
    best = towards.argmax(axis=1)
    is_near = towards.max(axis=1) >= np.cos(np.radians(WIDE_DEG))
    return np.where(is_near & elements.is_free, best, -1)


def _inside(elements: Elements, facet_of: np.ndarray) -> np.ndarray:
    """Return which elements lie well inside of their facet."""
    links = elements.links.tocoo()
    inner = facet_of >= 0
    differs = facet_of[links.row] != facet_of[links.col]
    for _ in range(_INNER):
        at_rim = ~inner
        at_rim |= np.bincount(links.row[differs | ~inner[links.col]], minlength=len(inner)) > 0
        inner = ~at_rim
    return inner


def _patches(elements: Elements, facet_of: np.ndarray) -> np.ndarray:
    """Return the number of the connected part of its facet that each element lies on, or -1."""
    links = elements.links.tocoo()
    same = (facet_of[links.row] == facet_of[links.col]) & (facet_of[links.row] >= 0)
    ones = np.ones(int(same.sum()), bool)
    graph = coo_array((ones, (links.row[same], links.col[same])), shape=links.shape)
    _, number = connected_components(graph, directed=False)
    area = np.bincount(number, elements.areas)
    return np.where((facet_of >= 0) & (area[number] >= _LEAST_PATCH_PX), number, -1)


def _fitted(
    elements: Elements,
    facet_of: np.ndarray,
    patch_of: np.ndarray,
    inner: np.ndarray,
    normals: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the normals of planes fitted to the insides of all patches of each facet."""
    result, is_good = normals.copy(), np.zeros(len(normals), bool)
    for number, normal in enumerate(normals):
        rows = np.flatnonzero((facet_of == number) & inner & (patch_of >= 0))
        if len(rows) < 4:
            continue
        spread = _spread(elements.points[rows], elements.areas[rows], patch_of[rows])[0]
        fitted = np.linalg.eigh(spread)[1][:, 0]
        fitted = fitted * np.sign(fitted @ normal)
        is_good[number] = fitted @ normal > np.cos(np.radians(NARROW_DEG))
        result[number] = fitted
    return result, is_good


def _spread(points: np.ndarray, areas: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the covariance of points about the middles of their groups, and the area."""
    _, group = np.unique(groups, return_inverse=True)
    total = np.bincount(group, areas)
    middles = np.stack([np.bincount(group, areas * p) / total for p in points.T], axis=1)
    rest = points - middles[group]
    return (rest * areas[:, None]).T @ rest / areas.sum(), float(areas.sum())


def _measured(
    elements: Elements, normals: np.ndarray, facts: tuple[float, float, np.ndarray]
) -> Facets:
    """Return the facets with these normals, the largest first."""
    facet_of = _nearest(elements, normals)
    patch_of = _patches(elements, facet_of)
    inner = _inside(elements, facet_of) & (patch_of >= 0)
    plane_of, offsets, owner = planes_of(elements, facet_of, patch_of, inner, normals)
    plane_of = grown(elements, plane_of, offsets, normals[owner])
    facet_of = np.where(plane_of >= 0, owner[plane_of], -1)
    area = np.bincount(facet_of[facet_of >= 0], elements.areas[facet_of >= 0], len(normals))
    order = np.argsort(-area, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    facets = []
    for number in order:
        rows = np.flatnonzero((facet_of == number) & inner)
        away = (elements.points[rows] @ normals[number]) - offsets[plane_of[rows]]
        spread = _spread(elements.points[rows], elements.areas[rows], plane_of[rows])[0]
        narrow = np.sqrt(np.linalg.eigvalsh(spread)[1])
        facets.append(
            Facet(
                normals[number],
                float(area[number]),
                _gathered(elements, normals[number], normals),
                float(np.sqrt(np.average(away**2, weights=elements.areas[rows]))),
                float(np.degrees(_OFF_PX / narrow)) + _OFF_DEG,
            )
        )
    facet_of = np.where(facet_of >= 0, rank[facet_of], -1)
    return Facets(facets, facet_of, plane_of, offsets, rank[owner], *facts)


def _are_bounded(elements: Elements, found: Facets) -> np.ndarray:
    """Return which facets end at edges: at other facets, or where the surface turns sharply.

    Where voxels meet a curved surface just so, it has flat strips and poles, which go over into
    the rest of it step by step.
    """
    links = elements.links.tocoo()
    inside = found.facet_of[links.row]
    beyond = found.facet_of[links.col]
    is_rim = (inside >= 0) & (inside != beyond) & elements.is_free[links.col]
    inside, beyond, there = inside[is_rim], beyond[is_rim], links.col[is_rim]
    towards = np.einsum("ij,ij->i", elements.normals[there], found.normals[inside])
    is_edge = (beyond < 0) & (towards < np.cos(np.radians(_SHARP_DEG)))
    alike = found.normals @ found.normals.T
    near = facets_near(elements, found.facet_of, len(found.facets), _ROUNDED)
    for number, facet in enumerate(found.facets):
        rim = np.flatnonzero(inside == number)
        if facet.gathered >= _SURE:
            reached = near[there[rim]].toarray() > 0
        else:
            reached = beyond[rim, None] == np.arange(len(found.facets))
        reached[:, number] = False
        # Of all facets beyond, the one that turns least: the next strip of a curved body does.
        turned = np.where(reached, alike[number], -np.inf).max(axis=1)
        is_edge[rim] |= reached.any(axis=1) & (turned < np.cos(np.radians(_NEXT_DEG)))
    length = np.bincount(inside, minlength=len(found.facets))
    return np.bincount(inside, is_edge, len(length)) >= _LEAST_EDGE * length
