"""Two faults, on the stages without a network; `make faults` does all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.cases import disk_full, kill_at
from faults.place import copy_of, make_base
from faults.seen import Skipped

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="finds processes in /proc"),
]

CASES = {
    "a stage is killed": lambda place: kill_at(place, "slices", "stage", 0.5),
    "the disk is full": lambda place: disk_full(place, "slices"),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("faults") / "it's {x} $y" / "short")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_rerun_has_the_same_bytes_and_nothing_was_falsely_whole(base, case):
    with copy_of(base) as place:
        try:
            seen = case(place)
        except Skipped as reason:
            pytest.skip(str(reason))
    assert seen.faults == []
