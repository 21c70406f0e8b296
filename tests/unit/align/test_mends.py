"""Distortions of single images are undone on request, where held-out images show that it helps."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from catomo.align.chain import Solution
from catomo.align.geometry import Geometry, rotation
from catomo.align.known import Known
from catomo.align.mends import mended
from catomo.align.preprocess import CleanSeries
from catomo.align.settings import Align
from helpers.balls import TILTS, project, run, write_series

SIZE = 48
RNG = np.random.default_rng(5)
BALLS = np.hstack(  # x, y, z, sigma in px, weight
    [RNG.uniform(-1, 1, (40, 3)) * [15, 18, 8], RNG.uniform(1, 2, (40, 1)), np.full((40, 1), 20.0)]
)
AXIS_DEG = 3.0
N = len(TILTS)
DRAWN = np.random.default_rng(4).normal(size=N)
# A specimen sheared along its tilt axis displaces rows just so: no image tells one from the other.
OF_SPECIMEN = np.stack([np.cos(np.deg2rad(TILTS)), np.sin(np.deg2rad(TILTS))], axis=1)
OF_IMAGES = DRAWN - OF_SPECIMEN @ np.linalg.lstsq(OF_SPECIMEN, DRAWN, rcond=None)[0]


def recorded(distortion, true_deg=TILTS):
    """Return images of balls whose points lie at distortion[t] @ (y, x), and where they lie."""
    across, along = np.random.default_rng(1).uniform(-2, 2, (2, N))
    images = project(BALLS, AXIS_DEG, across, along, (SIZE, SIZE), true_deg)
    centre = (np.array(images.shape[1:]) - 1) / 2
    for t, image in enumerate(images):
        back = np.linalg.inv(distortion[t])
        images[t] = ndimage.affine_transform(image, back, centre - back @ centre, order=3)
    images += np.random.default_rng(2).normal(0, 0.2, images.shape)
    series = CleanSeries(images.astype(np.float32), TILTS, np.ones(N, bool), True)
    return series, Solution(Geometry(AXIS_DEG, across, along))


def plain():
    return np.tile(np.eye(2), (N, 1, 1))


@pytest.mark.slow
def test_turns_of_single_images_come_back():
    turns_deg = 1.5 * DRAWN + 0.4
    distortion = np.array([rotation(turn) for turn in turns_deg])
    series, solution = mended(*recorded(distortion), Align(mend=["rotation"]))
    found = solution.geometry.axis_angle_deg + solution.steps["mends"]["per_tilt"]["rotation_deg"]
    np.testing.assert_allclose(found, AXIS_DEG + turns_deg, atol=0.3)
    assert solution.steps["mends"]["rotation"]["applied"]
    assert series.mentioned[0].startswith("mended: the rotation of single images")


@pytest.mark.thorough
def test_magnification_comes_back():
    growth = 0.04 * np.linspace(-1, 1, N)
    distortion = (1 + growth)[:, None, None] * plain()
    _, solution = mended(*recorded(distortion), Align(mend=["magnification"]))
    found = solution.steps["mends"]["per_tilt"]["magnification"]
    np.testing.assert_allclose(found - found.mean(), growth, atol=0.003)


@pytest.mark.thorough
def test_drift_of_the_scan_comes_back():
    distortion = plain()
    distortion[:, 1, 0] += 0.03 * OF_IMAGES
    distortion[:, 0, 0] += 0.02 * (DRAWN[::-1] - DRAWN.mean())
    _, solution = mended(*recorded(distortion), Align(mend=["scan_drift"]))
    np.testing.assert_allclose(solution.geometry.distortion, distortion, atol=0.006)


@pytest.mark.slow
def test_the_scale_of_the_angles_comes_back():
    series, solution = mended(*recorded(plain(), 1.05 * TILTS), Align(mend=["angle_scale"]))
    np.testing.assert_allclose(series.tilt_deg, 1.05 * TILTS, rtol=0.003)
    assert solution.geometry.distortion is None


@pytest.mark.thorough
def test_angles_of_single_images_come_back():
    shared = np.polyval(np.polyfit(TILTS, DRAWN, 1), TILTS)  # an offset and a scale
    true_deg = TILTS + 4 * (DRAWN - shared)
    series, _ = mended(*recorded(plain(), true_deg), Align(mend=["tilt_angles"]))
    assert np.std(series.tilt_deg - true_deg) < 0.25 * np.std(TILTS - true_deg)


@pytest.mark.slow
def test_nothing_is_mended_where_nothing_is_wrong():
    series, start = recorded(plain())
    told, solution = mended(series, start, Align(mend=["scan_drift", "rotation"]))
    assert solution.geometry is start.geometry
    assert [words.split(";")[0] for words in told.mentioned] == [
        "not mended: the rotation of single images",
        "not mended: the drift of the scan in single images",
    ]


def test_without_a_wish_or_with_an_alignment_to_keep_nothing_is_done():
    series, start = recorded(plain())
    assert mended(series, start, Align()) == (series, start)
    assert mended(series, start, Align(mend=["rotation"]), Known(start.geometry)) == (series, start)


def test_few_images_are_left_as_they_are():
    series, start = recorded(plain())
    series = replace(series, usable=np.arange(N) < 19)
    told, solution = mended(series, start, Align(mend=["rotation"]))
    assert solution is start
    assert "19 images are too few" in told.mentioned[0]


@pytest.mark.thorough
def test_a_mended_alignment_is_recorded_and_used_again(tmp_path):
    distortion = np.array([rotation(1.5 * turn) for turn in DRAWN])
    images = recorded(distortion, 1.05 * TILTS)[0].images + 5
    folder = write_series(tmp_path / "series", images)
    record, images = run(folder, tmp_path / "out", mend=["rotation", "angle_scale"])
    assert np.shape(record["distortion"]) == (N, 2, 2)
    np.testing.assert_allclose(record["tilt_deg"], 1.05 * TILTS, rtol=0.01)
    again, same = run(folder, tmp_path / "again", apply=str(tmp_path / "out" / "alignment.json"))
    assert np.array_equal(images, same)
    for key in ("distortion", "tilt_deg", "recorded_tilt_deg"):
        assert again[key] == record[key]
