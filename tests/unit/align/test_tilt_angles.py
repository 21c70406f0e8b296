"""Tilt angles that are not those recorded come back from the images, each in its own way."""

from dataclasses import replace

import numpy as np
import pytest

from catomo.align.geometry import Geometry
from catomo.align.preprocess import CleanSeries
from catomo.align.reprojection import Reprojector
from catomo.align.settings import Align
from catomo.align.tilt_angles import TiltAngles, tilt_angles
from helpers.balls import BALLS, SIZE, TILTS, project

LIMITS = Align().verdict
STILL = np.zeros(len(TILTS))
DRAWN = np.random.default_rng(6).normal(size=len(TILTS))


def measured(true_deg, noise=0.5):
    """Return what is found of balls seen at true angles that are recorded as `TILTS`."""
    images = project(BALLS, 0.0, STILL, STILL, tilts=true_deg)
    images += noise * np.random.default_rng(2).normal(size=images.shape)
    series = CleanSeries(images.astype(np.float32), TILTS, np.ones(len(TILTS), bool), True)
    reproject, still = Reprojector(series, SIZE), Geometry.still(len(TILTS))
    return tilt_angles(reproject, still, reproject.of_reconstruction(still))


def words(found):
    doubts, mentions = found.reasons(LIMITS)
    return "; ".join(doubts), "; ".join(mentions)


def test_right_angles_are_not_doubted():
    found = measured(TILTS)
    assert found.jitter_deg() < 0.2
    assert found.record()["angle_step_deg"] == 0
    assert found.scale == pytest.approx(1, abs=0.015)
    assert words(found) == ("", "")


def test_a_jump_across_0_alone_is_no_step():
    found = measured(TILTS, noise=0.0)
    assert np.abs(np.diff(found.off_deg)).argmax() == len(TILTS) // 2 - 1
    assert found.record()["angle_step_deg"] == 0


def test_small_things_in_large_frames_tell_nothing_of_single_angles():
    """Made smaller, they are less than a pixel wide, and images of right angles differ as much."""
    across, along = np.random.default_rng(3).uniform(-4, 4, (2, len(TILTS)))
    images = project(BALLS, 0.0, across, along, shape=(512, 512)).astype(np.float32)
    series = CleanSeries(images, TILTS, np.ones(len(TILTS), bool), True)
    reproject, geometry = Reprojector(series, 64), Geometry(0.0, across, along)
    found = tilt_angles(reproject, geometry, reproject.of_reconstruction(geometry))
    assert found.jitter_deg() > 1.5
    assert words(found) == ("", "")


@pytest.mark.parametrize(("scale", "where"), [(0.94, 0), (1.03, 1)])
def test_another_scale_comes_back(scale, where):
    found = measured(TILTS * scale)
    assert found.scale == pytest.approx(scale, abs=0.012)
    told = words(found)
    assert "scale of the goniometer" in told[where]
    assert f"{found.scale:.3f} times those recorded" in told[where]
    assert not told[1 - where]


def test_jitter_comes_back_image_by_image():
    found = measured(TILTS + 3.0 * DRAWN)
    drawn = DRAWN[np.isin(TILTS, found.tilt_deg)]
    assert np.corrcoef(found.off_deg, drawn)[0, 1] > 0.95
    assert found.jitter_deg() == pytest.approx(3.0 * np.std(DRAWN), rel=0.25)
    assert "from image to image" in words(found)[0]


def test_a_single_wrong_angle_is_named():
    true = TILTS.copy()
    true[12] += 3.0
    found = TiltAngles(TILTS, 0.05 * DRAWN + (true - TILTS), 0.05, 1.0)
    limits = LIMITS.model_copy(update={"warn_angle_jitter_deg": 0.5})
    assert f"most of all at {TILTS[12]:g}°" in "; ".join(found.reasons(limits)[0])


def test_a_missing_or_doubled_image_and_backlash_are_a_step():
    step = -4.0
    true = TILTS + np.where(np.arange(len(TILTS)) >= 20, step, 0.0)
    found = measured(true)
    assert found.record()["angle_step_deg"] == pytest.approx(step, rel=0.45)
    assert f"from {TILTS[20]:g}° on the true angles are off by" in words(found)[0]
    assert "scale of the goniometer" not in "".join(words(found))


def test_backlash_across_0_is_a_step_where_right_angles_do_not_jump():
    found = measured(TILTS + np.where(TILTS < 0, 5.0, 0.0))
    assert found.record()["angle_step_deg"] == pytest.approx(-5.0, rel=0.45)
    first = TILTS[TILTS > 0].min()
    assert f"from {first:g}° on the true angles are off by" in words(found)[0]
    as_right = replace(found, of_right=replace(found, of_right=None))  # which jump there as far
    assert as_right.record()["angle_step_deg"] == 0


@pytest.mark.parametrize("off_deg", [3.3 * DRAWN, np.where(np.arange(len(TILTS)) >= 20, -4.8, 0.0)])
def test_what_is_doubted_in_small_images_is_doubted_in_large_ones(off_deg):
    """There right angles are told from lower limits on, which must silence nothing."""
    right = TiltAngles(TILTS, 0.36 * DRAWN, 0.0, 1.0)
    found = TiltAngles(TILTS, off_deg, 0.05, 1.0, of_right=right)
    for size_px in (128, 256, 2048):
        assert len(found.reasons(LIMITS.for_images(size_px))[0]) == 1


def test_too_few_images_have_no_step_and_no_jitter():
    few = TiltAngles(TILTS[:2], np.array([0.0, 5.0]), 0.1, 1.0)
    assert few.record() == {"angle_scale": 1.0, "angle_jitter_deg": 0.0, "angle_step_deg": 0.0}
