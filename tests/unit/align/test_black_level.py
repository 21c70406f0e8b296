"""Grey values cut off at the dark end are told, with how much was cut off."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter

from catomo.align.black_level import find_black_level
from catomo.align.clipped import clipping

TILTS = np.arange(-60.0, 61.0, 15.0)
SPACE = 20.0  # counts without specimen


def expected() -> np.ndarray:
    """Return what a leaning wedge with dense particles gives at each tilt, in counts."""
    y, x = np.mgrid[:96, :96] - 47.5
    places = np.random.default_rng(1).uniform(-25, 25, (12, 2))
    images = []
    for tilt in np.radians(TILTS):
        cos = 0.6 + 0.4 * np.cos(tilt)
        image = np.clip((x / cos + 40) * 5, 0, 400) * (np.abs(y) < 38) * (x / cos < 38)
        for row, column in places:
            image += 500 * (np.hypot(x - column * cos, y - row) < 3)
        images.append(gaussian_filter(image, 0.8))
    return np.array(images)


def series(cut: float, space: float = SPACE, gain: float = 1.0) -> np.ndarray:
    """Return counts from which so much was taken, but for what would be below zero."""
    counts = np.random.default_rng(2).poisson(expected() + space)
    return (gain * np.maximum(counts - cut, 0)).astype(np.float32)


@pytest.mark.parametrize("gain", [1.0, 0.02])
@pytest.mark.parametrize("cut", [60.0, 150.0])
def test_what_was_cut_off_is_told_beside_what_is_brightest(cut, gain):
    found = find_black_level(series(cut, gain=gain))
    seen = uniform_filter(series(cut), (0, 3, 3))
    brightest = np.median(seen[seen > np.quantile(seen[seen > 0], 11 / 12)])
    assert found.part == pytest.approx(cut / (cut + brightest), rel=0.3)
    assert found.harmful == (cut > 100)


@pytest.mark.parametrize(
    "images",
    [
        series(0.0),
        series(SPACE),  # half of what empty space shows is cut off, and nothing else
        series(0.0, space=0.0),  # nothing to cut: single electrons beside the specimen
        np.maximum(expected() - 100.0, 0).astype(np.float32),  # without noise
        np.zeros((9, 96, 96), np.float32),
    ],
    ids=["whole", "empty space", "no counts in empty space", "no noise", "blank"],
)
def test_nothing_is_told_where_nothing_is_missing(images):
    assert find_black_level(images) is None


def test_little_is_mentioned_and_much_is_doubted():
    for cut, where in ((60.0, 2), (150.0, 1)):
        told = clipping(series(cut), TILTS)
        assert told[0]["black_level"]["part"] > 0
        assert "raise the black level" in told[where][0]
        assert told[3 - where] == ()
