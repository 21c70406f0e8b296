"""Scores of arrays, for labels whose scores are known."""

import numpy as np
import pytest

from catomo.evaluate.scoring import score_labels
from catomo.evaluate.settings import Evaluate
from catomo.labels.overlap import dice
from catomo.labels.settings import Particles
from conftest import balls


def pair():
    truth = balls((5, 40, 60), (2, 12, 20, 6), (2, 28, 40, 6))
    return truth, np.roll(truth, 2, axis=2)


def test_dsc_and_distances_of_particles_moved_by_two_pixels():
    truth, found = pair()
    scores = score_labels(truth, found, 0.5, is_volume=True)
    name = Particles().phase
    assert scores["volume"]["classes"][name]["dsc"] == dice(truth, found)[2]
    assert scores["volume"]["classes"][name]["rhd_nm"]["100"] == pytest.approx(1.0)
    each = [dice(t, f)[2] for t, f in zip(truth, found, strict=True)]
    assert scores["classes"][name]["dsc"]["mean"] == pytest.approx(np.mean(each), abs=1e-12)
    assert scores["particles"]["matched"] == 2
    assert scores["particles"]["size_bias_nm"]["mean"] == 0
    assert np.array_equal(np.sum(scores["confusion_px"]), truth.size)
    assert "confidence" not in scores


def test_a_volume_is_only_measured_in_3d_if_all_of_it_is_annotated():
    truth, found = pair()
    truth[0, 0, 0] = 255
    scores = score_labels(truth, found, 0.5, is_volume=True)
    assert "volume" not in scores
    assert scores["particles"]["scope"].startswith("2-D")
    assert "volume" not in score_labels(*pair(), 0.5)


def test_classes_may_have_any_name_and_no_particles():
    names = ("background", "silica", "gold")
    classes = [
        phase.model_copy(update={"name": name})
        for phase, name in zip(Evaluate().classes, names, strict=True)
    ]
    settings = Evaluate(classes=classes, particles=Particles(phase=None))
    scores = score_labels(*pair(), 0.5, settings)
    assert list(scores["classes"]) == list(names)
    assert scores["paper"] == {}
    assert "particles" not in scores


def test_what_cannot_be_scored_is_refused():
    truth, found = pair()
    with pytest.raises(ValueError, match="found 5 true and 4 predicted images"):
        score_labels(truth, found[1:], 0.5)
    with pytest.raises(ValueError, match="found 0 true"):
        score_labels(truth[:0], found[:0], 0.5)
    with pytest.raises(ValueError, match="a label is neither below 3"):
        score_labels(truth, 2 * found, 0.5)
