"""A record that was edited is refused; one that was only written with other lines is not."""

import json

import pytest

from catomo.errors import UserError
from catomo.record.forms import SEAL
from catomo.record.record import committing, read_record
from catomo.report.settings import Report


@pytest.fixture
def path(tmp_path):
    with committing(tmp_path, "report", Report()) as out:
        out.path("report.html").write_text("page")
        out.record |= {"pixel_size_nm": 0.5, "name": "Ångström"}
    return tmp_path / "provenance.json"


def test_one_digit_that_was_changed_is_noticed_and_deleting_the_record_helps(path):
    text = path.read_text()
    path.write_text(text.replace('"pixel_size_nm": 0.5', '"pixel_size_nm": 0.6'))
    with pytest.raises(UserError, match=r"changed after its stage wrote it .*; delete it and run"):
        read_record(path, "report")
    path.unlink()
    with committing(path.parent, "report", Report()) as out:
        out.path("report.html").write_text("page")
        out.record |= {"pixel_size_nm": 0.5, "name": "Ångström"}
    assert path.read_text() == text


@pytest.mark.parametrize("edit", [{"added": 1}, {"catomo": "9"}, {"files": {}}])
def test_keys_that_are_added_or_emptied_are_noticed(path, edit):
    path.write_text(json.dumps(json.loads(path.read_text()) | edit))
    with pytest.raises(UserError, match="changed after its stage wrote it"):
        read_record(path, "report")


def test_other_lines_spaces_and_order_of_keys_are_the_same_record(path):
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(content.items())), indent=7))
    assert read_record(path, "report") == content


def test_a_record_of_before_has_no_seal(path):
    content = {k: v for k, v in json.loads(path.read_text()).items() if k != SEAL}
    path.write_text(json.dumps(content))
    assert read_record(path, "report") == content


@pytest.mark.parametrize("found", ["44", [44], 0, -1, True, float("inf")])
def test_a_size_is_a_number_above_zero_or_unknown(path, found):
    content = {k: v for k, v in json.loads(path.read_text()).items() if k != SEAL}
    path.write_text(json.dumps(content | {"missing_wedge_deg": None}))
    assert read_record(path, "report")["missing_wedge_deg"] is None
    path.write_text(json.dumps(content | {"missing_wedge_deg": found}))
    with pytest.raises(UserError, match=r"'missing_wedge_deg' is damaged .*; delete it and run"):
        read_record(path, "report")
