"""Edge distances against closed forms and against two other implementations."""

import warnings

import numpy as np
import pytest

from catomo.evaluate import distances
from catomo.evaluate.distances import (
    PERCENTILES,
    edge_corners,
    edge_distance,
    edge_pixels,
    hausdorff_distance,
    volume_edge,
)


def hausdorff(truth, found, spacing, percentile=PERCENTILES, **options):
    return hausdorff_distance(truth, found, spacing, percentile, **options)


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


def test_the_corners_of_a_shifted_square_in_closed_form():
    """The same square has 48 corners round it: 12 above, 12 below, 12 on each other side."""
    truth, found = np.zeros((2, 40, 40), dtype=bool)
    truth[10:21, 10:21], found[10:21, 14:25] = True, True
    rows = 2 * [4, 3, 2, 1] + 16 * [0]
    left = 10 * [4]
    right = [1, 2, 3, 4, 4, 4, 4, 3, 2, 1]
    expected = 0.5 * np.percentile(rows + left + right, PERCENTILES)
    assert hausdorff(truth, found, 0.5, edge="corners") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("edge", ["pixels", "corners"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_shifted_sphere_is_its_shift_away(axis, edge):
    """Its pole on the far side is left behind by just that, whatever the voxel's shape."""
    spacing = (2.0, 0.5, 0.7)
    truth = ball((40, 41, 42), (20, 20, 20), 9)
    found = np.roll(truth, 5, axis)
    there = hausdorff(truth, found, spacing, edge=edge)
    assert there[0] == pytest.approx(5 * spacing[axis], abs=1e-12)
    assert np.array_equal(there, hausdorff(found, truth, spacing, edge=edge))


@pytest.mark.parametrize("mode", ["directed", "pooled"])
@pytest.mark.parametrize("edge", ["pixels", "corners"])
@pytest.mark.parametrize("block", [1 << 20, 40])
def test_all_percentiles_of_a_shifted_sphere_are_those_of_all_pairs(mode, edge, block, monkeypatch):
    """Every point against every other, also when the points are searched in blocks."""
    from scipy.spatial.distance import cdist

    monkeypatch.setattr(distances, "_BLOCK", block)
    spacing = np.array([2.0, 0.5, 0.7])
    truth = ball((24, 18, 20), (7, 8, 9), 5)
    found = np.roll(truth, (2, 1, -1), (0, 1, 2))
    found[22, 3, 3] = True  # far from all else, so a far block has to be searched
    points = [
        np.argwhere({"pixels": edge_pixels, "corners": edge_corners}[edge](mask)) * spacing
        for mask in (truth, found)
    ]
    apart = cdist(*points)
    there, back = apart.min(axis=1), apart.min(axis=0)
    if mode == "pooled":
        expected = np.percentile(np.concatenate([there, back]), PERCENTILES)
    else:
        expected = np.max([np.percentile(way, PERCENTILES) for way in (there, back)], axis=0)
    assert hausdorff(truth, found, spacing, mode=mode, edge=edge) == pytest.approx(
        expected, abs=1e-12
    )


@pytest.mark.parametrize("shape", [(64, 64), (40, 40, 40)])
def test_concentric_balls_are_their_radii_apart_at_every_percentile(shape):
    centre = [n // 2 for n in shape]
    small, large = ball(shape, centre, 9), ball(shape, centre, 15)
    assert hausdorff(small, large, 0.12) == pytest.approx(
        [6 * 0.12] * len(PERCENTILES), abs=0.75 * 0.12
    )


def test_symmetric_scales_with_spacing_and_falls_with_the_percentile(blobs):
    truth, found = blobs
    for mode in ("directed", "pooled"):
        for edge in ("pixels", "corners"):
            there = hausdorff(truth, found, (0.7, 1.3), mode=mode, edge=edge)
            assert np.array_equal(there, hausdorff(found, truth, (0.7, 1.3), mode=mode, edge=edge))
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
    assert np.array_equal(edge_pixels(truth), rim[0])
    spacing = (0.7, 1.3)
    there = distance_transform_edt(~rim[1], sampling=spacing)[rim[0]]
    back = distance_transform_edt(~rim[0], sampling=spacing)[rim[1]]
    expected = np.maximum(np.percentile(there, PERCENTILES), np.percentile(back, PERCENTILES))
    assert hausdorff(truth, found, spacing) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shape", [(96, 128), (24, 30, 36)])
@pytest.mark.parametrize("isotropic", [True, False])
def test_equals_surface_distances_own_distances(shape, isotropic):
    reference = pytest.importorskip("surface_distance")
    rng = np.random.default_rng(5)
    spacing = (0.12,) * len(shape) if isotropic else (0.3, 0.12, 0.1)[: len(shape)]
    truth, found = np.zeros((2, *shape), bool)
    for _ in range(5):
        centre, radius = rng.uniform(4, np.array(shape) - 4), rng.uniform(2, 8)
        truth |= ball(shape, centre, radius)
        found |= ball(shape, centre + rng.normal(0, 1.5, len(shape)), radius)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it uses old names of SciPy's
        table = reference.compute_surface_distances(truth, found, spacing)
    ways = [table["distances_gt_to_pred"], table["distances_pred_to_gt"]]
    expected = np.max([np.percentile(way, PERCENTILES) for way in ways], axis=0)
    ours = hausdorff(truth, found, spacing, edge="corners")
    assert ours == pytest.approx(expected, abs=1e-12)
    # Whether an edge is pixels or the corners round them moves it by less than a pixel.
    away = np.abs(hausdorff(truth, found, spacing, [100]) - expected[0])
    assert away[0] <= np.hypot(*spacing[:2])


@pytest.mark.parametrize("mode", ["directed", "pooled"])
@pytest.mark.parametrize("edge", ["pixels", "corners"])
def test_a_volume_page_by_page_is_the_same_as_at_once(edge, mode):
    rng = np.random.default_rng(1)
    truth, found = rng.random((2, 7, 12, 13)) > 0.7
    spacing = (0.5, 0.12, 0.12)
    edges = [volume_edge(iter(mask), mask.shape, edge) for mask in (truth, found)]
    (true, grid), (other, _) = edges
    streamed = edge_distance(true, other, grid, spacing, mode=mode)
    assert np.array_equal(streamed, hausdorff(truth, found, spacing, mode=mode, edge=edge))
    everywhere = {"pixels": edge_pixels, "corners": edge_corners}[edge](truth)
    assert np.array_equal(true, np.flatnonzero(everywhere))


def test_corners_are_the_same_for_a_mask_and_its_complement(blobs):
    inner = (slice(1, -1),) * 2  # without the rim of the picture, which is outside for both
    assert np.array_equal(edge_corners(blobs[0])[inner], edge_corners(~blobs[0])[inner])


def test_the_rim_of_the_picture_is_an_edge_and_empty_masks_have_no_distance():
    full, empty = np.ones((5, 5), dtype=bool), np.zeros((5, 5), dtype=bool)
    assert np.count_nonzero(edge_pixels(full)) == 16
    for truth, found in ((full, empty), (empty, full), (empty, empty)):
        assert np.all(np.isnan(hausdorff(truth, found, 1.0)))
        edges = [volume_edge(np.stack([mask] * 3), (3, 5, 5)) for mask in (truth, found)]
        assert np.all(np.isnan(edge_distance(edges[0][0], edges[1][0], edges[0][1], 1.0)))
    with pytest.raises(ValueError, match="expected 'directed' or 'pooled'"):
        hausdorff(full, full, 1.0, mode="mean")


@pytest.mark.parametrize("shape", [(9, 12), (5, 9, 12)])
def test_one_percentile_is_a_number_and_spacing_is_one_by_default(shape):
    truth, found = np.zeros((2, *shape), bool)
    truth[..., 1, 2], found[..., 4, 6] = True, True
    assert hausdorff_distance(truth, found) == 5
    assert np.ndim(hausdorff_distance(truth, found, 0.5, 95)) == 0
    assert np.ndim(hausdorff_distance(truth, np.zeros_like(truth))) == 0
    assert np.isnan(hausdorff_distance(truth, np.zeros_like(truth)))
    labels = 3 * truth.astype(np.uint8)  # not zero is inside
    assert hausdorff_distance(labels, found) == 5
    with pytest.raises(ValueError, match="expected 'pixels' or 'corners'"):
        hausdorff_distance(truth, found, edge="faces")
    with pytest.raises(ValueError, match="differ in shape"):
        hausdorff_distance(truth, found[..., 1:])
