"""Baselines: thresholds and the nearest image, and their scores."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.labels.baselines import apply_thresholds, fit_thresholds, mean_dsc, nearest
from catomo.labels.overlap import dice


def test_mean_dsc_is_the_mean_of_dice_over_images_with_the_class():
    rng = np.random.default_rng(0)
    truths = list(rng.integers(0, 3, (3, 8, 9), dtype=np.uint8))
    predictions = list(rng.integers(0, 3, (3, 8, 9), dtype=np.uint8))
    truths[2] = np.minimum(truths[2], 1)
    scores = mean_dsc(truths, predictions, ["a", "b", "c"])
    each = np.array([dice(t, p, 3) for t, p in zip(truths, predictions, strict=True)])
    assert [entry["n"] for entry in scores.values()] == [3, 3, 2]
    assert scores["b"]["dsc"] == each[:, 1].mean()
    assert scores["c"]["dsc"] == each[:2, 2].mean()


def test_a_prediction_that_is_not_annotated_is_found_in_no_class():
    truth = np.array([[1, 1, 0, 255]], np.uint8)
    copied = np.array([[1, 255, 255, 1]], np.uint8)
    scores = mean_dsc([truth], [copied], ["a", "b"])
    assert scores["b"]["dsc"] == 2 / 3
    assert scores["a"]["dsc"] == 0


def test_thresholds_find_the_levels_they_should():
    truth = np.zeros((40, 40), np.uint8)
    truth[5:35, 5:35] = 1
    truth[15:25, 15:25] = 2
    image = np.array([10, 60, 200], np.uint8)[truth]
    values = fit_thresholds([image], [truth], 3, sigma_px=0)
    assert 10 < values[0] <= 60 < values[1] <= 200
    np.testing.assert_array_equal(apply_thresholds(image, values, 0), truth)
    without = np.where(truth == 2, 255, truth).astype(np.uint8)
    assert fit_thresholds([image], [without], 3, sigma_px=0)[1] == 256
    score = mean_dsc([truth], [np.minimum(truth, 1)], ["background", "alumina", "pt"])
    assert score["background"]["dsc"] == 1
    assert score["alumina"]["dsc"] == pytest.approx(2 * 800 / (800 + 900))
    assert score["pt"] == {"dsc": 0, "n": 1}
    absent = mean_dsc([np.minimum(truth, 1)], [truth], ["background", "alumina", "pt"])
    assert absent["pt"] == {"dsc": None, "n": 0}


def test_the_nearest_image_is_found():
    rng = np.random.default_rng(0)
    others = [gaussian_filter(rng.normal(size=(70, 90)), 3) for _ in range(4)]
    images = [others[2] * 5 + 1, others[0][:65] + 0]
    found = nearest(images, others)
    assert found[0] == (2, pytest.approx(1))
    assert nearest([np.ones((70, 90))], others)[0][1] == 0
