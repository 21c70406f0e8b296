"""The whole road on a tiny phantom: all nine stages, then what reruns and what does not."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from catomo.files.readers import open_images
from catomo.settings.base import DEFAULT_CLASSES
from catomo.stages import RECORDS
from conftest import ODD, Project

STAGES = [
    "01_tilt_series",
    "02_align",
    "03_reconstruct",
    "04_slices",
    "06_predict",
    "07_evaluate",
    "08_surfaces",
    "09_report",
]
AFTER_RECONSTRUCT = {"slices", "train", "predict", "evaluate", "surfaces", "report"}
HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
TINY = "tiny\tphantom\ttiny.yaml\t\t\ttruth\ttiny\tyes\n"


def _config(**blocks):
    config = {
        "reconstruct": {"iterations": 5},
        "slices": {"suggest": 24},
        "train": {"steps": 30, "batch_size": 2, "network": {"base_filters": 4, "levels": 3}},
        "surfaces": {"redraws": 10},
    }
    return yaml.safe_dump(config | blocks)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Project:
    """The tiny phantom, run through all nine stages once; later tests only plan on it.

    As with `make demo` the environment's own Python runs Snakemake and the stages, here in a
    folder with an odd name.
    """
    project = Project(tmp_path_factory.mktemp("road") / ODD / "project")
    environment = project.folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    [packages] = environment.glob("lib/*/site-packages")
    (packages / "outer.pth").write_text("\n".join(p for p in sys.path if "site-packages" in p))
    shutil.copy(Path(__file__).with_name("tiny.yaml"), project.folder / "tiny.yaml")
    project.write("config/datasets.tsv", HEADER + TINY)
    project.write("config/config.yaml", _config())
    run = subprocess.run(
        [environment / "bin/python", "-m", "snakemake", "--cores", "2"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return project


def _rules(jobs: set[str]) -> set[str]:
    return {job.split()[0] for job in jobs}


def test_every_folder_holds_its_record_and_verifies(done):
    results = done.folder / "results"
    assert sorted(p.name for p in (results / "tiny").iterdir()) == [
        *STAGES,
        "ro-crate-metadata.json",
    ]
    run = done.catomo("verify")
    assert run.returncode == 0, run.stderr
    assert re.search(r"9 stages, \d+ files, all as recorded", run.stdout)


def test_results_name_no_place_no_time_no_host(done):
    import platform

    for path in done.folder.glob("results/**/*.json"):
        text = path.read_text()
        assert str(done.folder) not in text, path
        assert platform.node() not in text or len(platform.node()) < 4, path


def test_every_number_on_the_page_is_that_of_the_record(done):
    from catomo.report.cells import lookup, number

    folder = done.folder / "results" / "tiny"
    page = (folder / "09_report" / "report.html").read_text()
    records = {"07": folder / "07_evaluate/metrics.json", "02": folder / "02_align/alignment.json"}
    seen = set()
    for stage, path in records.items():
        record = json.loads(path.read_text())
        cells = re.findall(
            rf'<td data-stage="{stage}" data-key="([^"]+)" data-digits="(\d)">([^<]*)</td>', page
        )
        for key, digits, text in cells:
            value, _, half = text.partition(" ± ")
            recorded = number(lookup(record, key), int(digits))
            assert value.split()[0].removesuffix("°") == recorded.split()[0], key
            if half:
                around = lookup(record, key.rpartition(".")[0])
                error = around["se" if "rhd_nm" in key else "ci95"]
                assert half.split()[0] == number(error, int(digits)), key
            seen.add(key)
    assert len(seen) > 20
    particles = ("f1", "matched", "missed", "false", "size_bias_nm.mean", "by_size.0.f1")
    assert {f"particles.{key}" for key in particles} <= seen
    for phase in ("alumina", "pt"):
        scores = ("dsc", "precision", "recall", "iou")
        assert {f"classes.{phase}.{score}.mean" for score in scores} <= seen
        assert {f"classes.{phase}.rhd_nm.{p}.mean" for p in (100, 99, 95, 90, 75, 50)} <= seen
        assert {f"volume.classes.{phase}.{score}" for score in ("dsc", "rhd_nm.90")} <= seen
        assert f"baseline.thresholds.{phase}.dsc" in seen
        for error in ("ece", "ece_uncalibrated"):
            assert f"confidence.near_boundary.classes.{phase}.{error}" in seen
    assert page.count("data:image/png;base64,") >= 12
    assert not re.search(r'(src|href)="(?!data:|#)', page), "the page must be self-contained"


# Each verb alone at a prompt, on folders that the workflow made.
ALONE = {
    "simulate": "tiny.yaml",
    "align": "results/tiny/01_tilt_series",
    "reconstruct": "results/tiny/02_align --truth results/tiny/01_tilt_series",
    "slices": "--volume results/tiny/03_reconstruct --truth results/tiny/01_tilt_series "
    "--dataset tiny",
    "train": "--dataset tiny results/tiny/04_slices truth",
    "predict": "results/tiny/04_slices --model results/models/tiny/05_train",
    "evaluate": "results/tiny/06_predict --slices results/tiny/04_slices --labels truth "
    "--training results/models/tiny/05_train",
    "surfaces": "results/tiny/06_predict",
    "report": "results/tiny/01_tilt_series results/tiny/02_align results/tiny/03_reconstruct "
    "results/tiny/04_slices results/models/tiny/05_train results/tiny/06_predict "
    "results/tiny/07_evaluate results/tiny/08_surfaces --dataset tiny --crate",
}


@pytest.mark.parametrize("verb", ALONE)
def test_each_verb_alone_makes_the_same_bytes_with_any_number_of_cores(done, verb, tmp_path):
    """The workflow had two cores; sums that a BLAS library shares among threads may differ."""
    [first] = done.folder.glob(f"results/**/{RECORDS[verb]}")
    record = json.loads(first.read_text())
    settings = json.dumps(record["settings"])
    out = tmp_path / "out"
    threads = ("--threads", "5") if verb in ("align", "reconstruct") else ()
    run = done.catomo(
        *(verb, *ALONE[verb].split(), "--output", str(out), "--settings", settings, *threads),
        OPENBLAS_NUM_THREADS="5",
    )
    assert run.returncode == 0, run.stderr
    again = json.loads((out / RECORDS[verb]).read_text())
    assert again["files"] == record["files"]
    assert again == record


def test_running_again_does_nothing(done):
    run = done.snakemake("--dry-run")
    assert "Nothing to be done" in run.stdout + run.stderr


def test_the_summary_has_the_numbers_of_the_records_and_its_verb_makes_the_same_bytes(done):
    results = done.folder / "results"
    with open(results / "summary.csv", newline="") as file:
        [row] = csv.DictReader(file)
    record = json.loads((results / "tiny/08_surfaces/quantities.json").read_text())
    for name, entry in record["quantities"].items():
        assert row[name] == ("" if entry["value"] is None else repr(entry["value"]))
    scores = json.loads((results / "tiny/07_evaluate/metrics.json").read_text())["classes"]
    assert row["dsc_pt"] == repr(scores["pt"]["dsc"]["mean"])
    assert (row["state"], row["draft"]) == ("complete", "")
    before = {path: path.read_bytes() for path in results.glob("summary.*")}
    assert len(before) == 3
    run = done.catomo("summary")
    assert run.returncode == 0, run.stderr
    assert {path: path.read_bytes() for path in before} == before


def test_turning_an_export_on_plans_the_export_alone(done):
    everything = {
        "mrc": ["aligned", "volume", "labels"],
        "ome_zarr": ["volume", "labels"],
        "nxtomo": True,
    }
    try:
        done.write("config/config.yaml", _config(export={"mrc": ["volume"]}))
        assert done.planned() == {"export tiny"}
        done.write("config/config.yaml", _config(overrides={"tiny": {"export": everything}}))
        run = done.snakemake()
        assert run.returncode == 0, run.stdout + run.stderr
        assert done.planned() == set()
        made = done.folder / "results/tiny"
        for part, verb in (("aligned", "02_align"), ("volume", "03_reconstruct")):
            with (
                open_images(made / f"10_export/{part}.mrc") as found,
                open_images(made / verb / f"{part}.tif") as wanted,
            ):
                assert found.shape == wanted.shape
                assert (found.read(20) == wanted.read(20)).all()
                assert found.pixel_size_nm == pytest.approx(0.5)
        with (
            open_images(made / "10_export/volume.ome.zarr/labels/classes") as found,
            open_images(made / "06_predict/labels.tif") as wanted,
        ):
            assert (found.read(20) == wanted.read(20)).all()
    finally:
        shutil.rmtree(done.folder / "results/tiny/10_export", ignore_errors=True)
        done.write("config/config.yaml", _config())


def test_changed_iterations_rerun_reconstruct_and_what_follows(done):
    done.write("config/config.yaml", _config(reconstruct={"iterations": 6}))
    try:
        assert _rules(done.planned()) == {"reconstruct"} | AFTER_RECONSTRUCT
    finally:
        done.write("config/config.yaml", _config())


CLASSES = [phase.model_dump() for phase in DEFAULT_CLASSES]
SHOWN = [phase | {"title": "Platin", "colour": "#00ff00"} for phase in CLASSES]
RENAMED = [{**CLASSES[0], "name": "vacuum"}, *CLASSES[1:]]
WRITTEN_OTHERWISE = """
# the same settings as _config() has, written otherwise
train: {network: {levels: 3, base_filters: 4}, batch_size: 2, steps: 3e1, learning_rate: 5e-4}

