"""Reprojection: shifts and wrong images show in what the tilts predict."""

import numpy as np
import pytest

from catomo.align.geometry import Geometry
from catomo.align.prediction import Reprojection
from catomo.align.preprocess import CleanSeries
from catomo.align.projection_matching import match
from catomo.align.reprojection import Reprojector, folds_of
from helpers.balls import BALLS, TILTS, project, shifts

ALL = np.ones(len(TILTS), bool)
STRAIGHT = Geometry(0.0, np.zeros(len(TILTS)), np.zeros(len(TILTS)))


def images(across=0.0, along=0.0):
    across, along = np.broadcast_to(across, TILTS.shape), np.broadcast_to(along, TILTS.shape)
    return project(BALLS, 0.0, across, along).astype(np.float32)


def reprojector(stack):
    return Reprojector(CleanSeries(stack, TILTS, ALL, isolated=True), 96)


def test_error_is_the_part_not_predicted():
    rng = np.random.default_rng(0)
    one = rng.normal(size=(1, 20, 20)).astype(np.float32)
    rest = rng.normal(size=(1, 20, 20)).astype(np.float32)
    rest -= one * np.vdot(one, rest) / np.vdot(one, one)
    rest *= 0.3 * np.linalg.norm(one) / np.linalg.norm(rest)
    assert Reprojection(one, 5 * one, 1).error() == pytest.approx([0], abs=1e-3)
    expected = 0.3 / np.hypot(1, 0.3)  # of an orthogonal remainder
    assert Reprojection(one + rest, one, 1).error() == pytest.approx([expected], rel=1e-4)


def test_known_shifts_are_measured():
    across, along = np.random.default_rng(1).uniform(-0.4, 0.4, (2, len(TILTS)))
    still, moved = images(), images(across, along)
    found = Reprojection(moved, still, 1).shifts()
    assert found[0] == pytest.approx(across, abs=0.03)
    assert found[1] == pytest.approx(along, abs=0.03)


def test_the_true_geometry_predicts_best():
    reproject = reprojector(images())
    best = reproject(STRAIGHT, 5).error().mean()
    rng = np.random.default_rng(2)
    worse = Geometry(0.0, rng.normal(0, 0.5, len(TILTS)), STRAIGHT.along)
    assert reproject(worse, 5).error().mean() > 1.5 * best
    assert reproject(STRAIGHT.turned(2.0), 5).error().mean() > 1.5 * best


def test_held_out_images_take_no_part_in_their_prediction():
    spoilt = images()
    spoilt[9] = spoilt[9, ::-1]
    one = reprojector(images())(STRAIGHT, 5).predicted
    other = reprojector(spoilt)(STRAIGHT, 5).predicted
    assert other[9] == pytest.approx(one[9], abs=1e-6 * float(one.max()))
    assert np.abs(other[8] - one[8]).max() > 1e-3 * one.max()


def test_matching_finds_the_shifts():
    rng = np.random.default_rng(3)
    across, along = rng.uniform(-1.5, 1.5, (2, len(TILTS)))
    theta = np.deg2rad(TILTS)
    low = np.stack([np.cos(theta), np.sin(theta), np.ones_like(theta)], axis=1)
    across -= low @ np.linalg.lstsq(low, across, rcond=None)[0]
    along -= along.mean()
    reproject = reprojector(images(across, along))
    found = match(reproject, reproject, STRAIGHT, keep_offset=True)
    assert np.sqrt(np.mean((found.across - across) ** 2)) < 0.05
    assert np.sqrt(np.mean((found.along - along) ** 2)) < 0.05


def test_matching_finds_the_offset_unless_it_is_kept():
    reproject = reprojector(images(across=0.8))
    free = match(reproject, reproject, STRAIGHT, keep_offset=False).across
    kept = match(reproject, reproject, STRAIGHT, keep_offset=True).across
    columns = np.stack([np.cos(np.deg2rad(TILTS)), np.ones(len(TILTS))], axis=1)

    def offset(across):
        return np.linalg.lstsq(columns, across, rcond=None)[0][1]

    assert offset(kept) == pytest.approx(0, abs=0.02)
    assert 0.4 < offset(free) < 1.0  # the offset comes in slowly, a few tenths a round


def test_resemblance_needs_no_geometry():
    across, along = np.random.default_rng(4).uniform(-8, 8, (2, len(TILTS)))
    alike = reprojector(images(across, along)).resemblance()
    assert np.diag(alike) == pytest.approx(1, abs=1e-6)
    assert alike == pytest.approx(reprojector(images()).resemblance(), abs=0.02)
    assert (np.diag(alike, 1) > np.diag(alike, 9).max()).all()


def test_images_are_registered_along_the_axis_as_neighbours_under_given_angles():
    """The true order finds the true shifts from nothing, whatever the order of the images."""
    across, along = shifts(3)
    images = project(BALLS, 0.0, across, along).astype(np.float32)
    taken = np.random.default_rng(4).permutation(len(TILTS))
    series = CleanSeries(images[taken], TILTS, ALL, isolated=True)
    geometry = Geometry(0.0, across[taken], np.zeros(len(TILTS)))
    found = Reprojector(series, 48).registered_along(geometry, TILTS[taken])
    error = found.along - along[taken]
    assert np.std(error) < 0.25
    assert np.array_equal(found.across, across[taken])


def test_fewer_images_are_left_out_at_a_time_where_few_remain():
    assert [folds_of(n, 4) for n in (5, 9, 14, 16, 20, 35, 70)] == [5, 9, 14, 8, 4, 4, 4]
