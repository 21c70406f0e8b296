"""The examination of an alignment: noise and single wrong images are not taken for other faults."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from catomo.align.chain import Solution
from catomo.align.examination import Examination, examine
from catomo.align.geometry import Geometry
from catomo.align.preprocess import clean
from catomo.align.readings import Recording
from catomo.align.settings import Align
from helpers.balls import BALLS, TILTS, project

STILL = np.zeros(len(TILTS))
SETTINGS = Align()


def examined(counts, change=lambda images: images):
    """Examine views of balls, with so many counts at the brightest, under the true geometry."""
    balls = BALLS.copy()
    balls[:, 4] = [20, 20, 10, 25, 15, 12]
    images = project(balls, 0.0, STILL, STILL)
    counted = np.random.default_rng(1).poisson(images * counts / images.max() + 5)
    series = clean(change(counted.astype(np.float32)), TILTS, SETTINGS)
    return examine(series, Solution(Geometry.still(len(TILTS))), SETTINGS, Recording.sorted(TILTS))


@pytest.mark.slow
@pytest.mark.parametrize("counts", [100, 30])
def test_noise_is_not_taken_for_particles_that_move_or_light_up(counts):
    found = examined(counts)
    assert found.local.flicker_seen > 0.08
    assert found.local.record() == {
        "flicker": pytest.approx(0, abs=0.07),
        "bend": pytest.approx(0, abs=0.02),
        "shadowed": 0,
        "moved_px": 0,
    }
    assert found.reasons(SETTINGS.verdict, few_counts=False) == ([], [])


@pytest.mark.parametrize(
    ("moved_px", "mention", "doubt", "told"),
    [(0.1, "", "", True), (0.1, "a", "", False), (0.2, "a", "", True), (0.2, "a", "b", False)],
)
def test_what_is_only_mentioned_does_not_hide_that_parts_moved_far(moved_px, mention, doubt, told):
    asked = []

    def reasons(limits, tell_moved):
        asked.append(tell_moved)
        return [], []

    scale = [doubt] * bool(doubt), [mention] * bool(mention)
    angles = SimpleNamespace(reasons=lambda limits: scale, jitter_deg=lambda: 0.0)
    local = SimpleNamespace(moved_px=moved_px, reasons=reasons)
    nothing = Examination(*(np.zeros(3) for _ in range(4)), [], None, np.nan)
    replace(nothing, angles=angles, local=local).reasons(SETTINGS.verdict, few_counts=False)
    assert asked == [told]


@pytest.mark.slow
def test_exchanged_images_are_misfits_and_nothing_else():
    one, other = 3, -4

    def exchanged(images):
        images[[one, other]] = images[[other, one]]
        return images

    found = examined(1000, exchanged)
    assert [tilt for tilt, _ in found.misfits] == [TILTS[one], TILTS[other]]
    assert found.reasons(SETTINGS.verdict, few_counts=False) == ([], [])


def test_images_too_narrow_for_blocks_are_examined_without_them():
    tilts = TILTS[::3]
    still = np.zeros(len(tilts))
    images = project(BALLS, 0.0, still, still, shape=(16, 160), tilts=tilts)
    series = clean(images.astype(np.float32), tilts, SETTINGS)
    geometry = Solution(Geometry.still(len(tilts)))
    found = examine(series, geometry, SETTINGS, Recording.sorted(tilts))
    assert found.local is None
    assert np.isfinite(found.error).all()
