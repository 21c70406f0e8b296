"""The parts of align: geometry, registration, preprocessing."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.align.geometry import Geometry, in_axis_frame
from catomo.align.preprocess import mend, ring_level, unevenness_px
from catomo.align.registration import centre_of_mass, common_line, fitted, low_order, pairwise

RNG = np.random.default_rng


def test_warp_puts_a_raw_point_where_the_geometry_says():
    geometry = Geometry(7.0, np.array([3.0]), np.array([-2.0]))
    a, u, v = np.deg2rad(7.0), 10.0, -12.0
    raw = np.zeros((61, 81))
    x = np.cos(a) * (u + 3) + np.sin(a) * (v - 2)
    y = np.cos(a) * (v - 2) - np.sin(a) * (u + 3)
    rows, columns = np.indices(raw.shape)
    raw += np.exp(-(((columns - 40 - x) ** 2 + (rows - 30 - y) ** 2) / (2 * 3.0**2)))
    aligned = geometry.warp(raw, 0, order=3)[None]
    assert centre_of_mass(aligned)[0] == pytest.approx((v, u), abs=0.01)


def test_fraction_outside_the_frame():
    geometry = Geometry(0.0, np.array([0.0, 10.0]), np.array([0.0, -5.0]))
    assert geometry.outside((50, 100), 0) == 0
    assert geometry.outside((50, 100), 1) == pytest.approx(1 - 0.9 * 0.9)
    assert not geometry.warp(np.ones((50, 100)), 1, order=3)[:5].any()


def test_shifts_turn_into_the_axis_frame_and_keep_their_length():
    across, along = in_axis_frame(np.array([[0.0, 1.0], [1.0, 0.0]]), 90.0)
    assert across == pytest.approx([0, -1])
    assert along == pytest.approx([1, 0])


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
    texture = gaussian_filter(RNG(1).normal(size=(160, 160)), 3)
    places = [(30, 30), (42, 17), (0, 0), (25, 44), (31, 28)]
    images = np.array([texture[y : y + 90, x : x + 90] for y, x in places], np.float32)
    usable = np.array([True, True, False, True, True])
    found = pairwise(images, np.arange(-2.0, 3.0), usable)[usable]
    true = -np.array(places, float)[usable]
    assert found - found[0] == pytest.approx(true - true[0], abs=0.05)


def test_fit_of_low_order_terms_ignores_an_outlier():
    tilt = np.arange(-60.0, 61, 3)
    values = low_order(tilt) @ [2.0, -3.0, 0.5]
    spoilt = values.copy()
    spoilt[7] += 50
    found = fitted(low_order(tilt), spoilt, np.ones(len(tilt), bool))
    assert found == pytest.approx(values, abs=1e-3)


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
