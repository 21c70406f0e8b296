"""Surfaces of known bodies, and files that other programs can read."""

import json
import struct

import numpy as np
import pytest

from catomo.surfaces.meshes import Mesh, surface, write_glb, write_stl, write_vtp

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")


def ball(radius, shape=None, centre=None):
    shape = shape or (2 * radius + 5,) * 3
    centre = centre or [(n - 1) / 2 for n in shape]
    grid = np.indices(shape)
    return sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) <= radius**2


def open_edges(mesh: Mesh) -> int:
    """Return how many edges do not belong to exactly two triangles, once in each direction."""
    ends = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    directed, counts = np.unique(ends, axis=0, return_counts=True)
    back = np.unique(ends[:, ::-1], axis=0)
    return (
        np.count_nonzero(counts > 1)
        + len(directed)
        - len(set(map(tuple, directed)) & set(map(tuple, back)))
    )


@pytest.mark.parametrize("radius", [8, 12, 20])
def test_area_of_a_ball(radius):
    mesh = surface(ball(radius), 0.5)
    assert mesh.area() == pytest.approx(4 * np.pi * (0.5 * radius) ** 2, rel=0.015)
    assert mesh.volume() == pytest.approx(4 / 3 * np.pi * (0.5 * radius) ** 3, rel=0.03)


def test_it_is_closed_faces_outwards_and_survives_the_rim_of_the_volume():
    rng = np.random.default_rng(1)
    rough = rng.random((14, 15, 16)) < 0.4
    for mask in (ball(6), rough, np.ones((3, 4, 5), bool)):
        mesh = surface(mask, 1.0)
        assert open_edges(mesh) == 0
        assert mesh.volume() > 0


def test_coordinates_are_x_y_z_in_nm_of_an_array_y_z_x():
    mask = np.zeros((30, 40, 50), bool)
    mask[8:13, 20:23, 30:45] = True
    mesh = surface(mask, 0.25)
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    assert (low + high) / 2 == pytest.approx(0.25 * np.array([37, 10, 21]), abs=0.02)
    assert high - low == pytest.approx(0.25 * np.array([15, 5, 3]), abs=0.25)


def test_normals_are_of_length_one_and_point_outwards():
    mesh = surface(ball(10), 1.0)
    radial = mesh.points - mesh.points.mean(axis=0)
    radial /= np.linalg.norm(radial, axis=1, keepdims=True)
    assert np.linalg.norm(mesh.normals(), axis=1) == pytest.approx(1, abs=1e-5)
    assert np.min(np.sum(mesh.normals() * radial, axis=1)) > 0.8


@pytest.fixture(params=["ball", "voxel", "nothing"])
def mesh(request):
    mask = np.zeros((9, 9, 9), bool)
    if request.param == "ball":
        mask = ball(4)
    elif request.param == "voxel":
        mask[4, 4, 4] = True
    return surface(mask, 0.5)


def write_all(folder, mesh):
    write_vtp(folder / "a.vtp", mesh)
    write_stl(folder / "a.stl", mesh, "Pt")
    write_glb(folder / "a.glb", [("alumina", mesh, "#c9ced2", 0.3), ("pt", mesh, "#c0392b", 1.0)])
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_files_are_valid_even_when_empty_and_the_same_each_time(mesh, tmp_path):
    import pyvista

    files = write_all(tmp_path, mesh)
    assert files == write_all(tmp_path, mesh)

    poly = pyvista.read(tmp_path / "a.vtp")
    assert poly.n_cells == len(mesh.faces)
    if poly.n_cells:
        assert np.array_equal(poly.points, mesh.points)

    assert struct.unpack("<I", files["a.stl"][80:84])[0] == len(mesh.faces)
    assert len(files["a.stl"]) == 84 + 50 * len(mesh.faces)

    magic, version, length = struct.unpack("<4sII", files["a.glb"][:12])
    assert (magic, version, length) == (b"glTF", 2, len(files["a.glb"]))
    size, kind = struct.unpack("<I4s", files["a.glb"][12:20])
    assert kind == b"JSON"
    content = json.loads(files["a.glb"][20 : 20 + size])
    assert len(content.get("meshes", [])) == (2 if len(mesh.faces) else 0)


def test_a_second_program_reads_the_glb_and_stl(tmp_path):
    trimesh = pytest.importorskip("trimesh", reason="trimesh is only a second reader")
    mesh = surface(ball(8), 0.5)
    write_all(tmp_path, mesh)
    stl = trimesh.load(tmp_path / "a.stl")
    assert stl.is_watertight
    assert stl.volume == pytest.approx(mesh.volume(), rel=1e-5)
    scene = trimesh.load(tmp_path / "a.glb")
    assert set(scene.geometry) == {"alumina", "pt"}
    pt = scene.geometry["pt"]
    assert pt.area == pytest.approx(mesh.area(), rel=1e-5)
    assert pt.is_watertight
    assert scene.geometry["alumina"].visual.material.alphaMode == "BLEND"


def test_threads_change_no_byte(tmp_path):
    """Flying edges run in parallel; the order of their triangles must not."""
    vtk = pytest.importorskip("vtkmodules.vtkCommonCore")
    mask = ball(15)
    meshes = []
    for threads in (1, 2, 3):
        vtk.vtkSMPTools.Initialize(threads)
        meshes.append(surface(mask, 0.5))
    vtk.vtkSMPTools.Initialize(0)
    assert all(np.array_equal(meshes[0].points, other.points) for other in meshes)
    assert all(np.array_equal(meshes[0].faces, other.faces) for other in meshes)
