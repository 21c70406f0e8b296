"""Two models on the same images, two people on the same slices: each image with itself."""

import csv
import json

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.evaluate.compare import compare
from catomo.evaluate.settings import Evaluate
from catomo.files.store import write_labels, write_stack
from catomo.record.hashes import sha256_of

CLASSES = ("background", "alumina", "pt")
COLUMNS = ("dsc", "precision", "recall", "iou")
DISTANCES = tuple(f"rhd{p}_nm" for p in (100, 99, 95, 90, 75, 50))
PIXEL_NM = 0.5


def evaluated(folder, scores, slices="same"):
    """Write a folder 07_evaluate whose Pt DSC of each image is given; None for no Pt."""
    folder.mkdir()
    with open(folder / "evaluation.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "class", *COLUMNS, *DISTANCES])
        for image, dsc in scores.items():
            for phase in CLASSES:
                values = [dsc if phase == "pt" else 0.9] * 4 + [1.0] * 6
                writer.writerow([image, phase, *("" if v is None else v for v in values)])
    record = {
        "stage": "evaluate",
        "scored": list(scores),
        "scored_index": list(range(0, 10 * len(scores), 10)),
        "classes": {phase: {} for phase in CLASSES},
        "inputs": {
            **({"slices": {"sha256": slices}} if slices else {}),
            "prediction": {"sha256": folder.name},
            "labels": {"sha256": "same"},
        },
        "files": {"evaluation.csv": {"sha256": sha256_of(folder / "evaluation.csv")}},
    }
    (folder / "metrics.json").write_text(json.dumps(record))
    return folder


def test_differences_are_paired_and_images_without_the_class_left_out(tmp_path):
    one = evaluated(tmp_path / "one", {"a": 0.50, "b": 0.70, "c": None, "d": 0.90})
    other = evaluated(tmp_path / "other", {"a": 0.54, "b": 0.72, "c": 0.40, "d": 0.93, "e": 0.1})
    compare(one, other, tmp_path / "out", Evaluate())
    record = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert record["images"] == ["a", "b", "c", "d"]
    dsc = record["classes"]["pt"]["dsc"]
    gains = np.array([0.04, 0.02, 0.03])
    assert dsc["one"]["mean"] == pytest.approx(0.7)
    assert dsc["difference"]["mean"] == pytest.approx(gains.mean())
    half = 1.96 * gains.std(ddof=1) / np.sqrt(3)
    assert dsc["difference"]["ci95"] == pytest.approx(half)
    # Of the unpaired scores the interval is ten times wider: pairing is the point.
    assert dsc["one"]["ci95"] > 10 * half
    assert dsc["wins"] == {"one": 0, "other": 3}
    assert record["classes"]["pt"]["rhd100_nm"]["wins"] == {"one": 0, "other": 0}
    assert record["scope"].startswith("Two segmentations against one annotation")


def test_less_distance_is_a_win(tmp_path):
    one, other = (evaluated(tmp_path / name, {"a": 0.5, "b": 0.6}) for name in ("one", "other"))
    table = other / "evaluation.csv"
    table.write_text(table.read_text().replace("1.0", "0.8"))
    record = json.loads((other / "metrics.json").read_text())
    record["files"]["evaluation.csv"]["sha256"] = sha256_of(table)
    (other / "metrics.json").write_text(json.dumps(record))
    compare(one, other, tmp_path / "out", Evaluate())
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert found["classes"]["pt"]["rhd95_nm"]["wins"] == {"one": 0, "other": 2}
    assert found["classes"]["pt"]["rhd95_nm"]["difference"]["mean"] == pytest.approx(-0.2)


def slices_of(folder, count=3, edge=24):
    folder.mkdir()
    write_stack(folder / "slices.tif", np.zeros((count, edge, edge), np.uint8), PIXEL_NM)
    record = {
        "stage": "slices",
        "names": [f"slice_{i:04d}" for i in range(count)],
        "suggested": list(range(count)),
        "contiguous": True,
        "shape": [count, edge, edge],
        "pixel_size_nm": PIXEL_NM,
        "files": {"slices.tif": {"sha256": sha256_of(folder / "slices.tif")}},
    }
    (folder / "slices.json").write_text(json.dumps(record))
    return folder


def drawn(path, move, count=3, edge=24):
    labels = np.zeros((count, edge, edge), np.uint8)
    labels[:, 4:12, 4 + move : 12 + move] = 2
    write_labels(path, labels, labels.shape, PIXEL_NM)
    return path


def test_two_annotators_agree_as_far_as_their_squares_overlap(tmp_path):
    slices = slices_of(tmp_path / "slices")
    one, other = drawn(tmp_path / "one.tif", 0), drawn(tmp_path / "other.tif", 2)
    compare(one, other, tmp_path / "out", Evaluate(), slices=slices)
    record = json.loads((tmp_path / "out" / "comparison.json").read_text())
    pt = record["classes"]["pt"]
    assert pt["dsc"]["mean"] == pytest.approx(2 * 6 * 8 / (64 + 64))
    assert pt["rhd_nm"]["100"]["mean"] == pytest.approx(2 * PIXEL_NM)
    assert pt["area_nm2"]["difference"]["mean"] == pytest.approx(0)
    assert record["images"] == ["slice_0000", "slice_0001", "slice_0002"]


def test_only_what_both_annotated_counts(tmp_path):
    slices = slices_of(tmp_path / "slices")
    one, other = np.zeros((2, 3, 24, 24), np.uint8)
    one[:, 4:12, 4:12] = other[:, 4:12, 4:12] = 2
    one[2], other[0] = 255, 255  # slice 1 is the only one of both
    other[1, 8:] = 255  # half of the square, and all below
    one[1, 16:] = 2  # so this is nobody's mistake
    for name, labels in (("one", one), ("other", other)):
        write_labels(tmp_path / f"{name}.tif", labels, labels.shape, PIXEL_NM)
    files = [tmp_path / "one.tif", tmp_path / "other.tif"]
    for order in (files, files[::-1]):
        compare(*order, tmp_path / "out", Evaluate(), slices=slices)
        record = json.loads((tmp_path / "out" / "comparison.json").read_text())
        assert record["images"] == ["slice_0001"]
        # Words that end so are taken for labels: hidden files beside them do not count.
        assert set(record["inputs"]) == {"slices", "one/labels", "other/labels"}
        pt = record["classes"]["pt"]
        assert pt["dsc"]["mean"] == 1
        assert pt["area_nm2"]["one"]["mean"] == pytest.approx(4 * 8 * PIXEL_NM**2)


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path):
    one = evaluated(tmp_path / "one", {"a": 0.5})
    elsewhere = evaluated(tmp_path / "elsewhere", {"a": 0.5}, slices="others")
    with pytest.raises(UserError, match="is of other slices than"):
        compare(one, elsewhere, tmp_path / "out", Evaluate())
    apart = evaluated(tmp_path / "apart", {"b": 0.5})
    with pytest.raises(UserError, match="has no scored image in common with"):
        compare(one, apart, tmp_path / "out", Evaluate())
    one, other = np.full((2, 3, 24, 24), 255, np.uint8)
    one[0], other[2] = 0, 0
    for name, labels in (("first", one), ("second", other)):
        write_labels(tmp_path / f"{name}.tif", labels, labels.shape, PIXEL_NM)
    files = tmp_path / "first.tif", tmp_path / "second.tif"
    with pytest.raises(UserError, match="has no annotated slice in common with"):
        compare(*files, tmp_path / "out", Evaluate(), slices=slices_of(tmp_path / "slices"))
    assert not (tmp_path / "out").exists()


