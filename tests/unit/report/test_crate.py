"""The RO-Crate of a dataset's folder: every file and every step, the same bytes twice.

Whether it is valid was checked with roc-validator, which needs an environment of its own and
the network; docs/how-to/archive.md has the command.
"""

import hashlib
import json

import pytest

from catomo import __version__
from catomo.record.record import committing, read_record
from catomo.report import crate
from catomo.report.settings import Report


@pytest.fixture
def folder(tmp_path):
    """A dataset of two stages, whose files hold nothing but words."""
    raw = tmp_path / "series.mrc"
    raw.write_bytes(b"counts")
    home = tmp_path / "results" / "needle"
    with committing(home / "01_tilt_series", "import", Report(), {"series": raw}) as out:
        out.path("tilt_series.tif").write_bytes(b"images")
    series = read_record(home / "01_tilt_series", "import")
    with committing(home / "09_report", "report", Report(), {"tilt_series": series}) as out:
        out.path("report.html").write_text("<p>")
        out.path("workflow.smk").write_text(crate.workflow_source())
        out.record["dataset"] = "needle"
    return home


def _graph(home):
    records = {"tilt_series.json": read_record(home / "01_tilt_series", "import")}
    path = crate.write_crate(records, read_record(home / "09_report", "report"), "workflow.smk")
    assert path == home / "ro-crate-metadata.json"
    return path, {entity["@id"]: entity for entity in json.loads(path.read_text())["@graph"]}


def test_every_file_of_the_stages_is_a_part_with_its_hash(folder):
    _, graph = _graph(folder)
    parts = {part["@id"] for part in graph["./"]["hasPart"]}
    files = [path for path in folder.rglob("*.*") if path.is_file()]
    on_disk = {path.relative_to(folder).as_posix() for path in files if path.name[0] != "."}
    assert parts == on_disk - {"ro-crate-metadata.json"}
    for name in parts:
        content = (folder / name).read_bytes()
        assert graph[name]["sha256"] == hashlib.sha256(content).hexdigest(), name
        assert graph[name]["contentSize"] == str(len(content)), name


def test_a_step_says_what_it_read_and_what_it_wrote(folder):
    _, graph = _graph(folder)
    first, last = graph["#01-import"], graph["#09-report"]
    (source,) = first["object"]
    assert graph[source["@id"]]["name"] == "series.mrc"
    assert graph[source["@id"]]["identifier"] == hashlib.sha256(b"counts").hexdigest()
    assert {"@id": "01_tilt_series/tilt_series.tif"} in first["result"]
    # The page was made from the record of the first stage, not from something of that name.
    assert last["object"] == [{"@id": "01_tilt_series/tilt_series.json"}]
    assert graph["#catomo-import"]["softwareVersion"] == "0.1.0"


def test_the_run_of_the_workflow_reads_the_outside_and_makes_everything(folder):
    _, graph = _graph(folder)
    run = graph["#run"]
    assert run["instrument"] == graph["./"]["mainEntity"] == {"@id": "09_report/workflow.smk"}
    assert [graph[thing["@id"]]["name"] for thing in run["object"]] == ["series.mrc"]
    assert {"@id": "09_report/report.html"} in run["result"]
    assert "rule reconstruct:" in (folder / "09_report/workflow.smk").read_text()


def test_the_same_results_give_the_same_bytes(folder):
    path, _ = _graph(folder)
    before = path.read_bytes()
    assert _graph(folder)[0].read_bytes() == before
    assert str(folder).encode() not in before


def test_records_may_be_named_by_any_path_that_leads_to_them(folder, monkeypatch):
    before = _graph(folder)[0].read_bytes()
    (folder.parents[1] / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    records = {"tilt_series.json": read_record(folder.parents[1] / "link/01_tilt_series", "import")}
    path = crate.write_crate(records, read_record("09_report", "report"), "workflow.smk")
    assert path.resolve() == folder / "ro-crate-metadata.json"
    assert path.read_bytes() == before


def test_a_package_without_its_rules_names_their_version(monkeypatch, tmp_path):
    """As pip installs it for a project that takes the rules from a repository."""
    monkeypatch.setattr(crate, "__file__", str(tmp_path / "a" / "b" / "crate.py"))
    assert crate.workflow_source().startswith(f"# The rules of catomo {__version__}, ")
