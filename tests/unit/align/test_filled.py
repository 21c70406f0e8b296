"""Borders that a program filled are found; empty space, blank images and the rest are none."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from catomo.align.filled import filled_borders
from catomo.align.preprocess import clean
from catomo.align.settings import Align

TILTS = np.arange(-60.0, 61, 10)
SHAPE = (48, 64)
MOVES = np.random.default_rng(1).integers(-6, 7, (len(TILTS), 2))


def film(counts=40.0):
    """Return noisy images of a film that fills the frame, darker where it is thin."""
    rng = np.random.default_rng(2)
    even = gaussian_filter(rng.normal(size=SHAPE), 3)
    thickness = 1 + 0.3 * even / even.std()
    paths = 1 / np.cos(np.deg2rad(TILTS))
    return rng.poisson(counts * np.clip(thickness, 0.1, None) * paths[:, None, None]) + 10.0


def moved(images, moves, value=None):
    """Return images moved by (y, x) px; `value` fills what is left free, by default the mean."""
    return np.array(
        [
            shift(image, move, order=1, cval=image.mean() if value is None else value)
            for image, move in zip(images, moves, strict=True)
        ],
        np.float32,
    )


def left_free(moves, beside=1):
    free = np.zeros((len(moves), *SHAPE), bool)
    for mark, move in zip(free, moves, strict=True):
        for rows, step in zip((mark, mark.T), move, strict=True):
            if step > 0:
                rows[: step + beside] = True
            elif step < 0:
                rows[step - beside :] = True
    return free


@pytest.mark.parametrize("value", [0.0, 255.0, None])
def test_a_border_is_found_with_the_row_beside_it(value):
    found = filled_borders(moved(film(), MOVES, value))
    assert np.array_equal(found, left_free(MOVES))


def test_a_border_of_images_moved_by_parts_of_a_pixel_is_found():
    found = filled_borders(moved(film(), MOVES + 0.4, 0.0))
    assert not (left_free(MOVES, beside=0) & ~found)[MOVES.min(axis=1) >= 0].any()


def ends_early(images):
    images[4, 20:] = 10.0
    return images


def blank(images):
    images[4] = 10.0
    return images


def same_in_all(images):
    images[:, :, :3] = 0
    return images


def rod_without_background(images):
    """Empty space is cut to zero, as beside a rod along the tilt axis."""
    images[:, :, :9] = images[:, :, -12:] = 0
    images[5, :, :10] = 0
    return images


def particle_without_background(images):
    y, x = np.indices(SHAPE)
    return images * (np.hypot(y - 20, x - 30) < 15 + np.arange(len(images))[:, None, None] % 3)


def few_counts(images):
    return np.random.default_rng(3).poisson(images / 2000)


@pytest.mark.parametrize(
    "change",
    [
        np.array,
        ends_early,
        blank,
        same_in_all,
        rod_without_background,
        particle_without_background,
        few_counts,
    ],
)
def test_nothing_else_counts_as_one(change):
    assert filled_borders(change(film()).astype(np.float32)) is None


def test_a_series_says_that_its_borders_were_not_measured():
    images = film()
    series = clean(moved(images, MOVES, 0.0), TILTS, Align())
    assert series.notes["filled_borders"] == np.count_nonzero(MOVES.any(axis=1))
    assert np.array_equal(series.unmeasured, left_free(MOVES))
    assert all(series.open_sides)
    untouched = clean(images.astype(np.float32), TILTS, Align())
    assert untouched.unmeasured is None
    assert "filled_borders" not in untouched.notes
