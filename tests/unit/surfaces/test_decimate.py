"""Small copies of meshes: few triangles, closed, of the same area."""

import numpy as np
import pytest

from catomo.surfaces import decimate
from catomo.surfaces.contours import field_of
from catomo.surfaces.decimate import small_copy
from catomo.surfaces.meshes import mesh_of_field
from conftest import balls

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")
trimesh = pytest.importorskip("trimesh", reason="trimesh is only a second reader")


def specimen():
    """A plate with holes and bumps, which quadric decimation alone leaves open."""
    rng = np.random.default_rng(2)
    labels = np.zeros((40, 50, 60), np.uint8)
    labels[4:36, 20:30, 4:56] = 2
    places = rng.uniform([4, 18, 4], [36, 32, 56], (30, 3))
    labels[balls(labels.shape, *((*place, 3.5) for place in places[:15])) > 0] = 0
    labels[balls(labels.shape, *((*place, 2.5) for place in places[15:])) > 0] = 2
    return labels


@pytest.mark.parametrize(("most", "first", "off"), [(3000, 500_000, 0.01), (1500, 6000, 0.06)])
def test_a_small_copy_is_closed_and_keeps_area_and_volume(monkeypatch, most, first, off):
    monkeypatch.setattr(decimate, "_MOST_DECIMATED", first)
    labels = specimen()
    field = field_of(labels, 2)
    mesh = mesh_of_field(field, labels.shape, [slice(0, 40)], 0.5)
    small = small_copy(mesh, most, field, labels.shape, 0.5)
    assert 0.8 * most < len(small.faces) <= 1.02 * most < len(mesh.faces)
    again = trimesh.Trimesh(small.points, small.faces, process=False)
    assert again.is_watertight
    assert again.is_winding_consistent
    assert small.area() == pytest.approx(mesh.area(), rel=off)
    assert small.volume() == pytest.approx(mesh.volume(), rel=0.01)
    for ends in ("min", "max"):
        assert getattr(small.points, ends)(axis=0) == pytest.approx(
            getattr(mesh.points, ends)(axis=0), abs=0.5
        )


def test_a_mesh_that_is_small_enough_stays_as_it_is():
    labels = specimen()
    field = field_of(labels, 2)
    mesh = mesh_of_field(field, labels.shape, [slice(0, 40)], 0.5)
    assert small_copy(mesh, 10**6, field, labels.shape, 0.5) is mesh


def test_what_decimation_leaves_open_is_closed_again():
    ball = trimesh.creation.icosphere(subdivisions=3)
    torn = np.delete(ball.faces, [0, 100, 101, 500], axis=0)
    torn = np.concatenate([torn, [[7, 9, 300]]])  # a fin: edges of one and of three
    mended = decimate._closed(np.asarray(ball.vertices), torn)
    again = trimesh.Trimesh(mended.points, mended.faces, process=False)
    assert again.is_watertight
    assert again.is_winding_consistent
    assert again.volume == pytest.approx(ball.volume, rel=0.05)
