"""Random particles on the surface of a support: the same sizes, no overlap, the same cut."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from catomo.surfaces.bare import Bare

_APART_PX = 1.0  # between particles, or they would be one
_ROUNDS = 300
_NODES = 0.15  # their distance over the mean distance of particles
_FINEST_PX, _COARSEST_PX = 1.5, 8.0
_AT_ONCE = 64


def spread_evenly(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` indices, each as often as its weight says to within one."""
    sums = np.cumsum(weights)
    at = (np.arange(count) + rng.random()) / count * sums[-1]
    return np.searchsorted(sums, at, "right").clip(0, len(weights) - 1)


def least_apart(radii: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    """Return how far apart the centres of particles of these radii are at least, in px."""
    return radii + other + _APART_PX


def draw(
    allowed: list[np.ndarray],
    radii: np.ndarray,
    centre_of: Callable[[int, np.ndarray], np.ndarray],
    count: int,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Return which place each particle takes in each draw, (draws, particles).

    Parameters
    ----------
    allowed : list of ndarray of int64
        For each particle, the places that it may take.
    radii : ndarray of float64, (particles,)
        In px: how far each reaches along the surface.
    centre_of : callable
        Takes the number of a particle and places, and returns where its centre is there, in px.
    count : int
        Of draws.
    rng : Generator

    Returns
    -------
    ndarray of int64, or None
        None where particles find no room.
    """
    number = len(radii)
    taken = np.full((count, number), -1)
    centres = np.full((count, number, 3), np.inf)
    order = np.argsort(-radii, kind="stable")
    for rank, one in enumerate(order):
        open_, before = np.arange(count), order[:rank]
        least = least_apart(radii[before], radii[one])
        for _ in range(_ROUNDS):
            tried = rng.choice(allowed[one], len(open_))
            there = centre_of(one, tried)
            away = there[:, None] - centres[open_][:, before]
            is_free = (np.einsum("ijk,ijk->ij", away, away) >= least**2).all(axis=1)
            taken[open_[is_free], one] = tried[is_free]
            centres[open_[is_free], one] = there[is_free]
            open_ = open_[~is_free]
            if not len(open_):
                break
        if len(open_):
            return None
    return taken


class Ways:
    """Ways along a surface between its elements, on a net of coarser nodes."""

    def __init__(self, bare: Bare, links: csr_array, count: int) -> None:
        spacing = np.sqrt(bare.areas[bare.is_open].sum() / max(count, 1))
        size = float(np.clip(_NODES * spacing, _FINEST_PX, _COARSEST_PX))
        self.longest = 3.0 * float(spacing)
        # Ways go over the bare surface: only what is observed would climb out of dents.
        # Two sides of a thin wall face opposite ways, so they never share a node.
        cell = np.floor(bare.points / size).astype(np.int64)
        cell -= cell.min(axis=0)
        side = (bare.normals > 0) @ np.array([4, 2, 1])
        flat = np.ravel_multi_index(tuple(cell.T), tuple(cell.max(axis=0) + 1)) * 8 + side
        _, self.node = np.unique(flat, return_inverse=True)
        total = np.bincount(self.node)
        middles = np.stack([np.bincount(self.node, p) / total for p in bare.points.T], axis=1)
        pairs_of = links.tocoo()
        one, other = self.node[pairs_of.row], self.node[pairs_of.col]
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
