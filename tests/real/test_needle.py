"""A real HAADF tilt series, from the microscope's files to its page, with a short training."""

import json
import shutil

import numpy as np
import pytest
import yaml

from catomo.files.store import read_pages
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stage import reconstruct

NAMES = ["vacuum", "coat", "substrate", "darker_layer", "brighter_layer"]


@pytest.fixture(scope="module")
def results(tmp_path_factory, needle):
    from conftest import Project

    project = Project(tmp_path_factory.mktemp("needle") / "project")
    shutil.copytree(needle, project.folder / "resources" / "needle")
    path = project.folder / "config/examples/needle/config.yaml"
    config = yaml.safe_load(path.read_text())
    config["train"] |= {
        "batch_size": 1,
        "steps": 150,
        "warmup_steps": 10,
        "learning_rate": 3e-3,
        "network": {"levels": 4, "base_filters": 8},
        "loss": {"class_weights": [0.2] * 5},
    }
    config["predict"] = {"average": "none"}
    config["surfaces"]["redraws"] = 0
    path.write_text(yaml.safe_dump(config))
    run = project.snakemake("--configfile", "config/examples/needle/config.yaml")
    assert run.returncode == 0, run.stdout + run.stderr
    return project.folder / "results" / "needle"


def _record(results, name):
    return json.loads((results / name).read_text())


def test_it_is_read_to_scale_and_aligned(results):
    series = _record(results, "01_tilt_series/tilt_series.json")
    assert series["shape"] == [77, 256, 256]
    assert series["pixel_size_nm"] == pytest.approx(3.36, abs=0.01)
    assert (series["tilt_deg"][0], series["tilt_deg"][-1]) == (-76, 76)
    alignment = _record(results, "02_align/alignment.json")
    assert alignment["verdict"] == "pass"
    # The axis lies along the rows; turned into the columns its lean is negative.
    assert -2.8 < alignment["axis_angle_deg"] < -2.3


def test_the_volume_is_a_round_layered_needle(results):
    volume = read_pages(results / "03_reconstruct" / "volume.tif")
    solid = volume > 0.25 * np.percentile(volume, 99.9)
    for index in (100, 128, 160):
        z, x = np.nonzero(solid[index])
        assert 0.8 < np.ptp(z) / np.ptp(x) < 1.25, "sections of the needle are round"
    areas = solid.sum(axis=(1, 2))
    assert areas[110] > areas[140] > areas[170] > areas[195], "it becomes thinner to its tip"
    middle = volume.shape[1] // 2
    core = volume[:200, middle - 3 : middle + 4, middle - 3 : middle + 4].mean(axis=(1, 2))
    edges = np.abs(np.diff(core)) > 0.04 * core.max()
    assert edges.sum() >= 4, "layers end sharply along the needle"


def test_the_default_prior_is_safe(results, tmp_path):
    """It takes the noise, and nothing of the layers that plain MLEM shows in the same data."""
    found, residual = [], []
    for tv in (0.0, Reconstruct().tv):
        out = tmp_path / f"{tv}"
        reconstruct(results / "02_align", out, Reconstruct(tv=tv), slices=(100, 163))
        found.append(read_pages(out / "preview.tif"))
        residual.append(_record(out, "preview.json")["residual"])
    plain, prior = found
    assert np.corrcoef(plain.ravel(), prior.ravel())[0, 1] > 0.995
    assert prior.sum() == pytest.approx(plain.sum(), rel=0.005)
    assert residual[1] < 1.1 * residual[0]
    middle = plain.shape[1] // 2
    core = np.s_[:, middle - 3 : middle + 4, middle - 3 : middle + 4]
    steps = [np.abs(np.diff(volume[core].mean(axis=(1, 2)))) for volume in found]
    assert steps[1].max() > 0.9 * steps[0].max(), "layers end as sharply"
    rough = [np.abs(np.diff(volume, 2, axis=2)).mean() for volume in found]
    assert rough[1] < 0.7 * rough[0]


def test_its_labels_fit_its_slices_and_keep_layers_from_training(results):
    training = _record(results.parent, "models/needle/05_train/training.json")
    assert [len(training["split"]["needle"][part]) for part in ("train", "validate", "test")] == [
        10,
        3,
        3,
    ]
    assert training["classes"] == NAMES


def test_a_short_training_knows_the_outlines(results):
    """Telling the materials inside apart takes the training of the example."""
    classes = _record(results, "07_evaluate/metrics.json")["classes"]
    assert list(classes) == NAMES
    assert classes["vacuum"]["dsc"]["mean"] > 0.98
    assert classes["coat"]["dsc"]["mean"] > 0.8


def test_the_surfaces_are_those_of_the_needle(results):
    """Its matter has the volume that a threshold finds, and it is cut where the frame ends."""
    record = _record(results, "08_surfaces/quantities.json")
    found = record["quantities"]
    assert list(found) == [f"{name}_{kind}" for name in NAMES[1:] for kind in ("volume", "area")]
    greys = read_pages(results / "04_slices" / "slices.tif")
    voxel_nm3 = _record(results, "04_slices/slices.json")["pixel_size_nm"] ** 3
    matter = sum(found[f"{name}_volume"]["value"] for name in NAMES[1:])
    assert matter == pytest.approx((greys > 41).sum() * voxel_nm3, rel=0.05)
    assert (results / "09_report" / "report.html").stat().st_size > 500_000
