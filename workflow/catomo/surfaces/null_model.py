"""Random particles on the surface of a support: the same sizes, no overlap, the same cut.

Every place is judged as the place of a real particle is: by the middle of its rim, where the
surface of the support leaves a ball of its size at its height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from catomo.surfaces.facet_surface import Elements

_INNER_PX, _OUTER_PX = 0.3, 1.3  # of a ring, within and around the surface of a ball
_SAME_SIDE = -0.2  # least cosine between the normals of a place and of its ring
_APART_PX = 1.0  # between particles, or they would be one
_ROUNDS = 300
_NODES = 0.15  # their distance over the mean distance of particles
_FINEST_PX, _COARSEST_PX = 1.5, 8.0
_AT_ONCE = 64


@dataclass(frozen=True)
class Places:
    """Places on a support, as those of particles of one size.

    Attributes
    ----------
    points : ndarray of float64, (n, 3)
        Middles of their rings (y, z, x) in px; not a number where there is no ring.
    facets : ndarray of int64, (n,)
        The facet of most of the ring, -1 for none.
    """

    points: np.ndarray
    facets: np.ndarray


def places_of(
    elements: Elements, facet_of: np.ndarray, at: np.ndarray, radius_px: float, high_px: float
) -> Places:
    """Return the places of balls whose centres stand at a height above elements.

    The rim of a ball on a slope beside an edge does not lie around the foot of its centre, so it
    is found as that of a particle is: where the surface leaves the ball.
    """
    tree = cKDTree(elements.points)
    points = np.full((len(at), 3), np.nan)
    facets = np.full(len(at), -1)
    centres = elements.points[at] + high_px * elements.normals[at]
    wide = tree.query_ball_point(centres, radius_px + _OUTER_PX)
    for number, (one, near) in enumerate(zip(at, wide, strict=True)):
        ring = np.array(near, dtype=np.intp)
        away = np.linalg.norm(elements.points[ring] - centres[number], axis=1)
        same = elements.normals[ring] @ elements.normals[one] > _SAME_SIDE
        ring = ring[(away >= radius_px - _INNER_PX) & same & elements.is_free[ring]]
        if len(ring):
            points[number], facets[number] = ring_of(elements, facet_of, ring)
    return Places(points, facets)


def ring_of(elements: Elements, facet_of: np.ndarray, ring: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the middle of some elements, and the facet of most of them."""
    weight = elements.areas[ring]
    middle = (elements.points[ring] * weight[:, None]).sum(axis=0) / weight.sum()
    area = np.bincount(facet_of[ring] + 1, weight)
    return middle, int(area.argmax()) - 1


def draw(
    allowed: list[np.ndarray],
    radii: np.ndarray,
    centres: np.ndarray,
    count: int,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Return which of some places each particle takes in each draw; None if they find no room.

    Parameters
    ----------
    allowed : list of ndarray of int64
        For each particle, the places that it may take.
    radii : ndarray of float64, (particles,)
        In px.
    centres : ndarray of float64, (particles' classes are in `allowed`; places, 3)
        In px.
    count : int
        Of draws.
    rng : Generator
    """
    number = len(radii)
    order = np.argsort(-radii, kind="stable")
    taken = np.full((count, number), -1)
    for rank, one in enumerate(order):
        open_ = np.arange(count)
        before = order[:rank]
        least = radii[before] + radii[one] + _APART_PX
        for _ in range(_ROUNDS):
            tried = rng.choice(allowed[one], len(open_))
            away = centres[tried][:, None] - centres[taken[open_][:, before]]
            is_free = (np.einsum("ijk,ijk->ij", away, away) >= least**2).all(axis=1)
            taken[open_[is_free], one] = tried[is_free]
            open_ = open_[~is_free]
            if not len(open_):
                break
        if len(open_):
            return None
    return taken


class Ways:
    """Ways along a surface between its elements, on a net of coarser nodes."""

    def __init__(self, elements: Elements, count: int) -> None:
        spacing = np.sqrt(elements.areas.sum() / max(count, 1))
        size = float(np.clip(_NODES * spacing, _FINEST_PX, _COARSEST_PX))
        self.longest = 3.0 * float(spacing)
        # Two sides of a thin wall face opposite ways, so they never share a node.
        cell = np.floor(elements.points / size).astype(np.int64)
        cell -= cell.min(axis=0)
        side = (elements.normals > 0) @ np.array([4, 2, 1])
        flat = np.ravel_multi_index(tuple(cell.T), tuple(cell.max(axis=0) + 1)) * 8 + side
        _, self.node = np.unique(flat, return_inverse=True)
        total = np.bincount(self.node)
        middles = np.stack([np.bincount(self.node, p) / total for p in elements.points.T], axis=1)
        links = elements.links.tocoo()
        one, other = self.node[links.row], self.node[links.col]
        pairs = np.unique(np.stack([one, other])[:, one < other], axis=1)
        length = np.linalg.norm(middles[pairs[0]] - middles[pairs[1]], axis=1)
        self._graph = csr_array((length, (pairs[0], pairs[1])), shape=(len(total),) * 2)

    def between(self, at: np.ndarray) -> np.ndarray:
        """Return the lengths of ways between elements, float32; at most `longest`."""
        nodes, group = np.unique(self.node[at], return_inverse=True)
        ways = np.empty((len(nodes), len(nodes)), np.float32)
        for start in range(0, len(nodes), _AT_ONCE):
            part = nodes[start : start + _AT_ONCE]
            found = dijkstra(self._graph, directed=False, indices=part, limit=self.longest)
            ways[start : start + _AT_ONCE] = np.minimum(found[:, nodes], self.longest)
        return ways[np.ix_(group, group)]
