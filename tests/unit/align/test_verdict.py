"""What the verdict advises, from measures alone."""

import numpy as np
import pytest

from catomo.align.settings import Verdict
from catomo.align.tilt_axis import AxisScan
from catomo.align.verdict import Measures, judge


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
    good = (9, np.zeros(0), 0.99, 1.0, 0.0, 0.0, scan, 0.0, 0.01, 0.0, 0.0, [], None, 0.0)
    verdict, [reason] = judge(Measures(*good), Verdict())
    assert verdict == "stop"
    assert reason.startswith(f"the images agree better along {found:.0f}° than near the vertical")
    assert advice in reason
    assert ("along x" in reason) == (abs(found) > 80)
    assert ("raise" in reason) == (abs(found) < 45)
