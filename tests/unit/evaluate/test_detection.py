"""Particles matched, missed and invented, against what can be counted by eye."""

import numpy as np
import pytest

from catomo.evaluate.detection import detection, match, matched_diameters
from catomo.evaluate.scores import LabelPairs
from catomo.evaluate.settings import Evaluate
from conftest import balls, find


def test_matched_missed_and_false_by_hand():
    truth = find(balls((60, 60), (10, 10, 4), (10, 40, 6), (40, 10, 5)))
    found = find(balls((60, 60), (11, 10, 4), (10, 41, 5), (45, 50, 3)))
    pairs = match(truth, found, 0.25)
    assert pairs.tolist() == [[0, 0], [1, 1]]
    assert match(truth, found, 0.95).shape == (0, 2)
    assert match(truth, truth, 1.0).tolist() == [[0, 0], [1, 1], [2, 2]]


def test_a_prediction_that_swallows_two_particles_finds_only_one():
    truth = find(balls((30, 30), (10, 8, 4), (10, 18, 4)))
    swallowed = np.zeros((30, 30), np.uint8)
    swallowed[6:15, 4:23] = 2
    assert len(match(truth, find(swallowed, split=99), 0.1)) == 1


def test_detection_counts_by_size():
    result = detection([[1.5, 1.7], [3.0, 3.0]], [0.5], [2.0, 9.0], [1.0, 2.0])
    assert (result["matched"], result["missed"], result["false"]) == (2, 1, 2)
    assert result["f1"] == pytest.approx(4 / 7)
    assert result["size_bias_nm"]["mean"] == pytest.approx(0.1)
    small, middle, large = result["by_size"]
    assert (small["matched"], small["missed"], small["false"]) == (0, 1, 0)
    assert (middle["matched"], middle["missed"], middle["false"]) == (1, 0, 0)
    assert (large["matched"], large["missed"], large["false"]) == (1, 0, 2)
    assert np.isnan(detection([], [], [], [1.0])["f1"])


def test_the_error_of_the_size_is_told_for_each_size():
    result = detection([[1.5, 1.7], [1.6, 1.6], [3.0, 2.5]], [], [], [1.0, 2.0])
    small, middle, large = (entry["size_bias_nm"] for entry in result["by_size"])
    assert small["n"] == 0
    assert (middle["mean"], middle["n"]) == (pytest.approx(0.1), 2)
    assert (large["mean"], large["n"]) == (pytest.approx(-0.5), 1)


def test_a_particle_on_a_limit_counts_once_in_the_larger_class():
    result = detection([[1.0, 1.0], [2.0, 2.0]], [2.0], [1.0], [1.0, 2.0])
    assert [entry["matched"] for entry in result["by_size"]] == [0, 1, 1]
    assert sum(entry["missed"] + entry["false"] for entry in result["by_size"]) == 2


def test_nothing_is_invented_where_nobody_annotated():
    truth, found = balls((40, 40), (10, 10, 4)), balls((40, 40), (10, 10, 4), (30, 30, 4))
    truth[20:] = 255
    page = LabelPairs(lambda: [(truth, found)], truth.shape, (1.0, 1.0))
    pairs, missed, false = matched_diameters(page, Evaluate())
    assert (len(pairs), len(missed), len(false)) == (1, 0, 0)
    assert pairs[0] == pytest.approx([2 * np.sqrt(np.count_nonzero(truth == 2) / np.pi)] * 2)
