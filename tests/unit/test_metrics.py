"""Scores against closed forms, a published table and a second implementation."""

import os
from pathlib import Path

import numpy as np
import pytest

from catomo.metrics import (
    PERCENTILES,
    confusion_matrix,
    edges,
    hausdorff,
    mean_ci,
    mean_se,
    overlap_scores,
)


def ball(shape, centre, radius):
    grid = np.indices(shape)
    distance = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))
    return distance <= radius**2


@pytest.fixture
def blobs():
    rng = np.random.default_rng(3)
    truth, found = np.zeros((2, 96, 128), dtype=bool)
    for _ in range(6):
        centre, radius = rng.uniform(15, 80, 2), rng.uniform(3, 11)
        truth |= ball(truth.shape, centre, radius)
        found |= ball(truth.shape, centre + rng.normal(0, 1.5, 2), radius + rng.normal(0, 1))
    return truth, found


def test_confusion_matrix_counts_by_hand_and_leaves_out_255():
    truth = np.array([[0, 1, 1, 2, 255, 255]], dtype=np.uint8)
    found = np.array([[0, 1, 2, 2, 0, 2]], dtype=np.uint8)
    assert confusion_matrix(truth, found, 3).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]


@pytest.mark.parametrize(("truth", "found"), [(3, 0), (0, 3), (0, 255)])
def test_confusion_matrix_refuses_labels_that_are_no_class(truth, found):
    with pytest.raises(ValueError, match="neither below 3"):
        confusion_matrix(np.full((2, 2), truth, np.uint8), np.full((2, 2), found, np.uint8), 3)


def test_scores_of_a_square_shifted_by_half():
    matrix = np.array([[0, 50], [50, 50]])
    scores = overlap_scores(matrix)
    assert [scores[k][1] for k in ("precision", "recall", "dsc", "iou")] == [0.5, 0.5, 0.5, 1 / 3]


def test_absent_classes_have_no_score_and_missed_ones_score_zero():
    never_there = overlap_scores(np.array([[90, 10], [0, 0]]))
    assert all(np.isnan(values[1]) for values in never_there.values())
    never_found = overlap_scores(np.array([[90, 0], [10, 0]]))
    assert never_found["dsc"][1] == never_found["recall"][1] == never_found["iou"][1] == 0
    assert np.isnan(never_found["precision"][1])


def test_two_pixels_are_their_distance_apart():
    truth, found = np.zeros((2, 9, 12), dtype=bool)
    truth[1, 2], found[4, 6] = True, True
    assert hausdorff(truth, found, 1.0) == pytest.approx([5] * len(PERCENTILES), abs=1e-12)
    anisotropic = hausdorff(truth, found, (2.0, 0.5))
    assert anisotropic == pytest.approx([np.hypot(6, 2)] * len(PERCENTILES), abs=1e-12)


def test_a_shifted_square_in_closed_form():
    """The rim of an 11-pixel square, moved by 4: every one of its 40 distances is known."""
    truth, found = np.zeros((2, 40, 40), dtype=bool)
    truth[10:21, 10:21], found[10:21, 14:25] = True, True
    rows = 2 * [4, 3, 2, 1] + 14 * [0]  # top and bottom, until the other square begins
    left = 9 * [4]
    right = [1, 2, 3, 4, 4, 4, 3, 2, 1]  # inside the other: to its nearest side
    expected = 0.5 * np.percentile(rows + left + right, PERCENTILES)
    assert hausdorff(truth, found, 0.5) == pytest.approx(expected, abs=1e-12)
    assert np.array_equal(hausdorff(truth, truth, 0.5), np.zeros(len(PERCENTILES)))


