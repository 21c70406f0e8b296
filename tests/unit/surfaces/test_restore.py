"""Bodies of any size have the volume of their voxels after smoothing."""

import numpy as np
import pytest

from catomo.surfaces.meshes import Mesh, surface_mesh
from conftest import balls

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")
trimesh = pytest.importorskip("trimesh", reason="trimesh is only a second reader")


def bodies():
    """A cube with a closed room, one voxel, a row of voxels, two that meet at an edge."""
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[5:25, 5:25, 5:25] = 1
    labels[12:16, 12:16, 12:16] = 0
    labels[2, 2, 2] = 1
    labels[2, 6:20, 27] = 1
    labels[27, 3, 3] = labels[28, 3, 4] = 1
    return labels


def test_each_body_and_each_room_has_its_volume():
    points, faces = surface_mesh(bodies(), 1.0)
    parts = trimesh.Trimesh(points, faces, process=False).split(only_watertight=True)
    found = sorted(part.volume for part in parts)
    for volume, expected in zip(found, [-64, 1, 1, 1, 14, 8000], strict=True):
        assert volume == pytest.approx(expected, rel=0.06)
    assert points.min() > 1  # one voxel stays about where it was


@pytest.mark.parametrize("radius", [4, 5, 7, 11, 16])
def test_balls_wherever_their_centre_lies(radius):
    rng = np.random.default_rng(radius)
    size = 2 * radius + 5
    for _ in range(4):
        centre = (size - 1) / 2 + rng.uniform(-0.5, 0.5, 3)
        points, faces = surface_mesh(balls((size,) * 3, (*centre, radius)), 0.5)
        mesh = Mesh(points, faces)
        assert mesh.volume() == pytest.approx(4 / 3 * np.pi * (radius / 2) ** 3, rel=0.05)
        assert mesh.area() == pytest.approx(4 * np.pi * (radius / 2) ** 2, rel=0.05)
