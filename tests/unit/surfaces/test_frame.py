"""What the frame cuts: whole bodies weighted, missing slices, means that stay right."""

import numpy as np
import pytest

from catomo.surfaces.frame import Frame


def boxes(*corners):
    corners = np.array(corners)
    return corners[:, 0], corners[:, 1]


def test_bodies_at_the_end_are_cut_along_each_axis():
    frame = Frame.of((10, 20, 30))
    low, high = boxes([(1, 1, 1), (8, 18, 28)], [(0, 1, 1), (3, 3, 3)], [(3, 0, 4), (9, 6, 29)])
    assert frame.cut_axes(low, high).tolist() == [0, 1, 3]
    assert frame.holds(low, high).tolist() == [True, False, False]


def test_slices_that_were_not_recorded_are_the_end_of_the_data():
    recorded = np.ones(12, bool)
    recorded[5:7] = False
    frame = Frame.of((12, 20, 20), recorded)
    assert frame.runs() == [slice(0, 5), slice(7, 12)]
    low, high = boxes([(1, 5, 5), (3, 8, 8)], [(2, 5, 5), (4, 8, 8)], [(7, 5, 5), (9, 8, 8)])
    assert frame.cut_axes(low, high).tolist() == [0, 1, 1]
    there = frame.neighbours(np.array([[4, 0, 19], [7, 3, 3]]), (1, -1, 1))
    assert there.tolist() == [[4, 0, 19], [8, 2, 4]]


def test_weights_are_one_over_the_chance_to_be_whole():
    frame = Frame.of((31, 31, 15))
    low, high = boxes([(5, 5, 5), (5, 5, 5)], [(5, 5, 5), (9, 9, 9)])
    places = np.argwhere(np.ones(frame.shape, bool))
    for where in (None, places):
        found = frame.weights((low, high), (low + high) / 2, where)
        sizes = np.array(frame.shape)
        expected = [np.prod(sizes) / np.prod(sizes - 1 - b) for b in (1, 5)]
        assert found == pytest.approx(expected, rel=1e-9)


def test_a_place_at_the_end_of_the_data_weighs_only_for_those_that_would_be_cut_there():
    frame = Frame.of((40, 40, 40))
    places = np.array([(20, 20, 20), (20, 20, 3)])
    low, high = boxes([(19, 19, 19), (21, 21, 21)], [(16, 16, 16), (24, 24, 24)])
    assert frame.weights((low, high), (low + high) / 2, places).tolist() == [1, 2]


def test_the_mean_of_balls_that_the_frame_cuts_is_right_over_many_fields():
    """2.2 ± 0.6 px balls in a field of 31 × 31 × 15: whole ones alone are small ones."""
    rng = np.random.default_rng(4)
    shape = np.array([31, 31, 15])
    frame, sums, plain = Frame.of(tuple(shape)), np.zeros(2), []
    for _ in range(400):
        diameter = np.clip(rng.normal(4.4, 1.2, 60), 1, 8)
        centre = rng.uniform(-6, shape + 5, (60, 3))
        low = np.ceil(centre - diameter[:, None] / 2).astype(int)
        high = np.floor(centre + diameter[:, None] / 2).astype(int)
        seen = ((low < shape) & (high >= 0)).all(axis=1)
        diameter, centre = diameter[seen], centre[seen]
        low, high = low[seen].clip(0), np.minimum(high[seen], shape - 1)
        whole = frame.cut_axes(low, high) == 0
        weight = frame.weights((low[whole], high[whole]), centre[whole], None)
        sums += (weight * diameter[whole]).sum(), weight.sum()
        plain.append(diameter[whole].mean())
    assert sums[0] / sums[1] == pytest.approx(4.4, rel=0.01)
    assert np.mean(plain) < 0.98 * 4.4


def test_recorded_has_one_entry_per_slice():
    with pytest.raises(ValueError, match="recorded has the shape"):
        Frame.of((5, 6, 7), np.ones(6, bool))
