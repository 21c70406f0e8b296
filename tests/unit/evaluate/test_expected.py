"""The DSC that was foretold stands beside the measured one, over the same images."""

from types import SimpleNamespace

import numpy as np
import pytest

from catomo.evaluate.expected import expected_scores
from catomo.evaluate.scores import ImageScores
from catomo.network.accuracy import Accuracy
from catomo.record.record import Record

VOLUME = {"background": None, "pt": {"dsc": 0.8, "low": 0.7, "high": 0.9}}
# In half of the images pt is found, and not at all in the last, where there is some.
TABLE = """slice,soft_dsc_background,expected_dsc_background,soft_dsc_pt,expected_dsc_pt
a,0.99,0.99,0.9,0.8
b,0.99,0.99,0.8,0.6
c,0.99,0.99,0.5,0.1
d,0.99,0.99,0,
"""


@pytest.fixture
def predicted(tmp_path):
    (tmp_path / "expected_dsc.csv").write_text(TABLE)
    accuracy = Accuracy([1.0, 2.0], [0.1, 0.1], [0.99, 0.9], 10.0, "test", 5, 1)
    content = {"accuracy": accuracy.record(), "expected_dsc": VOLUME, "files": {}}
    record = Record(tmp_path / "prediction.json", content)
    record.file = lambda name: tmp_path / name
    return record


def image(index, pt_px):
    matrix = np.array([[50, 1], [0, pt_px]])
    if not pt_px:
        matrix = np.array([[50, 1], [0, 0]])
    return ImageScores("abcd"[index], index, matrix, np.zeros((2, 1)))


def test_the_mean_is_over_the_images_that_show_the_class(predicted):
    scored = [image(0, 5), image(1, 5), image(2, 0)]
    found = expected_scores(predicted, scored, told_it=False)
    pt = found["classes"]["pt"]
    assert pt["dsc"] == pytest.approx((0.8 + 0.6) / 2, abs=3e-3)
    assert pt["low"] < 0.66 < pt["dsc"] < 0.74 < pt["high"]
    assert found["volume"] == VOLUME
    assert found["scope"] == "5 test images told how right the confidence is"


def test_a_class_that_is_not_found_counts_as_zero(predicted):
    found = expected_scores(predicted, [image(0, 5), image(3, 5)], told_it=False)
    assert found["classes"]["pt"]["dsc"] == pytest.approx(0.4, abs=3e-3)
    assert expected_scores(predicted, [image(2, 0)], False)["classes"]["pt"] is None


def test_that_the_scored_images_themselves_told_it_is_said(predicted):
    found = expected_scores(predicted, [image(0, 5)], told_it=True)
    assert found["scope"].endswith("the scored ones among them, so it is no independent check")


def test_where_nothing_was_foretold_nothing_is_shown(predicted):
    assert expected_scores(SimpleNamespace(get=lambda _: None), [image(0, 5)], True) is None
    predicted["expected_dsc"] = {"background": None, "pt": None}
    assert expected_scores(predicted, [image(0, 5)], True) is None
