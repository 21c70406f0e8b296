"""What a prediction says of itself: the accuracy to expect, what differs, what to annotate."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from catomo.network.accuracy import STEPS, Accuracy
from catomo.network.appearance import Appearance
from catomo.network.matching import Match
from catomo.network.model_info import ModelInfo
from catomo.predict.trust import Trust, looked_at

LOOKS = Appearance(
    grey=(2.0, 57.0),
    texture=(5.0, 7.0),
    noise=(1.0, 0.7),
    bright=(30.0, 80.0),
    edge_z=(None, 14.0),
    edge_x=(None, 16.0),
)
HALF_AGAIN = Accuracy([1.5, 1.5], [0.2, 0.2], [0.98, 0.9], 8.0, "validate", 6, 3)
INFO = ModelInfo(["background", "plate"], 0.5, accuracy=HALF_AGAIN, appearance=(LOOKS,))


def sums_of(soft, pixels=1000.0):
    """Return sums of slices whose plate has these soft Dice, each of so many pixels."""
    soft = np.asarray(soft, np.float64)
    of_plate = np.stack([pixels + 0 * soft, pixels + 0 * soft, soft * pixels], axis=-1)
    return STEPS * np.stack([of_plate * [1, 1, 0] + of_plate[:, :1] * [0, 0, 0.99], of_plate], 1)


def trust(soft, info=INFO, looks=LOOKS):
    return Trust.of(info, sums_of(soft), looks, None, Match())


def test_the_expected_dsc_is_the_soft_one_corrected():
    record = trust([0.9, 0.8]).record()
    assert record["expected_dsc"]["plate"]["dsc"] == pytest.approx(1 - 1.5 * 0.15, abs=2e-3)
    low, high = (record["expected_dsc"]["plate"][end] for end in ("low", "high"))
    assert 0.5 < low < 0.775 < high < 0.9
    assert record["fit"]["warning"] == ""
    assert record["fit"]["judged"]


def test_the_table_has_each_slice(tmp_path):
    found = trust([0.9, 0.8, 0.0])
    found.write(tmp_path / "t.csv", ["a", "b", "c"])
    rows = list(csv.DictReader(open(tmp_path / "t.csv", encoding="utf-8")))
    assert [row["slice"] for row in rows] == ["a", "b", "c"]
    assert [float(row["soft_dsc_plate"]) for row in rows] == [0.9, 0.8, 0]
    assert float(rows[1]["expected_dsc_plate"]) == pytest.approx(1 - 1.5 * 0.2, abs=2e-3)
    assert rows[2]["expected_dsc_plate"] == ""


def test_where_slices_differ_no_accuracy_is_foretold(tmp_path):
    noisy = replace(LOOKS, noise=(4.0, 2.8))
    found = trust([0.95], looks=noisy)
    record = found.record()
    assert [one["what"] for one in record["fit"]["differs"]] == ["noise"]
    assert "noise in plate is 2.8 grey levels, in training 0.7" in record["fit"]["warning"]
    assert record["expected_dsc"] == {"background": None, "plate": None}
    found.write(tmp_path / "t.csv", ["a"])
    assert "0.95," in (tmp_path / "t.csv").read_text().splitlines()[1] + ","


def test_a_network_much_less_sure_than_usual_says_so_and_keeps_its_numbers():
    record = trust([0.8]).record()
    assert [one["what"] for one in record["fit"]["differs"]] == ["confidence"]
    expected = record["expected_dsc"]["plate"]["dsc"]
    assert expected == pytest.approx(0.7, abs=2e-3)
    words = f"a DSC of {expected:.3g} is expected of plate here, 0.849 there"
    assert words in record["fit"]["warning"]
    assert trust([0.85]).record()["fit"]["differs"] == []


def test_hardly_any_errors_instead_of_even_fewer_are_no_warning():
    """The errors of the needle's layers are up to three times those of its annotated slices."""
    surest = replace(HALF_AGAIN, ratio=[0.5, 0.5], soft_dsc=[0.99, 0.99])
    info = replace(INFO, accuracy=surest)
    record = trust([0.97], info=info).record()
    assert record["fit"]["warning"] == ""
    assert record["expected_dsc"]["plate"]["dsc"] == pytest.approx(0.985, abs=2e-3)
    worse = trust([0.93], info=info).record()
    assert [one["what"] for one in worse["fit"]["differs"]] == ["confidence"]


def test_a_class_that_is_nowhere_labelled_is_no_warning():
    record = trust([0.0], looks=replace(LOOKS, edge_x=(None, None))).record()
    assert record["fit"]["differs"] != []  # labelled, but nowhere likely
    sums = sums_of([0.9])
    sums[:, 1, 1:] = 0
    found = Trust.of(INFO, sums, LOOKS, None, Match())
    assert found.warning() == ""
    assert found.record()["expected_dsc"]["plate"] is None


def test_of_a_model_that_kept_nothing_the_fit_cannot_be_judged():
    record = trust([0.5], info=ModelInfo(["background", "plate"], 0.5)).record()
    assert not record["fit"]["judged"]
    assert "nobody can tell whether it fits" in record["fit"]["warning"]
    assert record["fit"]["differs"] == []
    assert record["expected_dsc"] == {"background": None, "plate": None}
    assert record["accuracy"] is None


def test_slices_to_annotate_lie_where_most_is_expected_to_be_wrong():
    soft = np.full(60, 0.99)
    soft[10:14] = 0.3
    assert 10 <= trust(soft).next_slices([], [])[0] <= 13
    assert not {10, 11, 12, 13} & set(trust(soft).next_slices([], [10, 11, 12, 13]))
    assert trust(soft).next_slices([11, 12], [])[0] not in (11, 12)


def test_slices_that_are_looked_at_are_spread_evenly():
    assert looked_at(3) == {0, 1, 2}
    assert len(looked_at(1000)) == 32
    assert {0, 999} <= looked_at(1000)
