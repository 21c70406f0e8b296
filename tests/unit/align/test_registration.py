"""Shifts between tilts: centres of mass, pairwise registration and common lines."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.align.preprocess import CleanSeries
from catomo.align.registration import centres_of_mass, common_line, pairwise


def test_centres_of_mass_of_blank_tilts_lie_between_their_neighbours():
    images = np.zeros((3, 11, 21), np.float32)
    images[0, 4, 10], images[2, 6, 14] = 2.0, 5.0
    usable = np.array([True, False, True])
    series = CleanSeries(images, np.array([-1.0, 0.0, 1.0]), usable, isolated=True)
    assert centres_of_mass(series) == pytest.approx(np.array([[-1, 0], [0, 2], [1, 4]]))


def test_film_does_not_move_the_centre_of_mass_of_an_extended_specimen():
    image = np.zeros((1, 20, 20), np.float32)
    image[0, :, :10] = 1.0  # film over half of the frame
    image[0, 8:12, 8:12] = 50.0
    angle, usable = np.zeros(1), np.ones(1, bool)
    assert centres_of_mass(CleanSeries(image, angle, usable, isolated=True))[0, 1] < -0.4
    extended = CleanSeries(image, angle, usable, isolated=False)
    assert centres_of_mass(extended)[0] == pytest.approx((0, 0), abs=0.01)


def test_common_line_finds_shifts_at_any_gain():
    v = np.arange(120.0)
    true = np.array([0.0, 1.3, -2.6, 4.1, -2.8])
    gain = np.array([1.0, 1.2, 0.8, 1.5, 0.9])

    def profile(place):
        return np.exp(-((v - 50 - place) ** 2) / 32) + 0.4 * np.exp(-((v - 75 - place) ** 2) / 18)

    profiles = np.array([g * profile(s) for g, s in zip(gain, true, strict=True)])
    for smooth in (None, 10.0):
        found, disagreement = common_line(profiles, smooth)
        assert found == pytest.approx(true - true.mean(), abs=0.01)
        assert disagreement.max() < 1e-3


def test_pairwise_takes_long_steps_and_skips_unusable_tilts():
    texture = gaussian_filter(np.random.default_rng(1).normal(size=(160, 160)), 3)
    places = [(30, 30), (42, 17), (0, 0), (25, 44), (31, 28)]
    images = np.array([texture[y : y + 90, x : x + 90] for y, x in places], np.float32)
    usable = np.array([True, True, False, True, True])
    series = CleanSeries(images, np.arange(-2.0, 3.0), usable, isolated=True)
    found = pairwise(series)[usable]
    true = -np.array(places, float)[usable]
    assert found - found[0] == pytest.approx(true - true[0], abs=0.05)
