"""`catomo check` names what contradicts a model before anything runs, and each way out works."""

import json
import zipfile

import h5py
import numpy as np
import pytest
import tifffile
import yaml

from catomo.network.model_info import ModelInfo
from catomo.network.size import UNetSize
from catomo.plan.check import check
from catomo.record.record import committing
from catomo.train.settings import Train
from conftest import ROOT
from helpers.records import rewrite

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
CLASSES = ["background", "alumina", "pt"]
SMALL = {"network": {"levels": 3, "base_filters": 4}}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A stack of 8 bits and one of floats, each of six slices, with labels for both."""
    monkeypatch.chdir(tmp_path)
    greys = np.random.default_rng(0).integers(1, 255, (6, 48, 64), dtype=np.uint8)
    labels = (greys // 86).astype(np.uint8)
    for name, stack in {"a": greys, "b": greys.astype(np.float32), "labels": labels}.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", stack, photometric="minisblack", metadata=None)
    return tmp_path


def write_model(path, channels=1, outputs=3, classes=CLASSES, size_nm=0.5, **more):
    """Write a model file as far as it is looked at without building its network."""
    info = ModelInfo(classes, size_nm, UNetSize(**SMALL["network"])).to_json() | more
    first = {"config": {"batch_shape": [None, None, None, channels]}}
    layers = [first, {"config": {"filters": outputs}}]
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["kernel"] = np.random.default_rng(1).normal(size=8000).astype(np.float32)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("catomo.json", json.dumps(info))
        file.writestr("config.json", json.dumps({"config": {"layers": layers}}))
        file.write(path.with_suffix(".h5"), "model.weights.h5")
    path.with_suffix(".h5").unlink()
    return path


def row(name, stack, size=0.5, labels="", model="", trains=""):
    return f"{name}\tslices\t{stack}.tif\t\t{size}\t{labels}\t{model}\t{trains}\n"


def said(*rows, **config):
    """Return the problems of a check, and what else it says of models."""
    with open("table.tsv", "w") as table:
        table.write(HEADER + "".join(rows))
    with open("config.yaml", "w") as file:
        yaml.safe_dump({"datasets": "table.tsv", **config}, file)
    problems, lines = check(["config.yaml"])
    assert not any("\n" in line for line in problems + lines)
    words = ("model", "greys", "trained", "training.json")
    told = [line.strip() for line in lines if "→" not in line and any(w in line for w in words)]
    return problems, [line for line in told if not line.startswith(("train ", "predict "))]


WRONG_FILES = {
    "names": ({"classes": ["background", "titania", "pt"]}, "knows the classes background, tit"),
    "order": ({"classes": ["background", "pt", "alumina"]}, "knows the classes background, pt"),
    "number": (
        {"classes": CLASSES[:2], "outputs": 2},
        "the classes background, alumina, the",
    ),
    "size": ({"size_nm": 0.6}, "the model learnt at 0.6 nm per pixel, a has 0.5; bring"),
    "unknown": ({"size_nm": None}, "the model learnt at an unknown pixel size, a has 0.5"),
    "scale": ({"input": {"dtype": "uint8", "scale": 1}}, "takes uint8 times 1, slices are uint8"),
    "dtype": ({"input": {"dtype": "float32", "scale": 1 / 255}}, "the model takes float32 times"),
    "channels": ({"channels": 3}, "the network takes 3 channels per pixel, slices have one grey"),
    "outputs": ({"outputs": 5}, "the network gives 5 classes, but the file names 3"),
}


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_a_ready_model_that_does_not_fit_is_named(here, wrong):
    changes, message = WRONG_FILES[wrong]
    of_dataset = row("a", "a", model="ready.keras", trains="no")
    write_model(here / "ready.keras", **changes)
    [problem], _ = said(of_dataset)
    assert problem.startswith("a: ready.keras: ")
    assert message in problem
    write_model(here / "ready.keras")
    assert said(of_dataset)[0] == []


def test_a_model_of_another_program_is_one_line(here):
    with zipfile.ZipFile(here / "ready.keras", "w") as file:
        file.writestr("config.json", "{}")
    [problem], _ = said(row("a", "a", model="ready.keras", trains="no"))
    assert "ready.keras: holds no catomo.json, so its classes and pixel size are unknown" in problem


def test_whence_a_ready_model_comes_is_told(here):
    (here / "05_train").mkdir()
    of_dataset = row("a", "a", model="05_train/model.keras", trains="no")
    path = write_model(here / "05_train/model.keras")
    [told] = said(of_dataset)[1]
    assert told == f"{path.relative_to(here)}: has no training.json beside it, so how it was " + (
        "trained is not known"
    )
    path.unlink()
    with committing(here / "05_train", "train", Train()) as out:
        write_model(out.path("model.keras"))
    assert said(of_dataset) == ([], [])
    record = json.loads((here / "05_train/training.json").read_text())
    other = record | {"code": "0" * 64, "catomo": "0.1"}
    rewrite(here / "05_train/training.json", other)
    [told] = said(of_dataset)[1]
    assert told.endswith("was trained by other code (catomo 0.1)")
    write_model(path, preset="paper")
    [told] = said(of_dataset)[1]
    assert told.endswith("is not the file that training.json beside it describes")


def test_pixel_sizes_of_one_model_must_agree(here):
    learns = row("a", "a", labels="labels.tif", model="m", trains="yes")
    [problem], _ = said(learns, row("b", "a", size=0.6, model="m"))
    assert problem.startswith("model m: the model learnt at 0.5 nm per pixel, b has 0.6; bring")
    two = row("b", "a", size=0.6, labels="labels.tif", model="m", trains="yes")
    [problem], _ = said(learns, two)
    assert problem.startswith("model m: b: pixel_size_nm is 0.6, but 0.5 in 'a'")
    assert said(learns, row("b", "a", size=0.51, model="m")) == ([], [])


def test_a_series_and_a_phantom_are_compared_by_what_their_files_say(here):
    specimen = ROOT / "resources/phantoms/demo-128.yaml"
    size = yaml.safe_load(specimen.read_text())["pixel_size_nm"]
    images = np.random.default_rng(1).normal(100, 5, (5, 64, 64)).astype(np.float32)
    tifffile.imwrite(here / "series.tif", images, photometric="minisblack")
    (here / "series.tlt").write_text("-4\n-2\n0\n2\n4\n")
    phantom = f"p\tphantom\t{specimen}\t\t\ttruth\tm\tyes\n"
    series = f"s\ttilt_series\tseries.tif\tseries.tlt\t{size}\t\tm\n"
    assert said(phantom, series)[0] == []
    [problem], _ = said(phantom, series, tilt_series={"import": {"bin": 2}})
    assert f"model m: the model learnt at {size:g} nm per pixel, s has {2 * size:g}" in problem


def test_greys_that_come_about_in_another_way_are_told(here):
    learns = row("a", "b", labels="labels.tif", model="m", trains="yes")
    labels = row("b", "b", model="m")
    assert said(learns, labels) == ([], [])
    problems, [told] = said(learns, row("b", "a", model="m"))
    assert problems == []
    assert told.startswith("b: its greys are kept as they came, of 8 bits, but model m learns")
    assert "whose greys are scaled from its values" in told
    levels = {"background": 10.0, "support": 80.0}
    by_hand = {"b": {"slices": levels}}
    assert said(learns, row("b", "a", model="m"), overrides=by_hand) == ([], [])


def test_a_model_to_start_from_must_fit(here):
    learns = row("a", "a", labels="labels.tif", model="m")
    start = {"train": {"init_from": "ready.keras", **SMALL}}
    for changes, message in (
        ({"size_nm": 0.6}, "ready.keras learnt at 0.6 nm per pixel, the slices have 0.5"),
        ({"classes": ["background", "pt", "alumina"]}, "has classes background, pt, alumina, the"),
    ):
        write_model(here / "ready.keras", **changes)
        [problem], _ = said(learns, **start)
        assert problem.startswith("model m: train.init_from: ready.keras ")
        assert message in problem
    write_model(here / "ready.keras")
    assert said(learns, **start)[0] == []
    [problem], _ = said(learns, train={"init_from": "ready.keras"})
    assert "has network base_filters 4, levels 3, the settings say base_filters 16" in problem
    two = row("b", "a", labels="labels.tif", model="n")
    over = {"n": {"train": {"init_from": "m"}}, "m": {"train": SMALL}}
    [problem], _ = said(learns, two, overrides=over)
    assert problem.startswith("model n: train.init_from: model m has network base_filters 4")
    assert said(learns, two, overrides=over, train=SMALL)[0] == []


def test_a_training_window_larger_than_the_slices_is_told_where_somebody_set_it(here):
    learns = row("a", "a", labels="labels.tif", model="m")
    assert said(learns) == ([], [])
    assert said(learns, train={"patch_px": 64}) == ([], [])
    problems, [told] = said(learns, train={"patch_px": 128})
    assert problems == []
    assert told == (
        "model m: train.patch_px is 128, but no slice has more than 48 x 64 px; they are used whole"
    )


def test_what_a_finished_model_was_made_with_is_compared(here):
    learns = row("a", "a", labels="labels.tif", model="m")
    folder = here / "results/models/m/05_train"
    folder.mkdir(parents=True)
    write_model(folder / "model.keras")
    _, [told] = said(learns)
    where = "results/models/m/05_train"
    assert told == f"{where}/model.keras: has no training.json; it is trained again"
    (folder / "model.keras").unlink()
    with committing(folder, "train", Train(seed=3)):
        pass
    _, [told] = said(learns)
    assert told == f"{where}: made with other settings (seed)"
    assert said(learns, train={"seed": 3}) == ([], [])


def test_classes_that_differ_between_stages_and_models_nobody_trains_are_named(here):
    learns = row("a", "a", labels="labels.tif", model="m")
    [problem], _ = said(learns, row("b", "a", model="none"))
    assert "dataset b: model 'none' is trained by no dataset" in problem
    other = [{"name": n, "title": n, "colour": "#000000"} for n in ("background", "pt", "alumina")]
    problems, _ = said(learns, overrides={"m": {"train": {"classes": other}}})
    assert any("overrides.m.train.classes: found background, pt, alumina for train" in p
               for p in problems)  # fmt: skip
