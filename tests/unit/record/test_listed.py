"""Names in side files lead nowhere else; what is missing is told from what was let go."""

from pathlib import Path

import pytest

from catomo.errors import UserError
from catomo.record.listed import (
    made_before,
    missing_files,
    pruned,
    restore_list,
    write_list,
    write_pruned,
)
from catomo.record.record import committing, read_record
from catomo.report.settings import Report


def make(folder):
    with committing(folder, "report", Report()) as out:
        for name in ("report.html", "more/a.png", "more/b.png"):
            out.path(name).write_text(name)


@pytest.mark.parametrize("name", ["../../x", "more/../../../x", "/x", "link/x", "..", "."])
def test_a_rerun_removes_nothing_outside_of_its_folder(tmp_path, name):
    folder = tmp_path / "a" / "b"
    make(folder)
    (tmp_path / "elsewhere").mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    others = [tmp_path / "x", tmp_path / "elsewhere" / "x"]
    for other in others:
        other.write_text("a person's")
    names = folder / ".report.files"
    good = names.read_text()
    name = str(tmp_path / "x") if name == "/x" else name
    names.write_text(f"{good}{name}\n")
    with pytest.raises(UserError, match=r"\.report\.files line 5: .* outside .*; delete that line"):
        make(folder)
    assert [other.read_text() for other in others] == ["a person's"] * 2
    names.write_text(good)
    make(folder)
    assert read_record(folder, "report").file("more/a.png").read_text() == "more/a.png"


def test_a_record_cannot_name_a_file_outside_of_its_folder(tmp_path):
    make(tmp_path / "a")
    record = read_record(tmp_path / "a", "report")
    record["files"]["../x"] = {"sha256": "0"}
    (tmp_path / "x").write_text("a person's")
    with pytest.raises(UserError, match=r"'\.\./x' lies outside of its folder; delete it"):
        record.file("../x")


def test_files_that_are_missing_are_named_and_those_let_go_are_not(tmp_path):
    assert not made_before(tmp_path, "report")
    assert missing_files(tmp_path, "report") == []
    make(tmp_path)
    assert made_before(tmp_path, "report")
    assert missing_files(tmp_path, "report") == []
    for name in ("report.html", "more/b.png"):
        (tmp_path / name).unlink()
    assert missing_files(tmp_path, "report") == ["more/b.png", "report.html"]
    (tmp_path / ".report.files").unlink()  # as after a copy without hidden files
    assert missing_files(tmp_path, "report") == ["more/b.png", "report.html"]
    write_pruned(tmp_path, "report", {"more/b.png": {"sha256": "0", "bytes": 3}})
    assert missing_files(tmp_path, "report") == ["report.html"]
    with pytest.raises(UserError, match="was let go with 'catomo prune'"):
        read_record(tmp_path, "report").file("more/b.png")


def test_a_copy_without_hidden_files_is_written_again(tmp_path):
    make(tmp_path)
    (tmp_path / ".report.files").unlink()
    make(tmp_path)
    # Snakemake removes a record first, and what the rule names; the list is restored before.
    (tmp_path / ".report.files").unlink()
    restore_list(tmp_path, "report")
    for name in ("provenance.json", "report.html"):
        (tmp_path / name).unlink()
    make(tmp_path)
    assert read_record(tmp_path, "report").file("more/b.png").is_file()
    (tmp_path / "more/own.png").write_text("a person's")
    with (
        pytest.raises(UserError, match=r"own\.png: exists and was not made by catomo"),
        committing(tmp_path, "report", Report()) as out,
    ):
        out.path("more/own.png").write_text("")


def test_a_list_that_is_there_is_not_restored_and_a_damaged_record_restores_none(tmp_path):
    restore_list(tmp_path, "report")
    make(tmp_path)
    names = tmp_path / ".report.files"
    names.write_text("report.html\n")
    restore_list(tmp_path, "report")
    assert names.read_text() == "report.html\n"
    names.unlink()
    (tmp_path / "provenance.json").write_text('{"stage": "align", "files": {"own.txt": {}}}')
    restore_list(tmp_path, "report")
    assert not names.exists()


def test_a_process_that_is_killed_as_it_writes_the_list_leaves_the_old_one(tmp_path, monkeypatch):
    make(tmp_path)
    names = tmp_path / ".report.files"
    before = names.read_text()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_list(tmp_path, "report", {"report.html"})
    assert names.read_text() == before
    monkeypatch.undo()
    make(tmp_path)
    assert sorted(path.name for path in tmp_path.glob(".*")) == [".report.files"]


def test_a_stage_that_runs_again_has_let_nothing_go(tmp_path):
    make(tmp_path)
    files = read_record(tmp_path, "report")["files"]
    write_pruned(tmp_path, "report", {"more/b.png": files["more/b.png"]})
    assert pruned(tmp_path) == {"more/b.png": files["more/b.png"]}
    make(tmp_path)
    assert pruned(tmp_path) == {}
    assert missing_files(tmp_path, "report") == []


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', '{"files": {"more/b.png": 1}}'])
def test_a_damaged_note_of_what_was_let_go_counts_for_nothing(tmp_path, text):
    make(tmp_path)
    (tmp_path / "more/b.png").unlink()
    (tmp_path / "pruned.json").write_text(text)
    assert missing_files(tmp_path, "report") == ["more/b.png"]
