"""Prediction: every slice labelled, the same bytes each time, unfit models refused."""

import json

import numpy as np
import pytest

from catomo import model_file, unet
from catomo.errors import UserError
from catomo.hashes import sha256_of
from catomo.predict import predict
from catomo.settings.predict import Predict
from catomo.store import read_pages, write_stack

unet.start(threads=2)  # before anything else wakes TensorFlow

NETWORK = {"levels": 3, "base_filters": 4}
CLASSES = ["background", "alumina", "pt"]


@pytest.fixture
def slices(tmp_path):
    folder = tmp_path / "slices"
    folder.mkdir()
    stack = np.random.default_rng(0).integers(0, 256, (5, 30, 44), dtype=np.uint8)
    write_stack(folder / "slices.tif", stack, 0.12)
    record = {
        "stage": "slices",
        "names": [f"slice_{i:04d}" for i in range(5)],
        "contiguous": True,
        "shape": [5, 30, 44],
        "pixel_size_nm": 0.12,
        "files": {"slices.tif": {"sha256": sha256_of(folder / "slices.tif")}},
    }
    (folder / "slices.json").write_text(json.dumps(record))
    return folder


def make_model(path, pixel_size_nm=0.12, classes=CLASSES):
    unet.start(2, seed=7)
    net = unet.build(len(classes), **NETWORK)
    about = {
        "classes": classes,
        "pixel_size_nm": pixel_size_nm,
        "network": NETWORK,
        "downsampling": 4,
    }
    model_file.save(net, path, about)
    return path, net


def test_labels_and_confidence_are_those_of_the_network(tmp_path, slices):
    model, net = make_model(tmp_path / "m.keras")
    settings = Predict(average="none", precision="float32", batch_px=3000)
    predict(slices, model, tmp_path / "out", settings)
    labels = read_pages(tmp_path / "out" / "labels.tif")
    confidence = read_pages(tmp_path / "out" / "confidence.tif")
    stack = read_pages(slices / "slices.tif")
    padded = np.pad(stack, ((0, 0), (0, 2), (0, 0)), mode="reflect")
    expected = unet.runner(net)(padded)[:, :30]
    np.testing.assert_array_equal(labels, expected.argmax(axis=-1))
    assert np.abs(confidence - 255 * expected.max(axis=-1)).max() < 0.51
    record = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert sorted(record["files"]) == ["confidence.tif", "labels.tif", "prediction.png"]
    assert record["fractions"] == {
        name: np.count_nonzero(labels == label) / labels.size for label, name in enumerate(CLASSES)
    }
    assert record["model"]["sha256"] == sha256_of(model)
    assert record["tiled"] is False


@pytest.mark.parametrize("whole_slice_max_px", [0, 10**6])
def test_again_gives_the_same_bytes_whatever_the_batch(tmp_path, slices, whole_slice_max_px):
    model, _ = make_model(tmp_path / "m.keras")
    common = {"whole_slice_max_px": whole_slice_max_px, "tile_px": 16, "overlap_px": 8}
    predict(slices, model, tmp_path / "a", Predict(**common))
    predict(slices, model, tmp_path / "b", Predict(**common))
    for name in ("labels.tif", "confidence.tif", "prediction.png", "prediction.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_model_that_does_not_fit_is_refused_in_one_line(tmp_path, slices):
    out = tmp_path / "out"
    model, _ = make_model(tmp_path / "coarse.keras", pixel_size_nm=0.127)
    with pytest.raises(UserError, match=r"learnt at 0\.127 nm per pixel, .* has 0\.12"):
        predict(slices, model, out, Predict())
    model, _ = make_model(tmp_path / "other.keras", classes=["background", "zeolite", "pt"])
    with pytest.raises(UserError, match="knows the classes background, zeolite, pt"):
        predict(slices, model, out, Predict())
    with pytest.raises(UserError, match="model file not found"):
        predict(slices, tmp_path / "none.keras", out, Predict())
    (tmp_path / "text.keras").write_text("no zip")
    with pytest.raises(UserError, match="not a zip"):
        predict(slices, tmp_path / "text.keras", out, Predict())
    with pytest.raises(UserError, match=r"found no training\.json"):
        predict(slices, tmp_path, out, Predict())
    assert not out.exists()


def test_a_model_within_five_percent_is_taken(tmp_path, slices):
    model, _ = make_model(tmp_path / "near.keras", pixel_size_nm=0.125)
    predict(slices, model, tmp_path / "out", Predict())
    assert (tmp_path / "out" / "prediction.json").is_file()
