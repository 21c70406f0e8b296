"""align: known shifts, angle and offset come back; rubbish is called rubbish."""

import re
import tracemalloc

import numpy as np
import pytest

from catomo.align.settings import Align
from catomo.align.stage import align
from helpers.balls import BALLS, SIZE, TILTS, phantom, project, run, shifts, write_series

pytestmark = pytest.mark.slow

MARK = 0  # this ball stands apart from the others at all tilts near zero


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    return run(phantom(folder / "series"), folder / "out")


def test_everything_comes_back_without_noise(clean):
    record, aligned = clean
    truth = record["truth"]
    assert record["verdict"] == "pass", record["reasons"]
    assert truth["across_rms_px"] < 0.015
    assert truth["along_rms_px"] < 0.02
    assert truth["offset_error_px"] < 0.02
    assert truth["axis_error_deg"] < 0.1
    assert aligned.shape == (len(TILTS), SIZE, SIZE)
    assert aligned.dtype == np.float32
    assert abs(np.median(aligned)) < 0.05
    steps = record["steps"]
    assert all(isinstance(figures, dict) for figures in steps.values()), "as the page takes them"
    assert steps["specimen"]["kind"] == "isolated"
    for step in ("pairwise", "centre_of_mass", "common_line", "projection_matching"):
        assert len(steps[step]["rms_px"]) == 2
    for step in ("common_line", "projection_matching"):
        assert steps[step]["accepted"] == (steps[step]["error_after"] < steps[step]["error_before"])


@pytest.mark.parametrize(
    "angle", [-4.2, *(pytest.param(angle, marks=pytest.mark.thorough) for angle in (0.0, 3.1))]
)
def test_shifts_come_back_with_noise(tmp_path, angle):
    record, _ = run(phantom(tmp_path / "series", angle=angle, noise=True), tmp_path / "out")
    truth = record["truth"]
    assert record["verdict"] == "pass", record["reasons"]
    assert record["axis_angle_deg"] == pytest.approx(angle, abs=0.2)
    assert truth["across_rms_px"] < 0.2
    assert truth["along_rms_px"] < 0.1
    assert truth["offset_error_px"] < 0.2


def test_object_shift_brings_truth_into_the_aligned_frame(clean):
    record, aligned = clean
    x, y, z = BALLS[MARK, :3]
    shift = record["truth"]["object_shift_px"]
    middle = (SIZE - 1) / 2
    assert max(abs(value) for value in shift.values()) > 0.5  # or the test shows nothing
    for t in np.flatnonzero(np.abs(TILTS) < 30):
        theta = np.deg2rad(TILTS[t])
        u = middle + (x + shift["x"]) * np.cos(theta) - (z + shift["z"]) * np.sin(theta)
        v = middle + y + shift["y"]
        found = peak(aligned[t], round(v), round(u))
        assert found == pytest.approx((v, u), abs=0.1)


def peak(image, row, column, reach=3):
    """Return the vertex of the parabolas through the logarithm around a pixel, as (y, x)."""
    patch = np.log(image[row - reach : row + reach + 1, column - reach : column + reach + 1])
    steps = np.arange(-reach, reach + 1)
    found = []
    for values in (patch.mean(axis=1), patch.mean(axis=0)):
        bend, slope, _ = np.polyfit(steps, values, 2)
        found.append(-slope / (2 * bend))
    return row + found[0], column + found[1]


