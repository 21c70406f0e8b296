"""Brightness of the images: scaled or named where it differs, left alone where it does not."""

from pathlib import Path

import numpy as np
import pytest

from catomo.align.brightness import even_out
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.align.tilts import align_tilts
from catomo.files.store import StackReader
from catomo.tilt_series.settings import Simulate
from catomo.tilt_series.simulate import simulate
from helpers.balls import BALLS, TILTS, project

TINY = Path(__file__).parents[2] / "workflow" / "tiny.yaml"
LIMIT = 1.3
MIDDLE = len(TILTS) // 2
RNG = np.random.default_rng


def isolated(seed=2):
    across, along = RNG(1).uniform(-4, 4, (2, len(TILTS)))
    return RNG(seed).poisson(4 * (project(BALLS, 1.0, across, along) + 7)).astype(np.float32)


def slab(pretilt_deg=0.0, seed=0, drift=0.0):
    """Return a series of a film full of particles that reaches far beyond the frame."""
    rng = RNG(seed)
    x, y, z = rng.uniform(-1, 1, (3, 400)) * [[300], [70], [15]]
    turn = np.deg2rad(pretilt_deg)
    places = x * np.cos(turn) - z * np.sin(turn), y, x * np.sin(turn) + z * np.cos(turn)
    balls = np.column_stack([*places, rng.uniform(1.5, 4, 400), rng.uniform(5, 50, 400)])
    across, along = rng.uniform(-3, 3, (2, len(TILTS)))
    images = project(balls, 1.0, across + np.linspace(-drift, drift, len(TILTS)), along)
    film = images.max() / 10 / np.cos(np.deg2rad(np.minimum(np.abs(TILTS + pretilt_deg), 80)))
    return rng.poisson(200 * (images + film[:, None, None]) / images.max()).astype(np.float32)


SERIES = {"isolated": isolated, "extended": slab}


def dose(kind):
    factor = np.ones(len(TILTS), np.float32)
    if kind == "fade":
        factor *= np.linspace(1, 0.5, len(TILTS))
    elif kind == "jump":
        factor[MIDDLE:] = 0.5
    else:
        factor[MIDDLE] = kind
    return factor


def found(images):
    series = clean(images.copy(), TILTS, Align())
    return even_out(series, LIMIT), series


@pytest.mark.parametrize("kind", [10.0, 2.0, 0.3, "fade", "jump"])
def test_an_isolated_specimen_is_scaled_to_one_mass(kind):
    images = isolated() * dose(kind)[:, None, None]
    brightness, series = found(images)
    mass = series.images.sum(axis=(1, 2), dtype=float)
    assert np.ptp(mass) < 1e-4 * mass.mean()
    expected = dose(kind) / np.median(dose(kind))
    ratio = brightness.gain / expected
    assert ratio / np.median(ratio) == pytest.approx(np.ones(len(TILTS)), abs=0.05)
    assert brightness.odd == brightness.jumps == []


@pytest.mark.parametrize("factor", [10.0, 2.0, 0.3])
def test_a_single_image_of_an_extended_specimen_is_named_and_scaled(factor):
    images = slab() * dose(factor)[:, None, None]
    brightness, _ = found(images)
    [(tilt, ratio)] = brightness.odd
    assert tilt == TILTS[MIDDLE]
    assert ratio == pytest.approx(factor, rel=0.1)
    assert np.flatnonzero(brightness.gain != 1).tolist() == [MIDDLE]


def test_a_jump_is_named_and_scaled():
    brightness, _ = found(slab() * dose("jump")[:, None, None])
    [(tilt, ratio)] = brightness.jumps
    assert tilt == TILTS[MIDDLE]
    assert ratio == pytest.approx(0.5, rel=0.1)
    assert (brightness.gain[:MIDDLE] == 1).all()
    assert brightness.gain[MIDDLE:] == pytest.approx(ratio)
    assert brightness.odd == []


def test_a_fading_beam_is_named():
    brightness, _ = found(slab() * dose("fade")[:, None, None])
    assert brightness.change == pytest.approx(0.5, abs=0.15)
    assert (brightness.gain == 1).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pretilt_deg", [0, 10, 20])
def test_a_film_is_left_alone(pretilt_deg, seed):
    brightness, _ = found(slab(pretilt_deg, seed))
    assert (brightness.gain == 1).all()
    assert brightness.change == 1


def test_a_drifting_film_is_left_alone():
    brightness, _ = found(slab(drift=40))
    assert (brightness.gain == 1).all()
    assert brightness.change == 1


def test_a_good_isolated_series_keeps_its_bytes():
    before = clean(isolated(), TILTS, Align()).images
    brightness, series = found(isolated())
    assert (brightness.gain == 1).all()
    assert np.array_equal(series.images, before)


def test_an_isolated_specimen_that_leaves_the_frame_is_not_scaled_up():
    across, along = RNG(1).uniform(-4, 4, (2, len(TILTS)))
    images = project(BALLS, 1.0, across + np.linspace(-5, 40, len(TILTS)), along) + 7
    brightness, _ = found(RNG(2).poisson(4 * images).astype(np.float32))
    assert brightness.gain == pytest.approx(np.ones(len(TILTS)), abs=0.1)
    assert brightness.odd == brightness.jumps == []


@pytest.mark.parametrize("kind", SERIES)
def test_an_image_recorded_by_half_is_not_scaled(kind):
    images = SERIES[kind]()
    images[7, images.shape[1] // 2 :] = np.percentile(images[7], 2)
    brightness, _ = found(images)
    assert (brightness.gain == 1).all()


def test_a_doubled_exposure_is_not_scaled():
    """Two views in one image are no dose: the image stays what the other tilts do not predict."""
    images = slab()
    images[7] += images[25][::-1, ::-1]
    brightness, _ = found(images)
    assert (brightness.gain == 1).all()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A phantom that reaches to the rim of the frame, and its tilts; the axis lies at 1°."""
    folder = tmp_path_factory.mktemp("tiny")
    simulate(TINY, folder / "01", Simulate(seed=1))
    with StackReader(folder / "01" / "tilt_series.tif") as reader:
        return reader.read(), np.arange(-68.0, 69, 4)


@pytest.mark.slow
def test_the_verdict_names_the_image_and_the_axis_is_found(tiny):
    images, tilts = tiny[0].copy(), tiny[1]
    images[17] *= 10
    aligned = align_tilts(images, tilts)
    assert aligned.axis_angle_deg == pytest.approx(1.0, abs=0.3)
    [reason] = aligned.reasons
    assert reason.startswith("the image at 0° is 10 times as bright as its neighbours")
    assert aligned.measures.suggested_exclusions() == [0.0]


@pytest.mark.slow
def test_the_verdict_names_a_fading_beam(tiny):
    fade = np.linspace(1, 0.5, 35)[:, None, None]
    aligned = align_tilts(tiny[0] * fade, tiny[1])
    assert aligned.axis_angle_deg == pytest.approx(1.0, abs=0.3)
    assert aligned.verdict == "warn"
    [reason] = aligned.reasons
    assert reason.startswith("the brightness changes slowly: the last image is 0.5")
