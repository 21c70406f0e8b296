"""The accuracy that confidence foretells: closed forms, and networks that are right or boast."""

import json
import math

import numpy as np
import pytest

from catomo.labels.values import IGNORE
from catomo.network.accuracy import STEPS, Accuracy, Scored, fit_accuracy, soft_dice, soft_sums


def stripes(p, rows=64, columns=96):
    """Return probabilities (z, x, 2): a third of the columns is of class 1, all as sure as p."""
    is_one = np.arange(columns) < columns // 3
    of_one = np.where(is_one, p, 1 - p) * np.ones((rows, 1))
    return np.stack([1 - of_one, of_one], axis=-1).astype(np.float32)


def test_constant_confidence_gives_the_closed_form():
    p = stripes(0.8)
    soft = soft_dice(soft_sums(p, p.argmax(axis=-1).astype(np.uint8)))
    # Of class 1: 2 p a / (p a + (1 - p)(1 - a) + a) with a = 1/3 of all pixels.
    assert soft[1] == pytest.approx(2 * 0.8 / 3 / (0.8 / 3 + 0.2 * 2 / 3 + 1 / 3), abs=1e-4)
    assert soft[0] == pytest.approx(2 * 1.6 / 3 / (1.6 / 3 + 0.2 / 3 + 2 / 3), abs=1e-4)


def test_pixels_that_nobody_annotated_count_for_nothing():
    p = stripes(0.8)
    labels = p.argmax(axis=-1).astype(np.uint8)
    labels[10:] = IGNORE
    np.testing.assert_array_equal(soft_sums(p, labels), soft_sums(p[:10], labels[:10]))


def test_nothing_there_has_no_soft_dice():
    assert np.isnan(soft_dice(np.zeros((1, 3)))[0])
    assert soft_dice(np.array([[STEPS * 5, 0, 0]]))[0] == 0


def slices_of(says, truly, seed, count=4):
    """Return scored slices of a network that says it is right with `says`, and is with `truly`."""
    rng = np.random.default_rng(seed)
    p = stripes(says)
    best = p.argmax(axis=-1)
    draws = [rng.random(best.shape) < truly for _ in range(count)]
    return [Scored.of(p, np.where(is_right, best, 1 - best).astype(np.uint8)) for is_right in draws]


@pytest.mark.parametrize(("says", "truly"), [(0.9, 0.9), (0.95, 0.8), (0.8, 0.9)])
def test_what_is_foretold_of_other_slices_is_what_is_measured(says, truly):
    accuracy = fit_accuracy({"one": slices_of(says, truly, 0)}, "validate")
    others = slices_of(says, truly, 1)
    soft = soft_dice(sum(s.sums for s in others))
    matrix = sum(s.matrix for s in others)
    for label in (0, 1):
        measured = 2 * matrix[label, label] / (matrix[label].sum() + matrix[:, label].sum())
        expected = accuracy.expected(label, soft[label])
        assert expected.dsc == pytest.approx(measured, abs=0.01)
        assert expected.low < measured < expected.high


def test_confidence_that_is_right_is_neither_corrected_up_nor_down():
    accuracy = fit_accuracy({"one": slices_of(0.9, 0.9, 0)}, "validate")
    assert accuracy.ratio == pytest.approx([1, 1], abs=0.05)
    assert (accuracy.part, accuracy.images, accuracy.specimens) == ("validate", 4, 1)


def test_more_specimens_that_agree_narrow_the_interval_and_others_widen_it():
    def width(rights):
        specimens = {str(k): slices_of(0.9, right, k) for k, right in enumerate(rights)}
        expected = fit_accuracy(specimens, "test").expected(1, 0.9)
        return expected.high - expected.low

    assert width([0.9] * 6) < 0.6 * width([0.9])
    assert width([0.97, 0.7, 0.97, 0.7, 0.97, 0.7]) > width([0.9] * 6)


def test_of_a_class_without_pixels_nothing_is_foretold():
    p = np.zeros((20, 20, 3), np.float32)
    p[..., 0] = 1
    accuracy = fit_accuracy({"one": [Scored.of(p, np.zeros((20, 20), np.uint8))]}, "test")
    assert accuracy.ratio[1:] == [None, None]
    assert accuracy.expected(1, 0.5) is None
    assert accuracy.expected(0, 0.0) is None
    assert fit_accuracy({}, "test") is None


def test_it_comes_back_from_a_file_and_must_be_possible():
    accuracy = fit_accuracy({"one": slices_of(0.9, 0.8, 0)}, "test")
    content = json.loads(json.dumps(accuracy.record()))
    assert Accuracy.of(content) == accuracy
    assert Accuracy.of(None) is None
    for change in (
        {"ratio": [1.0]},
        {"ratio": [-1.0, 1.0]},
        {"spread": [math.inf, 1.0]},
        {"part": "train"},
        {"freedom": 0},
        {"images": "many"},
    ):
        with pytest.raises(ValueError, match="accuracy"):
            Accuracy.of(content | change)
