"""Mesh files: VTP for ParaView, STL for printing, and one glTF (GLB) of all classes for viewers.

A VTM names the VTPs of all classes, so that ParaView opens them as one.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from catomo.figures import rgb
from catomo.surfaces.meshes import Mesh

# Constants of the glTF 2.0 specification.
_FLOAT, _UNSIGNED_INT = 5126, 5125
_VERTICES, _INDICES = 34962, 34963


@dataclass(frozen=True)
class StyledMesh:
    """A mesh with its name, its colour ``#rrggbb`` and its opacity (1 hides what is behind)."""

    name: str
    mesh: Mesh
    colour: str
    opacity: float


def write_vtp(path: Path, mesh: Mesh) -> None:
    """Write a mesh for ParaView, compressed.

    Its array ``at_frame``, where known, is 1 for triangles that close it where the data end.
    """
    import pyvista

    poly = pyvista.PolyData()
    if len(mesh.faces):
        poly = pyvista.PolyData.from_regular_faces(mesh.points, mesh.faces)
        if mesh.at_frame is not None:
            poly.cell_data["at_frame"] = mesh.at_frame.astype(np.uint8)
    poly.save(path)


def write_vtm(path: Path, names: Sequence[str]) -> None:
    """Write a VTK multi-block file that names ``<name>.vtp`` beside it for each class."""
    blocks = "".join(
        f"    <DataSet index={quoteattr(str(number))} name={quoteattr(name)} "
        f"file={quoteattr(f'{name}.vtp')}/>\n"
        for number, name in enumerate(names)
    )
    path.write_text(
        '<?xml version="1.0"?>\n'
        '<VTKFile type="vtkMultiBlockDataSet" version="1.0" byte_order="LittleEndian">\n'
        f"  <vtkMultiBlockDataSet>\n{blocks}  </vtkMultiBlockDataSet>\n"
        "</VTKFile>\n"
    )


def write_stl(path: Path, mesh: Mesh, title: str) -> None:
    """Write a mesh as binary STL in nm; `title` goes into its 80-byte header."""
    kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("pad", "<u2")])
    with open(path, "wb") as file:
        file.write(f"catomo: {title}, nm".encode("ascii", "replace")[:80].ljust(80))
        file.write(struct.pack("<I", len(mesh.faces)))
        for part, crosses in mesh.parts():
            triangles = np.zeros(len(crosses), kind)
            length = np.linalg.norm(crosses, axis=1, keepdims=True)
            triangles["normal"] = crosses / np.where(length > 0, length, 1)
            triangles["corners"] = mesh.points[mesh.faces[part]]
            file.write(triangles.tobytes())


def write_glb(path: Path, meshes: list[StyledMesh]) -> None:
    """Write meshes as one binary glTF 2.0 file, for any viewer and for slides.

    Parameters
    ----------
    path : Path
    meshes : list of StyledMesh
        One unit of length is one nm. Empty meshes are left out.
    """
    scene = _Scene()
    for styled in meshes:
        if len(styled.mesh.faces):
            scene.add(styled)
    nodes = list(range(len(scene.nodes)))
    content = {
        "asset": {"version": "2.0", "generator": "catomo"},
        "scene": 0,
        "scenes": [{"nodes": nodes} if nodes else {}],
        **{key: value for key, value in scene.parts().items() if value},
    }
    text = json.dumps(content, separators=(",", ":")).encode()
    chunks: list[tuple[bytes, bytes | bytearray]] = [(b"JSON", text.ljust(-(-len(text) // 4) * 4))]
    if scene.blob:  # its length is a multiple of four: every number in it has four bytes
        chunks.append((b"BIN\0", scene.blob))
    total = 12 + sum(8 + len(data) for _, data in chunks)
    with open(path, "wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, total))
        for kind, data in chunks:
            file.write(struct.pack("<I4s", len(data), kind))
            file.write(data)


@dataclass
class _Scene:
    """The parts of a glTF file; `blob` holds the numbers of all meshes."""

    blob: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    materials: list[dict[str, Any]] = field(default_factory=list)

    def add(self, styled: StyledMesh) -> None:
        """Add a mesh that is not empty."""
        mesh = styled.mesh
        points, corners = mesh.points.astype("<f4"), mesh.faces.astype("<u4").ravel()
        limits = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
        vectors = {"componentType": _FLOAT, "type": "VEC3", "count": len(points)}
        attributes = {
            "POSITION": self._store(points, _VERTICES, **vectors, **limits),
            "NORMAL": self._store(mesh.normals(), _VERTICES, **vectors),
        }
        indices = self._store(
            corners, _INDICES, componentType=_UNSIGNED_INT, type="SCALAR", count=len(corners)
        )
        self.nodes.append({"mesh": len(self.shapes), "name": styled.name})
        primitive = {"attributes": attributes, "indices": indices, "material": len(self.materials)}
        self.shapes.append({"name": styled.name, "primitives": [primitive]})
        self.materials.append(_material(styled))

    def parts(self) -> dict[str, list]:
        """Return the lists of the file, by their glTF names."""
        return {
            "nodes": self.nodes,
            "meshes": self.shapes,
            "materials": self.materials,
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": len(self.blob)}] if self.blob else [],
        }

    def _store(self, array: np.ndarray, target: int, **accessor: Any) -> int:
        """Append an array to the blob; return the number of its accessor."""
        self.views.append(
            {
                "buffer": 0,
                "byteOffset": len(self.blob),
                "byteLength": array.nbytes,
                "target": target,
            }
        )
        self.accessors.append({"bufferView": len(self.views) - 1, **accessor})
        self.blob.extend(array.tobytes())
        return len(self.accessors) - 1


def _material(styled: StyledMesh) -> dict[str, Any]:
    # glTF wants linear light, but colours are written as seen on a screen (sRGB).
    seen = np.array(rgb(styled.colour)) / 255
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    return {
        "name": styled.name,
        "doubleSided": True,
        "alphaMode": "BLEND" if styled.opacity < 1 else "OPAQUE",
        "pbrMetallicRoughness": {
            "baseColorFactor": [*np.round(linear, 6).tolist(), styled.opacity],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.6,
        },
    }
