"""Surfaces of the page: read, made of fewer triangles, packed and unpacked."""

import base64
import zlib

import numpy as np
import pytest

from catomo.report.meshes import Surface, packed, read_glb, read_vtp, simplified
from catomo.surfaces.mesh_files import StyledMesh, write_glb, write_vtp
from catomo.surfaces.meshes import Mesh


def sphere(steps=60, radius=10.0, centre=(3.0, -4.0, 50.0)):
    """Return a closed sphere of triangles."""
    up, around = np.meshgrid(
        np.linspace(0, np.pi, steps), 2 * np.pi * np.arange(steps) / steps, indexing="ij"
    )
    points = np.stack([np.sin(up) * np.cos(around), np.sin(up) * np.sin(around), np.cos(up)], -1)
    number = np.arange(steps * steps).reshape(steps, steps)
    here, there = number, np.roll(number, -1, axis=1)
    one = np.stack([here[:-1], here[1:], there[1:]], -1).reshape(-1, 3)
    two = np.stack([here[:-1], there[1:], there[:-1]], -1).reshape(-1, 3)
    return Surface(points.reshape(-1, 3) * radius + centre, np.concatenate([one, two]))


def area(surface):
    a, b, c = np.moveaxis(np.asarray(surface.points, float)[surface.faces], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def unpacked(part):
    """Return what viewer/src/meshes.js makes of a packed surface."""
    count, corners = part["count"], 3 * part["triangles"]
    planes = np.frombuffer(zlib.decompress(base64.b64decode(part["points"])), np.uint8)
    low, high = planes.reshape(2, 3, count).astype(int)
    steps = np.cumsum(low + 256 * high, axis=1) % 65536
    size = (np.array(part["high"]) - part["low"]) / 65535
    points = (steps * size[:, None]).T + part["low"]
    planes = np.frombuffer(zlib.decompress(base64.b64decode(part["faces"])), np.uint8)
    codes = (planes.reshape(4, corners).astype(np.int64) * (256 ** np.arange(4))[:, None]).sum(0)
    faces, following = np.zeros(corners, int), 0
    for place, code in enumerate(codes):
        faces[place] = following - code
        following += code == 0
    return Surface(points, faces.reshape(-1, 3))


def test_what_is_packed_comes_out_again_triangle_by_triangle():
    whole = sphere()
    again = unpacked(packed(whole))
    assert again.faces.shape == whole.faces.shape
    before, after = whole.points[whole.faces], again.points[again.faces]
    assert np.abs(before - after).max() < 20 / 65535 + 1e-4


def test_few_triangles_keep_the_shape():
    whole = sphere(400)
    few = simplified(whole, 20_000)
    assert 2_000 < len(few.faces) <= 20_000
    assert area(few) == pytest.approx(4 * np.pi * 100, rel=0.02)
    assert simplified(few, 20_000) is few


def test_files_of_the_surfaces_are_read_as_they_were_written(tmp_path):
    pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")
    whole = sphere(90)  # more than one block of the compression
    mesh = Mesh(whole.points.astype(np.float32), whole.faces.astype(np.int32))
    write_vtp(tmp_path / "a.vtp", mesh)
    write_glb(tmp_path / "a.glb", [StyledMesh("alumina", mesh, "#c9ced2", 1.0)])
    for found in (read_vtp(tmp_path / "a.vtp"), read_glb(tmp_path / "a.glb")["alumina"]):
        assert (found.faces == mesh.faces).all()
        assert (found.points == mesh.points).all()


def test_an_empty_surface_has_no_triangles(tmp_path):
    pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")
    empty = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    write_vtp(tmp_path / "a.vtp", empty)
    write_glb(tmp_path / "a.glb", [StyledMesh("alumina", empty, "#c9ced2", 1.0)])
    assert len(read_vtp(tmp_path / "a.vtp").faces) == 0
    assert read_glb(tmp_path / "a.glb") == {}
