"""Apexes and valleys: lines along which two planes of a surface meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from catomo.surfaces.bare import Bare
from catomo.surfaces.facets import Facets

_LEAST_PX = 4.0  # length of a line
_STEP_PX = 0.5  # between the points that stand for a line
_MOST_GAP_PX = 3.0  # between two places of one line
_LEAST_TURN_DEG = 15.0


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
    pairs_of = links.tocoo()
    one, other = bare.plane_of[pairs_of.row], bare.plane_of[pairs_of.col]
    at = np.flatnonzero((one >= 0) & (one < other))
    at = at[facets.facet_of_plane[one[at]] != facets.facet_of_plane[other[at]]]
    if not len(at):
        return []
    pairs, group = np.unique(np.stack([one[at], other[at]], axis=1), axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    ends = np.searchsorted(group.ravel()[order], np.arange(len(pairs) + 1))
    lines = []
    for number, planes in enumerate(pairs):
        rows = at[order[ends[number] : ends[number + 1]]]
        ends_of = bare.points[pairs_of.row[rows]], bare.points[pairs_of.col[rows]]
        line = _line(facets, planes, ends_of)
        lines += [] if line is None else [line]
    return sorted(lines, key=lambda line: (line.facets, *line.points[0]))


def _line(facets: Facets, planes: np.ndarray, across: tuple[np.ndarray, np.ndarray]) -> Line | None:
    """Return the line of two planes from the places on either side of it."""
    owners = facets.facet_of_plane[planes]
    normals, offsets = facets.normals[owners], facets.offsets[planes]
    turn = float(np.degrees(np.arccos(np.clip(normals[0] @ normals[1], -1, 1))))
    along = np.cross(*normals)
    size = np.linalg.norm(along)
    if size < np.sin(np.radians(_LEAST_TURN_DEG)):  # parallel, or two sides of a thin wall
        return None
    along /= size
    here, there = across
    bend = ((there - here) @ (normals[1] - normals[0])).mean()
    origin = np.linalg.lstsq(np.vstack([normals, along]), np.append(offsets, 0.0), rcond=None)[0]
    at = np.sort(((here + there) / 2) @ along)
    parts = np.split(at, np.flatnonzero(np.diff(at) > _MOST_GAP_PX) + 1)
    places = [
        np.arange(part[0], part[-1] + _STEP_PX / 2, _STEP_PX)
        for part in parts
        if part[-1] - part[0] >= _LEAST_PX
    ]
    if not places:
        return None
    points = origin + np.concatenate(places)[:, None] * along
    first, second = sorted(int(one) for one in owners)
    return Line((first, second), (int(planes[0]), int(planes[1])), turn, bool(bend > 0), points)
