"""Mesh files that other programs can read, with the same bytes each time."""

import json
import struct

import numpy as np
import pytest

from catomo.surfaces.mesh_files import StyledMesh, write_glb, write_stl, write_vtm, write_vtp
from catomo.surfaces.meshes import surface
from conftest import balls

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")


def ball(radius):
    size = 2 * radius + 5
    return balls((size, size, size), (*[(size - 1) / 2] * 3, radius)) > 0


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
    meshes = [StyledMesh("alumina", mesh, "#c9ced2", 0.3), StyledMesh("pt", mesh, "#c0392b", 1.0)]
    write_glb(folder / "a.glb", meshes)
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


def test_vtk_opens_all_classes_at_once_wherever_the_folder_lies(tmp_path):
    import pyvista

    meshes = {"alumina": surface(ball(8), 0.5), "none": surface(ball(8) & False, 0.5)}
    meshes["pt"] = surface(ball(4), 0.5)
    for name, mesh in meshes.items():
        write_vtp(tmp_path / f"{name}.vtp", mesh)
    write_vtm(tmp_path / "all.vtm", list(meshes))
    text = (tmp_path / "all.vtm").read_bytes()
    write_vtm(tmp_path / "all.vtm", list(meshes))
    assert (tmp_path / "all.vtm").read_bytes() == text
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    blocks = pyvista.read(moved / "all.vtm")
    assert blocks.keys() == list(meshes)
    for name, mesh in meshes.items():
        assert blocks[name].n_cells == len(mesh.faces)
        assert blocks[name].volume == pytest.approx(mesh.volume(), rel=1e-5)
    assert not blocks["pt"].cell_data["at_frame"].any()
