"""Particles counted, split, measured, against what can be counted by eye."""

import numpy as np
import pytest

from catomo.evaluate.detection import match
from catomo.labels import particles as module
from catomo.labels.particles import (
    count_split,
    equivalent_diameter,
    find_particles,
    label_particles,
)
from conftest import balls, find


def test_two_balls_apart_are_two_with_their_sizes_and_centres():
    labels = balls((30, 40, 50), (10, 12, 14, 5), (20, 25, 35, 7))
    particles = find(labels)
    assert particles.count == len(set(particles.groups)) == 2
    assert particles.sizes().sum() == np.count_nonzero(labels)
    assert particles.centres() == pytest.approx(np.array([[10, 12, 14], [20, 25, 35]]), abs=1e-12)
    assert particles.diameters() == pytest.approx([10, 14], rel=0.02)


@pytest.mark.parametrize("radius", [4, 6, 9])
def test_a_touching_pair_is_split_through_its_neck(radius):
    apart = int(1.7 * radius)
    labels = balls((40, 40, 60), (20, 20, 18, radius), (20, 20, 18 + apart, radius))
    particles = find(labels)
    assert (particles.count, len(set(particles.groups))) == (2, 1)
    neck = np.count_nonzero(labels[:, :, 18 + apart // 2])  # goes to one side as a whole
    assert abs(np.diff(particles.sizes())[0]) <= neck
    assert find(labels, split=20).count == 1


def test_a_network_too_large_for_the_watershed_stays_whole(monkeypatch):
    pair = balls((20, 20, 40), (10, 10, 12, 6), (10, 10, 22, 6))
    assert find(pair).count == 2
    monkeypatch.setattr(module, "_LARGEST_BOX", 1000)
    assert find(pair).count == 1


@pytest.mark.parametrize("radius", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5])
def test_one_ball_is_never_split(radius, shift):
    assert find(balls((32, 32, 32), (15 + shift, 15, 15 + shift, radius))).count == 1


def test_neighbours_over_a_corner_are_one_and_rows_do_not_wrap_round():
    corner = np.zeros((4, 4, 4), np.uint8)
    corner[1, 1, 1] = corner[2, 2, 2] = 2
    assert find(corner).count == 1
    ends = np.zeros((4, 4, 4), np.uint8)
    ends[1, 1, 3] = ends[1, 2, 0] = ends[2, 3, 3] = ends[3, 0, 0] = 2
    assert find(ends).count == 4


@pytest.mark.parametrize("shape", [(12, 13), (9, 10, 11)])
def test_connected_groups_agree_with_scipy(shape):
    from scipy.ndimage import label

    labels = (2 * (np.random.default_rng(0).random(shape) < 0.12)).astype(np.uint8)
    expected, count = label(labels == 2, np.ones((3,) * len(shape)))
    particles = find(labels, split=99)
    assert particles.count == count
    assert np.array_equal(particles.ids + 1, expected[tuple(particles.voxels.T)])


def test_nothing_one_voxel_and_specks():
    nothing = find(np.zeros((3, 4, 5), np.uint8))
    assert nothing.count == len(nothing.groups) == len(nothing.sizes()) == 0
    assert nothing.centres().shape == (0, 3)
    speck = np.zeros((3, 4, 5), np.uint8)
    speck[1, 2, 3] = 2
    assert find(speck).sizes().tolist() == [1]
    assert find(speck, smallest=2.0).count == 0
    assert match(nothing, find(speck), 0.1).shape == (0, 2)


def test_equivalent_diameters():
    assert equivalent_diameter(np.pi, 2) == pytest.approx(2)
    assert equivalent_diameter(4 / 3 * np.pi, 3) == pytest.approx(2)


@pytest.mark.parametrize("shape", [(40, 60), (24, 40, 60)])
def test_touching_particles_are_labelled_apart_in_images_and_volumes(shape):
    middle = [n // 2 for n in shape[:-1]]
    labels = balls(shape, (*middle, 12, 6), (*middle, 22, 6), (*middle, 45, 5))
    labels.flat[0] = 2  # a speck
    numbers = label_particles(labels, 2)
    assert numbers.dtype == np.int32
    assert numbers.shape == shape
    assert np.unique(numbers).tolist() == [0, 1, 2, 3]
    along = numbers[tuple(middle)]
    assert (along[12], along[22], along[45]) == (1, 2, 3)
    assert np.array_equal(numbers > 0, (labels == 2) & (np.arange(labels.size) > 0).reshape(shape))
    assert label_particles(labels, 2, smallest_diameter_px=0).max() == 4
    assert label_particles(labels, 2, split_depth_px=20).max() == 2
    assert not label_particles(labels, 1).any()


def test_label_particles_gives_the_ids_of_find_particles():
    labels = (2 * (np.random.default_rng(0).random((12, 13, 14)) < 0.2)).astype(np.uint8)
    found = find(labels, smallest=1.5)
    numbers = label_particles(labels, 2, smallest_diameter_px=1.5)
    assert np.array_equal(numbers[tuple(found.voxels.T)], found.ids + 1)
    assert np.count_nonzero(numbers) == len(found.ids)
    with pytest.raises(ValueError, match="have 1 axes"):
        label_particles(labels[0, 0], 2)


def test_the_number_at_another_depth_is_that_of_a_new_search():
    """Counting needs no second search for what hangs together."""
    rng = np.random.default_rng(4)
    labels = np.zeros((40, 40, 40), np.uint8)
    grid = np.indices(labels.shape)
    for centre, radius in zip(rng.uniform(3, 37, (30, 3)), rng.uniform(1, 6, 30), strict=True):
        labels[((grid - centre[:, None, None, None]) ** 2).sum(axis=0) <= radius**2] = 1
    counts = []
    for depth in (0.25, 0.5, 1.0, 2.0):
        found = find_particles(labels, 1, labels.shape, 0.0, depth)
        counts.append(found.count)
        assert [count_split(found, other) for other in (0.25, 1.0)] == [
            find_particles(labels, 1, labels.shape, 0.0, other).count for other in (0.25, 1.0)
        ]
    assert counts[0] > counts[-1]
    nothing = find_particles(np.zeros((4, 4, 4)), 1, (4, 4, 4), 0.0, 1.0)
    assert count_split(nothing, 1.0) == 0
