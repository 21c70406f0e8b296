"""The stage evaluate: which images it scores, what it counts, what it refuses."""

import csv
import json
import re

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.evaluate.distances import PERCENTILES, hausdorff_distance
from catomo.evaluate.scoring import score_labels
from catomo.evaluate.settings import Evaluate
from catomo.evaluate.stage import evaluate
from catomo.files.store import write_labels, write_stack
from catomo.labels.settings import Particles
from catomo.record.hashes import sha256_of
from catomo.segmentation.settings import Segmentation
from catomo.segmentation.stage import take_segmentation
from catomo.stages import RECORDS
from helpers.records import rewrite

pytestmark = pytest.mark.slow

PIXEL_NM = 0.5
N, EDGE = 6, 48


def scene(move: int = 0) -> np.ndarray:
    """A slab of alumina with two Pt balls, the second only in the later slices."""
    y, z, x = np.indices((N, EDGE, EDGE))
    labels = np.zeros((N, EDGE, EDGE), np.uint8)
    labels[:, 14:30] = 1
    labels[(y - 1) ** 2 + (z - 12) ** 2 + (x - 12 - move) ** 2 <= 4**2] = 2
    labels[(y - 6) ** 2 + (z - 32) ** 2 + (x - 36 - move) ** 2 <= 3**2] = 2
    return labels


def stage(folder, name, record, **files):
    """Write a stage's folder as far as `evaluate` reads it."""
    folder.mkdir(exist_ok=True)
    for file, (write, stack) in files.items():
        write(folder / f"{file}.tif", stack)
    hashes = {path.name: {"sha256": sha256_of(path)} for path in sorted(folder.glob("*.tif"))}
    content = {"stage": name, "files": hashes, **record}
    (folder / RECORDS[name]).write_text(json.dumps(content))
    return folder


def as_labels(path, stack):
    write_labels(path, stack, stack.shape, PIXEL_NM)


def as_stack(path, stack):
    write_stack(path, stack, PIXEL_NM)


@pytest.fixture
def stages(tmp_path):
    """Make 04_slices, 06_predict and 05_train of a small phantom; return their folders."""

    def make(
        truth=None, found=None, contiguous=True, full_truth=True, test=(1, 4), known=True, inputs=()
    ):
        truth = scene() if truth is None else truth
        found = scene(move=1) if found is None else found
        names = [f"slice_{i:04d}" for i in range(len(truth))]
        grey = np.array([20, 90, 220], np.uint8)[np.minimum(truth, 2)]
        common = {"names": names, "contiguous": contiguous, "pixel_size_nm": PIXEL_NM}
        files = {"slices": (as_stack, grey)}
        if full_truth:
            files["truth_labels"] = (as_labels, truth)
        slices = stage(
            tmp_path / "04_slices",
            "slices",
            {**common, "shape": truth.shape, "suggested": list(range(len(truth)))},
            **files,
        )
        sure = np.where(truth == found, 250, 130).astype(np.uint8)
        prediction = stage(
            tmp_path / "06_predict",
            "predict",
            {
                **common,
                "classes": ["background", "alumina", "pt"],
                "temperature": 1.5,
                "inputs": {"slices": {"sha256": sha256_of(slices / "slices.json")}},
            },
            labels=(as_labels, found),
            confidence=(as_labels, sure),
        )
        sha256 = sha256_of(slices / "slices.tif") if known else "another"
        training = stage(
            tmp_path / "05_train",
            "train",
            {
                "data": {"phantom": {"slices_sha256": sha256, "pixel_size_nm": PIXEL_NM}},
                "split": {"phantom": {"test": [names[i] for i in test], "train": []}},
                "baseline": {"thresholds": {"values": [55.0, 155.0], "sigma_px": 0.5}},
                "inputs": {name: {} for name in inputs},
            },
        )
        return prediction, slices, training

    return make


def run(stages, tmp_path, labels="truth", training=True, settings=None):
    prediction, slices, trained = stages
    output = tmp_path / "07_evaluate"
    evaluate(
        prediction, slices, labels, output, settings or Evaluate(), trained if training else None
    )
    return json.loads((output / "metrics.json").read_text())


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
