"""Closed surfaces of labels, and the files that carry them.

Flying edges on the labels and 20 rounds of Taubin smoothing: areas of digitised spheres
come out within 1.2 % from a radius of 4 px, and small particles do not shrink away.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

import numpy as np

_ROUNDS, _PASS_BAND = 20, 0.1


@dataclass(frozen=True)
class Mesh:
    """Triangles in space.

    Attributes
    ----------
    points : ndarray of float32, (n, 3)
        x, y, z in nm; 0 is the centre of the first voxel. y runs along the tilt axis,
        z along the beam.
    faces : ndarray of int32, (m, 3)
        Corners of each triangle, counter-clockwise seen from outside.
    """

    points: np.ndarray
    faces: np.ndarray

    def area(self) -> float:
        """Return the surface area in nm²."""
        return float(np.linalg.norm(self._crosses(), axis=1).sum() / 2)

    def volume(self) -> float:
        """Return the enclosed volume in nm³ (volumes for results come from voxels)."""
        corners = self.points.astype(np.float64)[self.faces]
        return float(np.einsum("ij,ij->", corners[:, 0], self._crosses()) / 6)

    def normals(self) -> np.ndarray:
        """Return unit normals at the points, float32, weighted by the area of the triangles."""
        crosses = np.repeat(self._crosses(), 3, axis=0)
        corners, n = self.faces.ravel(), len(self.points)
        sums = np.stack([np.bincount(corners, axis, n) for axis in crosses.T], axis=1)
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        # A point whose triangles cancel still needs a direction of length one.
        unit = np.where(length > 0, sums / np.where(length > 0, length, 1), (0, 0, 1))
        return unit.astype("<f4")

    def _crosses(self) -> np.ndarray:
        a, b, c = np.moveaxis(self.points.astype(np.float64)[self.faces], 1, 0)
        return np.cross(b - a, c - a)


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
        beyond it. Without triangles when the mask is empty.
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
    ).smooth_taubin(n_iter=_ROUNDS, pass_band=_PASS_BAND)
    # VTK sees the axes as (x, z, y). Swapping two of them mirrors space, so the corners
    # of each triangle are swapped too, to keep its outside outside.
    start = np.array([ends[0] - 1 for ends in box])[[2, 0, 1]]
    points = (np.asarray(contour.points, np.float64)[:, [0, 2, 1]] + start) * pixel_size_nm
    return Mesh(points.astype("<f4"), contour.regular_faces[:, ::-1].astype("<i4"))


def write_vtp(path, mesh: Mesh) -> None:
    """Write a mesh for ParaView, compressed."""
    import pyvista

    poly = pyvista.PolyData()
    if len(mesh.faces):
        poly = pyvista.PolyData.from_regular_faces(mesh.points, mesh.faces)
    poly.save(path)


def write_stl(path, mesh: Mesh, title: str) -> None:
    """Write a mesh as binary STL in nm; `title` goes into its 80-byte header."""
    triangles = np.zeros(
        len(mesh.faces), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("pad", "<u2")]
    )
    crosses = mesh._crosses()
    length = np.linalg.norm(crosses, axis=1, keepdims=True)
    triangles["normal"] = crosses / np.where(length > 0, length, 1)
    triangles["corners"] = mesh.points[mesh.faces]
    with open(path, "wb") as file:
        file.write(f"catomo: {title}, nm".encode("ascii", "replace")[:80].ljust(80))
        file.write(struct.pack("<I", len(triangles)))
        file.write(triangles.tobytes())


def write_glb(path, meshes: list[tuple[str, Mesh, str, float]]) -> None:
    """Write meshes as one binary glTF 2.0 file, for any viewer and for slides.

    Parameters
    ----------
    path : path
    meshes : list of (str, Mesh, str, float)
        Name, mesh, colour ``#rrggbb`` and opacity; one unit of length is one nm. Empty
        meshes are left out.
    """
    blob = bytearray()
    views, accessors, nodes, shapes, materials = [], [], [], [], []

    def stored(array, target: int, component: int, kind: str, **limits) -> int:
        views.append(
            {"buffer": 0, "byteOffset": len(blob), "byteLength": array.nbytes, "target": target}
        )
        accessors.append(
            {"bufferView": len(views) - 1, "componentType": component, "type": kind, **limits}
        )
        blob.extend(array.tobytes())
        return len(accessors) - 1

    for name, mesh, colour, opacity in (entry for entry in meshes if len(entry[1].faces)):
        points, corners = mesh.points.astype("<f4"), mesh.faces.astype("<u4").ravel()
        limits = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
        attributes = {
            "POSITION": stored(points, 34962, 5126, "VEC3", count=len(points), **limits),
            "NORMAL": stored(mesh.normals(), 34962, 5126, "VEC3", count=len(points)),
        }
        indices = stored(corners, 34963, 5125, "SCALAR", count=len(corners))
        nodes.append({"mesh": len(shapes), "name": name})
        primitive = {"attributes": attributes, "indices": indices, "material": len(materials)}
        shapes.append({"name": name, "primitives": [primitive]})
        materials.append(_material(name, colour, opacity))

    parts = {
        "nodes": nodes,
        "meshes": shapes,
        "materials": materials,
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(blob)}] if blob else [],
    }
    content = {
        "asset": {"version": "2.0", "generator": "catomo"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(nodes)))} if nodes else {}],
        **{key: value for key, value in parts.items() if value},
    }
    text = json.dumps(content, separators=(",", ":")).encode()
    chunks = [(b"JSON", text.ljust(-(-len(text) // 4) * 4))]
    if blob:  # always a multiple of four: every number in it has four bytes
        chunks.append((b"BIN\0", bytes(blob)))
    total = 12 + sum(8 + len(data) for _, data in chunks)
    with open(path, "wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, total))
        for kind, data in chunks:
            file.write(struct.pack("<I4s", len(data), kind) + data)


def _material(name: str, colour: str, opacity: float) -> dict:
    # glTF wants linear light, colours are written as seen on a screen (sRGB).
    seen = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    return {
        "name": name,
        "doubleSided": True,
        "alphaMode": "BLEND" if opacity < 1 else "OPAQUE",
        "pbrMetallicRoughness": {
            "baseColorFactor": [*np.round(linear, 6).tolist(), opacity],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.6,
        },
    }


def _extent(mask: np.ndarray, axis: int) -> tuple[int, int]:
    others = tuple(other for other in range(mask.ndim) if other != axis)
    (hit,) = np.nonzero(mask.any(axis=others))
    return hit[0], hit[-1] + 1
