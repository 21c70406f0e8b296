"""Blocks of a configuration: read with one clear line for each mistake, merged key by key."""

import pytest

from catomo.errors import UserError
from catomo.settings.blocks import merged, parse_blocks, read_blocks


def test_later_values_win_and_other_keys_stay():
    base = {"train": {"steps": 10, "network": {"levels": 5, "base_filters": 8}}, "seed": 1}
    over = {"train": {"network": {"levels": 3}}, "seed": 2}
    expected = {"train": {"steps": 10, "network": {"levels": 3, "base_filters": 8}}, "seed": 2}
    assert merged(base, over) == expected


def test_a_value_replaces_a_block_and_a_list_replaces_a_list():
    assert merged({"a": {"b": 1}}, {"a": 2}) == {"a": 2}
    assert merged({"a": [1, 2, 3]}, {"a": [4]}) == {"a": [4]}


def test_merging_leaves_both_as_they_were():
    base, over = {"a": {"b": [1]}}, {"a": {"c": [2]}}
    result = merged(base, over)
    result["a"]["b"].append(9)
    result["a"]["c"].append(9)
    assert (base, over) == ({"a": {"b": [1]}}, {"a": {"c": [2]}})


def test_empty_text_holds_no_block():
    assert parse_blocks("# only a comment\n", "file.yaml") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n  b: [1\n", r"file\.yaml line \d: not valid YAML"),
        ("- 1\n- 2\n", r"file\.yaml: found \[1, 2\]; must be 'key: value' blocks"),
        ("2026-01-01", r"file\.yaml: found \"2026-01-01\"; must be"),
    ],
)
def test_a_mistake_in_the_text_is_one_line(text, message):
    with pytest.raises(UserError, match=message) as problem:
        parse_blocks(text, "file.yaml")
    assert "\n" not in str(problem.value)


def test_a_missing_file_is_one_line_with_advice(tmp_path):
    with pytest.raises(UserError, match=r"no such file or directory; name another$"):
        read_blocks(tmp_path / "nowhere.yaml", "name another")
