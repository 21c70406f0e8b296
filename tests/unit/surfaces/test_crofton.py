"""Areas by counting: balls of any size, planes in any direction, faces made by the frame."""

import numpy as np
import pytest

from catomo.surfaces.crofton import areas, loss_of_small
from catomo.surfaces.frame import Frame


def area(labels, own=2, towards=None):
    voxels = np.argwhere(labels == own)
    found = areas(labels, voxels, np.zeros(len(voxels), int), (1, 3), Frame.of(labels.shape))[0]
    whole = found / loss_of_small(np.cbrt(6 * len(voxels) / np.pi))
    return whole.sum() if towards is None else whole[towards]


def ball(radius, centre, size):
    grid = np.indices((size,) * 3)
    return sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) <= radius**2


@pytest.mark.parametrize("radius", [0.7, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 12.0])
def test_balls_from_one_voxel_on_have_the_area_of_the_ball_of_equal_volume(radius):
    rng = np.random.default_rng(0)
    size = int(2 * radius + 6)
    ratios = []
    for _ in range(100 if radius < 4 else 5):
        inside = ball(radius, (size - 1) / 2 + rng.uniform(-0.5, 0.5, 3), size)
        if inside.any():
            equal = np.pi * np.cbrt(6 * inside.sum() / np.pi) ** 2
            ratios.append(area(2 * inside.astype(np.uint8)) / equal)
    assert np.mean(ratios) == pytest.approx(1, abs=0.02)
    assert np.std(ratios) < 0.1


def test_half_balls_on_planes_in_many_directions():
    rng = np.random.default_rng(1)
    normals = np.concatenate([np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]]), rng.normal(size=(9, 3))])
    errors = []
    for radius in (9, 14):
        size = 2 * radius + 8
        grid = np.indices((size,) * 3)
        for normal in normals / np.linalg.norm(normals, axis=1)[:, None]:
            centre = (size - 1) / 2 + rng.uniform(-0.5, 0.5, 3)
            height = np.tensordot(normal, grid - centre[:, None, None, None], 1)
            labels = (height < 0).astype(np.uint8)
            labels[ball(radius, centre, size) & (height >= 0)] = 2
            contact = area(labels, towards=1)
            exposed = area(labels, towards=0)
            true = np.pi * radius**2 * np.array([1, 2])
            fraction = 3 * contact / (contact + exposed)
            errors.append([contact / true[0] - 1, exposed / true[1] - 1, fraction - 1])
    errors = np.array(errors)
    assert np.abs(errors).max(axis=0) == pytest.approx(0, abs=0.1)
    assert np.abs(errors[:, 2]).max() < 0.08
    assert np.abs(errors.mean(axis=0)) == pytest.approx(0, abs=0.05)
    assert abs(errors[:, 2].mean()) < 0.03


def test_what_the_frame_cuts_has_no_face_there():
    """An eighth of a ball, its centre at the corner of the volume, has an eighth of its area."""
    labels = 2 * ball(12, (-0.5, -0.5, -0.5), 20).astype(np.uint8)
    assert area(labels) == pytest.approx(4 * np.pi * 12**2 / 8, rel=0.01)
    assert area(np.full((5, 6, 7), 2, np.uint8)) == 0


def test_touching_particles_have_no_area_between_them():
    labels = np.zeros((12, 12, 20), np.uint8)
    labels[3:9, 3:9, 3:9] = labels[3:9, 3:9, 9:15] = 2
    voxels = np.argwhere(labels)
    bodies = (voxels[:, 2] >= 9).astype(int)
    found = areas(labels, voxels, bodies, (2, 3), Frame.of(labels.shape))
    assert found[0] == pytest.approx(found[1])
    assert found.sum() == pytest.approx(area(labels) * loss_of_small(np.cbrt(6 * 432 / np.pi)))
