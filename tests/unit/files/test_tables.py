"""Tables: the same bytes everywhere, missing values as empty cells."""

import numpy as np
import pytest

from catomo.files.tables import number_text, runs, runs_text, write_csv


def test_a_table_is_utf8_with_unix_line_ends(tmp_path):
    path = tmp_path / "a.csv"
    write_csv(path, ["name", "d_nm"], [["γ, one", number_text(1 / 3)], ["two", number_text(None)]])
    assert path.read_bytes() == 'name,d_nm\n"γ, one",0.333333\ntwo,\n'.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (np.float32(0.1), "0.1"), (1234567.0, "1.23457e+06"), (np.int64(3), "3"),
     (np.nan, ""), (np.inf, ""), (None, "")],
)  # fmt: skip
def test_numbers_have_six_digits_and_missing_values_are_empty(value, text):
    assert number_text(value) == text


def test_runs_of_numbers_in_words():
    assert runs([]) == []
    assert runs([0, 1, 2, 7, 9, 10]) == [(0, 2), (7, 7), (9, 10)]
    assert runs_text([0, 1, 2, 7, 9, 10]) == "0-2, 7, 9-10"
