"""The picture of a segmentation: in the colours of now, and flagged where it is a draft."""

import json

import numpy as np
import pytest
from matplotlib.image import imread

from catomo import figures
from catomo.errors import UserError
from catomo.files.store import write_labels, write_stack
from catomo.network import draft
from catomo.record.hashes import sha256_of
from catomo.record.record import read_record
from catomo.report.overlay import draw_overlay
from catomo.settings.base import DEFAULT_CLASSES, PhaseClass
from helpers.models import write_noise

SHAPE = (5, 24, 30)


@pytest.fixture
def records(tmp_path):
    """Slices, all black, and their labels: the left half is pt, the network is certain."""
    slices = write_noise(tmp_path / "slices", SHAPE)
    write_stack(slices / "slices.tif", np.zeros(SHAPE, np.uint8), 0.12)
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, :, :15] = 2
    folder = tmp_path / "prediction"
    folder.mkdir()
    write_labels(folder / "labels.tif", labels, SHAPE, 0.12)
    write_labels(folder / "confidence.tif", np.full(SHAPE, 255, np.uint8), SHAPE, 0.12)

    def write(is_draft=False, is_phantom=False):
        content = json.loads((slices / "slices.json").read_text())
        content["files"] = {"slices.tif": {"sha256": sha256_of(slices / "slices.tif")}}
        content["files"] |= {"truth_labels.tif": {"sha256": "0"}} if is_phantom else {}
        (slices / "slices.json").write_text(json.dumps(content))
        prediction = {
            "stage": "predict",
            "draft": is_draft,
            "inputs": {"slices": {"sha256": sha256_of(slices / "slices.json")}},
            "files": {
                name: {"sha256": sha256_of(folder / name)}
                for name in ("labels.tif", "confidence.tif")
            },
        }
        (folder / "prediction.json").write_text(json.dumps(prediction))
        return {
            "slices.json": read_record(slices, "slices"),
            "prediction.json": read_record(folder, "predict"),
        }

    return write


def test_a_class_has_the_colour_that_is_given_now(tmp_path, records):
    for colour in ("#00ff00", "#0000ff"):
        classes = [*DEFAULT_CLASSES[:2], PhaseClass(name="pt", title="Pt", colour=colour)]
        assert draw_overlay(records(), classes, tmp_path / "one.png")
        picture = imread(tmp_path / "one.png")[..., :3]
        laid_on = 0.55 * np.array(figures.rgb(colour)) / 255  # over black
        share = (np.abs(picture - laid_on).max(axis=-1) < 0.01).mean()
        assert share > 0.05, share


@pytest.mark.parametrize("is_draft", [False, True])
@pytest.mark.parametrize("is_phantom", [False, True])
def test_the_draft_of_a_real_specimen_is_flagged(
    tmp_path, records, monkeypatch, is_draft, is_phantom
):
    titles = []
    monkeypatch.setattr(figures, "save", lambda figure, _: titles.append(figure.get_suptitle()))
    draw_overlay(records(is_draft, is_phantom), DEFAULT_CLASSES, tmp_path / "one.png")
    assert titles == [draft.TITLE if is_draft and not is_phantom else ""]


def test_without_slices_or_segmentation_there_is_no_picture(tmp_path, records):
    made = records()
    for name in made:
        assert not draw_overlay({name: made[name]}, DEFAULT_CLASSES, tmp_path / "one.png")
    assert not (tmp_path / "one.png").exists()


def test_a_segmentation_of_other_slices_is_refused(tmp_path, records):
    made = records()
    made["prediction.json"]["inputs"]["slices"]["sha256"] = "0"
    with pytest.raises(UserError, match="was made from other slices"):
        draw_overlay(made, DEFAULT_CLASSES, tmp_path / "one.png")
