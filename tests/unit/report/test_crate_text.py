"""What describes a folder lists no file that was let go, and still says which it was."""

import json

import pytest

from catomo.plan.prune import prune
from catomo.record.listed import write_pruned
from catomo.record.record import committing, read_record
from catomo.report import crate
from catomo.report.crate_text import without
from catomo.report.settings import Report


@pytest.fixture
def folder(tmp_path):
    """A dataset whose aligned images were read by the next stage."""
    home, source, records = tmp_path / "results" / "needle", {}, {}
    for place, verb, name in (
        ("02_align", "align", "aligned.tif"),
        ("03_reconstruct", "reconstruct", "volume.tif"),
    ):
        with committing(home / place, verb, Report(), source) as out:
            out.path(name).write_bytes(name.encode())
        record = read_record(home / place, verb)
        source, records = {verb: record}, {**records, record.path.name: record}
    with committing(home / "09_report", "report", Report(), source) as out:
        out.path("workflow.smk").write_text("# rules")
        out.record["dataset"] = "needle"
    _describe(home)
    return home


def _describe(home):
    records = {
        "alignment.json": read_record(home / "02_align", "align"),
        "reconstruction.json": read_record(home / "03_reconstruct", "reconstruct"),
    }
    return crate.write_crate(records, read_record(home / "09_report", "report"), "workflow.smk")


def _graph(home):
    text = (home / "ro-crate-metadata.json").read_text()
    return text, {entity["@id"]: entity for entity in json.loads(text)["@graph"]}


def test_a_file_that_is_let_go_is_no_part_and_keeps_its_hash(folder):
    before, graph = _graph(folder)
    sha256 = graph["02_align/aligned.tif"]["sha256"]
    prune("needle", results=folder.parent)
    after, graph = _graph(folder)
    parts = {part["@id"] for part in graph["./"]["hasPart"]}
    assert "02_align/aligned.tif" not in graph
    assert all((folder / part).is_file() for part in parts)
    gone = graph["#02_align/aligned.tif"]
    assert gone["@type"] == "CreativeWork"
    assert gone["sha256"] == sha256
    assert {"@id": "#02_align/aligned.tif"} in graph["#02-align"]["result"]
    # A page that is made now says the same, and one that is made with the file what it said.
    assert _describe(folder).read_text() == after
    (folder / "02_align/aligned.tif").write_bytes(b"aligned.tif")
    assert _describe(folder).read_text() == before


def test_a_page_that_is_made_after_a_file_was_let_go_does_not_list_it(folder):
    files = read_record(folder / "02_align", "align")["files"]
    write_pruned(folder / "02_align", "align", {"aligned.tif": files["aligned.tif"]})
    (folder / "02_align/aligned.tif").unlink()
    _describe(folder)
    assert {"@id": "02_align/aligned.tif"} not in _graph(folder)[1]["./"]["hasPart"]


@pytest.mark.parametrize("text", ["", "[]", '{"@graph": [1]}', '{"@graph": [{}]}', None])
def test_without_a_sound_description_nothing_is_written(tmp_path, text):
    path = tmp_path / "ro-crate-metadata.json"
    if text is not None:
        path.write_text(text)
    without(tmp_path, ["a.tif"])
    assert (path.read_text() if path.exists() else None) == text
