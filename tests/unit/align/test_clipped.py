"""Grey values cut off at the bright end are told, with how much of the specimen they are."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.align.clipped import find_clipping
from catomo.align.preprocess import clean
from catomo.align.settings import Align

TILTS = np.arange(-60.0, 61.0, 10.0)


def series(seed: int = 0, counts: float = 150.0) -> np.ndarray:
    """Views of a support with dense particles, float32 of whole counts, (13, 64, 64)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] - 31.5
    places = rng.uniform(-16, 16, (10, 2))
    images = []
    for tilt in np.radians(TILTS):
        image = 1.0 * (np.hypot(x / (0.6 + 0.4 * np.cos(tilt)), y) < 24)
        for row, column in places:
            image += 4 * (np.hypot(x - column * np.cos(tilt), y - row) < 2.5)
        images.append(rng.poisson(counts * gaussian_filter(image, 0.8) + 20))
    return np.array(images, np.float32)


def clipped(images: np.ndarray, percent: float) -> np.ndarray:
    return np.minimum(images, np.floor(np.percentile(images, 100 - percent))).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("counts", [3.0, 30.0, 1000.0])
def test_a_whole_grey_scale_is_not_called_clipped(seed, counts):
    assert find_clipping(series(seed, counts), TILTS) is None


def test_a_flat_slab_and_hot_pixels_and_blank_images_are_not_clipped():
    flat = np.zeros((13, 64, 64), np.float32)
    flat[:, 10:50, 10:50] = 200.0 / np.cos(np.radians(TILTS))[:, None, None].astype(np.float32)
    gradient = flat + np.arange(64, dtype=np.float32)  # thicker to one side
    assert find_clipping(gradient, TILTS) is None
    hot = series()
    hot[:, [5, 20, 40, 60], [50, 33, 20, 2]] = 65535
    assert find_clipping(hot, TILTS) is None
    assert find_clipping(np.full((13, 64, 64), 7.0, np.float32), TILTS) is None


@pytest.mark.parametrize("percent", [0.5, 2.0, 6.0])
def test_the_share_of_the_specimen_is_told(percent):
    images = clipped(series(), percent)
    found = find_clipping(images, TILTS)
    specimen = (images > 20 + 0.1 * (images.max() - 20)).mean()
    assert found.share == pytest.approx((images == images.max()).mean() / specimen, rel=0.25)
    assert found.harmful == (percent > 1)


def test_images_stretched_one_by_one_are_clipped_each_at_its_own_value():
    images = series()
    for image, gain in zip(images, np.linspace(1, 2, 13), strict=True):
        image[:] = np.minimum(image * gain, np.percentile(image * gain, 97))
    found = find_clipping(images, TILTS)
    assert found.tilt_deg == tuple(TILTS)
    assert "all images" in found.words(13)


@pytest.mark.parametrize(("percent", "where"), [(0.5, "mentioned"), (6.0, "told")])
def test_much_of_it_is_a_reason_to_doubt_and_little_is_mentioned(percent, where):
    made = clean(clipped(series(), percent), TILTS, Align())
    kinds = {"told": made.told, "mentioned": made.mentioned}
    (words,) = [word for word in kinds.pop(where) if "same grey value" in word]
    assert "saturated detector" in words
    assert not any("same grey value" in word for word in next(iter(kinds.values())))
    assert made.notes["clipped"]["tilt_deg"] == tuple(TILTS)


def test_images_that_are_white_for_the_most_part_are_clipped():
    rng = np.random.default_rng(6)
    y, x = np.mgrid[:64, :64] - 31.5
    film = np.stack([100 + 150 * np.exp(-(y**2 + x**2) / 600)] * 13)
    images = np.minimum(gaussian_filter(rng.poisson(film) * 1.0, (0, 1, 1)), 120.0)
    white = float((images == 120).mean())
    assert white > 0.6
    assert find_clipping(images.astype(np.float32), TILTS).share == pytest.approx(white, abs=0.1)


def test_clipped_values_are_found_before_an_uneven_gain_is_divided_out():
    gain = np.exp(0.06 * np.random.default_rng(7).normal(size=(64, 64)))
    moves = np.random.default_rng(8).integers(-5, 6, (13, 2))
    raw = [
        np.roll(image, move, (0, 1)) for image, move in zip(series(counts=600), moves, strict=True)
    ]
    made = clean(clipped(np.array(raw) * gain, 6.0), TILTS, Align())
    assert "gain_pattern_sigma" in made.notes["bad_pixels"]
    assert any("same grey value" in word for word in made.told)
