"""Prediction: every slice labelled, the same bytes each time, unfit models refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

import catomo
from catomo.errors import UserError
from catomo.files.store import read_pages
from catomo.labels.tie import mark_of
from catomo.network import draft, unet
from catomo.network.errors import Errors
from catomo.network.levels import Contrast, Levels
from catomo.network.model_info import InputScaling
from catomo.network.temperature import tempered
from catomo.predict.settings import Predict
from catomo.predict.stage import predict
from catomo.record.hashes import sha256_of
from catomo.slices.settings import Slices
from catomo.slices.stage import slices_of_stack
from catomo.train.settings import Train
from catomo.train.stage import train
from helpers.models import CLASSES, make_model, write_noise
from helpers.records import rewrite

pytestmark = pytest.mark.slow

unet.start(threads=2)  # before anything else wakes TensorFlow


@pytest.fixture
def slices(tmp_path):
    return write_noise(tmp_path / "slices", (5, 30, 44))


def test_labels_and_confidence_are_those_of_the_network(tmp_path, slices):
    model, net = make_model(tmp_path / "m.keras")
    settings = Predict(average="none", precision="float32", batch_px=3000)
    predict(slices, model, tmp_path / "out", settings)
    labels = read_pages(tmp_path / "out" / "labels.tif")
    confidence = read_pages(tmp_path / "out" / "confidence.tif")
    stack = read_pages(slices / "slices.tif")
    padded = np.pad(stack, ((0, 0), (0, 2), (0, 0)), mode="reflect")
    expected = unet.forward_of(net)(padded).numpy()[:, :30]
    np.testing.assert_array_equal(labels, expected.argmax(axis=-1))
    assert np.abs(confidence - 255 * expected.max(axis=-1)).max() < 0.51
    record = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert sorted(record["files"]) == ["confidence.tif", "expected_dsc.csv", "labels.tif"]
    assert record["fractions"] == {
        name: np.count_nonzero(labels == label) / labels.size for label, name in enumerate(CLASSES)
    }
    assert record["model"]["sha256"] == sha256_of(model)
    assert record["tiled"] is False
    assert record["device"] == unet.device()


@pytest.mark.parametrize("whole_slice_max_px", [0, 10**6])
def test_again_gives_the_same_bytes_whatever_the_batch(tmp_path, slices, whole_slice_max_px):
    model, _ = make_model(tmp_path / "m.keras")
    common = {"whole_slice_max_px": whole_slice_max_px, "tile_px": 16, "overlap_px": 8}
    predict(slices, model, tmp_path / "a", Predict(**common))
    predict(slices, model, tmp_path / "b", Predict(**common))
    for name in ("labels.tif", "confidence.tif", "prediction.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 9), (1, 70, 3)])
def test_slices_of_any_size_pass(tmp_path, shape):
    slices = write_noise(tmp_path / "slices", shape)
    model, net = make_model(tmp_path / "m.keras")
    settings = Predict(average="none", precision="float32")
    predict(slices, model, tmp_path / "out", settings)
    more = [(0, -n % 4) for n in shape[1:]]
    padded = np.pad(read_pages(slices / "slices.tif"), [(0, 0), *more], mode="reflect")
    expected = unet.forward_of(net)(padded).numpy()[:, : shape[1], : shape[2]]
    labels = read_pages(tmp_path / "out" / "labels.tif")
    np.testing.assert_array_equal(labels, expected.argmax(axis=-1))


def test_a_model_that_does_not_fit_is_refused_in_one_line(tmp_path, slices):
    out = tmp_path / "out"
    model, _ = make_model(tmp_path / "coarse.keras", pixel_size_nm=0.127)
    with pytest.raises(UserError, match=r"learnt at 0\.127 nm per pixel, .* has 0\.12"):
        predict(slices, model, out, Predict())
    model, _ = make_model(tmp_path / "other.keras", classes=["background", "zeolite", "pt"])
    with pytest.raises(UserError, match="knows the classes background, zeolite, pt"):
        predict(slices, model, out, Predict())
    model, _ = make_model(tmp_path / "scaled.keras", input=InputScaling("uint8", 1.0))
    with pytest.raises(UserError, match=r"takes uint8 times 1\.0, slices are uint8 times 1/255"):
        predict(slices, model, out, Predict())
    model, _ = make_model(tmp_path / "unknown.keras", pixel_size_nm=None)
    with pytest.raises(UserError, match=r"learnt at an unknown pixel size, .* has 0\.12"):
        predict(slices, model, out, Predict())
    with pytest.raises(UserError, match="model file not found"):
        predict(slices, tmp_path / "none.keras", out, Predict())
    with pytest.raises(UserError, match=r"found no training\.json"):
        predict(slices, tmp_path, out, Predict())
    assert not out.exists()


def test_a_model_of_before_says_that_nobody_can_tell_whether_it_fits(tmp_path, slices, capsys):
    model, _ = make_model(tmp_path / "m.keras")
    predict(slices, model, tmp_path / "out", Predict())
    record = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert record["fit"]["judged"] is False
    assert set(record["expected_dsc"].values()) == {None}
    assert record["annotate_next"] == []
    assert "nobody can tell whether it fits these slices" in capsys.readouterr().err


@pytest.mark.parametrize("learnt_from_phantoms", [False, True])
@pytest.mark.parametrize("specimen", ["real", "phantom"])
def test_what_a_draft_model_finds_is_flagged_as_a_draft(
    tmp_path, slices, capsys, learnt_from_phantoms, specimen
):
    if specimen == "phantom":
        content = json.loads((slices / "slices.json").read_text())
        content["files"]["truth_labels.tif"] = {"sha256": "0"}
        (slices / "slices.json").write_text(json.dumps(content))
    model, _ = make_model(tmp_path / "m.keras", draft=learnt_from_phantoms)
    predict(slices, model, tmp_path / "out", Predict(average="none"))
    record = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert record["draft"] is learnt_from_phantoms
    warned = learnt_from_phantoms and specimen == "real"
    assert (draft.TITLE in capsys.readouterr().err) is warned


def test_a_model_within_five_percent_is_taken(tmp_path, slices):
    model, _ = make_model(tmp_path / "near.keras", pixel_size_nm=0.125)
    predict(slices, model, tmp_path / "out", Predict())
    assert (tmp_path / "out" / "prediction.json").is_file()


def test_the_temperature_of_the_model_changes_the_confidence_and_no_label(tmp_path, slices):
    plain, net = make_model(tmp_path / "plain.keras", temperature=None)
    warm, _ = make_model(tmp_path / "warm.keras", temperature=2.5)
    settings = Predict(average="none", precision="float32", write_probabilities=True)
    predict(slices, plain, tmp_path / "plain", settings)
    predict(slices, warm, tmp_path / "warm", settings)
    padded = np.pad(read_pages(slices / "slices.tif"), ((0, 0), (0, 2), (0, 0)), mode="reflect")
    expected = tempered(unet.forward_of(net)(padded)[:, :30], 2.5).numpy()
    found = {
        name: read_pages(tmp_path / "warm" / f"{name}.tif")
        for name in ("labels", "confidence", *(f"probability_{c}" for c in CLASSES))
    }
    np.testing.assert_array_equal(found["labels"], read_pages(tmp_path / "plain" / "labels.tif"))
    for label, name in enumerate(CLASSES):
        assert np.abs(found[f"probability_{name}"] - 255 * expected[..., label]).max() < 0.51
    np.testing.assert_array_equal(
        found["confidence"], np.max([found[f"probability_{name}"] for name in CLASSES], axis=0)
    )
    records = [
        json.loads((tmp_path / name / "prediction.json").read_text()) for name in ("plain", "warm")
    ]
    assert [record["temperature"] for record in records] == [1.0, 2.5]
    assert [record["calibrated"] for record in records] == [False, True]
    assert "probability_pt.tif" in records[1]["files"]


def test_the_record_tells_whether_the_errors_are_those_of_this_specimen(tmp_path, slices):
    mark = mark_of(read_pages(slices / "slices.tif")[1])
    for name, marks, is_draft, told in (
        ("own", [mark], False, {"here": True, "of_a_kind": True}),
        ("other", ["another"], False, {"here": False, "of_a_kind": True}),
        ("phantoms", ["another"], True, {"here": False, "of_a_kind": False}),
    ):
        errors = Errors(2.5, 0.1, 3, marks, 5)
        model, _ = make_model(tmp_path / f"{name}.keras", errors=errors, draft=is_draft)
        predict(slices, model, tmp_path / name, Predict(average="none"))
        record = json.loads((tmp_path / name / "prediction.json").read_text())
        known = {"length_px": 2.5, "common": 0.1, "images": 3, "specimens": 5}
        assert record["errors"] == known | told


KILLED = """
import os, signal, sys
from catomo.predict import slabs
from catomo.predict.stage import predict
from catomo.predict.settings import Predict

