"""Which images evaluate scores, what it takes for annotated, and what it refuses."""

import json

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.evaluate.settings import Evaluate
from catomo.evaluate.stage import evaluate
from catomo.labels.settings import Particles
from catomo.segmentation.settings import Segmentation
from catomo.segmentation.stage import take_segmentation
from helpers.scored import PIXEL_NM, N, as_labels, run, scene, stage

pytestmark = pytest.mark.slow


def test_only_the_training_test_part_is_scored(stages, tmp_path):
    metrics = run(stages(), tmp_path)
    assert metrics["scored"] == ["slice_0001", "slice_0004"]
    assert "test part" in metrics["scope"]
    assert metrics["classes"]["alumina"]["dsc"]["n"] == 2
    assert metrics["volume"]["scope"].endswith("slices, training slices among them")


def test_everything_annotated_is_scored_when_the_model_never_saw_it(stages, tmp_path):
    metrics = run(stages(known=False), tmp_path)
    assert len(metrics["scored"]) == N
    assert metrics["scope"].endswith("the model learnt from none of these slices.")
    assert metrics["volume"]["scope"].endswith(f"whole volume of {N} slices")


def test_what_the_model_that_one_started_from_had_learnt_is_not_known(stages, tmp_path):
    metrics = run(stages(known=False, inputs=["init_from"]), tmp_path)
    assert metrics["scope"].endswith("unless the model that it started from did.")
    assert "perhaps training slices" in metrics["volume"]["scope"]


def test_a_model_of_unknown_training_is_said_so_and_has_no_baseline(stages, tmp_path):
    metrics = run(stages(), tmp_path, training=False)
    assert len(metrics["scored"]) == N
    assert "may have learnt" in metrics["scope"]
    assert metrics["volume"]["scope"].endswith("slices, perhaps training slices among them")
    assert "baseline" not in metrics


@pytest.mark.parametrize("form", ["folder", "stack"])
def test_a_volume_that_a_person_labelled_throughout_is_scored_like_a_phantom(
    stages, tmp_path, form
):
    made = stages()
    expected = run(made, tmp_path)
    place = tmp_path / "drawn"
    if form == "stack":
        as_labels(place, scene())
    else:
        place.mkdir()
        for number, page in enumerate(scene()):
            as_labels(place / f"slice_{number:04d}.tif", page[None])
    metrics = run(made, tmp_path, place)
    for part in ("classes", "volume", "particles", "confidence", "baseline"):
        assert metrics[part] == expected[part]


def test_pixels_that_nobody_annotated_count_for_nothing(stages, tmp_path):
    truth, found = scene(), scene()
    half = truth.copy()
    half[:, :, 24:] = 255
    found[:, :, 24:] = 2 - found[:, :, 24:]  # nonsense there
    place = tmp_path / "labels.tif"
    as_labels(place, half)
    metrics = run(stages(truth, found, full_truth=False), tmp_path, place, training=False)
    for phase in metrics["classes"].values():
        assert phase["dsc"]["mean"] == 1.0
    assert metrics["particles"]["false"] == metrics["particles"]["missed"] == 0


def test_refusals(stages, tmp_path):
    made = stages(test=())
    with pytest.raises(UserError, match="none of the 6 annotated images is in its test part"):
        run(made, tmp_path)
    other = stage(tmp_path / "other", "predict", {"inputs": {"slices": {"sha256": "another"}}})
    with pytest.raises(UserError, match="was made from other slices than"):
        run((other, made[1], made[2]), tmp_path)
    two = Evaluate(classes=Evaluate().classes[:2], particles=Particles(phase=None))
    with pytest.raises(UserError, match="alumina, pt, the settings name background, alumina;"):
        run(made, tmp_path, settings=two)
    assert not (tmp_path / "07_evaluate" / "metrics.json").exists()


def test_masks_are_not_scored_and_a_class_without_truth_is_told(stages, tmp_path, capsys):
    made = stages(full_truth=False, known=False)
    labels = tmp_path / "labels.tif"
    as_labels(labels, np.where(scene() > 0, 255, 0).astype(np.uint8))
    with pytest.raises(UserError, match=r"labels\.tif: no pixel is labelled alumina .*'not anno"):
        run(made, tmp_path, labels)
    assert not (tmp_path / "07_evaluate").exists()
    learnt = stages(full_truth=False)
    assert run(learnt, tmp_path, labels)["classes"]["alumina"]["dsc"]["n"] == 0
    assert "if 255 is meant so, it gets no score" in capsys.readouterr().err
    as_labels(labels, (scene() > 0).astype(np.uint8))
    made = stages(full_truth=False, known=False)
    assert run(made, tmp_path, labels)["classes"]["alumina"]["dsc"]["n"] == N
    assert "labels.tif: no pixel is labelled pt (2): it gets no score" in capsys.readouterr().err


@pytest.fixture
def elsewhere(tmp_path):
    """Write a segmentation from elsewhere, and labels of it; return its folder and the labels."""
    np.save(tmp_path / "found.npy", scene(move=1))
    tifffile.imwrite(tmp_path / "truth.tif", scene(), photometric="minisblack")
    take_segmentation(tmp_path / "found.npy", tmp_path / "06", Segmentation(), PIXEL_NM)
    return tmp_path / "06", tmp_path / "truth.tif"


def test_a_segmentation_from_elsewhere_is_scored_without_slices(elsewhere, tmp_path):
    folder, labels = elsewhere
    evaluate(folder, None, labels, tmp_path / "07", Evaluate())
    record = json.loads((tmp_path / "07" / "metrics.json").read_text())
    truth, found = scene() == 2, scene(move=1) == 2
    dsc = 2 * np.count_nonzero(truth & found) / (truth.sum() + found.sum())
    assert record["volume"]["classes"]["pt"]["dsc"] == pytest.approx(dsc)
    assert "made elsewhere" in record["scope"]
    assert "without confidence" in record["lacks"]
    assert "confidence.png" not in record["files"]
    assert list(record["inputs"]) == ["labels", "prediction"]


def test_what_contradicts_the_record_is_refused(elsewhere, stages, tmp_path):
    folder, labels = elsewhere
    with pytest.raises(UserError, match=r"--slices: .* was made elsewhere; leave --slices out"):
        evaluate(folder, tmp_path, labels, tmp_path / "07", Evaluate())
    with pytest.raises(UserError, match=r"--training: .*; leave --training out"):
        evaluate(folder, None, labels, tmp_path / "07", Evaluate(), training=tmp_path)
    with pytest.raises(UserError, match=r"slice_distance_nm: found 2, but the voxels .* 0.5 nm"):
        evaluate(folder, None, labels, tmp_path / "07", Evaluate(slice_distance_nm=2.0))
    prediction = stages()[0]
    with pytest.raises(UserError, match="--slices: is missing; name the 04_slices"):
        evaluate(prediction, None, labels, tmp_path / "07", Evaluate())
