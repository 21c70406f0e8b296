"""Records: whole or absent, told apart by content, never overwriting a person's file."""

import hashlib
import json

import pytest

from catomo.errors import UserError
from catomo.record.hashes import fingerprint_of_labels
from catomo.record.record import committing, identity, read_record
from catomo.report.settings import Report


def make(folder, text="made", name="report.html"):
    with committing(folder, "report", Report()) as out:
        out.path(name).write_text(text)
        out.record["answer"] = float("nan")


def test_record_lists_its_files_and_holds_plain_json(tmp_path):
    make(tmp_path)
    record = read_record(tmp_path, "report")
    assert record.file("report.html").read_text() == "made"
    assert record["answer"] is None
    assert record["stage"] == "report"
    assert not (tmp_path / ".report.partial").exists()


def test_nothing_is_left_of_a_stage_that_fails(tmp_path):
    def fail():
        with committing(tmp_path, "report", Report()) as out:
            out.path("report.html").write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_changed_or_missing_file_is_noticed(tmp_path):
    make(tmp_path)
    record = read_record(tmp_path, "report")
    (tmp_path / "report.html").write_text("other")
    with pytest.raises(UserError, match="content differs from the sha256"):
        record.file("report.html")
    (tmp_path / "report.html").unlink()
    with pytest.raises(UserError, match="file is missing"):
        record.file("report.html")


def test_a_persons_file_is_never_overwritten(tmp_path):
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(UserError, match="was not made by catomo"):
        make(tmp_path)
    assert (tmp_path / "report.html").read_text() == "mine"
    assert not (tmp_path / "provenance.json").exists()


def test_a_second_run_replaces_the_first_and_drops_its_other_files(tmp_path):
    make(tmp_path, name="old.html")
    make(tmp_path)
    assert not (tmp_path / "old.html").exists()
    assert (tmp_path / "report.html").exists()


def test_a_run_after_the_record_was_removed_knows_its_own_files(tmp_path):
    # Snakemake removes the declared outputs, the record among them, before a rerun.
    make(tmp_path)
    (tmp_path / "provenance.json").unlink()
    make(tmp_path, "again")
    assert (tmp_path / "report.html").read_text() == "again"


def test_same_content_gives_the_same_record(tmp_path):
    make(tmp_path / "a")
    make(tmp_path / "b")
    one, other = ((tmp_path / f / "provenance.json").read_text() for f in "ab")
    assert one == other
    assert str(tmp_path) not in one


def test_reading_another_stages_record_is_refused(tmp_path):
    make(tmp_path)
    with pytest.raises(UserError, match="is the record of 'report', expected align"):
        read_record(tmp_path / "provenance.json", "align")
    with pytest.raises(UserError, match="run 'align' first"):
        read_record(tmp_path, "align")
    (tmp_path / "alignment.json").write_text("{")
    with pytest.raises(UserError, match="not readable as JSON"):
        read_record(tmp_path, "align")


def test_inputs_are_named_as_they_were_when_the_stage_began(tmp_path):
    labels = tmp_path / "labels"
    labels.mkdir()
    file, raw = labels / "slice_0001.tif", tmp_path / "raw.txt"

    def inputs(folder, meanwhile=lambda: None):
        file.write_text("first")
        raw.write_text("first")
        with committing(folder, "report", Report(), {"labels": labels, "raw": raw}) as out:
            out.path("x.html").write_text("x")
            meanwhile()
        return json.loads((folder / "provenance.json").read_text())["inputs"]

    def save_again():
        file.write_text("second")
        raw.write_text("second")

    assert inputs(tmp_path / "disturbed", save_again) == inputs(tmp_path / "quiet")


def test_a_record_and_the_rules_count_the_same_files_as_labels(tmp_path):
    labels = tmp_path / "mine"
    labels.mkdir()
    for name in ("slice_0001.tif", "slice_0001.tif.unsaved", ".DS_Store"):
        (labels / name).write_text(name)
    given = dict.fromkeys(("labels", "sample/labels"), labels)
    with committing(tmp_path / "out", "report", Report(), given) as out:
        out.path("x.html").write_text("x")
    inputs = json.loads((tmp_path / "out" / "provenance.json").read_text())["inputs"]
    entry = {"folder": "mine", "fingerprint": fingerprint_of_labels(labels)}
    assert inputs == {"labels": entry, "sample/labels": entry}


