"""Surfaces of known bodies: their area, their orientation, their coordinates."""

import numpy as np
import pytest

from catomo.surfaces.contours import field_of
from catomo.surfaces.meshes import Mesh, mesh_of_field, surface, surface_mesh

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


def test_threads_change_no_byte():
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


def test_the_mesh_of_labels_is_that_of_the_mask_of_each_class():
    labels = np.zeros((20, 22, 24), np.uint8)
    labels[4:14, 4:14, 4:14] = 1
    labels[8:18, 8:18, 8:18] = 2
    for phase, mask in ((1, labels == 1), (2, labels == 2), (None, labels > 0)):
        vertices, faces = surface_mesh(labels, 0.25, phase)
        field = field_of(mask, 1)
        expected = mesh_of_field(field, mask.shape, [slice(0, len(mask))], 0.25)
        assert np.array_equal(vertices, expected.points)
        assert np.array_equal(faces, expected.faces)
        again, _ = surface_mesh(mask, 0.25)
        assert np.array_equal(again, vertices)
    empty, none = surface_mesh(labels, 0.25, 3)
    assert empty.shape == none.shape == (0, 3)
    with pytest.raises(ValueError, match="labels have 2 axes"):
        surface_mesh(labels[0], 0.25)
