"""The stage evaluate: what it counts, and the files it writes."""

import csv
import json
import re

import numpy as np
import pytest

from catomo.evaluate.distances import PERCENTILES, hausdorff_distance
from catomo.evaluate.scoring import score_labels
from catomo.evaluate.settings import Evaluate
from catomo.labels.settings import Particles
from catomo.record.hashes import sha256_of
from helpers.records import rewrite
from helpers.scored import EDGE, PIXEL_NM, N, run, scene

pytestmark = pytest.mark.slow


def test_scores_by_hand_and_the_fixed_keys(stages, tmp_path):
    metrics = run(stages(), tmp_path)
    truth, found = scene(), scene(move=1)
    dsc = []
    for i in (1, 4):
        hit = np.count_nonzero((truth[i] == 2) & (found[i] == 2))
        both = np.count_nonzero(truth[i] == 2) + np.count_nonzero(found[i] == 2)
        dsc.append(2 * hit / both)
    pt = metrics["classes"]["pt"]
    assert pt["dsc"]["mean"] == pytest.approx(np.mean(dsc), abs=1e-12)
    assert pt["dsc"]["ci95"] == pytest.approx(1.96 * np.std(dsc, ddof=1) / np.sqrt(2), abs=1e-12)
    assert list(pt["rhd_nm"]) == ["100", "99", "95", "90", "75", "50"]
    # Moved by one pixel along x: the farthest edge pixel is one pixel away.
    assert pt["rhd_nm"]["100"]["mean"] == pytest.approx(PIXEL_NM, abs=1e-12)
    assert metrics["baseline"]["thresholds"]["pt"]["dsc"] > 0.9
    assert metrics["paper"]["pt"]["dsc"]["mean"] == 0.845
    assert np.sum(metrics["confusion_px"]) == 2 * EDGE**2


def test_scores_of_a_draft_say_so(stages, tmp_path):
    made = stages()
    assert run(made, tmp_path)["draft"] is False
    path = made[0] / "prediction.json"
    rewrite(path, json.loads(path.read_text()) | {"draft": True})
    assert run(made, tmp_path)["draft"] is True


def test_particles_are_matched_in_the_volume_where_its_truth_is_known(stages, tmp_path):
    particles = run(stages(), tmp_path)["particles"]
    assert particles["scope"].startswith("3-D")
    assert (particles["matched"], particles["missed"], particles["false"]) == (2, 0, 0)
    assert particles["f1"] == 1.0
    assert particles["size_bias_nm"]["mean"] == pytest.approx(0.0, abs=1e-12)


def test_the_volume_is_scored_in_3d_where_its_truth_is_known(stages, tmp_path):
    settings = Evaluate(slice_distance_nm=2 * PIXEL_NM)
    metrics = run(stages(), tmp_path, settings=settings)
    truth, found = scene(), scene(move=1)
    spacing = (2 * PIXEL_NM, PIXEL_NM, PIXEL_NM)
    expected = hausdorff_distance(truth == 2, found == 2, spacing, PERCENTILES)
    volume = metrics["volume"]["classes"]["pt"]
    assert list(volume["rhd_nm"].values()) == pytest.approx(expected.tolist(), abs=1e-12)
    hit = np.count_nonzero((truth == 2) & (found == 2))
    both = np.count_nonzero(truth == 2) + np.count_nonzero(found == 2)
    assert volume["dsc"] == pytest.approx(2 * hit / both, abs=1e-12)
    # Twice the distance between slices is twice the volume of every particle.
    first, second = (
        run(stages(), tmp_path, settings=Evaluate(slice_distance_nm=nm))["particles"]["by_size"]
        for nm in (PIXEL_NM, 8 * PIXEL_NM)
    )
    assert [size["matched"] for size in first] != [size["matched"] for size in second]


def test_confidence_is_judged_where_it_is_right_and_where_it_is_wrong(stages, tmp_path):
    """The fixture's confidence is 250/255 where it is right and 130/255 where it is wrong."""
    metrics = run(stages(), tmp_path)["confidence"]
    truth, found = scene()[[1, 4]], scene(move=1)[[1, 4]]
    wrong = np.mean(truth != found)
    expected = (1 - wrong) * (1 - 250 / 255) + wrong * (130 / 255)
    everywhere = metrics["everywhere"]
    assert everywhere["ece"] == pytest.approx(expected, abs=1e-9)
    assert everywhere["risk_coverage"]["risk"]["100"] == pytest.approx(wrong, abs=1e-12)
    assert everywhere["risk_coverage"]["errors_in_least_sure_5"] == pytest.approx(1.0, abs=1e-9)
    assert metrics["near_boundary"]["pixels"] < everywhere["pixels"] == truth.size


