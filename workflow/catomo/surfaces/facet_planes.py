"""The planes of facets: where each lies, and what at its rim belongs to it."""

from __future__ import annotations

import numpy as np

from catomo.surfaces.facet_surface import Elements

_SAME_PLANE_PX = 1.5
_GROWTH = 4  # elements from a rim, which smoothing made too round to tell by their normals
_MOST_AWAY_PX = 1.5  # of an element that no facet had before
_LEAST_FACING = 0.3  # cosine between an element and the plane it is on


def planes_of(
    elements: Elements,
    facet_of: np.ndarray,
    patch_of: np.ndarray,
    inner: np.ndarray,
    normals: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the plane of each element, the offset of each plane and its facet.

    Patches of one facet at nearly the same offset are one plane, which something may lie across.
    """
    plane_of = np.full(len(facet_of), -1)
    offsets: list[float] = []
    owner: list[int] = []
    for number, normal in enumerate(normals):
        rows = np.flatnonzero((facet_of == number) & (patch_of >= 0))
        patches, group = np.unique(patch_of[rows], return_inverse=True)
        # What lies well inside tells where a plane is, and its rim where there is no inside.
        weight = elements.areas[rows] * np.where(inner[rows], 1.0, 1e-6)
        total = np.bincount(group, weight, len(patches))
        height = np.bincount(group, weight * (elements.points[rows] @ normal)) / total
        order = np.argsort(height, kind="stable")
        plane = np.empty(len(patches), int)
        plane[order] = np.cumsum(np.diff(height[order], prepend=height[order[:1]]) > _SAME_PLANE_PX)
        count = int(plane.max()) + 1 if len(plane) else 0
        middle = np.bincount(plane, total * height, count) / np.bincount(plane, total, count)
        plane_of[rows] = plane[group] + len(offsets)
        offsets += list(middle)
        owner += [number] * count
    return plane_of, np.array(offsets), np.array(owner, int)


def grown(
    elements: Elements, plane_of: np.ndarray, offsets: np.ndarray, normals: np.ndarray
) -> np.ndarray:
    """Return planes of elements after each at a rim took the nearest plane of its neighbours."""
    links = elements.links.tocoo()
    for _ in range(_GROWTH):
        there = plane_of[links.col]
        at = np.flatnonzero((there >= 0) & (there != plane_of[links.row]))
        at = at[elements.is_free[links.row[at]]]
        rows, planes = links.row[at], plane_of[links.col[at]]
        away = _away(elements, rows, planes, offsets, normals)
        own = np.full(len(rows), _MOST_AWAY_PX)
        has = plane_of[rows] >= 0
        own[has] = _away(elements, rows[has], plane_of[rows[has]], offsets, normals)
        faces = np.einsum("ij,ij->i", elements.normals[rows], normals[planes]) > _LEAST_FACING
        wins = np.flatnonzero((away < own) & faces)
        wins = wins[np.lexsort((planes[wins], away[wins], rows[wins]))]
        first = np.unique(rows[wins], return_index=True)[1]
        plane_of = plane_of.copy()
        plane_of[rows[wins[first]]] = planes[wins[first]]
    return plane_of


def _away(
    elements: Elements,
    rows: np.ndarray,
    planes: np.ndarray,
    offsets: np.ndarray,
    normals: np.ndarray,
) -> np.ndarray:
    """Return how far elements lie from planes, in px."""
    return np.abs(np.einsum("ij,ij->i", elements.points[rows], normals[planes]) - offsets[planes])
