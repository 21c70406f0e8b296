"""What stages have lost, and which stages a stopping point asks for."""

import pytest
import yaml

from catomo.plan.check import check
from catomo.plan.lost import all_stages, line_of, lost_files, lost_records, stages_of
from catomo.plan.plan import load_plan
from catomo.record.record import committing, read_record
from catomo.slices.settings import Slices
from catomo.stages import STAGES, record_path
from conftest import ROOT

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
ROWS = """\
p\tphantom\tgood.yaml\t\t\ttruth\tmine\tyes
q\tphantom\tgood.yaml\t\t\ttruth\tmine\tno
first\tphantom\tgood.yaml\t\t\ttruth\tteacher\tyes
alone\tphantom\tgood.yaml\t\t\t\t\t
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text((ROOT / "resources/phantoms/demo-128.yaml").read_text())
    (tmp_path / "table.tsv").write_text(HEADER + ROWS)
    config = {
        "datasets": "table.tsv",
        "overrides": {"mine": {"train": {"init_from": "teacher"}}},
        "export": {"mrc": ["volume", "labels"]},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    plan, problems = load_plan([tmp_path / "config.yaml"])
    assert problems == []
    return plan


UP_TO_SLICES = ("simulate", "align", "reconstruct", "slices")


def of(name, *verbs):
    return {(verb, name) for verb in verbs}


def test_a_stage_needs_all_before_it_that_it_was_made_from(plan):
    teacher = of("first", *UP_TO_SLICES) | {("train", "teacher")}
    mine = teacher | of("p", *UP_TO_SLICES) | {("train", "mine")}
    assert set(plan.needed_for("align", "q")) == of("q", "simulate", "align")
    assert set(plan.needed_for("train", "mine")) == mine
    predicted = mine | of("q", *UP_TO_SLICES, "predict")
    assert set(plan.needed_for("predict", "q")) == predicted
    assert set(plan.needed_for("surfaces", "q")) == predicted | of("q", "surfaces")
    assert set(plan.needed_for("export", "q")) == predicted | of("q", "export")
    whole = predicted | of("q", "evaluate", "surfaces", "report")
    assert set(plan.needed_for("report", "q")) == whole
    assert set(plan.needed_for("report", "alone")) == of("alone", *UP_TO_SLICES, "report")


def test_each_is_named_once_and_in_order(plan):
    found = stages_of(plan, [stage.verb for stage in STAGES])
    assert len(found) == len(set(found)) == 4 * 6 + 3 * 3 + 2
    assert set(all_stages(plan)) == set(found)
    order = [verb for verb, name in plan.needed_for("report", "alone")]
    assert order == [*UP_TO_SLICES, "report"]


def make(folder, verb="slices"):
    with committing(folder, verb, Slices()) as out:
        for name in ("slices.tif", "to_annotate/a.tif"):
            out.path(name).write_text(name)


def test_lost_files_and_records_are_found_and_check_names_them(plan, tmp_path):
    stages = plan.needed_for("report", "alone")
    slices, report = (tmp_path / record_path(verb, "alone") for verb in ("slices", "report"))
    make(slices)
    assert lost_files(stages) == {}
    assert lost_records(stages) == [record_path(verb, "alone") for verb in UP_TO_SLICES[:-1]]
    (slices.parent / "to_annotate/a.tif").unlink()
    assert lost_files(stages) == {record_path("slices", "alone"): ["to_annotate/a.tif"]}
    line = line_of("results/alone/04_slices", ["to_annotate/a.tif"])
    assert f"  {line}" in check([tmp_path / "config.yaml"])[1]
    slices.unlink()
    assert lost_files(stages) == {}
    assert lost_records(stages) == []
    with committing(report, "report", Slices()):
        pass
    assert record_path("slices", "alone") in lost_records(stages)
    lines = check([tmp_path / "config.yaml"])[1]
    text = "was made before and is missing, so the stage runs again"
    assert f"  {record_path('slices', 'alone')}: {text}" in lines
    make(slices)
    assert read_record(slices, "slices").has("to_annotate/a.tif")
    assert not any(
        "04_slices" in line and "missing" in line for line in check([tmp_path / "config.yaml"])[1]
    )


def test_what_a_stage_does_without_is_not_lost_where_that_stage_is_there(plan, tmp_path):
    """As after a run that asked for the exported files alone."""

    def lost():
        return {path for path in lost_records(all_stages(plan)) if path.startswith("results/q/")}

    def make_record(verb, name):
        with committing(tmp_path / record_path(verb, name), verb, Slices()):
            pass

    for stage in plan.needed_for("export", "q"):
        make_record(*stage)
    assert lost() == set()
    make_record("report", "q")
    assert lost() == {record_path(verb, "q") for verb in ("evaluate", "surfaces")}


def test_many_missing_files_are_one_short_line():
    said = line_of("results/p/10_export", [f"volume.ome.zarr/0/{n}" for n in range(900)])
    assert said.count("volume.ome.zarr") == 3
    assert "and 897 more files are missing" in said
