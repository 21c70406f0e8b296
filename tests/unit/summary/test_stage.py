"""The summary of twelve datasets in four groups, one of which is broken."""

import csv
import html
import json
import re

import numpy as np
import pytest

from catomo.record.lock import locked
from catomo.record.record import read_record
from catomo.summary.settings import Summary, SummaryRow
from catomo.summary.stage import write_summary
from helpers.results import CLASSES, STAGES, quantity, write_dataset, write_record

BROKEN = "d07"
LINE = "catomo surfaces: results/d07/06_predict: the labels hold no gold; annotate some"
GROUPS = {"fresh": 4, "spent": 4, "washed": 3, "single": 1}
NAMES = [f"d{number:02d}" for number in range(1, 13)]
GROUP_OF = dict(zip(NAMES, [g for g, n in GROUPS.items() for _ in range(n)], strict=True))


def diameter(name):
    """Return the d10 of a dataset: no two alike, with more digits than a page prints."""
    return 2.0 + 0.1234567890123 * int(name[1:]) ** 1.5


def asked(names=NAMES, titles=None):
    rows = [
        SummaryRow(name=n, group=GROUP_OF[n], stages=STAGES, title=(titles or {}).get(n, ""))
        for n in names
    ]
    return Summary(datasets=rows)


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    root = tmp_path_factory.mktemp("twelve")
    for number, name in enumerate(NAMES):
        quantities = {
            "gold_diameter_d10": quantity(diameter(name), 0.2, 0.5),
            "gold_count": quantity(10 + number),
        }
        stop = "surfaces" if name == BROKEN else ""
        write_dataset(root, name, quantities, dsc=0.9 + number / 1000, stop_before=stop)
    reasons = {f"results/{BROKEN}/08_surfaces/quantities.json": LINE}
    write_summary(root / "results/summary.json", asked(), reasons)
    return root / "results"