@pytest.mark.picture
def test_same_bytes_twice(tmp_path):
    series = phantom(tmp_path / "series", noise=True)
    for name in ("one", "two"):
        run(series, tmp_path / name)
    for name in ("aligned.tif", "alignment.csv", "alignment.png", "alignment.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_needle_cut_by_the_frame(tmp_path):
    rng = np.random.default_rng(5)
    n = 60
    needle = np.column_stack(
        [rng.normal(0, 6, n), rng.uniform(-20, 90, n), rng.normal(0, 6, n), np.full(n, 3.0),
         rng.uniform(1, 9, n)]
    )  # fmt: skip
    record, _ = run(phantom(tmp_path / "series", angle=-2.5, balls=needle), tmp_path / "out")
    assert record["steps"]["specimen"]["kind"] == "extended"
    assert record["verdict"] != "stop"
    assert record["axis_angle_deg"] == pytest.approx(-2.5, abs=0.2)
    assert record["measures"]["axis_difference_deg"] < 0.3
    assert record["truth"]["along_rms_px"] < 0.1
    assert record["truth"]["jitter_rms_px"] < 0.3


def test_given_angle_is_used_and_steps_switch_off(tmp_path):
    series = phantom(tmp_path / "series")
    record, _ = run(
        series,
        tmp_path / "out",
        tilt_axis_angle_deg=1.25,
        pairwise=False,
        centre_of_mass=False,
        common_line=False,
        projection_matching=False,
        background="none",
        specimen="isolated",
    )
    assert record["axis_angle_deg"] == 1.25
    assert not np.any(record["across_px"] + record["along_px"])
    steps = {"pairwise", "centre_of_mass", "common_line", "projection_matching", "tilt_axis"}
    assert not steps & set(record["steps"])


@pytest.mark.parametrize(
    "step",
    [
        "pairwise",
        pytest.param("centre_of_mass", marks=pytest.mark.thorough),
        pytest.param("common_line", marks=pytest.mark.thorough),
        "projection_matching",
    ],
)
def test_each_step_can_be_left_out(tmp_path, step):
    record, _ = run(phantom(tmp_path / "series"), tmp_path / "out", **{step: False})
    assert step not in record["steps"]
    assert record["truth"]["along_rms_px"] < 0.3
    assert record["truth"]["jitter_rms_px"] < 0.3


def test_constant_series_is_stopped_not_crashed(tmp_path):
    series = write_series(tmp_path / "series", np.full((len(TILTS), 32, 40), 5.0))
    record, aligned = run(series, tmp_path / "out")
    assert record["verdict"] == "stop"
    assert record["reasons"] == [f"only 0 of {len(TILTS)} images show anything"]
    assert not aligned.any()


def test_blank_tilt_and_dead_pixels_are_noted(tmp_path):
    def spoil(images):
        images[5] = 7.0
        images[9, 20, 30] = np.nan
        images[10, 40, 50] = 1e6
        return images

    record, aligned = run(phantom(tmp_path / "series", change=spoil), tmp_path / "out")
    assert record["verdict"] == "warn"
    assert record["reasons"] == ["the images at -46° show nothing; their shifts are interpolated"]
    assert record["blank_tilts_deg"] == [-46.0]
    assert np.isfinite(aligned).all()
    assert aligned[10].max() < 1000
    keep = np.arange(len(TILTS)) != 5
    true = np.array(shifts(1)[1])[keep]
    assert np.std(np.array(record["along_px"])[keep] - true) < 0.4


def swapped(images):
    return images.transpose(0, 2, 1)


def shuffled(images):
    return np.random.default_rng(0).permutation(images)


def noise(images):
    return np.random.default_rng(0).normal(100, 5, images.shape)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (swapped, "does the tilt axis lie along x"),
        (shuffled, "are the angles in the order of the images"),
        (noise, "neighbouring tilts correlate by"),
    ],
)
def test_rubbish_is_stopped_with_its_reason(tmp_path, change, reason):
    record, _ = run(phantom(tmp_path / "series", change=change), tmp_path / "out")
    assert record["verdict"] == "stop"
    assert any(reason in text for text in record["reasons"])


def test_memory_stays_within_two_and_a_half_stacks(tmp_path, monkeypatch):
    # Every thread holds some rows of a reconstruction, which do not grow with the stack.
    monkeypatch.setattr("catomo.align.reprojection.threads", lambda: 2)
    run(phantom(tmp_path / "first"), tmp_path / "imported")  # imports shall not count
    tilts = TILTS[:30]
    across, along = shifts(3)
    images = project(BALLS, 1.0, across, along, (400, 320), tilts).astype(np.float32)
    series = write_series(tmp_path / "series", images, tilts)
    del across, along
    size = images.nbytes
    del images
    tracemalloc.start()
    align(series, tmp_path / "out", Align())
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert highest < 2.5 * size


@pytest.mark.slow
def test_an_axis_outside_the_search_is_advised_by_its_angle(tmp_path):
    angle, wider = 14.0, 20
    series = phantom(tmp_path / "series", angle=angle)
    record, _ = run(series, tmp_path / "out")
    assert record["verdict"] == "stop"
    [advice] = [reason for reason in record["reasons"] if "agree better" in reason]
    assert "along x" not in advice
    assert advice.endswith(f", or raise axis_search_deg to {wider}")
    found = float(re.search(r"give tilt_axis_angle_deg: (-?\d+)", advice)[1])
    assert found == pytest.approx(angle, abs=1.1)
    record, _ = run(series, tmp_path / "wider", axis_search_deg=float(wider))
    assert record["verdict"] == "pass"
    assert record["axis_angle_deg"] == pytest.approx(angle, abs=0.1)
