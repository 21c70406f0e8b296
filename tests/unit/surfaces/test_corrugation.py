"""The corrugation of plates of known ridges."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.surfaces.corrugation import find_corrugation


def _plate(period: float, turn_deg: float, tilt: float, depth: float = 3.0) -> np.ndarray:
    """Return a plate whose normal leans from z by a slope along y, with sawtooth ridges."""
    y, z, x = np.indices((72, 40, 80)) - np.array([35.5, 19.5, 39.5])[:, None, None, None]
    lean = np.arctan(tilt)
    height, across = z * np.cos(lean) - y * np.sin(lean), y * np.cos(lean) + z * np.sin(lean)
    turn = np.radians(turn_deg)
    phase = (x * np.cos(turn) + across * np.sin(turn)) / period
    saw = depth * np.abs(2 * (phase % 1) - 1)
    return (height < 6 + saw) & (height > -6 - saw) & (np.abs(x) < 32) & (np.abs(across) < 28)


@pytest.mark.parametrize(
    ("period", "turn_deg", "tilt"), [(8.3, 0, 0.0), (12.6, 35, 0.2), (17.0, 100, -0.15)]
)
def test_period_and_direction_of_known_ridges(period, turn_deg, tilt):
    found = find_corrugation(_plate(period, turn_deg, tilt))
    assert abs(found.period_px - period) <= found.off_px
    assert found.off_px < 0.06 * period
    y, _, x = found.along
    lean, turn = np.arctan(tilt), np.radians(turn_deg)
    expected = np.degrees(np.arctan2(np.cos(turn) * np.cos(lean), -np.sin(turn)))
    off = (np.degrees(np.arctan2(y, x)) - expected + 90) % 180 - 90
    assert abs(off) < 2


def test_plates_without_ridges_have_no_period():
    rng = np.random.default_rng(2)
    rough = gaussian_filter(rng.standard_normal((72, 80)), 3) * 20
    z = np.arange(40)[None, :, None] - 19.5
    plate = np.abs(z) < 6 + rough[:, None, :]
    plate[:6] = plate[-6:] = plate[:, :, :6] = plate[:, :, -6:] = False
    assert find_corrugation(plate) == "its faces have no regular ridges"


@pytest.mark.parametrize("slope", [0.0, 0.09, 0.14, 0.31])
def test_the_steps_of_voxels_on_a_leaning_plane_are_no_ridges(slope):
    y, z, x = np.indices((60, 40, 60)) - np.array([29.5, 19.5, 29.5])[:, None, None, None]
    flat = (np.abs(z - slope * x) < 6) & (np.abs(x) < 26) & (np.abs(y) < 26)
    assert find_corrugation(flat) == "its faces have no regular ridges"


def test_what_is_no_plate_has_none():
    ball = ((np.indices((40, 40, 40)) - 19.5) ** 2).sum(axis=0) < 15**2
    assert find_corrugation(ball) == "it is no plate"
    assert find_corrugation(np.zeros((9, 9, 9), bool)) == "there is too little of it"
