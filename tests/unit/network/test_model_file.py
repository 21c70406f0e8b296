"""A model file keeps network and description, holds no date, and names what it lacks."""

import json
import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest

from catomo.errors import UserError
from catomo.network import unet
from catomo.network.accuracy import Accuracy
from catomo.network.appearance import Appearance
from catomo.network.model_file import Model, locate, read_info, weights_sha256
from catomo.network.model_info import InputScaling, ModelInfo
from catomo.network.size import UNetSize

unet.start(threads=2)  # before anything else wakes TensorFlow

SIZE = UNetSize(3, 4)


def made(seed=3, precision="float32", **more):
    unet.start(2, seed=seed)
    net = unet.build_unet(3, SIZE.levels, SIZE.base_filters, precision)
    return Model(net, ModelInfo(["a", "b", "c"], 0.25, SIZE, **more))


def test_a_model_file_keeps_the_network_and_its_bytes_hold_no_date(tmp_path):
    model = made(temperature=1.5, taught=["x", "y"], draft=True)
    model.save(tmp_path / "one.keras")
    made(precision="bfloat16").save(tmp_path / "half.keras")
    model.save(tmp_path / "two.keras")
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()
    again = Model.load(tmp_path / "one.keras", "float32")
    assert again.info == model.info
    for name in ("one", "half"):
        net = Model.load(tmp_path / f"{name}.keras", "float32").net
        assert weights_sha256(net) == weights_sha256(model.net)
    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8), dtype=np.uint8)
    one, two = (unet.forward_of(net)(image).numpy() for net in (model.net, again.net))
    np.testing.assert_array_equal(one, two)
    plain = keras.models.load_model(tmp_path / "one.keras")
    np.testing.assert_array_equal(plain.get_weights()[0], model.net.get_weights()[0])


def test_the_description_has_its_keys_and_old_files_have_fewer():
    info = ModelInfo(["a", "b"], 0.12, UNetSize(6, 16), preset="paper", taught=["m"])
    content = info.to_json()
    assert content == {
        "classes": ["a", "b"],
        "pixel_size_nm": 0.12,
        "input": {"scale": 1 / 255, "dtype": "uint8"},
        "network": {"levels": 6, "base_filters": 16},
        "downsampling": 32,
        "preset": "paper",
        "draft": False,
        "taught": ["m"],
        "temperature": None,
        "levels": None,
        "errors": None,
        "accuracy": None,
        "missing_wedge_deg": None,
        "appearance": (),
    }
    assert ModelInfo.from_json(json.loads(json.dumps(content))) == info
    few = {name: content[name] for name in ("classes", "pixel_size_nm", "network")}
    assert ModelInfo.from_json(few).input == InputScaling()
    looks = Appearance((1.0, None), (1.0, 2.0), (1.0, 2.0), (3.0, None), (None, 9.0), (None, 8.0))
    right = Accuracy([1.0, None], [0.5, None], [0.9, None], 6.0, "test", 4, 1)
    more = replace(info, accuracy=right, appearance=(looks, looks))
    assert ModelInfo.from_json(json.loads(json.dumps(more.to_json()))) == more


@pytest.mark.parametrize(
    "figures",
    [
        {"accuracy": Accuracy([1.0], [0.5], [0.9], 6.0, "test", 4, 1)},
        {"appearance": (Appearance(*[(1.0,)] * 6),)},
    ],
)
def test_figures_that_are_not_of_its_classes_are_refused(tmp_path, figures):
    model = made(**figures)
    model.save(tmp_path / "m.keras")
    with pytest.raises(UserError, match="must be figures of each class"):
        Model.load(tmp_path / "m.keras")


@pytest.mark.parametrize(
    ("learnt_nm", "slices_nm", "fits"),
    [(0.25, 0.25, True), (0.25, 0.26, True), (0.25, 0.27, False), (None, 0.25, False)],
)
def test_a_pixel_size_fits_within_five_percent(learnt_nm, slices_nm, fits):
    assert ModelInfo(["a", "b"], learnt_nm).has_pixel_size(slices_nm) is fits


def test_a_file_that_is_no_model_of_catomo_is_refused_in_one_line(tmp_path):
    with pytest.raises(UserError, match="model file not found"):
        read_info(tmp_path / "none.keras")
    (tmp_path / "text.keras").write_text("no zip")
    with pytest.raises(UserError, match="not a zip"):
        read_info(tmp_path / "text.keras")
    for name, content, message in (
        ("other.json", {}, r"holds no catomo\.json"),
        ("catomo.json", {"classes": ["a"]}, "does not describe a model.*network"),
    ):
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as file:
            file.writestr(name, json.dumps(content))
        with pytest.raises(UserError, match=message):
            read_info(tmp_path / "m.keras")


def test_a_model_is_found_through_an_environment_variable(tmp_path, monkeypatch):
    """As the check of the plan and the parameters of the rules expand it."""
    monkeypatch.setenv("MODELS", str(tmp_path))
    file = tmp_path / "ready.keras"
    assert locate("${MODELS}/ready.keras") == (file, file)
    (tmp_path / "training.json").write_text('{"stage": "train", "files": {"model.keras": {}}}')
    with pytest.raises(UserError, match=r"model\.keras: file is missing"):
        locate("$MODELS")
