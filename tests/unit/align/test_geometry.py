"""The geometry between raw and aligned images."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from catomo.align.geometry import Geometry, in_axis_frame
from catomo.projection.binning import binned


def test_warp_puts_a_raw_point_where_the_geometry_says():
    geometry = Geometry(7.0, np.array([3.0]), np.array([-2.0]))
    a, u, v = np.deg2rad(7.0), 10.0, -12.0
    raw = np.zeros((61, 81))
    x = np.cos(a) * (u + 3) + np.sin(a) * (v - 2)
    y = np.cos(a) * (v - 2) - np.sin(a) * (u + 3)
    rows, columns = np.indices(raw.shape)
    raw += np.exp(-(((columns - 40 - x) ** 2 + (rows - 30 - y) ** 2) / (2 * 3.0**2)))
    aligned = geometry.warp(raw, 0, order=3)
    assert center_of_mass(aligned) == pytest.approx((30 + v, 40 + u), abs=0.01)


def test_a_distorted_image_is_undone_in_the_one_resampling():
    """A point lies where its matrix takes it from where the axis and the shift put it."""
    matrix, a = np.array([[1.04, 0.03], [-0.05, 0.97]]), np.deg2rad(7.0)
    geometry = Geometry(7.0, np.array([3.0]), np.array([-2.0]), matrix[None])
    v, u = -12.0, 10.0
    undistorted = [
        np.cos(a) * (v - 2) - np.sin(a) * (u + 3),
        np.cos(a) * (u + 3) + np.sin(a) * (v - 2),
    ]
    y, x = matrix @ undistorted
    rows, columns = np.indices((62, 83))
    raw = np.exp(-(((columns - 41 - x) ** 2 + (rows - 30.5 - y) ** 2) / (2 * 3.0**2)))
    aligned = geometry.warp(raw, 0, order=3)
    assert center_of_mass(aligned) == pytest.approx((30.5 + v, 41 + u), abs=0.01)
    small = geometry.binned(3, raw.shape).warp(binned(raw, 3).astype(np.float32), 0, 3)
    assert center_of_mass(small) == pytest.approx((9.5 + v / 3, 13 + u / 3), abs=0.02)
    shape, whole = (62, 83), geometry.warp(np.full((62, 83), 5, np.float32), 0, order=1) == 5
    assert np.array_equal(geometry.outside(shape, 0), ~whole)


def test_fraction_outside_the_frame():
    geometry = Geometry(0.0, np.array([0.0, 10.0]), np.array([0.0, -5.0]))
    assert not geometry.outside((50, 100), 0).any()
    assert geometry.outside((50, 100), 1).mean() == pytest.approx(1 - 0.9 * 0.9)
    assert not geometry.warp(np.ones((50, 100)), 1, order=3)[:5].any()


def test_shifts_turn_into_the_axis_frame_and_keep_their_length():
    across, along = in_axis_frame(np.array([[0.0, 1.0], [1.0, 0.0]]), 90.0)
    assert across == pytest.approx([0, -1])
    assert along == pytest.approx([1, 0])


def test_a_binned_geometry_shows_the_same_scene():
    """Aligning a binned image is binning the aligned image, to the blur of interpolation."""
    rows, columns = np.indices((67, 70)) - np.array([33.0, 34.5])[:, None, None]
    image = np.exp(-((rows - 5) ** 2 + (columns + 8) ** 2) / 120).astype(np.float32)
    geometry = Geometry(4.0, np.array([3.2]), np.array([-2.4]))
    for factor in (2, 3):
        small = binned(image, factor).astype(np.float32)
        moved = geometry.binned(factor, image.shape).warp(small, 0, 3)
        centre = np.array(center_of_mass(moved)) - (np.array(moved.shape) - 1) / 2
        whole = geometry.warp(image, 0, 3)
        expected = np.array(center_of_mass(whole)) - (np.array(whole.shape) - 1) / 2
        assert centre * factor == pytest.approx(expected, abs=0.05)


def test_what_lies_outside_is_what_the_warp_could_not_fill():
    rng = np.random.default_rng(4)
    shape = 31, 44
    for angle, across, along in rng.uniform([-8, -9, -9], [8, 9, 9], (20, 3)):
        geometry = Geometry(angle, np.array([across]), np.array([along]))
        filled = geometry.warp(np.full(shape, 5, np.float32), 0, order=1) == 5
        assert np.array_equal(geometry.outside(shape, 0), ~filled)


def test_what_was_hidden_moves_with_the_image():
    mask = np.zeros((40, 50), bool)
    mask[10:16, 20:30] = True
    moved = Geometry(0.0, np.array([4.0]), np.array([-3.0])).hidden(mask, 0)
    wanted = np.zeros_like(mask)
    wanted[13:19, 16:26] = True
    assert np.array_equal(moved, wanted)
