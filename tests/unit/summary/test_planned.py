"""What the plan tells the summary: datasets, groups, and why a stage has no record."""

import pytest

from catomo.plan.failures import Failure
from catomo.plan.plan import load_plan
from catomo.record.code import code_of
from catomo.record.lock import locked, place_of_lock
from catomo.summary.planned import reasons_of, summary_of, unlike_plan_of
from catomo.summary.settings import Summary, SummaryRow
from helpers.results import write_record

TABLE = """\
dataset\tsource\tpath\tlabels\tmodel\ttrains\tgroup
b\tphantom\tphantom.yaml\ttruth\tm\tyes\tspent
a\tphantom\tphantom.yaml\t\tm\tno\t batch  2
ready\tslices\tlabels.tif\t\tgiven.keras\tno\t
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("phantom.yaml", "labels.tif", "given.keras"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def plan_of(place, table=TABLE, config=""):
    header, *rows = table.splitlines()
    with_size = [f"{header}\tpixel_size_nm", *(f"{row}\t0.5" for row in rows)]
    (place / "table.tsv").write_text("\n".join(with_size) + "\n")
    (place / "config.yaml").write_text(f"datasets: table.tsv\n{config}")
    return load_plan(["config.yaml"])


def test_datasets_come_by_name_with_group_title_and_stages(place):
    plan, problems = plan_of(place, config="overrides: {a: {report: {title: Batch 2}}}\n")
    assert not problems
    a, b, ready = summary_of(plan).datasets
    assert (a.name, a.title, a.group) == ("a", "Batch 2", "batch 2")
    assert a.stages == "simulate align reconstruct slices train/m predict surfaces report"
    assert (b.name, b.title, b.group) == ("b", "", "spent")
    assert "train/m predict evaluate" in b.stages
    assert (ready.group, ready.stages) == ("", "slices predict surfaces report")


def test_the_order_of_rows_changes_nothing_and_one_name_is_written_in_one_way(place):
    header, *rows = TABLE.splitlines()
    composed, apart = "caf\u00e9", "cafe\u0301"
    one = "\n".join([header, *rows]).replace("spent", composed)
    other = "\n".join([header, *rows[::-1]]).replace("spent", apart)
    assert summary_of(plan_of(place, one)[0]) == summary_of(plan_of(place, other)[0])


@pytest.mark.parametrize("group", ["x" * 61, "a\x07b"])
def test_a_group_that_cannot_be_shown_is_refused_in_one_line(place, group):
    [line] = plan_of(place, f"{TABLE}c\tphantom\tphantom.yaml\t\t\t\t{group}\n")[1]
    assert "table.tsv line 5, group: found" in line
    assert "at most 60 signs" in line
    assert not plan_of(place, TABLE.replace("spent", "γ-Al₂O₃, fresh"))[1]


def test_reasons_come_from_snakemake_then_from_the_stages_own_logs(place):
    stages = "simulate align reconstruct slices train/m predict"
    asked = Summary(datasets=[SummaryRow(name="a", stages=stages)])
    for name, text in (
        ("a/simulate", "done\n"),
        ("a/align", "loading\ncatomo align: the tilts do not overlap; give another series\n"),
        ("a/reconstruct", "reconstruct: 3/8, about 9 s left\n"),
        ("a/slices", ""),
        ("models/m/train", "catomo train: no labels; annotate some\n"),
    ):
        (place / "logs" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "logs" / f"{name}.log").write_text(text)
    made = place / "results/a/01_tilt_series/tilt_series.json"
    made.parent.mkdir(parents=True)
    made.write_text("{}")
    lock = place_of_lock(place / "results/a/03_reconstruct", "reconstruct")
    lock.parent.mkdir(parents=True)
    lock.write_text("{}")
    killed = Failure("slices", "results/a/04_slices/slices.json", "logs/a/slices.log", signal=15)
    assert reasons_of(asked, [killed]) == {
        "results/a/02_align/alignment.json": "catomo align: the tilts do not overlap; give "
        "another series",
        "results/a/03_reconstruct/reconstruction.json": "catomo reconstruct: has not ended and "
        "runs no more, so it was killed",
        "results/a/04_slices/slices.json": "catomo slices: was killed by signal 15 (SIGTERM)",
        "results/models/m/05_train/training.json": "catomo train: no labels; annotate some",
    }


def test_a_stage_that_runs_has_no_reason(place):
    asked = Summary(datasets=[SummaryRow(name="a", stages="simulate align")])
    folder = place / "results/a/02_align"
    folder.mkdir(parents=True)
    (place / "logs/a").mkdir(parents=True)
    (place / "logs/a/align.log").write_text("align: 3/8, about 9 s left\n")
    with locked(folder, "align"):
        assert reasons_of(asked) == {}
    [line] = reasons_of(asked).values()
    assert line.startswith("catomo align: ")


def test_what_was_to_be_made_again_has_a_reason_only_where_an_old_record_lies(place):
    made, never = (f"results/{name}/02_align/alignment.json" for name in "ab")
    (place / made).parent.mkdir(parents=True)
    (place / made).write_text("{}")
    assert reasons_of(Summary(), unfinished=[made, never]) == {
        made: f"{made}: was to be made again, and was not"
    }


def test_results_of_other_settings_code_or_review_than_the_plan_has_are_told(place):
    plan, problems = plan_of(place)
    assert not problems
    asked = summary_of(plan)
    right = {"code": code_of("surfaces"), "settings": as_recorded(plan, "surfaces", "ready")}
    path = str(write_record(place, "surfaces", "ready", **right).relative_to(place))
    assert unlike_plan_of(asked, plan) == {}
    other, _ = plan_of(place, config="overrides: {ready: {surfaces: {seed: 7}}}\n")
    assert "made with other settings (seed)" in unlike_plan_of(asked, other)[path]
    write_record(place, "surfaces", "ready", **right, inputs={"review": {"file": "r.json"}})
    assert "changed since (column review)" in unlike_plan_of(asked, plan)[path]
    write_record(place, "surfaces", "ready", **{**right, "code": "of before"})
    assert "made with other code" in unlike_plan_of(asked, plan)[path]


def as_recorded(plan, verb, name):
    """Return the settings of a plan as a record holds them."""
    return plan.settings(verb, name).model_dump(mode="json")
