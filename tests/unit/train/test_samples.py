"""What a slice brings into training: its part, its annotated pixels, its window."""

import numpy as np
import pytest

from catomo.train.losses import class_weights
from catomo.train.samples import Sample, class_fractions, training_window, without_black_border
from catomo.train.settings import Loss, Train


def sample(image, labels=None):
    image = np.asarray(image, np.uint8)
    labels = np.zeros_like(image) if labels is None else np.asarray(labels, np.uint8)
    return Sample("d", "s", image, labels)


def test_black_borders_are_not_annotated_but_black_pores_are():
    image = np.full((8, 9), 7)
    image[:2] = 0
    image[:, -3:] = 0
    image[4, 3] = 0
    labels = without_black_border(sample(image)).labels
    expected = np.zeros((8, 9))
    expected[:2] = 255
    expected[:, -3:] = 255
    np.testing.assert_array_equal(labels, expected)
    assert (without_black_border(sample(np.zeros((4, 4)))).labels == 0).all()


def test_fractions_count_annotated_pixels_alone():
    labels = [[0, 0, 1], [2, 255, 255]]
    assert class_fractions([sample(np.ones((2, 3)), labels)], 3) == [0.5, 0.25, 0.25]


def test_density_weights_favour_rare_classes():
    density = Loss(class_weights="density")
    weights = class_weights(density, [0.99, 0.0099, 0.0001])
    assert sum(weights) == pytest.approx(1)
    assert weights[1] / weights[0] == pytest.approx(10)
    assert weights[2] / weights[1] == pytest.approx(99**0.5)
    assert class_weights(density, [0.5, 0.5, 0])[2] == 0
    assert class_weights(Loss(), [0.9, 0.1, 0]) == [0.2, 0.3, 0.5]


def test_the_window_holds_whole_slices_up_to_its_limit():
    settings = Train.model_validate({"patch_px": 64, "network": {"levels": 4}})
    few = [sample(np.ones((20, 33))), sample(np.ones((50, 12)))]
    assert training_window(few, settings) == (56, 40)
    assert training_window([sample(np.ones((200, 300)))], settings) == (64, 64)
