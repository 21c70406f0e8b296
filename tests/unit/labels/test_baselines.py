"""Baselines: their scores, where a copied mask is not annotated either."""

import numpy as np

from catomo.labels.baselines import mean_dsc
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
