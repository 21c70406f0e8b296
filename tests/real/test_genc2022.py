"""The authors' annotated patches: a short training must already have learnt."""

import json

import pytest
import yaml


@pytest.fixture(scope="module")
def results(tmp_path_factory, genc2022):
    from conftest import Project

    project = Project(tmp_path_factory.mktemp("genc2022") / "project")
    path = project.folder / "config/examples/genc2022/config.yaml"
    config = yaml.safe_load(path.read_text())
    short = {"steps": 150, "batch_size": 4, "patch_px": 192, "warmup_steps": 10}
    small = {"levels": 4, "base_filters": 8}
    config["train"] |= short | {"learning_rate": 3e-3, "network": small}
    config["predict"] = {"average": "none"}
    path.write_text(yaml.safe_dump(config))
    run = project.snakemake("--configfile", "config/examples/genc2022/config.yaml")
    assert run.returncode == 0, run.stdout + run.stderr
    return project.folder / "results"


def test_the_split_is_by_blocks_of_slices(results):
    split = json.loads((results / "models/genc2022/05_train/training.json").read_text())["split"]
    parts = split["genc2022"]
    assert len(parts["train"]) == 35
    assert len(parts["test"]) == 8
    assert {name[:12] for name in parts["test"]} <= {f"set2_slice{n}" for n in range(10, 15)}
    assert not set(parts["train"]) & set(parts["test"])


def test_the_leak_check_and_the_baselines_stand_beside_the_scores(results):
    training = json.loads((results / "models/genc2022/05_train/training.json").read_text())
    assert training["leak"]["nearest_correlation"] < 0.85
    # Two thresholds after a blur, fitted on the training part alone, are hard to beat for Pt.
    thresholds = training["baseline"]["thresholds"]
    assert thresholds["alumina"]["dsc"] == pytest.approx(0.924, abs=0.005)
    assert thresholds["pt"]["dsc"] == pytest.approx(0.779, abs=0.005)
    assert training["baseline"]["copy_nearest"]["alumina"]["dsc"] == pytest.approx(0.79, abs=0.01)
    assert training["baseline"]["copy_nearest"]["pt"]["dsc"] < 0.2


def test_the_temperature_makes_the_network_less_sure_at_boundaries(results):
    training = json.loads((results / "models/genc2022/05_train/training.json").read_text())
    assert training["temperature_from"] == "train"  # the example has no validation part
    assert 1 < training["temperature"] < 10


def test_a_short_training_has_learnt_something(results):
    metrics = json.loads((results / "genc2022/07_evaluate/metrics.json").read_text())
    assert metrics["classes"]["alumina"]["dsc"]["mean"] > 0.80
    assert metrics["classes"]["background"]["dsc"]["mean"] > 0.95
    assert metrics["classes"]["pt"]["dsc"]["n"] == 8
    assert (results / "genc2022/09_report/report.html").stat().st_size > 100_000


def test_loose_images_make_no_surfaces(results):
    assert not (results / "genc2022/08_surfaces").exists()
