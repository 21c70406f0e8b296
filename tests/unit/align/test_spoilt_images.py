"""Images stored twice and images with a shadow are named, whatever they cost."""

import numpy as np
import pytest

from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.align.spoilt_images import doubled_images, shadowed_images

TILTS = np.arange(-60.0, 61.0, 10.0)


def series(background=15.0, gradient=0.0):
    """Return counts of a ball in empty space, (13, 64, 64), seen in a tilting frame."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:64, :64] - 31.5
    ball = 20 * np.sqrt(np.maximum(18**2 - y**2 - x**2, 0))
    level = background + gradient * x
    return rng.poisson(np.stack([ball + level] * len(TILTS))).astype(np.float32)


def test_a_good_series_is_not_named():
    for images in (series(), series(2.0), series(40.0, 0.4)):
        assert doubled_images(images, TILTS) == ()
        assert shadowed_images(images, TILTS) == ()


def test_an_image_stored_twice_is_named_with_the_one_before():
    images = series()
    images[5] = images[4]
    (words,) = doubled_images(images, TILTS)
    assert "the images at -20° and -10° are the same to the last pixel" in words
    assert words in clean(images, TILTS, Align()).told


def test_an_image_stored_twice_in_another_order_is_named_with_the_first():
    """Recorded in the order 0°, 10°, -10° …, the image of 10° was stored for -10° once more."""
    images = series()
    images[5] = images[7]
    assert "the images at -10° and 10° are the same" in doubled_images(images, TILTS)[0]


def test_an_image_of_less_dose_has_no_shadow():
    images = series(100.0)
    images[4] = np.random.default_rng(5).poisson(0.8 * images[4])
    assert shadowed_images(images, TILTS) == ()


def test_blank_images_and_views_without_noise_are_not_stored_twice():
    images = series()
    images[5:7] = 3.0
    assert doubled_images(images, TILTS) == ()
    assert doubled_images(np.stack([images[0]] * len(TILTS)), TILTS) == ()


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize("left", [0.0, 0.4])
def test_a_shadow_beside_the_specimen_names_its_images(side, left):
    images = series()
    for t, width in ((0, 14), (1, 9)):
        turned = np.rot90(images[t], side)
        turned[:, :width] = np.rint(left * turned[:, :width])
    (words,) = shadowed_images(images, TILTS)
    assert "in the images at -60°, -50° a side of the frame is darker" in words
    if left:  # nothing at all is a border that was filled, and hidden as such
        assert words in clean(images, TILTS, Align()).told


def test_what_is_dark_in_all_images_is_no_shadow():
    images = series()
    images[:, :, :10] = np.rint(0.4 * images[:, :, :10])
    assert shadowed_images(images, TILTS) == ()
