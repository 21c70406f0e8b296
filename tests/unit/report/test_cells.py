"""Numbers as the page prints them."""

import pytest

from catomo.report.cells import significant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12_345.6, "12 350"), (1_234_567.0, "1 235 000"), (9999.6, "10 000"), (1234.5, "1234"),
        (0.012345, "0.01235"), (12_345, "12 345"), (22, "22"), (None, "–"), ("abc", "abc"),
        (-12_345.6, "-12 350"), (0.0, "0"),
    ],
)  # fmt: skip
def test_no_number_of_a_table_is_a_power_of_ten(value, text):
    assert significant(value) == text
