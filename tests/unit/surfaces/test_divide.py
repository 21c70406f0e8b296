"""One particle becomes two: at its neck, or across its longest axis."""

import numpy as np
import pytest

from catomo.surfaces.divide import divided


def ball(shape, centre, radius):
    places = np.indices(shape)
    return sum((axis - at) ** 2 for axis, at in zip(places, centre, strict=True)) <= radius**2


@pytest.mark.parametrize("distance", [9, 10, 12])
def test_two_merged_balls_come_apart_at_their_neck(distance):
    one = ball((24, 24, 40), (12, 12, 12), 7)
    other = ball((24, 24, 40), (12, 12, 12 + distance), 5)
    voxels = np.argwhere(one | other)
    second = divided(voxels)
    sizes = sorted([second.sum(), (~second).sum()])
    # Each part is its ball, but for the lens that both share.
    shared = np.count_nonzero(one & other)
    assert abs(sizes[0] - np.count_nonzero(other)) <= shared + 0.05 * sizes[0]
    assert abs(sizes[1] - np.count_nonzero(one)) <= shared + 0.05 * sizes[1]
    small = second if second.sum() < (~second).sum() else ~second
    assert voxels[small][:, 2].min() > 12  # the small part is the one on the right


def test_a_bar_without_a_neck_is_cut_across_its_middle():
    voxels = np.argwhere(np.ones((4, 4, 20), bool))
    second = divided(voxels)
    assert 0.4 < second.mean() < 0.6
    assert np.ptp(voxels[second][:, 2]) <= 11


def test_two_voxels_become_one_and_one():
    assert divided(np.array([[3, 3, 3], [3, 3, 4]])).sum() == 1


def test_a_particle_at_the_corner_of_the_volume_divides_like_any_other():
    voxels = np.argwhere(ball((20, 20, 30), (0, 0, 6), 5) | ball((20, 20, 30), (0, 0, 15), 5))
    second = divided(voxels)
    assert abs(int(second.sum()) - int((~second).sum())) < 0.1 * len(voxels)