def test_table_1_has_the_papers_column_beside_ours(stages, tmp_path):
    metrics = run(stages(), tmp_path)
    with open(tmp_path / "07_evaluate" / "table_1.csv", newline="") as file:
        rows = {(row["class"], row["measure"]): row for row in csv.DictReader(file)}
    dsc = rows["pt", "dsc"]
    assert float(dsc["mean"]) == pytest.approx(metrics["classes"]["pt"]["dsc"]["mean"], rel=1e-5)
    assert (dsc["paper_mean"], dsc["error_is"]) == ("0.845", "ci95")
    rhd = rows["pt", "rhd90_nm"]
    assert (rhd["paper_mean"], rhd["error_is"]) == ("1.81", "se")


def test_loose_images_are_searched_one_by_one(stages, tmp_path):
    stages = stages(contiguous=False)
    particles = run(stages, tmp_path, training=False)["particles"]
    assert particles["scope"].startswith("2-D")
    sections = [np.count_nonzero(half == 2) for page in scene() for half in np.hsplit(page, 2)]
    speck = np.pi  # pixels of the smallest particle, 2 px across
    expected = sum(pixels > speck for pixels in sections)
    assert particles["matched"] + particles["missed"] == expected
    none = Evaluate(particles=Particles(phase=None))
    assert "particles" not in run(stages, tmp_path, training=False, settings=none)


def test_absent_classes_are_counted_and_their_false_area_kept_apart(stages, tmp_path):
    truth, found = scene(), scene()
    truth[:3][truth[:3] == 2] = 0  # no Pt in the first three annotations
    metrics = run(stages(truth, found), tmp_path, training=False)
    pt = metrics["classes"]["pt"]
    absent = [not (page == 2).any() for page in truth]
    assert pt["images"]["absent"] == sum(absent) == N - pt["dsc"]["n"]
    false_px = sum(np.count_nonzero(f == 2) for f, a in zip(found, absent, strict=True) if a)
    assert pt["false_area_where_absent_nm2"] == pytest.approx(false_px * PIXEL_NM**2)
    assert pt["dsc"]["mean"] == 1.0


def test_a_class_that_nobody_drew_gives_null_not_nan(stages, tmp_path):
    truth = np.minimum(scene(), 1)
    metrics = run(stages(truth, truth), tmp_path, training=False)
    pt = metrics["classes"]["pt"]
    assert pt["dsc"].pop("n") == 0
    assert set(pt["dsc"].values()) == {None}
    assert pt["rhd_nm"]["100"]["mean"] is None
    assert metrics["particles"]["f1"] is None


def test_the_table_has_a_row_per_image_and_class(stages, tmp_path):
    run(stages(), tmp_path)
    with open(tmp_path / "07_evaluate" / "evaluation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["image"], r["class"]) for r in rows] == [
        (image, phase)
        for image in ("slice_0001", "slice_0004")
        for phase in ("background", "alumina", "pt")
    ]
    assert rows[0]["rhd100_nm"] == ""
    assert float(rows[1]["true_area_nm2"]) == np.count_nonzero(scene()[1] == 1) * PIXEL_NM**2


def test_the_same_input_gives_the_same_bytes(stages, tmp_path):
    made = stages()
    run(made, tmp_path)
    files = sorted((tmp_path / "07_evaluate").glob("[!.]*"))
    first = {path.name: sha256_of(path) for path in files}
    assert set(first) == {
        "metrics.json", "evaluation.csv", "table_1.csv", "comparison.png", "worst.png",
        "unseen.png", "rhd.png", "confusion.png", "confidence.png", "particles.png",
    }  # fmt: skip
    run(made, tmp_path)
    assert first == {path.name: sha256_of(path) for path in files}


def test_the_array_function_gives_the_scores_of_the_stage(stages, tmp_path):
    """All slices annotated, and a model of unknown training: the stage scores all of them."""
    metrics = run(stages(), tmp_path, training=False)
    truth, found = scene(), scene(move=1)
    sure = np.where(truth == found, 250, 130).astype(np.uint8)
    scores = score_labels(truth, found, PIXEL_NM, confidence=sure, is_volume=True)
    text = json.dumps(scores, default=lambda value: value.tolist())
    scores = json.loads(re.sub("NaN|Infinity", "null", text))
    # What the model learnt from is known to the stage alone.
    for part in ("volume", "particles"):
        assert metrics[part].pop("scope").startswith(scores[part].pop("scope"))
    for part in ("classes", "confusion_px", "paper", "volume", "particles"):
        assert scores[part] == metrics[part]
    # What the stage knows of the temperature, an array does not say.
    assert scores["confidence"]["everywhere"]["ece"] == metrics["confidence"]["everywhere"]["ece"]
    assert scores["confidence"]["everywhere"]["ece_uncalibrated"] is None
