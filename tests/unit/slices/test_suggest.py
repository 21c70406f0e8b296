"""The next slice to annotate: far from what is annotated, near to what must be learnt."""

import json

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files.store import write_labels
from catomo.record.hashes import sha256_of
from catomo.settings.base import DEFAULT_CLASSES
from catomo.slices.suggest import suggest_next
from helpers.records import rewrite
from helpers.slices import make_slices


def predict(place, unsure):
    """Write the prediction of the slices beside it, unsure in one of them."""
    folder = place / "prediction"
    folder.mkdir()
    confidence = np.full((9, 56, 64), 250, np.uint8)
    confidence[unsure] = 100
    write_labels(folder / "confidence.tif", confidence, confidence.shape, 0.25)
    record = {
        "stage": "predict",
        "inputs": {"slices": {"sha256": sha256_of(place / "slices" / "slices.json")}},
        "files": {"confidence.tif": {"sha256": sha256_of(folder / "confidence.tif")}},
    }
    (folder / "prediction.json").write_text(json.dumps(record))
    return folder


def test_lines_say_why(tmp_path):
    make_slices(tmp_path / "slices", count=9)
    lines = suggest_next(tmp_path / "slices", 2)
    assert len(lines) == 2
    assert lines[0].startswith("1. slice_000")
    assert "nothing is annotated yet; 100 % of the material are nearest to it" in lines[0]
    folder = predict(tmp_path, unsure=7)
    (line,) = suggest_next(tmp_path / "slices", 1, prediction=folder)
    assert line.startswith("1. slice_0007")
    assert "100 % of the unsure pixels" in line


def test_slices_that_few_tilts_recorded_are_not_suggested(tmp_path):
    make_slices(tmp_path / "slices", count=9)
    path = tmp_path / "slices" / "slices.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"unrecorded_slices": [0, 1, 8]}))
    lines = suggest_next(tmp_path / "slices", 9)
    assert len(lines) == 6
    assert not [line for line in lines for i in (0, 1, 8) if f"slice_000{i}" in line]


def test_labels_may_have_as_many_classes_as_the_dataset(tmp_path):
    path = make_slices(tmp_path / "slices", count=9) / "slices.json"
    (tmp_path / "mine").mkdir()
    tifffile.imwrite(tmp_path / "mine" / "slice_0004.tif", np.full((56, 64), 3, np.uint8))

    def nearest(classes):
        record = json.loads(path.read_text()) | {"settings": {"classes": [{}] * classes}}
        path.write_text(json.dumps(record))
        return suggest_next(tmp_path / "slices", 1, labels=tmp_path / "mine")

    assert "slices from the nearest one" in nearest(4)[0]
    with pytest.raises(UserError, match="found label 3, allowed are 0 to 2"):
        nearest(3)


def test_a_prediction_of_other_slices_is_refused(tmp_path):
    make_slices(tmp_path / "slices", count=9)
    folder = predict(tmp_path, unsure=7)
    other = make_slices(tmp_path / "other", count=5)
    with pytest.raises(UserError, match="was made from other slices than") as raised:
        suggest_next(other, 1, prediction=folder)
    assert "\n" not in str(raised.value)


def test_labels_that_are_masks_are_told(tmp_path, capsys):
    path = make_slices(tmp_path / "slices", count=9) / "slices.json"
    classes = [phase.model_dump() for phase in DEFAULT_CLASSES]
    rewrite(path, json.loads(path.read_text()) | {"settings": {"classes": classes}})
    (tmp_path / "mine").mkdir()
    mask = np.zeros((56, 64), np.uint8)
    mask[8:20] = 255
    tifffile.imwrite(tmp_path / "mine" / "slice_0004.tif", mask)
    assert len(suggest_next(tmp_path / "slices", 1, labels=tmp_path / "mine")) == 1
    assert "only 0 (background) and 255, which means 'not annotated'" in capsys.readouterr().err
