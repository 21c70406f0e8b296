"""Other classes than the default ones, from simulate to the page: two of them, and four."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from matplotlib.image import imread

from conftest import Project, pixels

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
TINY = Path(__file__).with_name("tiny.yaml")
FILM = {
    "thickness_nm": 3.0,
    "contrast": 0.8,
    "texture_sigma_nm": 1.5,
    "texture_amplitude": 0.05,
}
TWO = [
    {"name": "background", "title": "vacuum", "colour": "#101828"},
    {"name": "particle", "title": "particle", "colour": "#3f8f5f"},
]
FOUR = [
    {"name": "background", "title": "vacuum", "colour": "#101828"},
    {"name": "carbon_film", "title": "carbon film", "colour": "#7a6a9f"},
    {"name": "ceria", "title": "CeO2", "colour": "#5f9fd0"},
    {"name": "gold", "title": "Au", "colour": "#d4a017"},
]


@dataclass
class Run:
    """A dataset that went through all stages: its folder of results and its page."""

    project: Project
    name: str
    page: str

    def record(self, path: str) -> dict:
        return json.loads((self.project.folder / "results" / path).read_text())

    def of(self, stage: str) -> dict:
        return self.record(f"{self.name}/{stage}")

    def picture(self, path: str) -> np.ndarray:
        return np.rint(255 * imread(self.project.folder / "results" / self.name / path)[..., :3])


def run(folder: Path, name: str, specimen: dict, config: dict) -> Run:
    project = Project(folder)
    content = yaml.safe_load(TINY.read_text()) | specimen
    content["contrast"] = {"plate": 1.0, "particles": 5.0}
    content["particles"] = content.pop("pt")
    content["acquisition"]["background_counts"] = 0
    project.write("specimen.yaml", yaml.safe_dump(content))
    project.write("config/datasets.tsv", f"{HEADER}{name}\tphantom\tspecimen.yaml\t\t\ttruth\n")
    common = {
        "align": {"background": "none"},  # a film is no background here
        "reconstruct": {"iterations": 5, "accept_stop": True},
        "slices": {"suggest": 16},
        "train": {
            "steps": 100,
            "warmup_steps": 5,
            "learning_rate": 5e-3,
            "batch_size": 2,
            "network": {"base_filters": 6, "levels": 3},
        },
        "surfaces": {"redraws": 0},
    }
    project.write("config/config.yaml", yaml.safe_dump(common | config))
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    page = project.folder / "results" / name / "09_report" / "report.html"
    return Run(project, name, page.read_text())


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Run:
    """Plate and spheres are one class: nothing but the list of classes is set."""
    specimen = {"labels": {"plate": 1, "particles": 1}}
    return run(tmp_path_factory.mktemp("two") / "project", "pair", specimen, {"classes": TWO})


@pytest.fixture(scope="module")
def four(tmp_path_factory) -> Run:
    """Gold on ceria on a carbon film."""
    specimen = {"film": FILM, "labels": {"film": 1, "plate": 2, "particles": 3}}
    config = {
        "classes": FOUR,
        "evaluate": {"particles": {"phase": "gold"}},
        "surfaces": {"support": "ceria", "particles": {"phase": "gold"}},
    }
    return run(tmp_path_factory.mktemp("four") / "project", "catalyst", specimen, config)


def captions(page: str) -> dict[str, str]:
    pairs = re.findall(r'<img data-file="([^"]+)"[^>]*><figcaption>([^<]*)</figcaption>', page)
    return {name: html.unescape(caption) for name, caption in pairs}


def head(page: str) -> list[str]:
    return [html.unescape(words) for words in re.findall(r"</b><span>([^<]*)</span>", page)]


def first_cells(page: str) -> set[str]:
    return {html.unescape(cell) for cell in re.findall(r"<tr><td[^>]*>([^<]*)</td>", page)}


def shows(picture: np.ndarray, colour: str) -> bool:
    """Return whether a class colour is in a picture, to the rounding of 8 bits."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return bool((np.abs(picture - rgb).max(axis=-1) <= 1).any())


def text_of(page: str) -> str:
    """Return what the page says, without its script, and with the data for it but no pictures."""
    page = re.sub("<script>.*?</script>", "", page, flags=re.DOTALL)
    without_pictures = re.sub(r"base64,[^\"]*|\"[A-Za-z0-9+/=]{60,}\"", "", page)
    return html.unescape(re.sub(r"<style>.*?</style>", "", without_pictures, flags=re.DOTALL))


