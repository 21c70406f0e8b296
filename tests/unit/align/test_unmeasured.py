"""What was not measured: shadows by their rectangles, fillings, and masks that move with images."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.align.geometry import ALL_SIDES, NO_SIDES, Geometry
from catomo.align.preprocess import clean
from catomo.align.settings import Align, Shadow
from catomo.align.tilts import align_tilts
from catomo.align.truth import compare
from catomo.align.unmeasured import (
    fill_from_nearest,
    hide,
    open_sides,
    shadows_of,
    unmeasured_pixels,
)
from catomo.errors import UserError
from helpers.balls import BALLS, SIZE, project, shifts
from helpers.balls import TILTS as BALL_TILTS

TILTS = np.arange(-60.0, 61, 10)
SHAPE = (len(TILTS), 30, 40)


def shadow(**changed):
    where = {"from_deg": 40.0, "to_deg": 60.0, "x": 5, "y": 10, "width": 8, "height": 100}
    return Shadow(**where | changed)


def test_a_shadow_covers_its_rectangle_at_its_tilts():
    covered = shadows_of([shadow(), shadow(from_deg=0.0, to_deg=0.0, x=39)], TILTS, SHAPE)
    wanted = np.zeros(SHAPE, bool)
    wanted[-3:, 10:, 5:13] = True
    wanted[6, 10:, 39:] = True
    assert np.array_equal(covered, wanted)
    assert shadows_of([], TILTS, SHAPE) is None
    rounded = np.rad2deg(np.round(np.deg2rad(TILTS), 4))  # 60 becomes 60.0001, 40 becomes 39.9982
    assert np.array_equal(
        shadows_of([shadow(), shadow(from_deg=0, to_deg=0, x=39)], rounded, SHAPE), wanted
    )


@pytest.mark.parametrize(
    "changed",
    [{"x": 40}, {"y": 30}, {"from_deg": 61.0, "to_deg": 70.0}, {"from_deg": 51.0, "to_deg": 59.0}],
)
def test_a_shadow_that_covers_nothing_is_refused_with_what_is_possible(changed):
    with pytest.raises(UserError, match=r"shadows\[1\].*-60° to 60°.*40 x 30 pixels"):
        shadows_of([shadow(), shadow(**changed)], TILTS, SHAPE)
    assert shadows_of([shadow(), shadow(x=39, y=29)], TILTS, SHAPE)[-1, 29, 39]


def test_a_filling_is_the_nearest_value_and_changes_nothing_else():
    images = np.random.default_rng(1).random((2, 12, 12)).astype(np.float32)
    missing = np.zeros(images.shape, bool)
    missing[0, 4:7, 3] = True
    before = images.copy()
    images[missing] = -99
    fill_from_nearest(images, missing)
    assert np.array_equal(images[~missing], before[~missing])
    assert images[0, 5, 3] in before[0, 5, [2, 4]]


def test_a_shadow_is_filled_from_the_nearest_tilt_that_shows_what_it_hides():
    images = np.random.default_rng(2).random(SHAPE).astype(np.float32)
    before = images.copy()
    given = np.zeros(SHAPE, bool)
    given[9, 10, 5] = True
    hidden = hide(images, TILTS, [shadow()], given)
    assert hidden.sum() == 3 * 20 * 8 + 1
    assert np.array_equal(images[~hidden], before[~hidden])
    assert np.array_equal(images[11, 11:, 5:13], before[9, 11:, 5:13])
    assert images[11, 10, 5] == before[8, 10, 5]  # the nearest tilt does not show this one
    assert hide(images, TILTS, [], None) is None


@pytest.mark.slow
def test_a_shadow_that_is_told_does_not_turn_the_alignment():
    """The upper edge is dark at high tilts, as behind a grid bar: the axis was 0.5 px off."""
    across, along = shifts(1)
    images = project(BALLS, 2.3, across + 2.7, along, tilts=BALL_TILTS) + 7.0
    images = np.random.default_rng(3).poisson(4 * images).astype(np.float32)
    images[BALL_TILTS >= 46, :14] = 2
    bar = Shadow(from_deg=46.0, to_deg=90.0, x=0, y=0, width=SIZE, height=14)
    found = align_tilts(images, BALL_TILTS, Align(shadows=[bar]))
    errors = compare(found.geometry, BALL_TILTS, Geometry(2.3, across + 2.7, along))
    assert errors["offset_error_px"] < 0.2
    assert errors["across_rms_px"] < 0.1
    assert errors["along_rms_px"] < 0.1
    assert found.unmeasured is not None
    high = found.unmeasured[BALL_TILTS >= 46]
    assert high[:, 7:9].mean() > 0.9
    assert not found.unmeasured[BALL_TILTS < 46].any()
    assert not high[:, 22:].any()


def test_outside_the_frame_counts_where_the_specimen_goes_on():
    geometry = Geometry(0.0, np.array([0.0]), np.array([4.0]))
    hidden = np.zeros((30, 40), bool)
    hidden[20, 7] = True
    extended = unmeasured_pixels(geometry, 0, (30, 40), hidden, ALL_SIDES)
    assert extended[-4:].all()
    assert extended[16, 7]
    assert extended.sum() == 4 * 40 + 1
    isolated = unmeasured_pixels(geometry, 0, (30, 40), hidden, NO_SIDES)
    assert np.argwhere(isolated).tolist() == [[16, 7]]
    assert not unmeasured_pixels(geometry, 0, (30, 40), None, NO_SIDES).any()
    top = (True, False, False, False)  # the specimen goes on there, the image left at the bottom
    assert not unmeasured_pixels(geometry, 0, (30, 40), None, top).any()


def specimen(film: float, seed: int) -> np.ndarray:
    """A plate in counts with noise, on a film (its part of the plate) with some texture."""
    rng = np.random.default_rng(seed)
    image = np.zeros((64, 80))
    image[24:40, 30:52] = 100
    texture = gaussian_filter(rng.normal(size=image.shape), 3)
    image += 100 * film * (1 + 0.25 * texture / texture.std())
    return rng.poisson(image + 10) - 10 - 100 * film


@pytest.mark.parametrize("seed", range(5))
def test_vacuum_closes_a_side_and_matter_opens_it(seed):
    vacuum = np.stack([specimen(0.0, 10 * seed + t) for t in range(9)])
    assert open_sides(vacuum) == NO_SIDES
    film = np.stack([specimen(0.15, 10 * seed + t) for t in range(9)])
    assert open_sides(film) == ALL_SIDES
    cut = vacuum.copy()
    cut[:, :24, 36:42] += 80  # as a needle, whose foot leaves the frame
    assert open_sides(cut) == (True, False, False, False)
    assert open_sides(vacuum[:0]) == NO_SIDES


def test_a_film_that_fills_the_frame_evenly_is_no_empty_surrounding():
    tilts = np.arange(-40.0, 41, 10)
    for film, isolated in ((0.0, True), (0.15, False)):
        images = np.stack([specimen(film, t) + 10 + 100 * film for t in range(9)])
        found = clean(images.astype(np.float32), tilts, Align())
        assert found.isolated is isolated
        assert found.open_sides == (NO_SIDES if isolated else ALL_SIDES)
