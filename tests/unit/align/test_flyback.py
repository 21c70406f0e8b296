"""A scan that begins before the beam has come back is told by the edge that it pulls in."""

import numpy as np
import pytest

from catomo.align.flyback import Flyback, flyback
from catomo.align.geometry import Geometry
from catomo.align.preprocess import CleanSeries
from catomo.align.reprojection import JUDGE_FOLDS, Reprojector
from catomo.align.settings import Align
from helpers.balls import SIZE, TILTS, project

LIMITS = Align().verdict
PLACES = np.random.default_rng(3).uniform(-1, 1, (40, 3)) * [40, 40, 25]
BALLS = np.column_stack([PLACES, np.full(40, 1.6), np.full(40, 20.0)])


def measured(pull_px: float, mirrored: bool = False, both: bool = False) -> Flyback:
    """Return what is found of balls whose left edge is pulled in, fading over 10 px."""
    across, along = np.random.default_rng(4).uniform(-3, 3, (2, len(TILTS)))
    images = project(BALLS, 0.0, across, along)
    columns = np.arange(SIZE)
    seen = columns - pull_px * np.exp(-columns / 10)
    if both:
        seen += pull_px * np.exp(-columns[::-1] / 10)
    images = np.array([[np.interp(seen, columns, row) for row in image] for image in images])
    images += 0.5 * np.random.default_rng(5).normal(size=images.shape)
    if mirrored:
        images, across = images[:, :, ::-1], -across
    whole = np.ones(len(TILTS), bool)
    series = CleanSeries(np.ascontiguousarray(images, np.float32), TILTS, whole, True)
    reproject, geometry = Reprojector(series, SIZE), Geometry(0.0, across, along)
    still = Geometry.still(len(TILTS))
    of_known = reproject.of_reconstruction(geometry)(still, JUDGE_FOLDS)
    beside = reproject(geometry, JUDGE_FOLDS)
    return flyback(beside, of_known, across[reproject.indices])


@pytest.mark.parametrize(("mirrored", "side"), [(False, "left"), (True, "right")])
def test_the_edge_that_is_pulled_in_is_named(mirrored, side):
    found = measured(14.0, mirrored)
    assert found.side == side
    doubts, mentions = found.reasons(LIMITS.model_copy(update={"warn_flyback_px": 0.05}))
    assert f"towards the {side} edge all images are distorted in the same way" in doubts[0]
    assert not mentions


def test_images_that_nothing_pulls_say_nothing():
    assert measured(0.0).reasons(LIMITS) == ([], [])


def test_a_small_pull_is_mentioned():
    found = Flyback("left", 0.8 * LIMITS.warn_flyback_px)
    doubts, mentions = found.reasons(LIMITS)
    assert not doubts
    assert "flyback" in mentions[0]
