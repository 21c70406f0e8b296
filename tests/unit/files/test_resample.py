"""Voxels that are not cubes, brought onto cubes."""

import numpy as np
import pytest

from catomo.files.image_stack import ImageStack
from catomo.files.resample import as_cubes, nearest_cubes


def stack_of(volume, voxel_nm):
    return ImageStack(volume.shape, volume.dtype, volume.__getitem__, None, voxel_nm)


def read_all(stack):
    images = np.stack([stack.read(number) for number in range(stack.shape[0])])
    assert images.shape == stack.shape
    assert images.dtype == stack.dtype
    return images


def field(shape, voxel_nm):
    """Return a smooth field of position, which any sampling shows alike."""
    z, y, x = ((np.arange(n) + 0.5) * size for n, size in zip(shape, voxel_nm, strict=True))
    return (z[:, None, None] + 2 * y[:, None] + 3 * x).astype(np.float32)


@pytest.mark.parametrize("new", [0.5, 1.0, 1.5, 3.0])
def test_positions_stay_where_they_are(new):
    shape, voxel = (20, 30, 40), (1.5, 1.0, 0.5)
    cubes = as_cubes(stack_of(field(shape, voxel), voxel), new)
    assert cubes.voxel_nm == (new, new, new)
    lengths = [n * size for n, size in zip(shape, voxel, strict=True)]
    assert cubes.shape == tuple(int(length / new + 1e-6) for length in lengths)
    found, expected = read_all(cubes), field(cubes.shape, (new, new, new))
    inside = tuple(slice(int(3 / new) + 1, -int(3 / new) - 1) for _ in range(3))
    np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-4, atol=1e-3)


def test_greys_of_8_bits_stay_so_and_what_is_even_stays_even():
    volume = np.full((5, 8, 9), 200, np.uint8)
    cubes = as_cubes(stack_of(volume, (3.0, 1.0, 1.0)))
    assert cubes.shape == (15, 8, 9)
    np.testing.assert_array_equal(read_all(cubes), 200)


def test_no_mass_is_lost_where_voxels_become_larger():
    volume = np.zeros((12, 12, 12), np.float32)
    volume[4:8, 4:8, 4:8] = 1
    cubes = as_cubes(stack_of(volume, (1.0, 1.0, 1.0001)), 2.0)
    assert read_all(cubes).sum() * 8 == pytest.approx(volume.sum(), rel=1e-3)


def test_what_needs_no_resampling_is_left_alone():
    volume = field((4, 5, 6), (1, 1, 1))
    for voxel in [(1.0, 1.0, 1.0), (None, None, None), (None, 1.0, 1.0)]:
        stack = stack_of(volume, voxel)
        assert as_cubes(stack) is stack
    tilts = stack_of(volume, (5.0, 1.0, 2.0))
    assert as_cubes(tilts, along_images=False).shape == (4, 5, 12)


def test_labels_take_the_nearest_value_and_no_new_one_arises():
    labels = np.zeros((4, 6, 8), np.int32)
    labels[1:3, 2:4, 3:6] = 70_000
    voxel = (1.0, 0.5, 0.5)
    cubes = read_all(nearest_cubes(stack_of(labels, voxel), 0.5))
    np.testing.assert_array_equal(cubes, np.repeat(labels, 2, axis=0))
    fine = np.repeat(np.repeat(labels, 3, axis=1), 3, axis=2)
    back = nearest_cubes(stack_of(fine, (0.5, 0.5 / 3, 0.5 / 3)), 0.5)
    np.testing.assert_array_equal(read_all(back), labels)
    same = stack_of(labels, (0.5, 0.5, 0.5))
    assert nearest_cubes(same, 0.5) is same
    assert nearest_cubes(stack_of(labels, (None, None, None)), 0.5).shape == labels.shape
