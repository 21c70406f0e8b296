"""Records, configurations, tables and remembered hashes of any content: a value or one line."""

import csv
import hashlib
import io
import json
import zlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catomo.errors import UserError
from catomo.plan.datasets import COLUMNS, read_table
from catomo.plan.plan import load_plan
from catomo.plan.table import read_rows
from catomo.record import remembered
from catomo.record.record import read_record
from catomo.settings.blocks import parse_blocks

KEYS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(-1e6, 1e6)
    | st.text(st.characters(codec="utf-8"), max_size=12)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
BLOCKS = st.dictionaries(KEYS, VALUES, max_size=5)
RECORD_KEYS = st.sampled_from(
    ("stage", "code", "settings", "inputs", "files", "pixel_size_nm", "shape", "tilt_deg", "names")
)


def value_or_line(call):
    """Return what a call returns; None if it refuses with one line."""
    try:
        return call()
    except UserError as error:
        problem = str(error)
    assert problem
    assert "\n" not in problem
    problem.encode()
    return None


@given(BLOCKS)
def test_blocks_come_back_from_json_and_yaml(content):
    assert parse_blocks(json.dumps(content), "a") == content
    assert parse_blocks(yaml.safe_dump(content, allow_unicode=True), "a") == content


@given(st.text(max_size=80) | st.text("{}[]:,-&*!|>'\"#%@ \n\tab1.e", max_size=40))
def test_any_text_is_blocks_or_one_line(text):
    assert isinstance(value_or_line(lambda: parse_blocks(text, "a")) or {}, dict)


@given(st.dictionaries(st.sampled_from(("datasets", "classes", "overrides", "train", "align",
    "slices", "reconstruct")), VALUES, max_size=4))  # fmt: skip
def test_any_configuration_is_checked_line_by_line(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    for line in load_plan([path])[1]:
        assert "\n" not in line


@given(st.dictionaries(RECORD_KEYS, VALUES) | VALUES, st.booleans())
def test_any_record_is_one_or_is_refused(tmp_path, content, is_slices):
    if is_slices and isinstance(content, dict):
        content = {**content, "stage": "slices"}
    path = tmp_path / "slices.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    record = value_or_line(lambda: read_record(path, "slices"))
    if record is not None:
        value_or_line(lambda: record.has("slices.tif") and record.file("slices.tif"))
        assert dict(record) == content


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=6)),
        max_size=4,
    ),
    st.sampled_from("\t;,"),
    st.sampled_from(("utf-8", "utf-8-sig", "utf-16")),
    st.sampled_from(("\n", "\r\n", "\r")),
)
def test_cells_of_tables_come_back(tmp_path, rows, delimiter, code, line_end):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([COLUMNS, *rows])
    path = tmp_path / "a.tsv"
    path.write_bytes(text.getvalue().encode(code))
    expected = []
    for row in rows:
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells and not cells[0].startswith("#"):
            expected.append(cells)
    found = [row.cells for row in read_rows(path, COLUMNS)[1:]]
    assert [cells for cells in found if not cells[0].lstrip("\"' ").startswith("#")] == [
        cells for cells in expected if not cells[0].lstrip("\"' ").startswith("#")
    ]


@given(st.binary(max_size=120) | st.text(max_size=120).map(str.encode))
def test_any_bytes_are_a_table_or_lines(tmp_path, content):
    path = tmp_path / "a.tsv"
    for start in (b"", "\t".join(COLUMNS).encode() + b"\n"):
        path.write_bytes(start + content)
        datasets, problems = read_table(path)
        assert datasets or problems
        for line in problems:
            assert "\n" not in line


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(".catomo").mkdir()


@given(st.lists(VALUES | st.tuples(KEYS, VALUES, VALUES), max_size=6), st.binary(max_size=40))
def test_no_remembered_hash_is_wrong(here, entries, content):
    lines = []
    for entry in entries:
        text = json.dumps(entry)
        lines.append(f"{zlib.crc32(text.encode()):08x} {text}\n".encode())
    Path(".catomo/hashes.jsonl").write_bytes(b"".join(lines) + content)
    Path("a.bin").write_bytes(content)
    remembered._memories.clear()
    sha = hashlib.sha256(content).hexdigest()
    assert remembered.sha256_of_files([Path("a.bin")]) == [sha]
    assert remembered.sha256_of_files([Path("a.bin")]) == [sha]
