"""What the verdict advises, from measures alone."""

import numpy as np
import pytest

from catomo.align.settings import Verdict
from catomo.align.tilt_axis import AxisScan
from catomo.align.verdict import Measures, judge


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
