"""Segmentations of other programs go from stage 06 to the page, and nothing else is run."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import tifffile
import yaml
from skimage.io import imsave

from conftest import Project
from helpers.segmentations import PIXEL_NM, RADIUS_PX, ball_on_slab, ome_zarr

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
BALL_NM3 = 4 / 3 * np.pi * (RADIUS_PX * PIXEL_NM) ** 3

pytestmark = pytest.mark.slow


def truth():
    """Return labels in which the ball has lost one slice of 24: its DSC is known."""
    labels = ball_on_slab()
    labels[12][labels[12] == 2] = 0
    return labels


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Project:
    """A TIFF of scikit-image with labels to score against, and an OME-Zarr without."""
    project = Project(tmp_path_factory.mktemp("segmentations") / "project")
    project.write("config/config.yaml", yaml.safe_dump({"report": {"title": ""}}))
    rows = "sk\tsegmentation\tsk.tif\t\t0.5\ttruth.tif\nzarr\tsegmentation\tseg.zarr\n"
    project.write("config/datasets.tsv", HEADER + rows)
    imsave(project.folder / "sk.tif", ball_on_slab(), check_contrast=False)
    ome_zarr(project.folder / "seg.zarr", ball_on_slab())
    tifffile.imwrite(project.folder / "truth.tif", truth(), photometric="minisblack")
    checked = project.catomo("check")
    assert checked.returncode == 0, checked.stdout
    assert "sk: segmentation → evaluate → surfaces → report" in checked.stdout
    assert "24 × 26 × 28 voxels of 0.5 nm (from the file)" in checked.stdout
    run = project.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    return project


def record(project, path):
    return json.loads((project.folder / "results" / path).read_text())


def jobs(*names):
    return {f"{rule} {dataset}" for rule, dataset in (name.split() for name in names)}


@pytest.mark.parametrize("dataset", ["sk", "zarr"])
def test_a_ball_has_its_volume_and_the_page_says_what_there_is_not(done, dataset):
    quantities = record(done, f"{dataset}/08_surfaces/quantities.json")["quantities"]
    assert quantities["pt_volume"]["value"] == pytest.approx(BALL_NM3, rel=0.03)
    assert quantities["pt_count"]["value"] == 1
    assert quantities["pt_diameter_d10"]["value"] == pytest.approx(6.0, rel=0.01)
    page = (done.folder / f"results/{dataset}/09_report/report.html").read_text()
    assert "it comes without grey slices and without confidence" in page
    headings = re.findall(r"<h2><small>(\d\d)</small>", page)
    assert headings == (["06", "07", "08"] if dataset == "sk" else ["06", "08"])


def test_scores_are_those_of_the_known_difference(done):
    metrics = record(done, "sk/07_evaluate/metrics.json")
    whole = np.count_nonzero(ball_on_slab() == 2)
    known = np.count_nonzero(truth() == 2)
    dsc = metrics["volume"]["classes"]["pt"]["dsc"]
    assert dsc == pytest.approx(2 * known / (known + whole), abs=1e-9)
    assert "made elsewhere" in metrics["scope"]
    assert "confidence" not in metrics
    assert "training slices" not in metrics["volume"]["scope"]


def test_a_touch_reruns_nothing_and_a_change_exactly_what_follows(done):
    (done.folder / "sk.tif").touch()
    (done.folder / "seg.zarr/0/0.0.0").touch()
    assert done.planned() == set()
    before = (done.folder / "sk.tif").read_bytes()
    changed = ball_on_slab()
    changed[0, 0, 0] = 1
    imsave(done.folder / "sk.tif", changed, check_contrast=False)
    names = ("segmentation sk", "evaluate_segmentation sk", "surfaces sk", "report sk")
    assert done.planned() == jobs(*names)
    assert "made from what has changed since (sk.tif)" in done.catomo("check").stdout
    (done.folder / "sk.tif").write_bytes(before)
    labels = (done.folder / "truth.tif").read_bytes()
    tifffile.imwrite(done.folder / "truth.tif", ball_on_slab(), photometric="minisblack")
    assert done.planned() == jobs("evaluate_segmentation sk", "report sk")
    (done.folder / "truth.tif").write_bytes(labels)
    assert done.planned() == set()


def test_check_says_what_is_wrong_before_anything_runs(project):
    project.write("config/config.yaml", yaml.safe_dump({"report": {"title": ""}}))
    labels = ball_on_slab()
    np.save(project.folder / "masks.npy", np.where(labels, 255, 0).astype(np.uint8))
    np.save(project.folder / "plain.npy", labels)
    ome_zarr(project.folder / "seg.zarr", labels)
    np.save(project.folder / "short.npy", labels[1:])
    rows = (
        "masks\tsegmentation\tmasks.npy\t\t0.5\n"
        "noscale\tsegmentation\tplain.npy\n"
        "scale\tsegmentation\tseg.zarr\t\t5\n"
        "short\tsegmentation\tplain.npy\t\t0.5\tshort.npy\n"
    )
    project.write("config/datasets.tsv", HEADER + rows)
    out = project.catomo("check").stdout
    for line in (
        r"masks: masks\.npy: no pixel is labelled .* instead of 255",
        r"noscale: plain\.npy: its pixel size is not known, .*pixel_size_nm \(column of the table",
        r"scale: seg\.zarr: pixel size is 5 nm by the given value but 0\.5 nm .*"
        r"segmentation\.trust_given: true",
        r"short: short\.npy: found 23 pages, expected 24",
    ):
        assert re.search(line, out), out
    assert "Traceback" not in out


def test_the_same_door_for_one_file(done):
    run = done.catomo("surfaces", "--labels", "sk.tif", "--output", "one")
    assert run.returncode == 1
    assert "give it as --pixel-size-nm, in nm" in run.stderr
    run = done.catomo("surfaces", "results/sk/06_segmentation", "--resample", "--output", "one")
    assert "--resample: is for --labels" in run.stderr
