"""A series as arrays: order, orientation, cropping, binning and contrast."""

import numpy as np
import pytest
import tifffile

from catomo.tilt_series.reading import read_tilt_series
from catomo.tilt_series.settings import ImportSeries
from helpers.microscope import STACK, TILTS, bare_tiff, fei_mrc


@pytest.fixture
def series(tmp_path):
    return bare_tiff(tmp_path)


def read(path, angles=TILTS, **settings):
    return read_tilt_series(path, angles, 0.5, ImportSeries(**settings))


def test_a_series_that_tells_its_angles_needs_nothing_else(tmp_path):
    found = read_tilt_series(fei_mrc(tmp_path))
    assert found.images.dtype == np.float32
    assert np.array_equal(found.images, STACK)
    assert found.tilt_deg.tolist() == TILTS
    assert found.pixel_size_nm == 3.36


def test_handedness_turns_the_tilts_around(series):
    found = read(series, [-30, -20, 0, 20, 40], handedness=-1)
    assert found.tilt_deg.tolist() == [-40.0, -20.0, 0.0, 20.0, 30.0]
    assert np.array_equal(found.images, STACK[::-1])


def test_a_horizontal_axis_is_turned_not_mirrored(series):
    found = read(series, tilt_axis="x")
    assert found.images.shape == (5, 40, 32)
    # What lay to the right lies below now, and what lay below lies to the left.
    assert np.array_equal(found.images[0][:, -1], STACK[0][0])
    assert np.array_equal(found.images[0][0], STACK[0][::-1, 0])


def test_crop_keeps_the_centre_and_bin_the_mean(series):
    found = read(series, crop_nm=[10.0, 8.0])
    assert np.array_equal(found.images, STACK[:, 6:26, 12:28])
    found = read(series, bin=2)
    assert found.pixel_size_nm == 1.0
    assert np.allclose(found.images, STACK.reshape(5, 16, 2, 20, 2).mean(axis=(2, 4)))


def test_bright_field_is_inverted(series):
    found = read(series, contrast="bright_field")
    level = found.images + STACK
    assert np.ptp(level) < 1e-3
    assert 2990 < level.mean() <= 3000


def views(tilts):
    """Project balls by the geometry of docs/explanation/geometry.md: s = x cos θ − z sin θ."""
    rng = np.random.default_rng(12)
    balls = rng.uniform((-30, -10, -28, 2), (30, 10, 28, 4), (15, 4))
    rows, columns = np.indices((48, 97)) - np.array([23.5, 48])[:, None, None]
    images = np.full((len(tilts), 48, 97), 20.0)
    for image, tilt in zip(images, np.deg2rad(tilts), strict=True):
        for x, y, z, radius in balls:
            across = columns - (x * np.cos(tilt) - z * np.sin(tilt))
            image += 60 * np.sqrt(np.clip(radius**2 - (rows - y) ** 2 - across**2, 0, None))
    return images.astype(np.float32)


@pytest.mark.parametrize("axis", ["y", "x"])
@pytest.mark.parametrize("crop_nm", [None, [40.0, 90.0]])
def test_a_view_from_behind_is_that_of_the_opposite_tilt(tmp_path, axis, crop_nm):
    recorded = np.array([-120.0, -95.0, -40.0, 0.0, 30.0, 90.0, 100.0, 133.0])
    images = views(recorded)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.rot90(images, 1, (1, 2)) if axis == "x" else images)
    settings = ImportSeries(tilt_axis=axis, crop_nm=crop_nm)
    series = read_tilt_series(path, recorded, 1.0, settings)
    assert series.tilt_deg.tolist() == [-80, -47, -40, 0, 30, 60, 85, 90]
    expected = views(series.tilt_deg)
    if crop_nm:
        expected = expected[:, 4:44, 3:93]
    assert np.allclose(series.images, expected, atol=0.01)
