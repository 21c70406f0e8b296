"""Segmentation of arrays equals that of the stage, slice by slice."""

import numpy as np
import pytest

from catomo.files.store import read_pages
from catomo.network import unet
from catomo.network.accuracy import soft_sums
from catomo.network.model_file import Model
from catomo.predict.segmentation import decided, segment
from catomo.predict.settings import Predict
from catomo.predict.stage import predict
from helpers.models import make_model, write_noise

unet.start(threads=2)  # before anything else wakes TensorFlow


@pytest.mark.parametrize("average", ["none", "flips"])
def test_arrays_give_the_bytes_of_the_stage_and_nothing_is_written(tmp_path, monkeypatch, average):
    slices = write_noise(tmp_path / "slices", (5, 30, 44))
    file, _ = make_model(tmp_path / "m.keras", temperature=1.7)
    predict(slices, file, tmp_path / "out", Predict(average=average))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    stack = read_pages(slices / "slices.tif")
    for model in (file, Model.load(file)):
        arrays = segment(model, stack, average)
        for name, array in zip(("labels", "confidence"), arrays, strict=True):
            np.testing.assert_array_equal(array, read_pages(tmp_path / "out" / f"{name}.tif"))
    assert list((tmp_path / "empty").iterdir()) == []


def test_slices_that_are_no_stack_of_bytes_are_refused(tmp_path):
    file, _ = make_model(tmp_path / "m.keras")
    for wrong in (np.zeros((8, 8), np.uint8), np.zeros((1, 8, 8), np.float32)):
        with pytest.raises(ValueError, match="slices: found"):
            segment(file, wrong)
    with pytest.raises(ValueError, match="average: found 'turn'"):
        segment(file, np.zeros((1, 8, 8), np.uint8), "turn")


def test_ties_go_to_the_first_class():
    p = np.float32([[[[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.1, 0.2, 0.7]]]])
    assert decided(p, 3.0)["labels"].numpy().tolist() == [[[0, 1, 2]]]


def test_the_sums_of_soft_dice_are_those_of_arrays():
    p = np.random.default_rng(0).dirichlet([0.3] * 3, (2, 9, 7)).astype(np.float32)
    arrays = {name: np.asarray(value) for name, value in decided(p, 1.0).items()}
    for sums, slice_, labels in zip(arrays["sums"], p, arrays["labels"], strict=True):
        np.testing.assert_allclose(sums, soft_sums(slice_, labels), atol=20)  # of 4e6


def test_more_slices_pass_a_gpu_at_once_unless_the_setting_says_how_many():
    assert Predict().inference().slices_at_once(512, 1024, "cpu") == 1
    assert Predict().inference().slices_at_once(512, 1024, "gpu") == 8
    assert Predict().inference().slices_at_once(8000, 8000, "gpu") == 1
    for device in ("cpu", "gpu"):
        asked = Predict(batch_px=3 * 512 * 1024).inference()
        assert asked.slices_at_once(512, 1024, device) == 3
