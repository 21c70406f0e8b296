"""The doors keep what they promise for every seed of fuzzing, and for every input once mended."""

import tracemalloc
from pathlib import Path

import pytest

from fuzz.contract import outcome_of
from fuzz.doors import TARGETS, prepare
from fuzz.mutate import changed_json
from fuzz.seeds import seeds

FOUND = Path(__file__).with_name("found")


@pytest.fixture
def traced():
    yield tracemalloc.start
    tracemalloc.stop()


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_and_found_inputs(target, tmp_path, traced):
    prepare(target, tmp_path)
    traced()
    inputs = seeds(target, tmp_path)
    inputs |= {path.name: path.read_bytes() for path in sorted((FOUND / target).glob("*"))}
    refusals = {}
    for name, data in inputs.items():
        outcome = outcome_of(TARGETS[target], data, tmp_path)
        assert not outcome.hangs, (name, outcome)
        assert not outcome.is_too_large, (name, outcome)
        refusals[name] = outcome.refusal
    assert "" in refusals.values(), refusals  # good inputs come in


@pytest.mark.parametrize("target", ["records", "models"])
def test_changed_json(target, tmp_path):
    door = TARGETS[target]
    for data in seeds(target, tmp_path).values():
        changed = (changed_json(data[1:], seed) for seed in range(60 if target == "records" else 6))
        for content in filter(None, changed):
            outcome_of(door, data[:1] + content, tmp_path)
