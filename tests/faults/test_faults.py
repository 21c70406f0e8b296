"""Some faults of each kind, on the stages without a network; `make faults` does them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.cases import Skipped, damage, disk_full, edit, kill_at, two_verbs
from faults.place import SHORT, copy_of, make_base

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="finds processes in /proc"),
]

CASES = {
    "a stage is killed": lambda place: kill_at(place, "align", "stage", 0.5, True),
    "snakemake is killed, its stage lives on": lambda place: kill_at(
        place, "slices", "snakemake", 0.1, True
    ),
    "one digit of a record": lambda place: damage(place, "slices", edit),
    "one stage twice at a time": lambda place: two_verbs(place, "slices"),
    "the disk is full": lambda place: disk_full(place, "slices"),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("faults") / "it's {x} $y" / "whole", SHORT)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_rerun_has_the_same_bytes_and_nothing_was_falsely_whole(base, case):
    with copy_of(base) as place:
        try:
            seen = case(place)
        except Skipped as reason:
            pytest.skip(str(reason))
    assert seen.faults == []
