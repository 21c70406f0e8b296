"""Surfaces as the page carries them: few triangles, packed into text.

A point is three 16-bit steps between two corners; a triangle is three numbers of points. Both are
kept as differences, which a packer makes small: see ``viewer/src/meshes.js``, which unpacks them.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

_STEPS = 65535
_KINDS = {"Float32": "<f4", "Float64": "<f8", "Int32": "<i4", "Int64": "<i8"}
_MOST_TRIANGLES = 200_000  # of each surface; more can hardly be seen
_COARSER = 1.2  # by how much cells grow until there are few enough triangles


@dataclass(frozen=True)
class Surface:
    """Points (n, 3), in nm as x, y and z, and the numbers of the corners of triangles (m, 3)."""

    points: np.ndarray
    faces: np.ndarray


def read_glb(path: Path) -> dict[str, Surface]:
    """Return the surfaces of one of catomo's own GLB files by the names of their classes."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    content = json.loads(data[20 : 20 + length])
    blob = memoryview(data)[28 + length :]
    surfaces = {}
    for mesh in content.get("meshes", []):
        (part,) = mesh["primitives"]
        places = (part["attributes"]["POSITION"], part["indices"])
        arrays = []
        for number, kind in zip(places, ("<f4", "<u4"), strict=True):
            accessor = content["accessors"][number]
            start = content["bufferViews"][accessor["bufferView"]]["byteOffset"]
            width = 3 if accessor["type"] == "VEC3" else 1
            arrays.append(np.frombuffer(blob, kind, accessor["count"] * width, start))
        surfaces[mesh["name"]] = Surface(*(array.reshape(-1, 3) for array in arrays))
    return surfaces


def read_vtp(path: Path) -> Surface:
    """Return the surface in one of catomo's own VTP files: compressed, in base64, all triangles."""
    root = ElementTree.parse(path).getroot()
    arrays = {
        str(array.get("Name")): _array_of_vtp(array)
        for part in ("Points", "Polys")
        for array in root.findall(f"PolyData/Piece/{part}/DataArray")
    }
    nothing = np.zeros((0, 3))
    points, faces = arrays.get("Points", nothing), arrays.get("connectivity", nothing.astype(int))
    return Surface(points.reshape(-1, 3), faces.reshape(-1, 3))


def _array_of_vtp(array: ElementTree.Element) -> np.ndarray:
    """Return the numbers of an array: blocks that are compressed each for itself."""
    kind = {"Float32": "<f4", "Float64": "<f8", "Int32": "<i4", "Int64": "<i8"}[
        array.get("type", "")
    ]
    text = (array.text or "").strip()
    blocks = int(np.frombuffer(base64.b64decode(text[:8]), "<u4", 1)[0])
    length = 4 * -(-4 * (3 + blocks) // 3)  # of the header in base64
    sizes = np.frombuffer(base64.b64decode(text[:length]), "<u4", 3 + blocks)[3:]
    data, ends = base64.b64decode(text[length:]), np.cumsum(sizes)
    parts = [zlib.decompress(data[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
    return np.frombuffer(b"".join(parts), kind)


def simplified(surface: Surface, most: int = _MOST_TRIANGLES) -> Surface:
    """Return a surface of at most `most` triangles: points of one cell of a grid become one.

    Parameters
    ----------
    surface : Surface
    most : int
    """
    if len(surface.faces) <= most:
        return surface
    corners = surface.points[surface.faces].astype(np.float64)
    sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(sides, axis=1).sum() / 2
    cell = np.sqrt(area / most)
    while True:
        few = _clustered(surface, cell)
        if len(few.faces) <= most:
            return few
        cell *= _COARSER


def _clustered(surface: Surface, cell: float) -> Surface:
    """Return a surface whose points in each cell of a grid are one, in their middle."""
    places = np.floor((surface.points - surface.points.min(axis=0)) / cell).astype(np.int64)
    extent = places.max(axis=0) + 1
    _, number = np.unique(np.ravel_multi_index(tuple(places.T), extent), return_inverse=True)
    counts = np.bincount(number)
    points = np.stack(
        [np.bincount(number, axis) / counts for axis in surface.points.T.astype(np.float64)], axis=1
    )
    faces = number[surface.faces]
    one, two, three = faces.T
    return Surface(points, faces[(one != two) & (two != three) & (three != one)])


def packed(surface: Surface) -> dict[str, Any]:
    """Return a surface as the script of the page reads it."""
    corners = surface.faces.ravel().astype(np.int64)
    used, first = np.unique(corners, return_index=True)
    order = used[np.argsort(first)]  # points in the order in which triangles need them
    rank = np.zeros(len(surface.points), np.int64)
    rank[order] = np.arange(len(order))
    corners = rank[corners]
    is_new = np.zeros(len(corners), np.int64)
    is_new[first] = 1
    codes = (np.cumsum(is_new) - is_new - corners).astype("<u4")
    points = surface.points[order].astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.where(high > low, high - low, 1)
    steps = np.round((points - low) / size * _STEPS).astype(np.int64)
    moves = (np.diff(steps, axis=0, prepend=0) & _STEPS).astype("<u2")
    return {
        "count": len(points),
        "triangles": len(surface.faces),
        "low": np.round(low, 4).tolist(),
        "high": np.round(high, 4).tolist(),
        "points": _text(moves.T),
        "faces": _text(codes),
    }


def _text(numbers: np.ndarray) -> str:
    """Return numbers as deflated text, all lowest bytes first, then the next higher ones."""
    planes = np.ascontiguousarray(numbers).view(np.uint8).reshape(-1, numbers.itemsize).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode()
