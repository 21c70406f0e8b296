"""Faults of the detector: found where they are, mended, and none invented."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from catomo.align.chain import solve
from catomo.align.detector import find_faults
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.files.store import StackReader
from catomo.tilt_series.settings import Simulate
from catomo.tilt_series.simulate import simulate
from helpers.balls import TILTS, project

TINY = Path(__file__).parents[2] / "workflow" / "tiny.yaml"
SHAPE = (56, 64)
EVERYWHERE = slice(None)
RNG = np.random.default_rng


def particles(*, still=False, sharp=0.85, level=15.0):
    """Return the mean counts of small bright particles on a wide one, which move or keep still.

    If they keep still, so do all images: only their noise differs.
    """
    rng = RNG(2)
    small = np.column_stack(
        [*rng.uniform(-18, 18, (3, 24)), np.full(24, sharp), rng.uniform(150, 600, 24)]
    )
    balls = np.vstack([small, [[0, 0, 0, 9, 12]]])
    across, along = np.zeros((2, len(TILTS))) if still else RNG(1).uniform(-3, 3, (2, len(TILTS)))
    tilts = np.zeros(len(TILTS)) if still else TILTS
    return project(balls, 1.0, across, along, SHAPE, tilts) + level


def recorded(rate, seed=3):
    return RNG(seed).poisson(rate).astype(np.float32)


@pytest.fixture(scope="module")
def moving():
    return recorded(particles())


def with_fault(images, place, change):
    spoilt = images.copy()
    spoilt[(EVERYWHERE, *place)] = change(spoilt[(EVERYWHERE, *place)])
    return spoilt


def dead(values):
    return 0 * values


def hot(values):
    return values + 3000


def dim(values):
    return values * 0.5


@pytest.mark.parametrize(
    ("place", "change", "name"),
    [
        ((24, EVERYWHERE), dead, "row 24"),
        ((24, EVERYWHERE), dim, "row 24"),
        ((0, EVERYWHERE), dead, "row 0"),
        ((55, EVERYWHERE), hot, "row 55"),
        ((EVERYWHERE, 40), dead, "column 40"),
        ((EVERYWHERE, slice(30, 32)), hot, "columns 30-31"),
        ((EVERYWHERE, slice(29, 32)), dead, "columns 29-31"),
        ((30, slice(20, 44)), dead, "row 30 columns 20-43"),
        ((slice(12, 40), 33), hot, "rows 12-39 column 33"),
        ((slice(20, 22), slice(30, 32)), hot, "rows 20-21 columns 30-31"),
        ((24, slice(30, 32)), hot, "row 24 columns 30-31"),
        ((slice(20, 24), slice(31, 33)), dead, "rows 20-23 columns 31-32"),
        (([20, 21, 22, 22], [9, 9, 9, 10]), hot, "rows 20-22 columns 9-10"),
        (([20, 21, 22, 23], [30, 31, 32, 33]), dead, "rows 20-23 columns 30-33"),
    ],
)
def test_what_stays_in_place_is_mended_and_named(moving, place, change, name):
    series = clean(with_fault(moving, place, change), TILTS, Align(background="none"))
    fault = np.zeros(SHAPE, bool)
    fault[place] = True
    notes = series.notes["bad_pixels"]
    assert notes["detector_faults"] == [name]
    few = fault.mean() < 0.01  # which mended do no harm
    assert (len(series.told), len(series.mentioned)) == (not few, few)
    assert (*series.told, *series.mentioned)[0].endswith(name)
    assert notes["mended_fraction"] == pytest.approx(fault.mean(), abs=2 / moving.size)
    changed = series.images[:, ~fault] != moving[:, ~fault]
    assert changed.sum() <= 2  # a particle seems sharper beside a dead line
    assert abs((series.images - moving)[:, fault].mean()) < 12
    assert series.unmeasured is None


def test_dead_pixels_in_the_midst_of_a_specimen_leave_the_rest_of_it():
    """Seen from the bright specimen around it, a hole is a sharp end."""
    balls = np.array(
        [[0, 0, 0, 6, 160], [8, -6, 5, 3, 96], [-7, 9, -6, 4, 80], [-14, -12, 3, 2, 80]]
    )
    across, along = RNG(1).uniform(-3, 3, (2, len(TILTS)))
    images = recorded(project(balls, 1.0, across, along, SHAPE) + 100)
    holes = [22, 23, 24, 26, 26], [32, 32, 32, 29, 32]
    images[(EVERYWHERE, *holes)] = 0
    mask = np.zeros(SHAPE, bool)
    mask[holes] = True
    assert not (find_faults(images, TILTS).mask & ~mask).any()


def test_a_dead_row_among_other_faults_is_found_whole(moving):
    images = moving.copy()
    images[:, :, 39] += 3000
    images[:, 11, [10, 20, 30]] += 3000
    images[:, 9, :39] = images[:, 9, 40:] = 0
    assert find_faults(images, TILTS).mask[9].all()


def test_the_middle_of_a_wide_cluster_is_told_to_be_unmeasured(moving):
    place = (slice(20, 28), slice(6, 14))
    series = clean(with_fault(moving, place, dead), TILTS, Align(background="none"))
    middle = np.zeros(SHAPE, bool)
    middle[22:26, 8:12] = True
    assert (series.unmeasured == middle).all()  # in every image
    assert series.notes["bad_pixels"]["unmeasured_pixels"] == [
        [row, 8, 11] for row in range(22, 26)
    ]
    assert "16 pixels" in series.told[0]


def test_faults_are_mirrored_with_the_images_that_the_import_mirrored(moving):
    behind = np.arange(len(TILTS)) % 3 == 1
    recorded_images = moving.copy()
    recorded_images[behind] = moving[behind][:, :, ::-1]
    place = (slice(20, 28), slice(6, 14))
    imported = with_fault(recorded_images, place, dead)
    imported[behind] = imported[behind][:, :, ::-1]
    series = clean(imported, TILTS, Align(background="none"), mirrored=behind)
    assert series.notes["bad_pixels"]["detector_faults"] == ["rows 20-27 columns 6-13"]
    middle = np.zeros(moving.shape, bool)
    middle[~behind, 22:26, 8:12] = middle[behind, 22:26, 52:56] = True
    assert np.array_equal(series.unmeasured, middle)
    fault = np.zeros(moving.shape, bool)
    fault[~behind, 20:28, 6:14] = fault[behind, 20:28, 50:58] = True
    assert (series.images != moving)[~fault].sum() <= 2


@pytest.mark.parametrize("sharp", [0.4, 0.85])
@pytest.mark.parametrize("still", [False, True])
def test_a_good_series_keeps_its_values(still, sharp):
    images = recorded(particles(still=still, sharp=sharp))
    assert find_faults(images, TILTS).names == []


def test_particles_that_stay_while_the_others_turn_are_kept():
    """Particles on the tilt axis of an aligned series: nothing but the tilt moves the others."""
    rng = RNG(5)
    balls = np.column_stack(
        [*rng.uniform(-18, 18, (3, 24)), np.full(24, 0.85), rng.uniform(150, 600, 24)]
    )
    balls[:8, [0, 2]] = 0
    for along in (np.zeros(len(TILTS)), np.linspace(-3, 3, len(TILTS))):
        rate = project(balls, 0.0, np.zeros(len(TILTS)), along, SHAPE) + 15
        assert find_faults(recorded(rate), TILTS).names == []


def test_an_aligned_series_with_black_edges_keeps_its_values(moving):
    along = RNG(1).uniform(-3, 3, (2, len(TILTS)))[1]
    aligned = [shift(image, (-dy, 0), order=1) for image, dy in zip(moving, along, strict=True)]
    aligned = np.array(aligned, np.float32)
    aligned[:, :2] = 0
    assert find_faults(aligned, TILTS).names == []


def test_saturated_particles_that_keep_still_are_kept():
    images = np.minimum(recorded(particles(still=True)), 120)
    assert find_faults(images, TILTS).names == []


def test_a_dead_cluster_is_found_even_if_nothing_moves():
    images = recorded(particles(still=True))
    images[:, 20:22, 30:33] = 0
    assert find_faults(images, TILTS).names == ["rows 20-21 columns 30-32"]


@pytest.mark.slow
def test_the_tilt_axis_is_that_of_the_clean_series(tmp_path):
    simulate(TINY, tmp_path / "01", Simulate(seed=1))
    with StackReader(tmp_path / "01" / "tilt_series.tif") as reader:
        images = reader.read()
    tilts = np.arange(-68.0, 69, 4)
    rng = RNG(0)
    clusters, row, column = images.copy(), images.copy(), images.copy()
    for _ in range(6):
        r, c = rng.integers(2, 44), rng.integers(2, 60)
        clusters[:, r : r + 2, c : c + 2] += 5000
    row[:, 24, :] = 0
    column[:, :, 40] = 0
    settings = Align()

    def axis_of(series):
        cleaned = clean(series, tilts, settings)
        return solve(cleaned, settings).geometry.axis_angle_deg, cleaned.notes["bad_pixels"]

    expected, notes = axis_of(images)
    assert notes == {"mended_fraction": 0}
    for spoilt in (clusters, row, column):
        axis, notes = axis_of(spoilt)
        assert axis == pytest.approx(expected, abs=0.3)
        assert notes["mended_fraction"] > 0
    assert notes["detector_faults"] == ["column 40"]


def test_soft_spots_are_no_faults(moving):
    """What is as wide as the beam is no fault of the detector, even if it stays: a hot spot."""
    spot = np.zeros(SHAPE)
    spot[28, 32] = 1
    assert (
        find_faults(moving + 20000 * gaussian_filter(spot, 3).astype(np.float32), TILTS).names == []
    )
