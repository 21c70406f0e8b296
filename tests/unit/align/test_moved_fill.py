"""What a wide fault of the detector hides is taken from images that show it."""

import numpy as np
import pytest

from catomo.align.moved_fill import fill_from_moved
from catomo.align.surroundings import fill
from helpers.balls import BALLS, TILTS, project

ACROSS, ALONG = np.random.default_rng(4).uniform(-8, 8, (2, len(TILTS)))


def hidden(across, along):
    """Return images of balls, the same with a fault of 7 × 7 px in their midst, and its pixels."""
    images = project(BALLS, 0.0, across, along).astype(np.float32)
    row, column = np.unravel_index(images.mean(axis=0).argmax(), images[0].shape)
    mask = np.zeros(images[0].shape, bool)
    mask[row - 3 : row + 4, column - 3 : column + 4] = True
    spoilt = images.copy()
    spoilt[:, mask] = 3 * images.max()
    return images, spoilt, mask


def test_what_other_images_show_fills_a_wide_fault():
    images, spoilt, mask = hidden(ACROSS, ALONG)
    from_rim = np.array([fill(image, mask)[mask] for image in spoilt])
    assert (fill_from_moved(spoilt, mask) == mask).all()
    assert (spoilt[:, ~mask] == images[:, ~mask]).all()
    truth = images[:, mask]
    left, by_rim = (np.sqrt(np.mean((v - truth) ** 2)) for v in (spoilt[:, mask], from_rim))
    assert left < 0.5 * by_rim
    assert left < 0.2 * truth.std()


@pytest.mark.parametrize("size", [3, 7])
def test_narrow_faults_and_what_no_image_shows_are_left(size):
    still = np.zeros(len(TILTS))
    _, spoilt, mask = hidden(*((ACROSS, ALONG) if size == 3 else (still, still)))
    if size == 3:
        mask[:-2] &= mask[2:]
        mask[2:] &= mask[:-2]
    before = spoilt.copy()
    assert not fill_from_moved(spoilt, mask).any()
    assert (spoilt == before).all()