save = slabs.Slabs.save

def save_or_die(self, number, arrays):
    if number == 3:  # in the middle of a slab
        self._path(number).with_suffix(".partial").write_bytes(b"half a slab")
        os.kill(os.getpid(), signal.SIGKILL)
    save(self, number, arrays)

slabs.Slabs.save = save_or_die
predict(*sys.argv[1:4], Predict.model_validate_json(sys.argv[4]))
"""


def test_killed_and_started_again_gives_the_bytes_of_an_undisturbed_run(tmp_path, slices, capsys):
    model, _ = make_model(tmp_path / "m.keras", temperature=1.7)
    settings = Predict(batch_px=30 * 44, write_probabilities=True)  # a slice at a time
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILLED, slices, model, out, settings.model_dump_json()]
    workflow = Path(catomo.__file__).parents[1]
    run = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(workflow)}, check=False)
    assert run.returncode == -signal.SIGKILL
    assert not (out / "prediction.json").exists()
    predict(slices, model, out, settings)
    assert "goes on after 3 slices" in capsys.readouterr().err
    predict(slices, model, tmp_path / "undisturbed", settings)
    names = sorted(path.name for path in out.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "undisturbed").iterdir())
    assert [name for name in names if name.startswith(".")] == [".predict.files"]
    for name in names:
        assert (out / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


def test_slices_labelled_on_another_kind_of_device_are_not_taken(
    tmp_path, slices, monkeypatch, capsys
):
    model, _ = make_model(tmp_path / "m.keras")
    settings = Predict(average="none", batch_px=30 * 44)

    def full(*_):
        raise OSError("no space left")

    with monkeypatch.context() as before:
        before.setattr(unet, "device", lambda: "gpu")
        before.setattr("catomo.predict.stage.write_labels", full)
        with pytest.raises(OSError, match="no space left"):
            predict(slices, model, tmp_path / "out", settings)
    assert list((tmp_path / "out" / ".predict.slabs").iterdir())
    capsys.readouterr()
    predict(slices, model, tmp_path / "out", settings)
    said = capsys.readouterr().err
    assert "another prediction" in said
    assert "goes on after" not in said
    assert json.loads((tmp_path / "out/prediction.json").read_text())["device"] == "cpu"


@pytest.fixture(scope="module")
def catalyst(tmp_path_factory):
    """A model that learnt alumina, 1.0, with Pt, 20.0, and a function that labels volumes."""
    place = tmp_path_factory.mktemp("catalyst")
    volume, labels = specimen(30, seed=0)
    (place / "labels").mkdir()
    for k in range(2, 40, 3):
        tifffile.imwrite(place / "labels" / f"slice_{k:04d}.tif", labels[k])
    small = {"steps": 200, "learning_rate": 3e-3, "warmup_steps": 20, "batch_size": 4}
    small |= {"patch_px": 64, "network": {"levels": 3, "base_filters": 8}}
    tifffile.imwrite(place / "with_pt.tif", volume, photometric="minisblack")
    slices_of_stack(place / "with_pt.tif", place / "a", Slices(), "a", 0.5)
    train([("a", place / "a", place / "labels")], place / "05", Train.model_validate(small))

    def labelled(name, values, **settings):
        tifffile.imwrite(place / f"{name}.tif", values, photometric="minisblack")
        slices_of_stack(place / f"{name}.tif", place / name, Slices(**settings), "b", 0.5)
        predict(place / name, place / "05", place / f"{name}_06", Predict(average="none"))
        record = json.loads((place / f"{name}_06" / "prediction.json").read_text())
        return read_pages(place / f"{name}_06" / "labels.tif"), record["levels"]

    return labelled


def specimen(balls, seed):
    """An aggregate of small crystals of alumina, 1.0, with Pt on it, 20.0; and its labels."""
    rng = np.random.default_rng(seed)
    y, z, x = np.indices((40, 64, 64))

    def ball(centre, radius):
        return sum((a - c) ** 2 for a, c in zip((y, z, x), centre, strict=True)) <= radius**2

    alumina = np.zeros(y.shape, bool)
    for _ in range(25):
        alumina |= ball(rng.uniform((4, 16, 16), (36, 48, 48)), rng.uniform(3, 6))
    labels = alumina.astype(np.uint8)
    surface = np.argwhere(alumina & ~ndimage.binary_erosion(alumina))
    for centre in surface[rng.integers(len(surface), size=balls)]:
        labels[ball(centre, rng.uniform(2, 4))] = 2
    volume = ndimage.gaussian_filter(np.array([0, 1.0, 20.0])[labels], 0.7)
    volume = np.maximum(volume + rng.normal(0, 0.1, volume.shape), 0)
    return volume.astype(np.float32), labels


@pytest.mark.parametrize(
    ("balls", "change"),
    [
        (0, lambda v: v),
        (0, lambda v: (v - v.mean()) / v.std()),
        (2, lambda v: np.rint(800 * v).astype(np.uint16)),
        (60, lambda v: 3 * v),
    ],
)
def test_specimens_of_a_kind_are_labelled_alike_whatever_they_carry(catalyst, balls, change):
    volume, truth = specimen(balls, seed=1)
    labels, levels = catalyst("other", change(volume))
    found, true = (np.count_nonzero(of == 2) for of in (labels, truth))
    assert abs(found - true) <= 0.2 * true + 0.005 * np.count_nonzero(truth)
    assert levels["factor"] is not None


def test_levels_that_cannot_be_found_are_told_and_can_be_set_by_hand(catalyst, capsys):
    solid = np.random.default_rng(0).normal(1, 0.02, (8, 40, 40)).astype(np.float32)
    _, levels = catalyst("solid", solid)
    [note] = levels["notes"]
    assert "set slices.background and slices.support" in note
    assert note in capsys.readouterr().err
    labels, levels = catalyst("set", solid, background=0.0, support=1.0)
    assert levels["factor"] == pytest.approx(1, abs=0.12)
    assert np.count_nonzero(labels == 2) == 0


def test_two_supports_that_are_as_likely_stop_the_prediction_until_one_is_named(tmp_path, slices):
    """A film and a support at values that no dose explains."""
    record = slices / "slices.json"
    content = json.loads(record.read_text())
    contrast = Contrast(0.0, 255.0, 0.5, "percentiles")
    learnt = Levels(contrast, 0.0, (12.0,), 255.0)
    model, _ = make_model(tmp_path / "m.keras", levels=learnt)

    def write(peaks):
        levels = Levels(contrast, 0.0, peaks, 255.0)
        rewrite(record, content | {"levels": levels.record()})

    write((3.0, 60.0))
    words = r"slices\.json: the support has the value 3 \(factor 0\.25\) or 60 \(factor 5\)"
    with pytest.raises(UserError, match=words) as error:
        predict(slices, model, tmp_path / "out", Predict())
    assert "set slices.background and slices.support" in str(error.value)
    assert not (tmp_path / "out").exists()
    write((60.0,))  # as slices.support: 60 writes it
    predict(slices, model, tmp_path / "out", Predict())
    made = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert made["levels"]["factor"] == 5
