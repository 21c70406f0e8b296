"""Faults of the detector: found where they are, mended, and none invented."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.align.preprocess import clean
from catomo.align.settings import Align

TILTS = np.arange(-60.0, 61, 6)  # 21 of them


def moving(count=21):
    """Return a particle that moves over the frame, with the noise of counts."""
    rng = np.random.default_rng(1)
    rows, columns = np.indices((48, 64))
    images = []
    for y, x in rng.uniform(-4, 4, (count, 2)):
        particle = np.hypot((rows - 24 - y) / 12, (columns - 32 - x) / 16) < 1
        images.append(rng.poisson(gaussian_filter(150.0 * particle, 0.7) + 15))
    return np.array(images, np.float32)


def cleaned(images):
    return clean(images.copy(), TILTS[: len(images)], Align(background="none"))


def put(images, place, value):
    spoilt = images.copy()
    spoilt[(slice(None), *place)] = value
    return spoilt


@pytest.mark.parametrize("count", [9, len(TILTS)])
@pytest.mark.parametrize(
    ("place", "value", "name"),
    [
        ((24, slice(None)), 0, "row 24"),
        ((slice(None), 40), 0, "column 40"),
        ((slice(None), 0), 0, "column 0"),
        ((slice(None), slice(30, 32)), 0, "columns 30-31"),
        ((47, slice(None)), 3000, "row 47"),
        ((slice(20, 22), slice(5, 7)), 5000, "rows 20-21 columns 5-6"),
        ((24, slice(30, 32)), 5000, "row 24 columns 30-31"),
    ],
)
def test_what_stays_in_place_is_mended_and_named(place, value, name, count):
    images = moving(count)
    series = cleaned(put(images, place, value))
    assert series.notes["bad_pixels"]["detector_faults"] == [name]
    assert series.told[0].endswith(name)
    assert series.notes["bad_pixels"]["mended_fraction"] > 0
    fault = np.zeros(images.shape[1:], bool)
    fault[place] = True
    assert (series.images[:, ~fault] == images[:, ~fault]).mean() > 0.999
    assert abs((series.images - images)[:, fault].mean()) < 10


def test_a_good_series_keeps_its_values():
    images = moving()
    series = cleaned(images)
    assert np.array_equal(series.images, images)
    assert series.told == ()


def test_particles_that_stay_in_place_are_not_eaten():
    rows, columns = np.indices((48, 64))
    still = 15 + 100.0 * (np.hypot(rows - 24, columns - 32) < 14)
    for y, x in np.random.default_rng(2).uniform(14, 34, (12, 2)):
        still += 2000 * np.exp(-((rows - y) ** 2 + (columns - x - 8) ** 2) / (2 * 0.85**2))
    images = np.random.default_rng(3).poisson(still, (20, 48, 64)).astype(np.float32)
    series = cleaned(images)
    assert series.told == ()
    assert np.array_equal(series.images, images)
