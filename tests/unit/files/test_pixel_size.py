"""Pixel sizes: what counts as the same."""

import pytest

from catomo.files.pixel_size import is_same_size


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(1.0, 1.0, True), (1.049, 1.0, True), (0.951, 1.0, True), (1.06, 1.0, False),
     (2.0, 1.0, False), (float("nan"), 1.0, False)],
)  # fmt: skip
def test_five_percent_is_the_same_size(one, other, same):
    assert is_same_size(one, other) is same


def test_the_tolerance_can_be_narrower():
    assert is_same_size(1.009, 1.0, 0.01)
    assert not is_same_size(1.02, 1.0, 0.01)
