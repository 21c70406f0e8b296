"""The surface of a support as elements: where each lies, which way it faces, and what it is of.

An element is a corner of the support's mesh. Its normal is smoothed along the mesh, never across
a thin wall or a pore, and its area is its share of the triangles around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import block_diag, coo_array, csr_array, diags_array

from catomo.surfaces.areas import mirrored_mesh
from catomo.surfaces.frame import Frame
from catomo.surfaces.meshes import Mesh

_OUT_PX = (0.75, 1.25)  # from a surface to the middle of the voxel behind it
_EDGE_PX = 0.75  # mean edge of the triangles (measured)


@dataclass(frozen=True)
class Elements:
    """Elements of the surface of a support.

    Attributes
    ----------
    points : ndarray of float64, (n, 3)
        Places (y, z, x) in px.
    normals : ndarray of float64, (n, 3)
        Outward unit vectors (y, z, x), smoothed.
    areas : ndarray of float64, (n,)
        In px².
    is_free : ndarray of bool, (n,)
        Which have background behind them; the others lie under something.
    behind : ndarray of int64, (n, 3)
        The voxel behind each.
    links : csr_array, (n, n)
        1 where two elements are neighbours.
    vectors : ndarray of float32, (n, 3)
        Areas as vectors along the normals of the triangles, which are not smoothed: their sum
        over a dent is that of whatever closes it.
    """

    points: np.ndarray
    normals: np.ndarray
    areas: np.ndarray
    is_free: np.ndarray
    behind: np.ndarray
    links: csr_array
    vectors: np.ndarray

    @property
    def free_areas(self) -> np.ndarray:
        """The areas, 0 where something lies on the support."""
        return np.where(self.is_free, self.areas, 0.0)


def smoothing_rounds(length_px: float) -> int:
    """Return how many rounds of averaging over neighbours smooth over a length."""
    return int(np.rint((length_px / _EDGE_PX) ** 2))


def surface_elements(
    labels: np.ndarray, support: int, frame: Frame, smoothing_px: float
) -> Elements | None:
    """Return the elements of the support's surface, without what the frame makes; None if none.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    support : int
    frame : Frame
    smoothing_px : float
        Standard deviation of the smoothing of normals along the surface.
    """
    found = []
    for run in frame.runs():
        mask = labels[run] == support
        if mask.any():
            found.append(_of_run(labels, run, mask, support, smoothing_rounds(smoothing_px)))
    if not found:
        return None
    if len(found) > 1:
        arrays = {
            name: np.concatenate([getattr(one, name) for one in found])
            for name in ("points", "normals", "areas", "is_free", "behind", "vectors")
        }
        links = csr_array(block_diag([one.links for one in found], format="csr"))
        found = [Elements(**arrays, links=links)]
    return found[0] if len(found[0].points) else None


def _of_run(
    labels: np.ndarray, run: slice, mask: np.ndarray, support: int, rounds: int
) -> Elements:
    mesh, start = mirrored_mesh(mask)
    areas, vectors, links = _corners(mesh)
    normals = _smoothed(vectors, areas, links, rounds)
    points = mesh.points[:, [1, 2, 0]].astype(np.float64) + start
    ends = np.array(mask.shape) - 1
    is_seen = ((points >= -0.5) & (points <= ends + 0.5)).all(axis=1)
    number = np.cumsum(is_seen) - 1
    pairs = links.tocoo()
    inside = is_seen[pairs.row] & is_seen[pairs.col]
    count = int(is_seen.sum())
    seen = (number[pairs.row[inside]], number[pairs.col[inside]])
    links = csr_array((np.ones(int(inside.sum()), np.float32), seen), shape=(count, count))
    points, normals, areas = points[is_seen], normals[is_seen], areas[is_seen]
    vectors = vectors[is_seen].astype(np.float32)
    behind = np.rint(points).astype(np.int64).clip(0, ends)
    part = labels[run]
    for step in _OUT_PX:
        further = np.rint(points + step * normals).astype(np.int64).clip(0, ends)
        stays = part[tuple(behind.T)] != support
        behind = np.where(stays[:, None], behind, further)
    is_free = part[tuple(behind.T)] == 0
    lift = np.array([run.start, 0, 0])
    return Elements(points + lift, normals, areas, is_free, behind + lift, links, vectors)


def _corners(mesh: Mesh) -> tuple[np.ndarray, np.ndarray, csr_array]:
    """Return areas and vectors (y, z, x) of the corners of a mesh, and which are neighbours."""
    count, corners = len(mesh.points), mesh.faces.ravel()
    areas, vectors = np.zeros(count), np.zeros((count, 3))
    for part, crosses in mesh.parts():
        at = mesh.faces[part].ravel()
        each = np.repeat(np.linalg.norm(crosses, axis=1) / 6, 3)
        areas += np.bincount(at, each, count)
        for axis, column in enumerate((1, 2, 0)):
            vectors[:, axis] += np.bincount(at, np.repeat(crosses[:, column] / 6, 3), count)
    after = mesh.faces[:, [1, 2, 0]].ravel()
    ones = np.ones(2 * len(corners), np.float32)
    both = (np.concatenate([corners, after]), np.concatenate([after, corners]))
    links = coo_array((ones, both), shape=(count, count)).tocsr()
    links.data[:] = 1
    return areas, vectors, links


def _smoothed(vectors: np.ndarray, areas: np.ndarray, links: csr_array, rounds: int) -> np.ndarray:
    """Return the normals of vectors after some rounds of averaging over neighbours, by area."""
    weights = ((links + diags_array(np.ones(len(areas)))) @ diags_array(areas)).tocsr()
    normals = vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)[:, None]
    for _ in range(rounds):
        normals = weights @ normals
        normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None]
    return normals


def facets_near(elements: Elements, facet_of: np.ndarray, facets: int, steps: int) -> csr_array:
    """Return the facets that each element is on or has near by, across elements on none.

    Between two facets lies a strip on neither where labels round their edge.

    Parameters
    ----------
    elements : Elements
    facet_of : ndarray of int, (n,)
        The facet of each element; -1 is none.
    facets : int
        Their number.
    steps : int
        How many elements on no facet may lie between.

    Returns
    -------
    csr_array, (n, facet)
        Positive where a facet is near.
    """
    count = len(facet_of)
    on = np.flatnonzero(facet_of >= 0)
    near = csr_array((np.ones(len(on)), (on, facet_of[on])), shape=(count, facets))
    strip = np.flatnonzero((facet_of < 0) & elements.is_free)
    of_strip = csr_array((np.ones(len(strip)), (strip, strip)), shape=(count, count))
    links = of_strip @ elements.links
    for _ in range(steps):
        near = near + links @ near
    return near
