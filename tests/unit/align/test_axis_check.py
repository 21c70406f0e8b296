"""The second opinion on the tilt axis: crystals, round rods, and errors without a minimum."""

from types import SimpleNamespace

import numpy as np
import pytest

from catomo.align.axis_check import AxisCheck, by_reprojection, uncertain_axis
from catomo.align.chain import solve
from catomo.align.geometry import Geometry
from catomo.align.preprocess import clean
from catomo.align.settings import Align, Verdict
from catomo.align.tilt_axis import jackknife
from catomo.align.tilts import align_tilts

FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def crystal(seed):
    """Return noisy images of a small fcc crystal in some orientation, the axis at 0°, shifted."""
    rng = np.random.default_rng(seed)
    n = np.arange(-8, 9)
    corners = np.stack(np.meshgrid(n, n, n, indexing="ij"), -1).reshape(-1, 1, 3)
    atoms = 5.0 * (corners + FCC).reshape(-1, 3)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    atoms = atoms[(np.abs(atoms).sum(1) < 33) & (np.abs(atoms).max(1) < 22)] @ turn
    tilts = np.arange(-70, 71, 4.0)
    u = np.arange(72) - 35.5
    images = []
    for t in np.deg2rad(tilts):
        x = atoms[:, 0] * np.cos(t) + atoms[:, 2] * np.sin(t) + rng.integers(-3, 4)
        y = atoms[:, 1] + rng.integers(-3, 4)
        across = np.exp(-((u - x[:, None]) ** 2) / 2.4)
        along = np.exp(-((u - y[:, None]) ** 2) / 2.4)
        images.append(rng.poisson(60 * along.T @ across / 2.4 + 8))
    return np.array(images, np.float32), tilts


def rod(seed):
    """Return noisy images of a round rod along the tilt axis, at 0°, with a few particles."""
    rng = np.random.default_rng(seed)
    tilts = np.arange(-60, 61, 10.0)
    y, x = np.indices((64, 64)) - 31.5
    dots = np.c_[rng.uniform(0, 2 * np.pi, 5), rng.uniform(3, 10, 5), rng.uniform(-27.5, 27.5, 5)]
    images = []
    for t in np.deg2rad(tilts):
        image = 2 * np.sqrt(np.maximum(12**2 - x**2, 0))
        for turn, radius, height in dots:
            across = radius * np.cos(turn + t)
            image = image + 9 * np.exp(-((x - across) ** 2 + (y - height) ** 2) / 8)
        images.append(rng.poisson(image + 2))
    return np.array(images, np.float32), tilts


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2))]
)
def test_the_lattice_of_a_crystal_does_not_turn_the_axis(seed):
    settings = Align(projection_matching=False)
    images, tilts = crystal(seed)
    found = solve(clean(images, tilts, settings), settings)
    assert found.geometry.axis_angle_deg == pytest.approx(0, abs=0.5)
    check = found.axis_check
    assert check.doubt == ""
    assert check.angle_deg == pytest.approx(0, abs=0.5)
    assert check.is_coarse
    middle = (found.axis.angle_deg + check.angle_deg) / 2
    assert found.geometry.axis_angle_deg == pytest.approx(middle)


@pytest.mark.slow
def test_a_search_that_finds_no_minimum_yields_to_a_check_that_does():
    """The search is 1.6° off, and parts of the tilts tell it to 1.7° only."""
    settings = Align(projection_matching=False)
    found = solve(clean(*rod(103), settings), settings)
    assert abs(found.axis.angle_deg) > 1
    assert found.geometry.axis_angle_deg == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize(
    ("scan_error", "check_error", "kind", "doubt", "surer"),
    [
        (1.7, 0.8, "isolated", "", True),
        (0.9, 0.3, "extended in few images", "", False),
        (1.7, 0.8, "isolated", "no clear minimum", False),
        (1.7, 0.9, "isolated", "", False),
        (1.7, np.nan, "isolated", "", False),
        (1.7, 0.8, "extended in few images", "", True),
        (0.9, 0.1, "isolated", "", False),
        (0.2, 0.08, "extended", "", True),
        (0.1, 0.01, "extended", "", False),
    ],
)
def test_which_method_is_believed(scan_error, check_error, kind, doubt, surer):
    check = AxisCheck(0.0, judge=None, doubt=doubt, error_deg=check_error)
    assert check.is_surer_than(SimpleNamespace(error_deg=scan_error), kind) == surer