@pytest.fixture(scope="module")
def table(twelve):
    with open(twelve / "summary.csv", newline="", encoding="utf-8") as file:
        return {row["dataset"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def page(twelve):
    return (twelve / "summary.html").read_text(encoding="utf-8")


def test_every_dataset_has_a_row_and_its_numbers_are_those_of_the_records(twelve, table, page):
    assert list(table) == sorted(NAMES, key=lambda name: (GROUP_OF[name], name))
    compared = 0
    for name in (name for name in NAMES if name != BROKEN):
        row = table[name]
        assert (row["state"], row["stage"], row["line"]) == ("complete", "", "")
        assert row["verdict"] == "pass"
        residual = json.loads((twelve / name / "03_reconstruct/reconstruction.json").read_text())
        assert float(row["residual"]) == residual["residual"]
        scores = json.loads((twelve / name / "07_evaluate/metrics.json").read_text())["classes"]
        for key in ("mean", "low", "high"):
            column = "dsc_gold" if key == "mean" else f"dsc_gold_{key}"
            assert float(row[column]) == scores["gold"]["dsc"][key]
        quantities = json.loads((twelve / name / "08_surfaces/quantities.json").read_text())
        for quantity_name, entry in quantities["quantities"].items():
            for key in ("value", "low", "high", "sample_low", "sample_high"):
                column = quantity_name if key == "value" else f"{quantity_name}_{key}"
                shown = row.get(column, "")
                assert (float(shown) if shown else None) == entry[key]
                compared += 1
        [shown] = re.findall(
            rf'<tr data-dataset="{name}".*?data-key="gold_diameter_d10" data-sort="([\d.]+)"',
            page,
            re.S,
        )
        assert float(shown) == diameter(name)
    assert compared == 11 * 10
    assert "dsc_background" not in table[BROKEN]
    assert "gold_count_low" not in table[BROKEN], "a column that is empty everywhere is left out"


def test_the_broken_one_is_a_row_that_says_where_and_why(twelve, table, page):
    row = table[BROKEN]
    assert (row["state"], row["stage"], row["line"]) == ("failed", "surfaces", LINE)
    assert float(row["dsc_gold"]) == 0.906
    assert row["gold_diameter_d10"] == ""
    assert f"{BROKEN}: failed at surfaces. {LINE}" in html.unescape(page)
    assert f'href="{BROKEN}/' not in page
    assert page.count('href="d') == 11
    assert 'href="d01/09_report/report.html"' in page
    record = read_record(twelve, "summary")
    assert record["datasets"][BROKEN] == {"state": "failed", "stage": "surfaces", "line": LINE}
    assert record["units"]["gold_count"] == "nm"


def cells(page, column, table):
    """Return the cells of a table of a column as text."""
    block = page[page.index(f'<div class="number" id="{column}"') :]
    block = block[block.index(f'class="{table}"') :]
    body = block[block.index("<tbody>") : block.index("</tbody>")]
    return [
        [html.unescape(cell) for cell in re.findall("<td>(.*?)</td>", row)]
        for row in body.split("</tr>")
        if "<td>" in row
    ]


def test_groups_and_their_spreads_are_what_numpy_makes_of_the_records(page):
    rows = {cell[0]: cell[1:] for cell in cells(page, "gold_diameter_d10", "groups")}
    assert [(name, row[0]) for name, row in rows.items()] == [
        ("fresh", "4 crystals"), ("single", "1 crystal"), ("spent", "3 crystals"),
        ("washed", "3 crystals"),
    ]  # fmt: skip
    values = np.array([diameter(n) for n in NAMES if GROUP_OF[n] == "fresh"])
    _, mean, interval, sd, inside, apart = rows["fresh"]
    half = 3.1824463 * values.std(ddof=1) / 2  # t of 3 degrees of freedom, √4
    assert mean == f"{values.mean():.4g}"
    assert interval == f"{values.mean() - half:.4g} … {values.mean() + half:.4g}"
    assert sd == f"{values.std(ddof=1):.4g}"
    assert inside == f"{0.5 / 1.959964:.4g}"
    assert apart == f"{np.sqrt(values.var(ddof=1) - (0.5 / 1.959964) ** 2):.4g}"
    assert rows["single"][2] == "one crystal"


def test_within_and_between_groups_by_hand(page):
    values = {
        group: [diameter(n) for n in NAMES if GROUP_OF[n] == group and n != BROKEN]
        for group in GROUPS
    }
    sizes = [len(numbers) for numbers in values.values()]
    assert sizes == [4, 3, 3, 1]
    together = np.concatenate(list(values.values()))
    within = sum(np.var(numbers) * len(numbers) for numbers in values.values()) / (11 - 4)
    between = sum(len(v) * (np.mean(v) - together.mean()) ** 2 for v in values.values()) / 3
    size = (11 - (16 + 9 + 9 + 1) / 11) / 3
    told = f"within groups {np.sqrt(within):.4g}, between groups "
    told += f"{np.sqrt((between - within) / size):.4g} nm."
    assert told in page
    assert "11 crystals in 4 groups" in page


def test_differences_of_all_pairs_with_the_single_one_told(page):
    rows = {cell[0]: cell[1:] for cell in cells(page, "gold_diameter_d10", "differences")}
    assert len(rows) == 6
    fresh, washed = (
        np.array([diameter(n) for n in NAMES if GROUP_OF[n] == group])
        for group in ("fresh", "washed")
    )
    errors = fresh.var(ddof=1) / 4, washed.var(ddof=1) / 3
    degrees = sum(errors) ** 2 / (errors[0] ** 2 / 3 + errors[1] ** 2 / 2)
    assert degrees == pytest.approx(3.2116, abs=1e-4)
    half = 3.06706 * np.sqrt(sum(errors))  # t of 3.2116 degrees of freedom
    value, interval = rows["fresh − washed"]
    assert value == f"{fresh.mean() - washed.mean():.4g}"
    low, high = map(float, interval.split(" … "))
    assert (low, high) == pytest.approx(
        (fresh.mean() - washed.mean() - half, fresh.mean() - washed.mean() + half), abs=2e-3
    )
    assert rows["fresh − single"][1] == "no interval: single has one crystal"


def test_the_same_records_give_the_same_bytes_whatever_the_order_of_rows(twelve):
    before = {p: p.read_bytes() for p in twelve.glob("summary.*")}
    reasons = {f"results/{BROKEN}/08_surfaces/quantities.json": LINE}
    write_summary(twelve, asked(), reasons)
    assert {p: p.read_bytes() for p in twelve.glob("summary.*")} == before
    write_summary(twelve, Summary(datasets=asked().datasets[::-1]), reasons)
    for name in ("summary.html", "summary.csv"):
        assert (twelve / name).read_bytes() == before[twelve / name]


def test_a_page_needs_no_network(page):
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert page.count("<svg") == 5, "residual, two scores, two quantities"


def write(root, names, **more):
    write_summary(root / "results/summary.json", asked(names, **more))
    with open(root / "results/summary.csv", newline="", encoding="utf-8") as file:
        return {row["dataset"]: row for row in csv.DictReader(file)}


def test_what_lies_behind_a_stage_that_was_made_again_is_not_shown(tmp_path):
    """A rerun of the alignment whose followers failed leaves the old numbers in their folders."""
    write_dataset(tmp_path, "d01", {"gold_count": quantity(10)})
    assert write(tmp_path, ["d01"])["d01"]["gold_count"] == "10"
    write_record(tmp_path, "align", "d01", verdict="warn")
    row = write(tmp_path, ["d01"])["d01"]
    assert (row["state"], row["stage"], row["verdict"]) == ("out of date", "reconstruct", "warn")
    assert "02_align/alignment.json has changed since" in row["line"]
    assert "residual" not in row
    assert "gold_count" not in row


def test_datasets_with_doubtful_areas_are_named_beside_the_means(tmp_path):
    for name in ("d01", "d02"):
        write_dataset(tmp_path, name, {"gold_count": quantity(10)}, stop_before="surfaces")
        doubts = ["A skin."] if name == "d02" else []
        content = {"quantities": {"gold_count": quantity(10)}, "settings": {"classes": CLASSES}}
        write_record(tmp_path, "surfaces", name, **content, doubts=doubts)
    write(tmp_path, ["d01", "d02"])
    page = (tmp_path / "results/summary.html").read_text(encoding="utf-8")
    assert "d02 (doubtful areas of particles" in page
    assert "d01 (doubtful" not in page


def test_a_damaged_record_spoils_its_own_row_alone(tmp_path):
    for name in ("d01", "d02"):
        write_dataset(tmp_path, name, {"gold_count": quantity(10)})
    path = tmp_path / "results/d01/08_surfaces/quantities.json"
    path.write_text(path.read_text().replace('"value": 10', '"value": 99'))
    rows = write(tmp_path, ["d01", "d02"])
    assert rows["d02"]["gold_count"] == "10"
    assert (rows["d01"]["state"], rows["d01"]["gold_count"]) == ("out of date", "")
    assert "quantities.json" in rows["d01"]["line"]


def test_a_dataset_that_nobody_ran_and_an_empty_folder(tmp_path):
    rows = write(tmp_path, ["d01"])
    assert (rows["d01"]["state"], rows["d01"]["stage"]) == ("not run", "simulate")


def test_titles_and_names_are_text_not_markup(tmp_path):
    write_dataset(tmp_path, "d01", {"gold_count": quantity(10)})
    write(tmp_path, ["d01"], titles={"d01": "<b>5 % Au</b> & γ"})
    text = (tmp_path / "results/summary.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;5 % Au&lt;/b&gt; &amp; γ" in text


def test_without_groups_the_mean_of_all_is_told_and_nothing_is_compared(tmp_path):
    rows = []
    for name in ("d01", "d02", "d03"):
        write_dataset(tmp_path, name, {"gold_diameter_d10": quantity(diameter(name))})
        rows.append(SummaryRow(name=name, stages=STAGES))
    write_summary(tmp_path / "results", Summary(datasets=rows))
    page = (tmp_path / "results/summary.html").read_text(encoding="utf-8")
    [[n, mean, *_]] = cells(page, "gold_diameter_d10", "groups")
    assert n == "3 crystals"
    assert mean == f"{np.mean([diameter(name) for name in ('d01', 'd02', 'd03')]):.4g}"
    assert 'class="differences"' not in page
    assert "column group of the table" in page


def test_groups_of_nearly_the_same_name_are_told(tmp_path):
    rows = [
        SummaryRow(name=f"d0{n}", group=g, stages=STAGES)
        for n, g in enumerate(("batch 1", "Batch-1", "1.5", "15", "+", "-"))
    ]
    write_summary(tmp_path / "results", Summary(datasets=rows))
    page = (tmp_path / "results/summary.html").read_text(encoding="utf-8")
    assert "count as different groups: Batch-1, batch 1." in page


def test_what_does_not_fit_the_plan_is_out_of_date_though_its_record_lies_there(tmp_path):
    """Datasets that a run that was stopped had not reached still have their old records."""
    for name in ("d01", "d02"):
        write_dataset(tmp_path, name, {"gold_count": quantity(10)})
    line = "was to be made again, and was not"
    reasons = {"results/d01/08_surfaces/quantities.json": line}
    write_summary(tmp_path / "results", asked(["d01", "d02"]), reasons)
    with open(tmp_path / "results/summary.csv", newline="", encoding="utf-8") as file:
        rows = {row["dataset"]: row for row in csv.DictReader(file)}
    row = rows["d01"]
    assert (row["state"], row["stage"], row["line"]) == ("out of date", "surfaces", line)
    assert (row["gold_count"], float(row["dsc_gold"])) == ("", 0.9)
    assert (rows["d02"]["state"], rows["d02"]["gold_count"]) == ("complete", "10")


def test_a_stage_that_runs_is_running_and_after_it_not_run(tmp_path):
    write_dataset(tmp_path, "d01", {"gold_count": quantity(10)}, stop_before="surfaces")
    folder = tmp_path / "results/d01/08_surfaces"
    folder.mkdir()
    with locked(folder, "surfaces"):
        row = write(tmp_path, ["d01"])["d01"]
    assert (row["state"], row["stage"], row["line"]) == ("running", "surfaces", "")
    assert write(tmp_path, ["d01"])["d01"]["state"] == "not run"


@pytest.mark.parametrize(
    ("verb", "content", "what"),
    [
        ("align", {}, "alignment.json: lacks 'verdict'"),
        ("evaluate", {"classes": {"vacuum": {}, "gold": {}}}, "metrics.json: lacks 'dsc'"),
        ("surfaces", {"quantities": [1]}, "quantities.json: has another form"),
    ],
)
def test_a_record_of_another_form_spoils_its_own_row_alone(tmp_path, verb, content, what):
    for name in ("d01", "d02"):
        write_dataset(tmp_path, name, {"gold_count": quantity(10)}, stop_before="report")
    write_record(tmp_path, verb, "d01", **content)
    rows = write(tmp_path, ["d01", "d02"])
    assert (rows["d01"]["state"], rows["d01"]["stage"]) == ("out of date", verb)
    assert what in rows["d01"]["line"]
    assert rows["d02"]["gold_count"] == "10"


def test_pairs_of_single_crystals_are_counted_on_the_page(tmp_path):
    rows = []
    for name, group in (("d01", "a"), ("d02", "b"), ("d03", "c"), ("d04", "d"), ("d05", "d")):
        write_dataset(tmp_path, name, {"gold_diameter_d10": quantity(diameter(name))})
        rows.append(SummaryRow(name=name, group=group, stages=STAGES))
    write_summary(tmp_path / "results", Summary(datasets=rows))
    page = (tmp_path / "results/summary.html").read_text(encoding="utf-8")
    pairs = [cell[0] for cell in cells(page, "gold_diameter_d10", "differences")]
    assert pairs == ["a − d", "b − d", "c − d"]
    assert "3 pairs of groups of one crystal each are left out" in page
