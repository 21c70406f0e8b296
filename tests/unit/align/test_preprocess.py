"""Cleaning of raw images: the level of the edge, its evenness, blank images."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.align.preprocess import clean, ring_level, unevenness_px
from catomo.align.settings import Align

RNG = np.random.default_rng


@pytest.mark.parametrize("counts", [0.3, 15.0])
def test_level_of_the_edge_is_a_mean_and_ignores_what_stands_out(counts):
    image = RNG(5).poisson(counts, (256, 256)).astype(float)
    image[100:120, :6] += 40 * counts + 40
    edge = 2 * 8 * 256 * 2
    assert ring_level(image) == pytest.approx(counts, abs=4 * np.sqrt(counts / edge))


def test_unevenness_tells_film_from_noise():
    rows, columns = np.indices((128, 128)) - 64
    particle = 150.0 * (np.hypot(rows, columns) < 30)
    noise = RNG(6).poisson(15, particle.shape) - 15.0
    film = 20 * gaussian_filter(RNG(7).normal(size=particle.shape), 6) * 12
    assert unevenness_px(particle + noise) < 0.05
    assert unevenness_px(particle + noise + film) > 0.2
    assert unevenness_px(np.roll(particle, 50, axis=1)) > 1


def test_a_clean_series_has_no_background_and_knows_its_blank_images():
    rows, columns = np.indices((64, 64)) - 31.5
    particle = 100 * np.exp(-(rows**2 + columns**2) / 60)
    images = np.stack([particle + level for level in (5.0, 8.0, 11.0, 14.0)]).astype(np.float32)
    images[2] = 11.0
    series = clean(images, np.arange(4.0), Align())
    assert series.isolated
    assert series.usable.tolist() == [True, True, False, True]
    for image in series.images[[0, 1, 3]]:
        assert image == pytest.approx(particle, abs=0.05)
    assert series.notes["background"]["level"] == pytest.approx([5, 8, 11, 14], abs=0.05)
