"""Grey levels in records and models: they come back as they were, and must be possible."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.network.levels import KEPT, Contrast, Levels, recorded_levels
from catomo.record.record import Record

RICH = Levels(Contrast(0.0, 120.0, 0.5, "percentiles"), 0.0, (6.0, 100.0), 121.0)


def test_levels_come_back_from_a_record():
    for levels in (RICH, Levels(KEPT, 5.0, (58.0,), 255.0), replace(RICH, background=None)):
        record = json.loads(json.dumps(levels.record()))
        assert Levels.of(record) == levels
        assert record["support"] == levels.support
    assert Levels.of(None) is None


def test_what_values_do_not_show_is_named():
    assert RICH.missing == ""
    assert RICH.support == 6
    assert replace(RICH, peaks=()).missing == "support"
    assert replace(RICH, peaks=(), background=None).missing == "background and support"


def test_the_grey_of_a_value_is_that_of_the_rule():
    for value in (-3.0, 0.0, 6.0, 119.0, 500.0):
        assert round(RICH.contrast.grey(value)) == RICH.contrast.greys(np.array([value]))[0]


@pytest.mark.parametrize(
    "change",
    [
        {"peaks": [-1.0]},
        {"peaks": [float("nan")]},
        {"peaks": 6.0},
        {"matter": [0.1, 0.2]},
        {"brightest": "high"},
        {"contrast": {**RICH.contrast.record(), "gamma": 0.0}},
        {"contrast": {**RICH.contrast.record(), "high": 0.0}},
        {"contrast": {**RICH.contrast.record(), "rule": 3}},
        {"contrast": []},
    ],
)
def test_levels_that_cannot_be_are_refused(change):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Levels.of(RICH.record() | change)


@pytest.mark.parametrize("damaged", [3, {}, {"contrast": None}, []])
def test_damaged_levels_of_a_record_are_one_line(damaged):
    record = Record(Path("a/slices.json"), {"levels": damaged})
    with pytest.raises(UserError, match=r"a/slices\.json: 'levels' is damaged; delete it and run"):
        recorded_levels(record)
    assert recorded_levels(Record(Path("a/slices.json"), {})) is None