def test_segmentations_from_elsewhere_are_of_the_same_images_if_the_labels_are(tmp_path):
    one = evaluated(tmp_path / "one", {"a": 0.5, "b": 0.7})
    other = evaluated(tmp_path / "other", {"a": 0.6, "b": 0.8}, slices=None)
    compare(one, other, tmp_path / "out", Evaluate())
    record = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert record["classes"]["pt"]["dsc"]["difference"]["mean"] == pytest.approx(0.1)
    changed = json.loads((other / "metrics.json").read_text())
    changed["inputs"]["labels"] = {"sha256": "others"}
    (other / "metrics.json").write_text(json.dumps(changed))
    with pytest.raises(UserError, match="is of other slices than"):
        compare(one, other, tmp_path / "out", Evaluate())


def test_scores_that_were_measured_in_other_ways_are_not_compared(tmp_path):
    one, other = (evaluated(tmp_path / name, {"a": 0.5}) for name in ("one", "other"))
    record = json.loads((other / "metrics.json").read_text())
    for own, foreign, line in (
        ({"pixel_size_nm": 0.5}, {"pixel_size_nm": 0.1}, "with pixel_size_nm 0.5, .* with 0.1"),
        ({"settings": {"edge": "pixels"}}, {"settings": {"edge": "corners"}}, "with edge pixels"),
    ):
        (one / "metrics.json").write_text(json.dumps(record | own))
        (other / "metrics.json").write_text(json.dumps(record | foreign))
        with pytest.raises(UserError, match=f"{line}.*; evaluate both alike"):
            compare(one, other, tmp_path / "out", Evaluate())


def test_classes_of_the_settings_must_be_those_of_the_records(tmp_path):
    one, other = (evaluated(tmp_path / name, {"a": 0.5}) for name in ("one", "other"))
    for folder in (one, other):
        text = (folder / "metrics.json").read_text()
        (folder / "metrics.json").write_text(text.replace('"pt": {}', '"gold": {}'))
    with pytest.raises(UserError, match="has the classes background, alumina, gold, the settings"):
        compare(one, other, tmp_path / "out", Evaluate())
