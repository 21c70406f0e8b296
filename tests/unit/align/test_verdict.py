"""What the verdict advises, from measures alone."""

import numpy as np
import pytest
from scipy import ndimage

from catomo.align.settings import Verdict
from catomo.align.tilt_axis import AxisScan
from catomo.align.verdict import Measures, judge, likeness
from helpers.balls import BALLS, TILTS, project


def measures(images=33, scan=None, error=0.01):
    """Return what a good series of so many images gives."""
    return Measures(
        *(images, np.zeros(0), 0.99, 1.0, 0.0, 0.0, scan, 0.0, error, 0.0, 0.0, [], None, 0.0)
    )


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        (12.0, "if the tilt axis lies there, give tilt_axis_angle_deg: 12, or raise axis_search"),
        (-20.0, "give tilt_axis_angle_deg: -20, or raise axis_search_deg to 25"),
        (42.0, "give tilt_axis_angle_deg: 42, or raise axis_search_deg to 45"),
        (-64.0, "give tilt_axis_angle_deg: -64"),
        (84.0, "does the tilt axis lie along x (then import with tilt_axis: x)?"),
        (-90.0, "does the tilt axis lie along x"),
    ],
)
def test_the_advice_on_the_tilt_axis_fits_where_it_was_found(found, advice):
    angles = np.arange(-50, 51) * 0.2
    scan = AxisScan(9.0, angles, np.ones(101), 0.4, 0.5, False, found, 0.1)
    verdict, [reason] = judge(measures(scan=scan), Verdict())
    assert verdict == "stop"
    assert reason.startswith(f"the images agree better along {found:.0f}° than near the vertical")
    assert advice in reason
    assert ("along x" in reason) == (abs(found) > 80)
    assert ("raise" in reason) == (abs(found) < 45)


@pytest.mark.parametrize(
    ("apart", "doubt", "words"),
    [
        (2.4, "", "two methods find tilt axes 2.4° apart"),
        (3.0, "best at an end", "best at an end"),
        (0.0, "under no angle", "under no angle"),
    ],
)
def test_a_second_opinion_in_doubt_names_crystals_and_asks_for_the_axis(apart, doubt, words):
    verdict, [reason] = judge(measured(apart, axis_doubt=doubt), Verdict())
    assert verdict == "warn"
    assert words in reason
    assert "crystals" in reason
    assert "give tilt_axis_angle_deg" in reason


def measured(apart=0.0, order=1.0, elsewhere=0.5, **more):
    """Return measures that pass but for what is given."""
    scan = AxisScan(1.0, np.arange(-50, 51) * 0.2, np.ones(101), 0.4, 0.5, False, 80.0, elsewhere)
    values = (33, np.zeros(0), 0.99, order, 0.0, 0.0, scan, apart, 0.01, 0.0, 0.0, [], None, 0.0)
    return Measures(*values, **more)


@pytest.mark.parametrize(("alike", "verdict"), [(False, "stop"), (True, "warn")])
def test_views_that_all_look_alike_are_not_stopped_for_their_order(alike, verdict):
    found, [reason] = judge(measured(order=0.5, all_alike=alike), Verdict())
    assert found == verdict
    assert ("cannot be judged" in reason) == alike


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({}, "stop"),
        ({"all_alike": True}, "warn"),
        ({"elsewhere_ratio": 0.4}, "stop"),
        ({"elsewhere_ratio": 0.9}, "warn"),
        ({"elsewhere_ratio": 1.1}, "pass"),
    ],
)
def test_a_better_direction_elsewhere(more, verdict):
    assert judge(measured(elsewhere=0.01, **more), Verdict())[0] == verdict


def rod(dots, bright=9):
    """Return noisy views of a round rod along the tilt axis, with dots in it."""
    rng = np.random.default_rng(1)
    y, x = np.indices((64, 64)) - 31.5
    places = rng.uniform([0, 3, -27], [2 * np.pi, 10, 27], (dots, 3))
    views = []
    for tilt in np.deg2rad(np.arange(-60, 61, 10)):
        view = 4 * np.sqrt(np.maximum(12**2 - x**2, 0)) + 2
        for turn, radius, height in places:
            across = radius * np.cos(turn + tilt)
            view = view + bright * np.exp(-((x - across) ** 2 + (y - height) ** 2) / 4)
        views.append(ndimage.gaussian_filter(rng.poisson(view).astype(float), 1))
    return views


@pytest.mark.parametrize(("dots", "bright"), [(0, 9), (5, 9), (20, 20)])
def test_views_that_all_look_alike_tell_nothing_of_their_order(dots, bright):
    next_likeness, _, all_alike = likeness(rod(dots, bright), np.ones(13, bool))
    assert next_likeness.min() > 0.9
    assert all_alike


def test_views_that_differ_tell_their_order():
    still = np.zeros(len(TILTS))
    views = list(project(BALLS, 0.0, still, still))
    usable = np.ones(len(views), bool)
    assert likeness(views, usable)[1:] == (1, False)
    mixed = [views[k] for k in np.random.default_rng(0).permutation(len(views))]
    _, order, all_alike = likeness(mixed, usable)
    assert order < 0.65
    assert not all_alike


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (4, "4 images are too few to predict each other: nothing confirms the shifts, the tilt ax"),
        (5, "5 images are too few to confirm the tilt axis and the order of the angles; only the"),
        (9, "9 images are too few to confirm the tilt axis and the order of the angles; only the"),
    ],
)
def test_few_images_are_told_what_nothing_confirms(images, words):
    verdict, [reason] = judge(measures(images), Verdict())
    assert verdict == "warn"
    assert reason.startswith(words)


def test_ten_images_confirm_each_other():
    assert judge(measures(10), Verdict()) == ("pass", [])


@pytest.mark.parametrize(("images", "expected"), [(9, "warn"), (10, "stop")])
def test_few_images_that_predict_each_other_badly_stop_nothing(images, expected):
    verdict, reasons = judge(measures(images, error=0.7), Verdict())
    assert verdict == expected
    assert "the other tilts leave 70% of an image unpredicted" in reasons
