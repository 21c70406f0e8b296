"""Brightness of the images: scaled or named where it differs, left alone where it does not."""

import re
from pathlib import Path

import numpy as np
import pytest

from catomo.align.brightness import brightness_of
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.align.tilts import align_tilts
from catomo.phantom.specimen import read_specimen
from catomo.tilt_series.microscope import simulate_tilt_series
from helpers.balls import BALLS, TILTS, project

TINY = Path(__file__).parents[2] / "workflow" / "tiny.yaml"
MIDDLE = len(TILTS) // 2
RNG = np.random.default_rng
MORE_SEEDS = [pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2)]


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


def found(images, tilts=TILTS, **settings):
    series = clean(images.copy(), tilts, Align(**settings))
    return brightness_of(series), series


@pytest.mark.parametrize("kind", [10.0, 2.0, 0.5, "fade", "jump"])
def test_an_isolated_specimen_is_scaled_to_one_mass_and_told(kind):
    images = isolated() * dose(kind)[:, None, None]
    brightness, series = found(images)
    brightness.divide(series.images)
    brightness.undo(series.images)  # which the total brightness keeps
    mass = series.images.sum(axis=(1, 2), dtype=float)
    assert np.ptp(mass) < 1e-4 * mass.mean()
    ratio = brightness.gain / dose(kind)
    assert ratio / np.median(ratio) == pytest.approx(np.ones(len(TILTS)), abs=0.05)
    [words] = brightness.words()
    assert words.startswith("the images hold the whole specimen and differ in total brightness")
    assert words.endswith("scaled to one total: did the dose differ, or the specimen change?")
    if kind == "fade":
        assert re.search(r"from 0\.\d+ at 66° to 1\.\d+ at -66°, \d+ of 34 clearly", words)
    elif kind != "jump":
        assert f"(times the median: {brightness.gain[MIDDLE]:.2g} at 2°)" in words


@pytest.mark.parametrize(("least", "told"), [(0.79, (0, 0)), (0.7, (0, 1)), (0.5, (1, 0))])
def test_what_scaling_mends_is_only_mentioned_and_little_of_it_not(least, told):
    """As a dose that fades by a fifth, or some contamination that grows."""
    images = isolated() * np.linspace(1, least, len(TILTS), dtype=np.float32)[:, None, None]
    brightness = found(images)[0]
    assert brightness.by_mass
    doubts, mentions = brightness.reasons()
    assert (len(doubts), len(mentions)) == told


@pytest.mark.parametrize("seed", range(3))
def test_the_noise_of_few_counts_is_no_dose(seed):
    across, along = RNG(1).uniform(-4, 4, (2, len(TILTS)))
    counts = RNG(seed).poisson(project(BALLS, 1.0, across, along) / 150).astype(np.float32)
    brightness, _ = found(counts, specimen="isolated")
    assert (brightness.gain == 1).all()


def test_a_random_dose_of_an_isolated_specimen_is_scaled():
    factor = RNG(8).uniform(0.8, 1.2, len(TILTS))
    brightness, _ = found(isolated() * factor[:, None, None])
    ratio = brightness.gain / factor
    assert ratio / np.median(ratio) == pytest.approx(np.ones(len(TILTS)), abs=0.05)


@pytest.mark.parametrize("factor", [10.0, 2.0, 0.5])
def test_a_single_image_of_an_extended_specimen_is_named_and_written_as_recorded(factor):
    images = slab() * dose(factor)[:, None, None]
    brightness, series = found(images)
    [(tilt, ratio)] = brightness.odd
    assert tilt == TILTS[MIDDLE]
    assert ratio == pytest.approx(factor, rel=0.1)
    assert np.flatnonzero(brightness.gain != 1).tolist() == [MIDDLE]
    before = series.images.copy()
    brightness.divide(series.images)
    assert np.allclose(series.images[MIDDLE] * ratio, before[MIDDLE])
    brightness.undo(series.images)
    assert np.allclose(series.images, before)
    [words] = brightness.words()
    assert words.startswith(f"the image at 2° is {ratio:.2g} times as bright as its neighbours")
    assert brightness.harmful_deg() == ({2.0} if factor == 10 else set())


