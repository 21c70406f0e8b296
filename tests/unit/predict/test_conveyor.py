"""The conveyor: it computes what is missing and ends when any of its threads fails."""

import numpy as np
import pytest

from catomo.predict import slabs
from catomo.predict.conveyor import Steps, convey


def test_killed_after_the_last_slab_nothing_is_computed_again(tmp_path):
    page = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    for number in range(3):
        slabs.Slabs(tmp_path / "slabs", "key", 3).save(number, {"labels": page + number})
    kept = slabs.Slabs(tmp_path / "slabs", "key", 3)
    written = []
    never = Steps(pytest.fail, pytest.fail)
    follow = lambda: written.extend(kept.pages("labels"))  # noqa: E731
    convey(kept, never, [follow], "try")
    np.testing.assert_array_equal(written, np.concatenate([page + n for n in range(3)]))


@pytest.mark.parametrize("broken", ["read", "segment", "follow"])
def test_an_error_anywhere_on_the_conveyor_ends_it(tmp_path, broken):
    def step(name, result):
        def work(*_):
            if name == broken:
                raise OSError("no space left")
            return result

        return work

    page = np.zeros((1, 2, 2), np.uint8)
    kept = slabs.Slabs(tmp_path / "slabs", "key", 5)
    with pytest.raises(OSError, match="no space left"):
        convey(
            kept,
            Steps(step("read", page), step("segment", {"labels": page})),
            [lambda: list(kept.pages("labels")), step("follow", None)],
            "try",
        )
