"""Training on arrays is the training of the stage."""

import numpy as np
import pytest
import tifffile

from catomo.network import unet
from catomo.network.model_file import Model, weights_sha256
from catomo.predict.segmentation import segment
from catomo.train.settings import Train
from catomo.train.stage import train
from catomo.train.training import train_unet
from helpers.slices import TINY, make_slices

unet.start(threads=2)  # before anything else wakes TensorFlow

QUICK = {name: value for name, value in TINY.items() if name != "split"} | {"steps": 12}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """What the stage learns from six slices, all of them for training."""
    place = tmp_path_factory.mktemp("train")
    make_slices(place / "slices", count=6)
    settings = QUICK | {"split": {"test_fraction": 0.0}}
    train([("d", place / "slices", "truth")], place / "out", Train.model_validate(settings))
    return place


def arrays(place):
    return (tifffile.imread(place / "slices" / f"{n}.tif") for n in ("slices", "truth_labels"))


@pytest.mark.parametrize("own_net", [False, True])
def test_arrays_give_the_weights_of_the_stage_and_nothing_is_written(
    stage, tmp_path, monkeypatch, own_net
):
    monkeypatch.chdir(tmp_path)
    net = None
    if own_net:
        unet.start(2, QUICK["seed"])
        precision = unet.resolved_precision("auto")
        net = unet.build_unet(3, **QUICK["network"], precision=precision)
    model = train_unet(*arrays(stage), net, pixel_size_nm=0.25, **QUICK)
    theirs = Model.load(stage / "out" / "model.keras")
    assert weights_sha256(model.net) == weights_sha256(theirs.net)
    assert model.info.temperature == theirs.info.temperature
    assert model.info.taught == theirs.info.taught
    assert list(tmp_path.iterdir()) == []
    model.save(tmp_path / "mine.keras")
    images, _ = arrays(stage)
    for mine, saved in zip(
        segment(model, images[:1]), segment(tmp_path / "mine.keras", images[:1]), strict=True
    ):
        np.testing.assert_array_equal(mine, saved)


def test_a_net_of_two_classes_learns_two(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.zeros((4, 32, 32), np.uint8)
    labels[:, 8:24, 8:24] = 1
    images = np.clip(60 + 120 * labels + rng.normal(scale=9, size=labels.shape), 0, 255)
    images = images.astype(np.uint8)
    net = unet.build_unet(2, levels=2, base_filters=8)
    model = train_unet(images, labels, net, steps=80, learning_rate=5e-3, batch_size=4, patch_px=32)
    assert model.net is net
    assert model.info.classes == ["class_0", "class_1"]
    predicted, confidence = segment(model, images)
    assert np.mean(predicted == labels) > 0.97
    assert predicted.dtype == confidence.dtype == np.uint8
    assert predicted.shape == confidence.shape == images.shape
    model.save(tmp_path / "m.keras")
    assert Model.load(tmp_path / "m.keras").info.pixel_size_nm is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 8, 8))}, r"images: found float64 of shape \(2, 8, 8\)"),
        ({"labels": np.zeros((2, 8, 9), np.uint8)}, r"labels: found shape \(2, 8, 9\)"),
        ({"labels": np.full((2, 8, 8), 3, np.uint8)}, "labels: found 3, must be a class 0 … 2"),
        ({"labels": np.full((2, 8, 8), 255, np.uint8)}, "no pixel is annotated"),
        ({"init_from": "m.keras"}, "init_from: found in the settings of train_unet"),
        ({"stepz": 3}, "stepz"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    plain = {"images": np.ones((2, 8, 8), np.uint8), "labels": np.zeros((2, 8, 8), np.uint8)}
    with pytest.raises(ValueError, match=message):
        train_unet(**plain | change)
