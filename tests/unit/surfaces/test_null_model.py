"""Random places: as often as their area says, without overlap; ways go along the surface."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.spatial import cKDTree
from tests.helpers.seated import measured, slab

from catomo.surfaces.bare import Bare
from catomo.surfaces.null_model import Ways, draw, spread_evenly


def test_places_are_taken_as_often_as_their_weights_say():
    weights = np.array([1.0, 0.0, 2.0, 5.0])
    taken = spread_evenly(weights, 800, np.random.default_rng(1))
    assert np.bincount(taken, minlength=4).tolist() == [100, 0, 200, 500]


def test_particles_never_overlap_and_keep_to_their_places():
    line = np.arange(40.0)[:, None] * [1, 0, 0]
    allowed = [np.arange(40), np.arange(20), np.arange(20, 40)]
    radii = np.array([3.0, 2.0, 2.0])
    taken = draw(allowed, radii, lambda _, at: line[at], 200, np.random.default_rng(2))
    assert taken.shape == (200, 3)
    assert (taken[:, 1] < 20).all()
    assert (taken[:, 2] >= 20).all()
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(taken[:, one] - taken[:, other]).min() >= radii[one] + radii[other] + 1
    # The one that is alone in the choice of its place is there as often as elsewhere.
    assert 0 < (taken[:, 0] < 20).mean() < 1


def test_where_there_is_no_room_there_is_no_draw():
    line = np.arange(4.0)[:, None] * [1, 0, 0]
    everywhere = [np.arange(4)] * 2
    radii = np.array([3.0, 3.0])
    assert draw(everywhere, radii, lambda _, at: line[at], 5, np.random.default_rng(3)) is None


def test_a_way_along_a_folded_strip_is_longer_than_the_straight_one():
    along = np.arange(0, 60.5, 0.5)
    up = np.minimum(along, 60 - along)  # up one side of a ridge and down the other one
    points = np.stack([np.zeros_like(along), up, (along > 30) * 4.0], axis=1)
    normals = np.where((along > 30)[:, None], [0.0, 0.1, 1.0], [0.0, 0.1, -1.0])
    near = np.arange(len(along) - 1)
    ones = np.ones(2 * len(near), np.float32)
    pairs = (np.r_[near, near + 1], np.r_[near + 1, near])
    links = coo_array((ones, pairs), shape=(len(along),) * 2).tocsr()
    nothing = np.full(len(along), -1)
    bare = Bare(points, normals, np.ones(len(along)), nothing, nothing, nothing < 0, {})
    ways = Ways(bare, links, 1)
    between = ways.between(np.array([20, 100]))  # both 10 up, on either side
    assert np.linalg.norm(points[20] - points[100]) == pytest.approx(4)
    assert between[0, 1] == pytest.approx(min(44, ways.longest), abs=3)
    assert between[0, 0] == 0


def test_a_way_to_a_sunk_ball_is_as_long_as_one_to_a_place_without_a_ball():
    relief = measured(slab([(16, 16), (48, 16)], 6.0, -2.0))[0]
    # From foot to foot, and as far across the slab without a ball.
    places = np.array([[16, 19.5, 16], [48, 19.5, 16], [16, 19.5, 48], [48, 19.5, 48]])
    nearest = cKDTree(relief.bare.points).query(places)[1]
    between = Ways(relief.bare, relief.elements.links, 9).between(nearest)
    assert between[0, 1] == pytest.approx(32, rel=0.1)
    assert between[0, 1] == pytest.approx(between[2, 3], rel=0.04)