@pytest.mark.slow
def test_a_round_rod_along_the_axis_is_aligned_and_not_stopped():
    found = align_tilts(*rod(1))
    assert found.axis_angle_deg == pytest.approx(0, abs=0.5)
    assert found.verdict == "warn"
    assert any("cannot be judged" in reason for reason in found.reasons)
    assert not any("order of the images?" in reason for reason in found.reasons)


class Errors:
    """Reprojections whose error is a function of the axis angle, fine and smoothed."""

    def __init__(self, fine, coarse, known=None):
        self.fine, self.coarse, self.known = fine, coarse, known or bowl(0)
        self.asked = []

    def __call__(self, geometry, folds):
        self.asked.append(geometry.axis_angle_deg)
        return SimpleNamespace(error=lambda: np.full(6, self.fine(geometry.axis_angle_deg)))

    def smoothed(self, sigma):
        return Errors(self.coarse, self.coarse, self.known)

    def of_reconstruction(self, geometry):
        return Errors(self.known, self.known)


def bowl(at):
    return lambda angle: np.sqrt(0.1 + 0.01 * (angle - at) ** 2)


def ripple(angle):
    return np.sqrt(0.1 + 0.01 * (round(angle / 1.5) % 2 == 0))


@pytest.mark.parametrize(
    ("fine", "coarse", "angle", "doubt"),
    [
        (bowl(1.0), None, 1.0, ""),
        (ripple, bowl(-0.4), -0.4, ""),
        (bowl(7.0), bowl(7.0), 7.0, ""),
        (bowl(30.0), bowl(30.0), 12.0, "at an end"),
        (ripple, ripple, None, "under no angle"),
    ],
)
def test_where_the_tilts_predict_each_other_best(fine, coarse, angle, doubt):
    found = by_reprojection(Errors(fine, coarse), Geometry(0.0, np.zeros(3), np.zeros(3)), 10.0)
    assert doubt in found.doubt
    assert bool(doubt) == bool(found.doubt)
    assert found.is_coarse == (coarse is not None)
    if angle is not None:
        assert found.angle_deg == pytest.approx(angle)


def test_what_a_reconstruction_with_an_upright_axis_shows_too_is_no_turn():
    geometry = Geometry(0.0, np.zeros(3), np.zeros(3))
    for fine in (bowl(1.0), ripple):
        found = by_reprojection(Errors(fine, bowl(1.0), bowl(0.4)), geometry, 10.0)
        assert found.angle_deg == pytest.approx(0.6)


def test_a_walk_computes_no_angle_twice():
    found = by_reprojection(
        Errors(bowl(7.0), bowl(7.0)), Geometry(0.0, np.zeros(3), np.zeros(3)), 10.0
    )
    assert sorted(found.judge.asked) == [-3, -1.5, 0, 1.5, 3, 4.5, 6, 7.5, 9]


def test_the_jackknife_gives_the_standard_error_of_a_mean():
    values = np.arange(24.0) ** 2
    found = jackknife(24, lambda left_out: np.delete(values, left_out).mean())
    blocks = values.reshape(6, 4).mean(axis=1)
    assert found == pytest.approx(blocks.std(ddof=1) / np.sqrt(6))


@pytest.mark.parametrize(
    ("scan_error", "check_error", "is_coarse", "used_deg", "told"),
    [
        (0.8, 0.1, False, 1.0, "±0.8°"),
        (0.3, 0.1, False, 1.0, ""),
        (0.1, 0.7, False, 1.4, "±0.7°"),
        (0.8, 0.1, False, 1.4, ""),
        (0.9, 1.2, True, 1.2, "±0.8°"),  # the middle of both: √(0.9² + 1.2²) / 2
        (0.3, 0.4, True, 1.2, ""),
    ],
)
def test_how_far_the_axis_used_is_known(scan_error, check_error, is_coarse, used_deg, told):
    scan = SimpleNamespace(angle_deg=1.0, error_deg=scan_error)
    check = AxisCheck(1.4, None, is_coarse=is_coarse, error_deg=check_error)
    words = uncertain_axis(scan, check, used_deg, Verdict())
    assert len(words) == bool(told)
    assert told in "".join(words)


def test_two_axes_apart_and_a_given_axis_need_no_other_word():
    scan = SimpleNamespace(angle_deg=1.0, error_deg=2.0)
    assert uncertain_axis(scan, AxisCheck(1.6, None, error_deg=2.0), 1.0, Verdict()) == ()
    assert uncertain_axis(None, None, 1.0, Verdict()) == ()
