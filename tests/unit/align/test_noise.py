"""Noise that is alike in neighbouring pixels: what is left of it in means, and what it fakes."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from catomo.align.noise import (
    LAGS,
    half_differences,
    likeness,
    part_kept,
    second_difference,
)
from catomo.align.preprocess import clean
from catomo.align.settings import Align

SIZE = 96
TILTS = np.arange(-60.0, 61, 10)


def test_white_noise_and_what_is_constant_are_not_alike():
    strip = np.random.default_rng(1).normal(size=(400, 400))
    white = np.eye(1, LAGS + 1)[0]
    variance, alike = likeness([half_differences(strip)])
    assert variance == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(alike, white, atol=0.03)
    assert likeness([half_differences(np.ones((4, 9)))])[0] == 0
    assert part_kept(np.full(8, 1 / 8), white) == pytest.approx(1 / 8)


def test_structures_of_the_surroundings_are_no_noise():
    draws = np.random.default_rng(9)
    film = gaussian_filter(draws.normal(size=(400, 400)), 3)
    noise = 0.5 * film.std() * draws.normal(size=film.shape)
    differences = half_differences(film + noise)
    variance, alike = likeness([differences])
    assert differences[0] * variance == pytest.approx(noise.var(), rel=0.1)
    assert np.abs(alike[1:]).max() < 0.1


def test_what_a_mean_keeps_of_smooth_noise_is_what_is_seen():
    noise = gaussian_filter(np.random.default_rng(2).normal(size=(1600, 1600)), 0.7)
    _, alike = likeness([half_differences(noise)])
    kept = part_kept(np.full(8, 1 / 8), alike) ** 2
    means = noise.reshape(200, 8, 200, 8).mean(axis=(1, 3))
    assert means.var() / noise.var() == pytest.approx(kept, rel=0.05)
    assert kept > 2.5 / 64


@pytest.mark.parametrize("kind", ["interpolated", "smooth"])
def test_a_particle_in_empty_space_stays_alone_and_whole_under_noise_that_is_alike(kind):
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    body = np.sqrt(np.maximum(1 - (y**2 + (1.2 * x) ** 2) / (0.28 * SIZE) ** 2, 0))
    rng = np.random.default_rng(3)

    def image():
        if kind == "smooth":
            noise = gaussian_filter(rng.normal(size=body.shape), 0.7)
            return 50 * body + 2.5 * noise / noise.std() + 20
        counts = rng.poisson(50 * body + 20).astype(float)
        return shift(counts, rng.uniform(-0.5, 0.5, 2), order=1, mode="nearest")

    series = clean(np.array([image() for _ in TILTS], np.float32), TILTS, Align())
    assert series.isolated
    assert sum(series.open_sides) == 0
    mass = np.median(series.images.sum(axis=(1, 2)))
    assert mass == pytest.approx(50 * body.sum(), rel=0.015)


def test_a_second_difference_keeps_noise_and_no_slope():
    noise = np.random.default_rng(4).normal(size=(400, 400))
    slope = np.add.outer(np.arange(400.0), 3 * np.arange(400.0) ** 2)
    left = second_difference(noise + slope)[2:-2, 2:-2]
    assert left.var() == pytest.approx(1, rel=0.05)
    np.testing.assert_allclose(left, second_difference(noise)[2:-2, 2:-2], atol=1e-6)