def test_a_bright_image_at_the_end_is_named():
    images = slab()
    images[0] *= 10
    brightness, _ = found(images)
    [(tilt, ratio)] = brightness.odd
    assert tilt == TILTS[0]
    assert ratio == pytest.approx(10, rel=0.3)


def test_two_images_are_named_each():
    images = slab()
    images[[9, 20]] *= np.float32([[[4]], [[0.4]]])
    brightness, _ = found(images)
    assert [tilt for tilt, _ in brightness.odd] == [TILTS[9], TILTS[20]]
    assert brightness.jumps == []


def test_an_image_of_few_is_named():
    chosen = np.round(np.linspace(0, len(TILTS) - 1, 12)).astype(int)
    images = slab()[chosen]
    images[5] *= 2
    brightness, _ = found(images, TILTS[chosen])
    assert [tilt for tilt, _ in brightness.odd] == [TILTS[chosen][5]]
    brightness, _ = found(slab()[chosen], TILTS[chosen])
    assert brightness.words() == []


def test_a_jump_is_named():
    brightness, _ = found(slab() * dose("jump")[:, None, None])
    [(tilt, ratio)] = brightness.jumps
    assert tilt == TILTS[MIDDLE]
    assert ratio == pytest.approx(0.5, rel=0.1)
    assert (brightness.gain[:MIDDLE] == 1).all()
    assert brightness.gain[MIDDLE:] == pytest.approx(ratio)
    assert brightness.odd == []
    assert brightness.words()[0].startswith("from 2° on the images are 0.5")


def test_a_fading_beam_is_named():
    images = isolated() * dose("fade")[:, None, None]
    brightness, _ = found(images, specimen="extended")
    assert brightness.change == pytest.approx(0.5, abs=0.1)
    assert (brightness.gain == 1).all()
    [words] = brightness.words()
    assert words.startswith("the brightness changes slowly: the last image is 0.")
    one_side = TILTS <= 0  # where the film by itself becomes thinner on the way to 0°
    fading = slab(seed=3)[one_side] * np.linspace(1, 0.5, one_side.sum())[:, None, None]
    assert found(fading, TILTS[one_side])[0].change == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("pretilt_deg", [0, 10, 20])
@pytest.mark.parametrize("seed", [0, *MORE_SEEDS])
def test_a_film_is_left_alone(pretilt_deg, seed):
    brightness, _ = found(slab(pretilt_deg, seed))
    assert (brightness.gain == 1).all()
    assert brightness.change == 1


def test_a_drifting_film_is_left_alone():
    brightness, _ = found(slab(drift=40))
    assert (brightness.gain == 1).all()
    assert brightness.change == 1


def test_a_good_isolated_series_keeps_its_bytes():
    brightness, _ = found(isolated())
    assert (brightness.gain == 1).all()
    assert brightness.words() == []


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


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param("balls", marks=pytest.mark.thorough), "rim"])
def test_a_bright_image_does_not_turn_the_axis(tmp_path, kind):
    """The axis lies at 1°; of an extended specimen nothing but neighbours tells the dose."""
    if kind == "balls":
        images, tilts = isolated(), TILTS
    else:
        made = simulate_tilt_series(read_specimen(TINY), seed=1)
        images, tilts = made.series.images.astype(np.float32), made.series.tilt_deg
    middle = len(tilts) // 2
    images[middle] *= 10
    aligned = align_tilts(images, tilts, Align(specimen="extended"))
    assert aligned.axis_angle_deg == pytest.approx(1.0, abs=0.3)
    [reason] = aligned.reasons
    assert reason.startswith(f"the image at {tilts[middle]:g}° is ")
    assert aligned.verdict == "warn"
    assert aligned.measures.suggested_exclusions() == [tilts[middle]]
    totals = aligned.images.sum(axis=(1, 2))
    assert totals[middle] > 6 * np.median(totals)  # written as recorded
