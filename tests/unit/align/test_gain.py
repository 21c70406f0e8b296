"""How a detector's gain pattern is told from the specimen, and divided out."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from catomo.align.bad_pixels import even_out
from catomo.align.gain import find_gain
from catomo.align.preprocess import clean
from catomo.align.settings import Align

TILTS = np.arange(-64.0, 65, 4)
SHAPE = (64, 72)


def moves(kind, seed):
    rng = np.random.default_rng([seed, 1])
    time = np.arange(len(TILTS)) - len(TILTS) / 2
    return {
        "still": np.zeros((len(TILTS), 2)),
        "drift": time[:, None] * np.array([0.3, 0.9]),
        "jitter": rng.uniform(-3, 3, (len(TILTS), 2)),
        "along": rng.uniform(-4, 4, (len(TILTS), 1)) * np.array([1.0, 0.0]),
    }[kind]


def series(kind, seed, *, film=60.0, radius=4.0, counts=True):
    """Return counts of balls, on a textured film if that is not 0, that move from image to image.

    `film` is its brightness, beside 300 of a ball.
    """
    rng = np.random.default_rng(seed)
    texture = gaussian_filter(rng.normal(size=(SHAPE[0] + 40, 1200)), 2)
    texture = 1 + 0.2 * texture / texture.std()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] - np.reshape(np.array(SHAPE), (2, 1, 1)) / 2
    balls = rng.uniform(-18, 18, (14, 3))
    images = []
    for tilt, (down, right) in zip(np.deg2rad(TILTS), moves(kind, seed), strict=True):
        smooth = gaussian_filter(texture, (0, 4 * abs(np.tan(tilt)) + 0.1))
        places = [y - down + texture.shape[0] / 2, (x - right) / np.cos(tilt) + 600]
        image = film * map_coordinates(smooth, places, order=1) / np.cos(tilt)
        for by, bx, bz in balls:
            across = bx * np.cos(tilt) - bz * np.sin(tilt) + right
            image += 300 * np.exp(-((y - by - down) ** 2 + (x - across) ** 2) / radius**2)
        images.append(rng.poisson(image + 15) if counts else image + 15)
    return np.array(images, np.float32)


def pattern(kind, seed, sigma=0.12):
    """Return a gain that differs by 12 %, or as much as is said."""
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    if kind == "smooth":
        noise = gaussian_filter(noise, 4)
    elif kind == "columns":
        noise[:] = noise[0]
    elif kind == "quadrants":
        noise[:32, :36], noise[:32, 36:], noise[32:, :36], noise[32:, 36:] = 1, -1, -0.4, 0.6
    return np.exp(sigma * noise / noise.std()).astype(np.float32)


@pytest.mark.parametrize("kind", ["pixels", "smooth", "columns", "quadrants"])
def test_a_pattern_that_stays_in_place_is_found_and_divided_out(kind):
    images = series("jitter", 5)
    gain = pattern(kind, 6)
    found = find_gain(images * gain)
    assert found.sigma == pytest.approx(0.12, abs=0.06)
    left = np.log(found.gain / gain)
    assert left.std() < 0.6 * np.log(gain).std()
    mended = images * gain
    found.divide(mended)
    before, after = (np.abs(i / images - 1).mean() for i in (images * gain, mended))
    assert after - np.abs(left.mean()) < 0.7 * before


@pytest.mark.parametrize("kind", ["pixels", "columns"])
def test_a_weak_pattern_is_found_by_its_fine_structures(kind):
    """Its halves correlate by less than those that a rod which hardly moves seems to have."""
    gain = pattern(kind, 6, 0.05)
    found = find_gain(series("jitter", 5) * gain)
    assert found.sigma == pytest.approx(0.05, abs=0.02)
    assert np.log(found.gain / gain).std() < 0.85 * 0.05


@pytest.mark.parametrize("kind", ["still", "drift", "jitter", "along"])
@pytest.mark.parametrize(("film", "radius"), [(60.0, 4.0), (0.0, 5.0), (20.0, 1.3)])
def test_a_specimen_is_no_pattern(kind, film, radius):
    assert find_gain(series(kind, 7, film=film, radius=radius)) is None


@pytest.mark.parametrize("seed", [0, 3])
def test_a_rod_that_hardly_moves_is_no_pattern(seed):
    """Its edges lie in nearly the same place in all images."""
    rng = np.random.default_rng(3000 + seed)
    y, x = np.indices((96, 96)) - 47.5
    x, y = x * np.cos(0.035) - y * np.sin(0.035), x * np.sin(0.035) + y * np.cos(0.035)
    turns, radii, heights = rng.uniform([[0], [3], [-41]], [[2 * np.pi], [12], [41]], (3, 12))
    images = []
    for tilt in np.deg2rad(np.arange(-60, 61, 5)):
        down, right = rng.uniform(-2, 2, 2)
        image = 2 * np.sqrt(np.maximum(14**2 - (x - right) ** 2, 0)) + 2
        for across, height in zip(radii * np.cos(turns + tilt), heights, strict=True):
            image += 9 * np.exp(-((x - right - across) ** 2 + (y - down - height) ** 2) / 8)
        images.append(rng.poisson(10 * image))
    assert find_gain(np.array(images, np.float32)) is None


def test_nothing_is_found_in_images_without_noise():
    assert find_gain(series("jitter", 8, film=0.0, counts=False)) is None
    assert find_gain(np.full((12, 32, 32), 5, np.float32)) is None
    assert find_gain(series("jitter", 8)[:8]) is None


def test_the_verdict_names_the_pattern():
    images = series("jitter", 9) * pattern("pixels", 10)
    before = images.copy()
    notes = {"mended_fraction": 0.0}
    told = even_out(images, 8.0, None, notes)
    assert notes["gain_pattern_sigma"] == pytest.approx(0.12, abs=0.06)
    [words] = [word for word in told if "answers unevenly" in word]
    assert f"differs by {100 * notes['gain_pattern_sigma']:.0f} %" in words
    assert not np.array_equal(images, before)
    kept = clean(before.copy(), TILTS, Align(bad_pixel_sigmas=0))
    assert "gain_pattern_sigma" not in kept.notes["bad_pixels"]
    assert not [word for word in kept.told if "answers unevenly" in word]
