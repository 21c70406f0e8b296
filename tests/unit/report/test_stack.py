"""Slices of the page: labels without loss, grey values with little, coarser where they must."""

import base64

import imagecodecs
import numpy as np
import pytest

from catomo.files.store import StackWriter, write_labels
from catomo.predict.settings import Predict
from catomo.record.record import committing, read_record
from catomo.report.settings import Report
from catomo.report.stack import binned_mean, stack_for_page
from catomo.slices.settings import Slices

SHAPE, SIZE = (5, 33, 47), 0.5
CLASSES = Report().classes


@pytest.fixture(params=[True, False], ids=["truth", "no truth"])
def records(request, tmp_path):
    rng = np.random.default_rng(3)
    grey = np.clip(rng.normal(120, 20, SHAPE), 0, 255).astype(np.uint8)
    labels = rng.integers(0, 3, SHAPE).astype(np.uint8)
    common = {"pixel_size_nm": SIZE, "shape": SHAPE, "names": list("abcde"), "contiguous": True}
    with committing(tmp_path / "04", "slices", Slices(), {}) as out:
        with StackWriter(out.path("slices.tif"), SHAPE, np.uint8, SIZE) as writer:
            writer.write(0, grey)
        if request.param:
            write_labels(out.path("truth_labels.tif"), 2 - labels, SHAPE, SIZE)
        out.record |= common | {"contrast": {"gamma": 0.5}}
    slices = read_record(tmp_path / "04", "slices")
    with committing(tmp_path / "06", "predict", Predict(), {"slices": slices}) as out:
        write_labels(out.path("labels.tif"), labels, SHAPE, SIZE)
        write_labels(out.path("confidence.tif"), grey, SHAPE, SIZE)
        out.record |= common
    found = {"slices.json": slices, "prediction.json": read_record(tmp_path / "06", "predict")}
    return found, grey, labels, request.param


def size_of(stack):
    return sum(len(text) for kind in stack["pictures"].values() for text in kind)


def decoded(text):
    return imagecodecs.webp_decode(base64.b64decode(text))[..., :3]


def test_labels_and_truth_come_out_as_they_went_in(records):
    found, grey, labels, has_truth = records
    stack = stack_for_page(found, CLASSES, 1e9)
    assert (stack["count"], stack["rows"], stack["columns"]) == SHAPE
    assert stack["steps"] == {"labels": 1, "confidence": 2, "grey": 1}
    assert stack["hasTruth"] is has_truth
    for number in range(SHAPE[0]):
        picture = decoded(stack["pictures"]["labels"][number])
        assert (picture[..., 0] == labels[number]).all()
        assert (picture[..., 1] == (2 - labels[number] if has_truth else 0)).all()
        shown = decoded(stack["pictures"]["grey"][number])[..., 0].astype(float)
        assert abs(shown.mean() - grey[number].mean()) < 2


def test_less_room_makes_coarser_slices_and_the_same_bytes_each_time(records):
    found, *_ = records
    whole = stack_for_page(found, CLASSES, 1e9)
    room = 0.6 * size_of(whole)
    few = [stack_for_page(found, CLASSES, room) for _ in range(2)]
    assert few[0] == few[1]
    assert few[0]["steps"] != whole["steps"]
    assert size_of(few[0]) < 1.2 * room


def test_without_slices_there_is_nothing():
    assert stack_for_page({}, CLASSES, 1e9) == {}


def test_blocks_at_the_end_are_means_of_what_is_there():
    page = np.array([[0, 2, 9], [4, 6, 3], [1, 3, 8]], np.uint8)
    assert binned_mean(page, 2).tolist() == [[3, 6], [2, 8]]
    assert (binned_mean(np.full((7, 5), 255, np.uint8), 4) == 255).all()
