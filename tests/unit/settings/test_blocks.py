"""Blocks of a configuration: read with one clear line for each mistake, merged key by key."""

import json

import pytest

from catomo.errors import UserError
from catomo.settings.blocks import merged, parse_blocks, read_blocks, with_numbers


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
        ("a:\n\tb: 1\n", r"file\.yaml line 2: not valid YAML \(a tab; use spaces to indent\)"),
        ("a: 1\nb: 2\na: 3\n", r"file\.yaml line 3: the key 'a' stands in line 1 already"),
        ("a: {b: 1, b: 2}\n", r"line 1: the key 'b' stands in line 1 already"),
        ('{"a": 1, "a": 2}', r"file\.yaml: the key 'a' stands in a block twice"),
        ("a: " + "[" * 100 + "]" * 100, r"line 1: more than 50 blocks inside each other"),
        ("a: " + "[" * 5000 + "]" * 5000, r"file\.yaml: blocks inside blocks too deep"),
        ('{"a": ' + "[" * 100_000, r"file\.yaml: blocks inside blocks too deep"),
        ("a: &x {b: *x}\n", r"line 1: holds itself by an alias"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{n}: &{n} [{', '.join([f'*{p}'] * 10)}]\n"
                for p, n in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            r"its aliases \(\*name\) stand for too many values",
        ),
        ("a: !!python/object/apply:os.system [ls]\n", r"line 1: not valid YAML"),
        ("? [1, 2]\n: 3\n", r"line 1: a key must be a word"),
        ("a: 1\n---\nb: 2\n", r"line 2: not valid YAML"),
        ("a: \x07\n", r"file\.yaml: not valid YAML \(special characters are not allowed\)"),
        ("a: " + "9" * 5000, r"file\.yaml: holds a value that is not readable"),
        ("just words", r"found \"just words\"; must be"),
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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E-3", 1e-3),
        ("1.5e-3", 1.5e-3),
        (".5e+2", 50),
        ("-2e-1", -0.2),
        ("1e4", 10_000),
        ("1_000", 1000),
        ("010", 10),
        ("0x10", 16),
        ("1.", 1.0),
        ("1:30", "1:30"),
        ("0,5", "0,5"),
        ("1e", "1e"),
        ("e3", "e3"),
        ("'1e-3'", "1e-3"),
        ("2026-01-01", "2026-01-01"),
        ("yes", True),
        ("null", None),
    ],
)
def test_numbers_are_read_as_people_write_them(text, value):
    read = parse_blocks(f"a: {text}", "x")["a"]
    assert (read, type(read)) == (value, type(value))


def test_json_with_tabs_is_read(tmp_path):
    text = json.dumps({"a": {"b": 1e-05, "c": [True, None]}}, indent="\t")
    assert parse_blocks(text, "x") == {"a": {"b": 1e-05, "c": [True, None]}}
    assert parse_blocks("{a: 1e-3, b: [x]}", "x") == {"a": 0.001, "b": ["x"]}


def test_keys_are_text_as_it_is_written():
    """A dataset may be named 007, no or 1e3."""
    assert list(parse_blocks("007: 1\nno: 2\n1e3: 3\n", "x")) == ["007", "no", "1e3"]


def test_an_alias_and_a_merge_key_are_allowed():
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n"
    assert parse_blocks(text, "x")["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: ü\n".encode("utf-16"), r"not text in UTF-8 \(it is UTF-16\); save it again as UTF-8"),
        ("a: 1\nb: ü\n".encode("cp1252"), r"not text in UTF-8 \(line 2 has other bytes\)"),
        (b"\0" * (17 << 20), r"larger than 16 MiB"),
    ],
)
def test_another_encoding_is_one_line_and_saving_as_utf8_helps(tmp_path, content, message):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_blocks(path, "name another")
    path.write_text("a: ü\n", encoding="utf-8")
    assert read_blocks(path, "") == {"a": "ü"}


def test_a_mark_at_the_beginning_is_no_part_of_the_first_key(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_blocks(path, "") == {"a": 1, "b": 2}


def test_what_snakemake_took_for_text_becomes_a_number_again():
    assert with_numbers({"a": ["1e-3", "x", "5"]}) == {"a": [0.001, "x", "5"]}
    given = {"a": {"b": "5", "c": "true", "d": "null", "e": "1e-3", "f": "two words", "g": 3}}
    expected = {"a": {"b": 5, "c": True, "d": None, "e": 0.001, "f": "two words", "g": 3}}
    assert with_numbers(given, True) == expected