slices: {suggest: 24, gamma: .5}   # the default
surfaces: {redraws: 10}
reconstruct:
  tv: 1.0e-2
  iterations: 5
predict:
"""


@pytest.mark.parametrize(
    ("config", "rules"),
    [
        (_config(classes=SHOWN), {"evaluate", "surfaces", "report"}),
        (_config(report={"title": "My catalyst"}), {"report"}),
        (_config(classes=RENAMED), AFTER_RECONSTRUCT),
        (WRITTEN_OTHERWISE, set()),
    ],
    ids=["colours and titles", "title of the page", "name of a class", "written otherwise"],
)
def test_a_change_runs_no_more_than_what_shows_or_uses_it(done, config, rules):
    done.write("config/config.yaml", config)
    done.write("config/datasets.tsv", f"{HEADER}\n# the same row\n{TINY}\n")
    try:
        assert _rules(done.planned()) == rules
    finally:
        done.write("config/config.yaml", _config())
        done.write("config/datasets.tsv", HEADER + TINY)


def test_a_review_from_the_page_runs_surfaces_and_page_alone_and_is_in_the_record(done, opened):
    labels = json.loads((done.folder / "results/tiny/06_predict/prediction.json").read_text())
    sha256 = labels["files"]["labels.tif"]["sha256"]
    page = opened(done.folder / "results/tiny/09_report/report.html")
    page.locator("#particles tbody tr select").first.select_option("accept")
    with page.expect_download() as saved:
        page.click("#export-review")
    review = done.write("a review.csv", Path(saved.value.path()).read_text())
    table = HEADER.replace("trains", "trains\treview") + TINY.replace("yes", "yes\ta review.csv")
    done.write("config/datasets.tsv", table)
    try:
        assert _rules(done.planned()) - {"summary"} == {"surfaces", "report"}
        folder = done.folder / "reviewed"
        run = done.catomo(
            *("surfaces", "results/tiny/06_predict", "--output", str(folder)),
            *("--review", str(review)),
        )
        assert run.returncode == 0, run.stderr
        record = json.loads((folder / "quantities.json").read_text())
        assert record["review"]["counts"] == {"accept": 1, "split": 0, "reject": 0}
        review.write_text(review.read_text().replace(sha256, "0" * 64))
        run = done.catomo(
            *("surfaces", "results/tiny/06_predict", "--output", str(folder)),
            *("--review", str(review)),
        )
        assert run.returncode == 1
        assert "a review.csv: was made for other labels" in run.stderr.splitlines()[-1]
    finally:
        done.write("config/datasets.tsv", HEADER + TINY)
        review.unlink()
        shutil.rmtree(done.folder / "reviewed", ignore_errors=True)


def test_an_edited_module_reruns_its_users_only(done):
    module = done.folder / "workflow/catomo/surfaces/meshes.py"
    text = module.read_text()
    module.write_text(text + "\n# edited\n")
    try:
        assert _rules(done.planned()) == {"surfaces", "report"}
    finally:
        module.write_text(text)
    assert done.planned() == set()


def test_a_dataset_that_only_uses_the_model_has_only_jobs_of_its_own(done):
    other = TINY.replace("tiny\tphantom", "other\tphantom").replace("yes", "no")
    done.write("config/datasets.tsv", HEADER + TINY + other)
    try:
        jobs = done.planned()
    finally:
        done.write("config/datasets.tsv", HEADER + TINY)
    assert jobs
    assert all(job.endswith(" other") for job in jobs)


def test_a_failing_dataset_does_not_stop_another(done):
    bad = done.write("bad.yaml", "shape_px: [1, 2]\n")
    rows = "bad\tphantom\tbad.yaml\n" + "late\tphantom\ttiny.yaml\n"
    done.write("config/datasets.tsv", HEADER + TINY + rows)
    try:
        run = done.snakemake()
    finally:
        done.write("config/datasets.tsv", HEADER + TINY)
        bad.unlink()
    output = run.stdout + run.stderr
    assert run.returncode == 1
    assert "bad.yaml: " in output.splitlines()[-1] or "bad.yaml: shape_px" in output
    page = done.folder / "results/late/09_report/report.html"
    assert page.is_file()
    slices = json.loads((done.folder / "results/late/04_slices/slices.json").read_text())
    assert "write the word truth into the column labels" in slices["next_step"]
    assert slices["next_step"] in page.read_text()
    assert not (done.folder / "results/bad/01_tilt_series/tilt_series.json").exists()
    with open(done.folder / "results/summary.csv", newline="") as file:
        rows = {row["dataset"]: row for row in csv.DictReader(file)}
    assert {name: row["state"] for name, row in rows.items()} == {
        **dict.fromkeys(("tiny", "late"), "complete"),
        "bad": "failed",
    }
    assert (rows["bad"]["stage"], rows["late"]["group"]) == ("simulate", "")
    assert rows["bad"]["line"].startswith("catomo simulate: bad.yaml: shape_px")
    done.catomo("summary")  # later tests plan with the table of before, of one dataset


def test_snakemakes_own_report_is_made(done):
    run = done.snakemake("--report", "report.html")
    assert run.returncode == 0, run.stdout + run.stderr
    page = (done.folder / "report.html").read_text()
    figures = {"orthogonal slices", "confusion matrix", "along the beam", "page of all datasets"}
    assert figures <= set(re.findall(r'"labels": \{"figure": "([^"]+)"\}', page))
    assert "rows are the annotation" in page
    assert (done.folder / "report.html").stat().st_size > 1_000_000


def test_touching_everything_reruns_nothing(done):
    for path in sorted(done.folder.rglob("*")):
        if path.is_file() and ".snakemake" not in path.parts:
            path.touch()
    assert done.planned() == set()


def test_a_lost_snakemake_folder_cannot_hide_a_stale_result(done):
    kept = done.folder / ".snakemake"
    kept.rename(done.folder / ".kept")
    done.write("config/config.yaml", _config(reconstruct={"iterations": 6}))
    try:
        run = done.catomo("check")
    finally:
        done.write("config/config.yaml", _config())
        shutil.rmtree(kept, ignore_errors=True)
        (done.folder / ".kept").rename(kept)
    assert "03_reconstruct: made with other settings (iterations)" in run.stdout


def test_moving_the_folder_reruns_nothing(done):
    moved = done.folder.with_name("moved")
    done.folder.rename(moved)
    home, done.folder = done.folder, moved
    try:
        assert done.planned() == set()
    finally:
        moved.rename(home)
        done.folder = home


def test_the_benchmarks_and_logs_carry_the_stages_names(done):
    logs = done.folder / "logs" / "tiny"
    assert (logs / "align.log").is_file()
    line = json.loads((logs / "align.benchmark.jsonl").read_text().splitlines()[0])
    assert line["s"] > 0
    assert line["max_rss"] > 0


def test_the_table_of_images_names_every_scored_slice(done):
    folder = done.folder / "results" / "tiny"
    with open(folder / "07_evaluate/evaluation.csv", newline="") as table:
        scored = {row["image"] for row in csv.DictReader(table)}
    training = json.loads((done.folder / "results/models/tiny/05_train/training.json").read_text())
    assert scored == set(training["split"]["tiny"]["test"])