@pytest.mark.parametrize("dataset", [pytest.param("two", marks=pytest.mark.thorough), "four"])
def test_nothing_of_the_default_classes_is_left(dataset, request):
    done = request.getfixturevalue(dataset)
    assert not re.search(r"alumina|\bpt\b|paper.{1,5}s catalyst", text_of(done.page), re.IGNORECASE)
    results = done.project.folder / "results"
    names = [path.name for path in results.rglob("*") if path.is_file()]
    assert not [name for name in names if re.search(r"alumina|(^|_)pt\b", name)]
    for path in (results / done.name).glob("0[6-9]*/*.json"):
        assert not re.search(r"alumina|\bpt\b", path.read_text()), path


@pytest.mark.parametrize(
    ("dataset", "labels"),
    [
        pytest.param("two", {"particles": 1, "plate": 1}, marks=pytest.mark.thorough),
        ("four", {"particles": 3, "plate": 2, "film": 1}),
    ],
)
def test_the_truth_has_the_labels_of_the_specimen(dataset, labels, request):
    done = request.getfixturevalue(dataset)
    parts = done.of("01_tilt_series/tilt_series.json")["truth_parts"]
    assert parts == {
        part: {"file": f"truth_{part}.tif", "label": label} for part, label in labels.items()
    }
    folder = done.project.folder / "results" / done.name
    for path in ("01_tilt_series/truth_labels.tif", "04_slices/truth_labels.tif"):
        assert set(np.unique(tifffile.imread(folder / path))) == {0, *labels.values()}, path
    assert done.of("03_reconstruct/reconstruction.json")["truth"]["correlation"] > 0.5


@pytest.mark.thorough
def test_two_classes_need_no_other_setting(two):
    training = two.record("models/pair/05_train/training.json")
    assert training["classes"] == ["background", "particle"]
    assert training["changed_from_preset"] == [
        "steps", "batch_size", "learning_rate", "warmup_steps", "network",
    ]  # fmt: skip
    assert list(training["class_weights"]) == ["background", "particle"]
    metrics = two.of("07_evaluate/metrics.json")
    assert list(metrics["classes"]) == ["background", "particle"]
    assert metrics["paper"] == {}
    assert "particles" not in metrics
    quantities = two.of("08_surfaces/quantities.json")["quantities"]
    assert list(quantities) == ["particle_volume", "particle_area"]


@pytest.mark.thorough
def test_the_page_of_two_classes(two):
    assert head(two.page) == ["reconstruction residual", "DSC particle"]
    assert {
        name: caption for name, caption in captions(two.page).items() if name.startswith("view_")
    } == {
        "view_front.png": "Along the beam: particle opaque.",
        "view_side.png": "From the side: particle opaque.",
        "view_top.png": "Along the tilt axis: particle opaque.",
        "view_opaque.png": "Obliquely: particle opaque.",
    }
    assert {"vacuum", "particle", "particle: volume", "particle: surface area"} <= first_cells(
        two.page
    )
    assert "Share of all voxels: vacuum " in text_of(two.page)
    assert "view_front.png" in captions(two.page)


def test_the_page_of_four_classes(four):
    assert head(four.page) == [
        "reconstruction residual",
        "DSC carbon film",
        "DSC CeO2",
        "DSC Au",
        "particle F1",
        "CeO2: porosity",
        "Au: number of particles",
        "Au: mean diameter d10",
        "Au: surface-weighted diameter d32",
        "Au: share of surface in contact",
        "Au: particles per area of support",
    ]
    shown = captions(four.page)
    assert shown["view_front.png"] == (
        "Along the beam: CeO2 translucent, carbon film and Au opaque."
    )
    assert shown["view_opaque.png"] == "Obliquely: carbon film, CeO2 and Au opaque."
    assert "particles.png" in shown
    rows = {"carbon film: volume", "CeO2: porosity", "Au: number of particles", "Au: contact area"}
    assert {"carbon film", "CeO2", "Au", *rows} <= first_cells(four.page)
    assert 'data-key="classes.carbon_film.dsc.mean"' in four.page


