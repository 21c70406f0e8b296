"""The limits of the verdict: those of faults that move the rim of an image fall with its size."""

import numpy as np
import pytest

from catomo.align.distortion import Distortion
from catomo.align.settings import Verdict

LIMITS = Verdict()
FALLING = {
    *("warn_rotation_deg", "warn_magnification", "warn_shear"),
    *("warn_angle_scale", "warn_angle_jitter_deg", "warn_angle_step_deg"),
}


@pytest.mark.parametrize(
    ("size_px", "part"), [(64, 1), (128, 1), (181, 0.7712), (256, 0.5946), (2048, 0.5946)]
)
def test_limits_of_what_moves_the_rim_fall_with_the_size(size_px, part):
    of_size = LIMITS.for_images(size_px)
    for name, value in LIMITS:
        expected = part * value if name in FALLING else value
        assert getattr(of_size, name) == pytest.approx(expected, rel=1e-4)


def test_a_growth_that_is_only_mentioned_in_small_images_is_doubted_in_larger_ones():
    growth = np.tile([-0.012, 0.012], 10)
    still = np.zeros(20)
    found = Distortion(np.linspace(-60, 60, 20), still, growth, still, np.zeros(3))
    assert [len(told) for told in found.reasons(LIMITS.for_images(128))] == [0, 1]
    assert [len(told) for told in found.reasons(LIMITS.for_images(256))] == [1, 0]
