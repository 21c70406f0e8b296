"""The authors' own labels and confusion matrices: their table, and a second implementation."""

import warnings

import numpy as np
import pytest

from catomo.evaluate.distances import PERCENTILES, hausdorff_distance
from catomo.evaluate.intervals import mean_ci
from catomo.evaluate.presets import paper_scores
from catomo.evaluate.scores import ImageScores, summary
from catomo.evaluate.settings import Evaluate

# Table 1 as printed in the paper (Sci Rep 12, 2022): precision, recall, DSC.
PRINTED = {"alumina": (0.95, 0.97, 0.96), "pt": (0.92, 0.78, 0.84)}
PRINTED_DSC_CI = {"alumina": 0.003, "pt": 0.03}


@pytest.fixture(scope="module")
def scored(genc2022):
    """The 15 published confusion matrices as if `evaluate` had counted them."""
    files = sorted((genc2022 / "confusion_matrices").glob("cm_*.csv"))
    assert len(files) == 15
    matrices = [np.loadtxt(file, delimiter=",", skiprows=1)[:, 1:].astype(int) for file in files]
    nowhere = np.full((3, len(PERCENTILES)), np.nan)
    return [ImageScores(f"cm_{i}", i, matrix, nowhere) for i, matrix in enumerate(matrices)]


def test_published_matrices_give_the_known_means(scored):
    classes = summary(scored, 0.12, Evaluate())
    assert classes["pt"]["dsc"]["mean"] == pytest.approx(0.8446, abs=5e-5)
    assert classes["pt"]["dsc"]["ci95"] == pytest.approx(0.0342, abs=5e-5)
    assert classes["pt"]["dsc"]["n"] == 14
    assert classes["pt"]["images"] == {
        "present": 14,
        "absent": 1,
        "never_predicted": 0,
        "falsely_predicted": 0,
    }
    assert classes["alumina"]["dsc"]["mean"] == pytest.approx(0.9637, abs=5e-5)
    assert classes["alumina"]["dsc"]["ci95"] == pytest.approx(0.0030, abs=5e-5)
    assert classes["alumina"]["dsc"]["n"] == 15


def test_published_matrices_give_the_papers_table_when_cut_as_it_cut(scored):
    """Means are cut, not rounded, to two digits; half widths keep one."""
    classes = summary(scored, 0.12, Evaluate())
    for name, printed in PRINTED.items():
        means = [classes[name][score]["mean"] for score in ("precision", "recall", "dsc")]
        assert tuple(np.floor(100 * np.array(means)) / 100) == printed
        assert float(f"{classes[name]['dsc']['ci95']:.1g}") == PRINTED_DSC_CI[name]


def test_the_papers_column_has_the_digits_of_the_matrices(scored):
    classes = summary(scored, 0.12, Evaluate())
    paper = paper_scores(list(classes))
    for name, scores in paper.items():
        for score in ("precision", "recall", "dsc"):
            for part, value in scores[score].items():
                assert round(classes[name][score][part], 3) == value, (name, score, part)


def test_student_and_blocks_say_that_fourteen_images_are_few(scored):
    dsc = [image.overlap()["dsc"][2] for image in scored]
    assert mean_ci(dsc, "student")["ci95"] == pytest.approx(0.0377, abs=5e-5)
    assert mean_ci(dsc, "bootstrap", np.arange(15) // 3)["ci95"] > 0.02


def test_distances_are_those_of_surface_distance_on_twenty_real_pairs(genc2022):
    """Labels of one half of neighbouring slices stand for truth and prediction."""
    reference = pytest.importorskip("surface_distance")
    tifffile = pytest.importorskip("tifffile")
    labels = [tifffile.imread(file) for file in sorted((genc2022 / "labels").glob("*.tif"))]
    compared = 0
    for truth, found in zip(labels[:20], labels[2:22], strict=True):
        for label in (1, 2):
            true, other = truth == label, found == label
            ours = hausdorff_distance(true, other, 0.12, PERCENTILES, edge="corners")
            if not (true.any() and other.any()):
                assert np.all(np.isnan(ours))
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                table = reference.compute_surface_distances(true, other, (0.12, 0.12))
            ways = [table["distances_gt_to_pred"], table["distances_pred_to_gt"]]
            expected = np.max([np.percentile(way, PERCENTILES) for way in ways], axis=0)
            assert ours == pytest.approx(expected, abs=1e-12)
            weighted = reference.compute_robust_hausdorff(table, 100)
            assert hausdorff_distance(true, other, 0.12) == pytest.approx(weighted, abs=0.12)
            compared += 1
    assert compared >= 35
