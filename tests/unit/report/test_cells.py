"""Numbers as the page prints them."""

import pytest

from catomo.report.cells import decimals, number, significant, span


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


@pytest.mark.parametrize(
    ("value", "ends", "texts"),
    [
        (2.3774, (None, None, 2.0299, 2.7531), ["2.38", "2.03 … 2.75"]),  # half of it is 0.36
        (1488.34, (1320.27, 1656.42, None, None), ["1488", "1320 … 1656"]),  # never less than units
        (0.0458, (None, None, None, None), ["0.0458", "–"]),
        (26.1, (None, None, None, None), ["26.1", "–"]),
        (0.0, (None, None, 0.0, 0.1379), ["0.000", "0.000 … 0.138"]),
        (0.0, (None, None, None, None), ["0.00", "–"]),
        (24, (20, 28, None, None), ["24", "20 … 28"]),
        (5.0, (5.0, 5.0, None, None), ["5.00", "5.00 … 5.00"]),
        (12_345.6, (None, None, None, None), ["12 346", "–"]),
    ],
)
def test_an_interval_decides_on_the_decimals(value, ends, texts):
    digits = decimals(value, *ends)
    known = ends[:2] if ends[0] is not None else ends[2:]
    assert [number(value, digits), span(*known, digits)] == texts
