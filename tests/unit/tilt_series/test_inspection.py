"""Series that cannot be imported are refused in one line."""

import numpy as np
import pytest
import tifffile

from helpers.microscope import STACK, TILTS, bare_tiff, look, refusal


@pytest.fixture
def series(tmp_path):
    return bare_tiff(tmp_path)


def test_count_of_angles_and_images(series):
    message = refusal(series, TILTS[:4], 0.5)
    assert "holds 5 images, but the given angles gives 4 angles" in message


def test_tilts_beyond_180_and_twice(series):
    assert "within ±180°" in refusal(series, [-40, -20, 0, 20, 190], 0.5)
    assert "images 2 and 4 have the same tilt -20°" in refusal(series, [-40, -20, 0, -20, 20], 0.5)


@pytest.fixture
def two_sweeps(tmp_path):
    path = tmp_path / "twice.tif"
    tifffile.imwrite(path, np.tile(STACK, (6, 1, 1)))
    return path


SWEEP = np.linspace(-70.0, 70.0, 15)


@pytest.mark.parametrize("second", [SWEEP, SWEEP[::-1] + 0.03])
def test_a_dual_axis_series_is_refused(two_sweeps, second):
    """The angles that were read in the second sweep may differ a little."""
    message = refusal(two_sweeps, [*SWEEP, *second], 0.5)
    assert "go through the tilts from -70° to 70" in message
    assert "twice by the given angles, as a dual-axis series does" in message
    assert "save the images of each sweep as a file of its own" in message


@pytest.mark.parametrize("second", [SWEEP + 5, SWEEP / 14 + 76])
def test_tilts_between_or_beyond_those_of_the_first_half_are_one_series(two_sweeps, second):
    assert look(two_sweeps, [*SWEEP, *second], 0.5).shape[0] == 30


def test_tilts_beyond_90_are_taken_for_the_opposite_view(series):
    seen = look(series, [-91, -20, 0, 20, 100], 0.5)
    assert seen.tilt_deg == [-80, -20, 0, 20, 89]
    assert seen.order == [4, 1, 2, 3, 0]
    assert seen.recorded_deg == [100, -20, 0, 20, -91]
    first, second = seen.in_words()
    assert first == "first image 1 at -91°, last image 5 at 100°; angles from the given angles"
    assert second.startswith("images beyond ±90° (2) are mirrored")
    assert "100° for -80°" in second


def test_one_view_from_both_sides(series):
    tilts = [0, 60, 100, 140, 180]
    message = refusal(series, tilts, 0.5)
    assert "images 1 and 5 show the same view from both sides, at 0° and 180°" in message
    assert "exclude_tilts" in message
    assert look(series, tilts, 0.5, exclude_tilts=[180.0]).tilt_deg == [-80, -40, 0, 60]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers(tmp_path, bad):
    stack = STACK.astype(np.float32)
    stack[3, 1, 1] = bad
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack)
    assert "image 4 holds NaN or infinite values" in refusal(path, TILTS, 0.5)
    assert look(path, TILTS, 0.5, exclude_tilts=[20.0]).tilt_deg == [-40.0, -20.0, 0.0, 40.0]


def test_blank_image(tmp_path):
    stack = STACK.copy()
    stack[0] = 7
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack)
    assert "image 1 is blank (all 7)" in refusal(path, TILTS, 0.5)


def test_exclusion_of_what_is_not_there_or_of_too_much(series):
    assert "found no tilt 30°; nearest is" in refusal(series, TILTS, 0.5, exclude_tilts=[30.0])
    excluded = [-40.0, -20.0, 0.0]
    assert "2 images remain" in refusal(series, TILTS, 0.5, exclude_tilts=excluded)


def test_crop_and_bin_that_leave_nothing(series):
    assert "import.crop_nm" in refusal(series, TILTS, 0.5, crop_nm=[100.0, 10.0])
    assert "at least 16 × 16" in refusal(series, TILTS, 0.5, bin=4)
