"""Small copies of meshes, for pages and slides: fewer triangles, still closed."""

from __future__ import annotations

import numpy as np

from catomo.surfaces.contours import Reader, coarser
from catomo.surfaces.meshes import Mesh, mesh_of_field

# Triangles that are decimated as they are; a larger mesh is made from larger voxels first.
_MOST_DECIMATED = 500_000
# The mean of several voxels has many values, so its contour has no steps to smooth away.
_PASS_BAND = 0.5
_ROUNDS_OF_MENDING = 12


def small_copy(
    mesh: Mesh, most: int, read: Reader, shape: tuple[int, ...], pixel_size_nm: float
) -> Mesh:
    """Return a copy of a mesh with fewer triangles; the mesh itself if it has few enough.

    Parameters
    ----------
    mesh : Mesh
    most : int
        How many triangles the copy may have. Mending may add a few per thousand.
    read : callable
        The field that the mesh is of.
    shape : (int, int, int)
        Shape of the volume (y, z, x).
    pixel_size_nm : float

    Notes
    -----
    Quadric decimation with regularised errors: without them flat faces would end in points
    with thousands of triangles, which takes minutes. A mesh of more than half a million
    triangles is contoured again in voxels of 2³ or more first. What decimation leaves open is
    closed again.
    """
    if len(mesh.faces) <= most:
        return mesh
    factor = int(np.ceil(np.sqrt(len(mesh.faces) / _MOST_DECIMATED)))
    if factor > 1:
        mesh = _of_larger_voxels(read, shape, factor, pixel_size_nm)
    if len(mesh.faces) > most:
        mesh = _decimated(mesh, most)
    return mesh


def _of_larger_voxels(
    read: Reader, shape: tuple[int, ...], factor: int, pixel_size_nm: float
) -> Mesh:
    coarse, counts = coarser(read, shape, factor)
    mesh = mesh_of_field(coarse, counts, [slice(0, counts[0])], factor * pixel_size_nm, _PASS_BAND)
    middle = (factor - 1) / 2 * pixel_size_nm  # of the first of the larger voxels
    ends = (np.array(shape)[[2, 0, 1]] - 0.5) * pixel_size_nm
    return Mesh(np.minimum(mesh.points + middle, ends).astype("<f4"), mesh.faces)


def _decimated(mesh: Mesh, most: int) -> Mesh:
    import pyvista
    from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

    quadric = vtkQuadricDecimation()
    quadric.SetInputData(pyvista.PolyData.from_regular_faces(mesh.points, mesh.faces))
    quadric.SetTargetReduction(1 - most / len(mesh.faces))
    if hasattr(quadric, "RegularizeOn"):  # older VTK gives the same area, but takes far longer
        quadric.RegularizeOn()
    quadric.Update()
    found = pyvista.wrap(quadric.GetOutput())
    points = np.asarray(found.points, np.float64)
    return _closed(points, found.regular_faces.reshape(-1, 3).astype(np.int64))


def _closed(points: np.ndarray, faces: np.ndarray) -> Mesh:
    """Return triangles closed again, where every edge belongs to two of them.

    Those at an edge of one, three or more are taken away, and each hole is filled by a fan
    around the mean of its rim. Where that makes new such edges, it is done again.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    for _ in range(_ROUNDS_OF_MENDING):
        wrong = _unpaired(faces, len(points))
        if not len(wrong):
            break
        is_wrong = np.zeros(len(points), bool)
        is_wrong[wrong.ravel()] = True
        faces = faces[~is_wrong[faces].any(axis=1)]
        rim = _unpaired(faces, len(points))
        graph = coo_array((np.ones(len(rim), bool), rim.T), shape=(len(points),) * 2)
        _, hole = connected_components(graph, directed=False)
        _, number = np.unique(hole[rim[:, 0]], return_inverse=True)
        sizes = np.maximum(np.bincount(number), 1)
        middles = np.stack([np.bincount(number, axis) for axis in points[rim[:, 0]].T], axis=1)
        fans = np.stack([rim[:, 1], rim[:, 0], len(points) + number], axis=1)
        points = np.concatenate([points, middles / sizes[:, None]])
        faces = np.concatenate([faces, fans])
    used, faces = np.unique(faces, return_inverse=True)
    return Mesh(points[used].astype("<f4"), faces.reshape(-1, 3).astype("<i4"))


def _unpaired(faces: np.ndarray, count: int) -> np.ndarray:
    """Return the directed edges (n, 2) that are not met by exactly one in the other direction."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forth, back = edges @ [count, 1], edges @ [1, count]
    kinds, first, number = np.unique(forth, return_index=True, return_counts=True)
    place = np.searchsorted(kinds, back[first]).clip(max=len(kinds) - 1)
    is_met = (kinds[place] == back[first]) & (number[place] == 1)
    return edges[first[~(is_met & (number == 1))]]