@pytest.mark.parametrize("shape", [(64, 64), (40, 40, 40)])
def test_concentric_balls_are_their_radii_apart(shape):
    centre = [n // 2 for n in shape]
    small, large = ball(shape, centre, 9), ball(shape, centre, 15)
    distances = hausdorff(small, large, 0.12, [100, 50])
    assert distances == pytest.approx([6 * 0.12] * 2, abs=0.75 * 0.12)


def test_symmetric_scales_with_spacing_and_falls_with_the_percentile(blobs):
    truth, found = blobs
    for mode in ("directed", "pooled"):
        distances = hausdorff(truth, found, 1.0, mode=mode)
        assert np.array_equal(distances, hausdorff(found, truth, 1.0, mode=mode))
        assert hausdorff(truth, found, 0.12, mode=mode) == pytest.approx(0.12 * distances)
        assert np.all(np.diff(distances) <= 0)
    assert np.all(
        hausdorff(truth, found, 1.0, mode="pooled") <= hausdorff(truth, found, 1.0) + 1e-12
    )


def test_equals_the_distance_transform(blobs):
    from scipy.ndimage import binary_erosion, distance_transform_edt

    truth, found = blobs
    rim = [mask & ~binary_erosion(mask) for mask in blobs]
    assert np.array_equal(edges(truth), rim[0])
    spacing = (0.7, 1.3)
    there = distance_transform_edt(~rim[1], sampling=spacing)[rim[0]]
    back = distance_transform_edt(~rim[0], sampling=spacing)[rim[1]]
    expected = np.maximum(np.percentile(there, PERCENTILES), np.percentile(back, PERCENTILES))
    assert hausdorff(truth, found, spacing) == pytest.approx(expected, abs=1e-12)


def test_agrees_with_surface_distance_within_a_pixel(blobs):
    reference = pytest.importorskip("surface_distance")
    truth, found = blobs
    table = reference.compute_surface_distances(truth, found, (0.12, 0.12))
    for percentile in (100, 95, 90):
        theirs = reference.compute_robust_hausdorff(table, percentile)
        assert hausdorff(truth, found, 0.12, [percentile])[0] == pytest.approx(theirs, abs=0.12)


def test_the_rim_of_the_picture_is_an_edge_and_empty_masks_have_no_distance():
    full, empty = np.ones((5, 5), dtype=bool), np.zeros((5, 5), dtype=bool)
    assert np.count_nonzero(edges(full)) == 16
    for truth, found in ((full, empty), (empty, full), (empty, empty)):
        assert np.all(np.isnan(hausdorff(truth, found, 1.0)))
    with pytest.raises(ValueError, match="expected 'directed' or 'pooled'"):
        hausdorff(full, full, 1.0, mode="mean")


def test_means_leave_out_what_is_no_number():
    assert mean_ci([1.0, 2.0, 3.0, np.nan]) == {
        "mean": 2.0,
        "ci95": pytest.approx(1.96 / np.sqrt(3), abs=1e-12),
        "n": 3,
    }
    one = mean_se([5.0])
    assert (one["mean"], one["median"], one["n"]) == (5.0, 5.0, 1)
    assert np.isnan(one["se"])
    assert np.isnan(mean_ci([])["mean"])


def test_published_confusion_matrices_give_the_papers_table_1():
    place = os.environ.get("CATOMO_GENC2022")
    if not place:
        pytest.skip("set CATOMO_GENC2022 to the folder with the paper's confusion_matrices")
    files = sorted(Path(place, "confusion_matrices").glob("cm_*.csv"))
    assert len(files) == 15
    matrices = [np.loadtxt(file, delimiter=",", skiprows=1)[:, 1:] for file in files]
    dsc = np.array([overlap_scores(matrix)["dsc"] for matrix in matrices])
    platinum, alumina = mean_ci(dsc[:, 2]), mean_ci(dsc[:, 1])
    assert platinum["n"] == 14
    assert alumina["n"] == 15
    assert platinum["mean"] == pytest.approx(0.8446, abs=5e-5)
    assert platinum["ci95"] == pytest.approx(0.0342, abs=5e-5)
    assert alumina["mean"] == pytest.approx(0.9637, abs=5e-5)
    assert alumina["ci95"] == pytest.approx(0.0030, abs=5e-5)
