"""Whether the images of a series moved while they were recorded."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.align.drift import moved
from helpers.balls import BALLS, TILTS, project

STILL = np.zeros(len(TILTS))
JITTER = np.random.default_rng(1).uniform(-3, 3, len(TILTS))


def recorded(across, along, angle_deg=0.0, tilts=TILTS):
    rate = 4 * (project(BALLS, angle_deg, across, along, tilts=tilts) + 7)
    return np.random.default_rng(2).poisson(rate).astype(np.float32)


@pytest.mark.parametrize(
    ("across", "along"), [(STILL, JITTER), (JITTER, STILL), (JITTER, JITTER[::-1])]
)
def test_images_are_parted_where_they_moved(across, along):
    found = moved(recorded(across, along), TILTS)
    for thirds, places in zip(found, (along, across), strict=True):
        if not places.any():
            assert thirds is None
            continue
        assert places[thirds.high].min() > places[thirds.low].max()


def test_what_stays_in_place_has_no_say():
    """A wide fault hides the brightest part of the specimen: what fills it hardly moves."""
    images = recorded(JITTER, JITTER[::-1])
    smooth = gaussian_filter(images.mean(axis=0), 3)
    row, column = np.unravel_index(smooth.argmax(), smooth.shape)
    still = np.zeros(images[0].shape, bool)
    still[row - 4 : row + 5, column - 4 : column + 5] = True
    images[:, still] = 2 * smooth.max()
    for thirds, places in zip(moved(images, TILTS, still), (JITTER[::-1], JITTER), strict=True):
        assert places[thirds.high].min() > places[thirds.low].max()


@pytest.mark.parametrize("angle_deg", [0.0, 10.0])
def test_what_the_tilt_moves_is_no_proof(angle_deg):
    """The mass lies 12 px above the tilt axis, which may be turned: the tilt moves it all."""
    high = BALLS + np.array([0, 0, 12, 0, 0])
    images = project(high, angle_deg, STILL, STILL)
    assert moved(images, TILTS) == (None, None)


def test_noise_alone_proves_nothing():
    frozen = recorded(STILL, STILL, tilts=np.zeros(len(TILTS)))
    noise = np.random.default_rng(3).poisson(20, frozen.shape).astype(np.float32)
    assert moved(frozen, TILTS) == (None, None)
    assert moved(noise, TILTS) == (None, None)
    assert moved(recorded(JITTER, JITTER)[:4], TILTS[:4]) == (None, None)