def test_each_of_four_classes_is_switched_in_the_browser(four, opened):
    page = opened(four.project.folder / "results/catalyst/09_report/report.html")
    canvas = "#view3d canvas"
    boxes = page.locator("#view3d input[type=checkbox]")
    assert boxes.count() == 3
    whole = pixels(page, canvas)
    for number in range(3):
        boxes.nth(number).uncheck()
        assert (pixels(page, canvas) != whole).any()
        boxes.nth(number).check()
    assert (pixels(page, canvas) == whole).all()
    page.select_option("#clip-axis", "0")
    assert (pixels(page, canvas) != whole).any()
    middle = pixels(page, "#slice-canvas")
    page.uncheck("#overlay-on")
    page.wait_for_timeout(200)
    bare = pixels(page, "#slice-canvas")
    assert (bare != middle).any()
    page.focus("#slice-canvas")
    page.keyboard.press("PageDown")
    page.wait_for_timeout(200)
    assert (pixels(page, "#slice-canvas") != bare).any()
    before = page.get_attribute(canvas, "data-camera")
    page.click("#particles tbody tr")
    page.wait_for_selector("#particle-shown[data-particle]")
    assert page.get_attribute(canvas, "data-camera") != before


@pytest.mark.parametrize("dataset", [pytest.param("two", marks=pytest.mark.thorough), "four"])
def test_pictures_have_the_colours_of_the_classes(dataset, request):
    done = request.getfixturevalue(dataset)
    classes = {"two": TWO, "four": FOUR}[dataset]
    comparison = done.picture("07_evaluate/comparison.png")
    for phase in classes:
        assert shows(comparison, phase["colour"]), phase
    for phase in classes[1:]:
        assert shows(done.picture("08_surfaces/view_front.png"), phase["colour"]), phase


@pytest.mark.thorough
def test_two_classes_are_learnt(two):
    assert two.of("07_evaluate/metrics.json")["classes"]["particle"]["dsc"]["mean"] > 0.6


def test_four_classes_are_learnt(four):
    scores = four.of("07_evaluate/metrics.json")
    assert scores["classes"]["ceria"]["dsc"]["mean"] > 0.5
    assert scores["classes"]["gold"]["dsc"]["mean"] > 0.5
    assert scores["particles"]["f1"] > 0.5


def test_tables_have_a_row_for_each_class(four):
    table = (four.project.folder / "results/catalyst/07_evaluate/table_1.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert list(dict.fromkeys(row["class"] for row in rows)) == [phase["name"] for phase in FOUR]
    assert {row["paper_mean"] for row in rows} == {""}


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ({"train": {"loss": {"class_weights": [1.0, 2.0, 3.0]}}}, "train.loss.class_weights"),
        ({"evaluate": {"particles": {"phase": "pt"}}}, "evaluate.particles.phase"),
        ({"surfaces": {"particles": {"phase": "silver"}}}, "surfaces.particles.phase"),
        ({"surfaces": {"support": "alumina"}}, "surfaces.support"),
    ],
)
def test_check_names_the_block_that_contradicts_the_classes(four, block, line):
    more = four.project.write("more.yaml", yaml.safe_dump(block))
    checked = four.project.catomo("check", "--configfile", more.name)
    assert checked.returncode == 1
    problems = [text for text in checked.stdout.splitlines() if "more.yaml" in text]
    assert len(problems) == 1
    assert problems[0].startswith(f"more.yaml: {line}: found ")
    planned = four.project.snakemake("--dry-run", "--configfile", more.name)
    assert planned.returncode == 1
    assert problems[0] in planned.stdout + planned.stderr
    assert "Traceback" not in planned.stdout + planned.stderr


@pytest.mark.parametrize("verb", ["train", "evaluate", "surfaces"])
def test_a_stage_alone_refuses_in_one_line(four, verb):
    results = "results/catalyst"
    arguments = {
        "train": f"--dataset catalyst {results}/04_slices truth",
        "evaluate": f"{results}/06_predict --slices {results}/04_slices --labels truth",
        "surfaces": f"{results}/06_predict",
    }[verb]
    settings = {
        "train": {"classes": FOUR, "loss": {"class_weights": [0.2, 0.3, 0.5]}},
        "evaluate": {"classes": FOUR, "particles": {"phase": "silver"}},
        "surfaces": {"classes": FOUR, "support": "silver"},
    }[verb]
    refused = four.project.catomo(
        verb, *arguments.split(), "--output", "out", "--settings", json.dumps(settings)
    )
    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    assert line.startswith(f"catomo {verb}: --settings ")
    assert "found" in line