def test_inputs_are_named_by_content_not_by_path(tmp_path):
    make(tmp_path / "up")
    source = read_record(tmp_path / "up", "report")
    raw = tmp_path / "raw.txt"
    raw.write_text("raw")
    with committing(tmp_path / "down", "report", Report(), {"page": source, "raw": raw}) as out:
        out.path("x.html").write_text("x")
    inputs = json.loads((tmp_path / "down" / "provenance.json").read_text())["inputs"]
    assert inputs["raw"]["file"] == "raw.txt"
    assert set(inputs["page"]) == {"stage", "sha256"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is no record"),
        ("3", "is no record"),
        ("{", "not readable as JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ("\0", "not readable as JSON"),
        ('{"stage": "report", "files": []}', r"'files' is damaged \(found \[\]\)"),
        ('{"stage": "report", "files": {"a": 3}}', "'files' is damaged"),
        ('{"stage": "report", "inputs": {"a": 3}}', "'inputs' is damaged"),
        ('{"stage": "report", "settings": null}', "'settings' is damaged"),
        ('{"stage": "report", "code": 3}', "'code' is damaged"),
        ('{"stage": "report", "shape": [2, 67]}', r"'shape' is damaged \(found \[2, 67\]\)"),
        ('{"stage": "report", "shape": [2, 6, 0]}', "'shape' is damaged"),
        ('{"stage": "report", "pixel_size_nm": 1e999}', "'pixel_size_nm' is damaged"),
        ('{"stage": "report", "names": ["a", 3]}', "'names' is damaged"),
        ('{"stage": "report", "suggested": [0.5]}', "'suggested' is damaged"),
        ('{"stage": "report", "steps": []}', "'steps' is damaged"),
        ('{"stage": "report", "tilt_deg": ["a"]}', "'tilt_deg' is damaged"),
        ('{"stage": "report", "shape": [1.5]}', "'shape' is damaged"),
        ('{"stage": "report", "pixel_size_nm": -1}', "'pixel_size_nm' is damaged"),
    ],
)
def test_a_damaged_record_is_one_line_and_deleting_it_helps(tmp_path, text, message):
    make(tmp_path)
    path = tmp_path / "provenance.json"
    path.write_text(text)
    with pytest.raises(
        UserError, match=rf"provenance\.json: .*{message}.*; delete it and run"
    ) as error:
        read_record(tmp_path, "report")
    assert "\n" not in str(error.value)
    path.unlink()
    make(tmp_path)
    assert read_record(tmp_path, "report").has("report.html")


@pytest.mark.parametrize("steps", [20, {"known_alignment": None}, {"common_line": 0.3}])
def test_steps_are_those_of_an_alignment_or_the_number_of_a_training(tmp_path, steps):
    (tmp_path / "training.json").write_text(json.dumps({"stage": "train", "steps": steps}))
    assert read_record(tmp_path, "train")["steps"] == steps


def test_a_missing_key_is_one_line(tmp_path):
    (tmp_path / "provenance.json").write_text('{"stage": "report"}')
    record = read_record(tmp_path, "report")
    for use in (lambda: record["files"], lambda: record.file("a"), lambda: record.has("a")):
        with pytest.raises(UserError, match=r"provenance\.json: lacks 'files'; delete it"):
            use()


def test_an_array_inside_a_file_is_known_by_the_file(tmp_path):
    (tmp_path / "v.h5").write_bytes(b"arrays")
    whole = identity(tmp_path / "v.h5", True)
    assert identity(tmp_path / "v.h5:/labels", True) == whole


def test_a_file_that_is_complete_is_hashed_meanwhile(tmp_path):
    with committing(tmp_path, "report", Report()) as out:
        for name in ("early", "late"):
            out.path(name).write_bytes(name.encode() * 1000)
            if name == "early":
                out.complete(name)
    files = read_record(tmp_path, "report")["files"]
    for name in ("early", "late"):
        assert files[name]["sha256"] == hashlib.sha256(name.encode() * 1000).hexdigest()
        assert files[name]["bytes"] == 1000 * len(name)


def test_a_record_made_from_a_stage_that_does_not_exist_is_damaged(tmp_path):
    path = tmp_path / "slices.json"
    content = {"stage": "slices", "inputs": {"volume": {"stage": "reconstruct?", "sha256": "0"}}}
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"'inputs' is damaged .*; delete it and run the stage"):
        read_record(path, "slices")
    content["inputs"]["volume"]["stage"] = "reconstruct"
    path.write_text(json.dumps(content))
    assert read_record(path, "slices")["inputs"] == content["inputs"]
