"""The mesh files of a stage: closed, the same again, and what the record says of them."""

import numpy as np
import pytest

from catomo.surfaces import mesh_export
from catomo.surfaces.mesh_export import write_meshes
from catomo.surfaces.settings import Surfaces
from conftest import balls

pyvista = pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

PIXEL_NM = 0.5


class Out:
    """A folder that is written."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return self.folder / name


@pytest.fixture
def out(tmp_path):
    return Out(tmp_path)


def film():
    """A film that the frame cuts on four sides, with a ball on it."""
    labels = balls((40, 40, 40), (20, 25, 20, 6))
    labels[:, 10:20] = 1
    return labels


def is_closed(mesh):
    return (
        mesh.extract_feature_edges(
            boundary_edges=True, non_manifold_edges=True, feature_edges=False, manifold_edges=False
        ).n_cells
        == 0
    )


def test_every_class_has_its_files_and_the_record_says_where_the_frame_cuts(out, capsys):
    facts = write_meshes(out, film(), PIXEL_NM, Surfaces())
    assert {path.name for path in out.folder.iterdir()} == {
        "alumina.vtp", "alumina.small.vtp", "alumina.stl", "pt.vtp", "pt.small.vtp", "pt.stl",
        "surfaces.glb", "surfaces.vtm", "open_in_paraview.py",
    }  # fmt: skip
    share = 4 * 10 * 40 / (4 * 10 * 40 + 2 * 40 * 40)
    assert facts["alumina"]["at_frame"] == pytest.approx(share, rel=0.05)
    assert facts["pt"]["at_frame"] == 0
    assert facts["pt"]["small_area_ratio"] == 1
    said = capsys.readouterr().err
    assert "the mesh of alumina is no surface" in said
    assert "the mesh of pt" not in said
    for name in ("alumina", "pt"):
        mesh = pyvista.read(out.path(f"{name}.vtp"))
        assert mesh.n_cells == facts[name]["triangles"]
        assert is_closed(mesh)
        areas = mesh.compute_cell_sizes()["Area"]
        ends = areas[mesh["at_frame"] == 1].sum() / areas.sum()
        assert ends == pytest.approx(facts[name]["at_frame"], abs=1e-5)


def test_the_small_copy_has_as_few_triangles_as_a_page_can_hold(out, monkeypatch):
    monkeypatch.setattr(mesh_export, "_MOST", 2000)
    monkeypatch.setattr(mesh_export, "_MOST_OF_PARTICLES", 300)
    facts = write_meshes(out, film(), PIXEL_NM, Surfaces())
    for name, most in (("alumina", 2000), ("pt", 300)):
        small = pyvista.read(out.path(f"{name}.small.vtp"))
        assert 0.9 * most < small.n_cells == facts[name]["small_triangles"] <= most
        assert is_closed(small)
        assert facts[name]["small_area_ratio"] == pytest.approx(1, abs=0.02)


def test_meshes_are_closed_where_slices_were_not_recorded(out):
    labels = film()
    recorded = np.ones(40, bool)
    recorded[18:22] = False
    labels[~recorded] = 0
    facts = write_meshes(out, labels, PIXEL_NM, Surfaces(), recorded=recorded)
    mesh = pyvista.read(out.path("alumina.vtp"))
    assert is_closed(mesh)
    assert mesh.volume == pytest.approx(36 * 10 * 40 * PIXEL_NM**3, rel=0.01)
    sides, ends = 2 * 10 * 36, 4 * 10 * 40
    share = (sides + ends) / (sides + ends + 2 * 40 * 36)
    assert facts["alumina"]["at_frame"] == pytest.approx(share, rel=0.05)


def test_the_confidence_of_a_model_places_the_boundary(out):
    """A ball whose rim is half sure: the likeliest surface is that of the ball, not of voxels."""
    grid = np.indices((30, 30, 30)) - 14.6
    depth = 9.0 - np.sqrt((grid**2).sum(axis=0))  # px inside of the ball
    share = np.clip(0.5 + depth / 3, 0, 1)
    labels = 2 * (share >= 0.5).astype(np.uint8)
    sure = np.rint(255 * np.maximum(share, 1 - share)).astype(np.uint8)
    write_meshes(out, labels, 1.0, Surfaces(), confidence=lambda start, stop: sure[start:stop])
    mesh = pyvista.read(out.path("pt.vtp"))
    off = np.linalg.norm(mesh.points - 14.6, axis=1) - 9
    write_meshes(out, labels, 1.0, Surfaces())
    plain = pyvista.read(out.path("pt.vtp"))
    off_plain = np.linalg.norm(plain.points - 14.6, axis=1) - 9
    assert np.std(off) < 0.5 * np.std(off_plain)
    assert abs(np.mean(off)) < 0.05
