"""Bad pixels, X-rays and sparse counts of raw images."""

import numpy as np
import pytest

from catomo.align.bad_pixels import mend
from catomo.align.preprocess import clean
from catomo.align.settings import Align

RNG = np.random.default_rng


@pytest.mark.parametrize("counts", [0.1, 3.0, 200.0])
def test_mending_replaces_hot_pixels_and_leaves_noise(counts):
    image = RNG(3).poisson(counts, (64, 64)).astype(float)
    hot = (np.array([5, 30, 63]), np.array([9, 0, 63]))
    image[hot] = counts + 60 * np.sqrt(counts) + 60
    image[8, 8] = np.inf
    mended, bad = mend(image, 8)
    assert 4 <= bad <= 6
    assert np.isfinite(mended).all()
    assert mended[hot].max() < counts + 3 * np.sqrt(counts) + 3


def test_mending_leaves_a_sharp_particle():
    rows, columns = np.indices((64, 64))
    image = 500 * np.exp(-((rows - 31.3) ** 2 + (columns - 30.6) ** 2) / (2 * 1.2**2))
    noisy = RNG(4).poisson(image + 15).astype(float)
    assert mend(noisy, 8)[1] == 0


@pytest.mark.parametrize("counts", [0.3, 0.01])
@pytest.mark.parametrize("unit", [1.0, 0.0073])
def test_sparse_counts_are_the_signal(counts, unit):
    rows, columns = np.indices((64, 64)) - 31.5
    rate = counts * np.exp(-(rows**2 + columns**2) / 200)
    images = (unit * RNG(8).poisson(rate, (12, 64, 64))).astype(np.float32)
    series = clean(images.copy(), np.arange(12.0), Align(background="none"))
    assert np.array_equal(series.images, images)
    assert "bin" in series.told[0]


def test_hot_pixels_of_an_empty_image_are_no_counts():
    rows, columns = np.indices((64, 64)) - 31.5
    particle = np.where(np.hypot(rows, columns) < 12, 100.0, 0.0)
    images = np.stack([particle] * 6).astype(np.float32)
    images[0, 3, 4] = 500
    series = clean(images, np.arange(6.0), Align(background="none"))
    assert series.told == ()
    assert np.array_equal(series.images, np.stack([particle] * 6))


HITS = [
    ([20], [30]),
    ([20, 20], [30, 31]),
    ([20, 20, 21], [30, 31, 31]),
    ([20, 21] * 2, [4, 4, 5, 5]),
]


@pytest.mark.parametrize("hit", HITS)
def test_what_an_x_ray_left_in_one_image_is_mended(hit):
    images = RNG(9).poisson(50, (12, 64, 64)).astype(np.float32)
    spoilt = images.copy()
    spoilt[5][hit] += 3000
    series = clean(spoilt, np.arange(12.0), Align(background="none"))
    clean_pixels = np.ones(images.shape, bool)
    clean_pixels[5][hit] = False
    assert np.array_equal(series.images[clean_pixels], images[clean_pixels])
    assert series.images[5][hit] == pytest.approx(50, abs=30)
    assert series.notes["bad_pixels"]["mended_fraction"] == len(hit[0]) / images.size


def test_particles_of_two_pixels_are_no_x_rays():
    """They are in all images, elsewhere in each; in one of them all is ten times as bright."""
    images = RNG(10).poisson(50, (12, 64, 64)).astype(np.float32)
    for t, image in enumerate(images):
        for row, column in RNG(t).integers(5, 58, (6, 2)):
            image[row : row + 2, column : column + 2] += 500
    images[4] *= 10
    series = clean(images.copy(), np.arange(12.0), Align(background="none"))
    assert np.array_equal(series.images, images)
