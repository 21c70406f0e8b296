"""Images from behind, mirrored at the vertical, where the tilt axis leans."""

import numpy as np
import pytest

from catomo.align.geometry import Geometry
from catomo.align.mirrored import are_mirrored, put_right, turn_onto_axis
from catomo.align.preprocess import CleanSeries
from catomo.align.settings import Align
from catomo.tilt_series.import_series import import_tilt_series
from catomo.tilt_series.settings import ImportSeries
from helpers.balls import BALLS, SIZE, project, run

LEAN = 4.0
RECORDED = np.arange(-60.0, 116, 5)
FOLDED = np.where(RECORDED > 90, RECORDED - 180, RECORDED)
BEHIND = RECORDED > 90


def imported_images(lean=LEAN):
    """Return what the import makes of images taken at the recorded angles."""
    still = np.zeros(len(RECORDED))
    images = project(BALLS, lean, still, still, tilts=RECORDED)
    images[BEHIND] = images[BEHIND][:, :, ::-1]
    return images.astype(np.float32)


def as_seen_from_the_front(lean=LEAN):
    still = np.zeros(len(RECORDED))
    return project(BALLS, lean, still, still, tilts=FOLDED)


def series_of(images):
    return CleanSeries(images, FOLDED, np.ones(len(images), bool), isolated=True)


def test_which_images_are_mirrored():
    assert are_mirrored(FOLDED, RECORDED[BEHIND].tolist()).tolist() == BEHIND.tolist()
    assert not are_mirrored(FOLDED, []).any()
    assert are_mirrored(np.array([-10.0, 0, 80]), [-100.0]).tolist() == [False, False, True]


def test_turned_images_are_those_of_the_opposite_view():
    images, front = imported_images(), as_seen_from_the_front()
    before = np.abs(images - front).max()
    turn_onto_axis(images, BEHIND, LEAN)
    assert np.abs(images - front).max() < 0.01 * front.max() < 0.05 * before
    assert np.array_equal(images[~BEHIND], front[~BEHIND].astype(np.float32))


def test_a_given_axis_and_that_of_a_known_alignment_are_taken():
    front = as_seen_from_the_front()
    still = np.zeros(len(FOLDED))
    for settings, known in (
        (Align(tilt_axis_angle_deg=LEAN), None),
        (Align(), Geometry(LEAN, still, still)),
    ):
        images = imported_images()
        told, doubtful = put_right(series_of(images), BEHIND, settings, known)
        assert not doubtful
        assert told.endswith("are turned by 8.00° onto the tilt axis")
        assert np.abs(images - front).max() < 0.01 * front.max()


def test_an_upright_axis_leaves_the_images_as_they_are():
    images = imported_images(0.0)
    before = images.copy()
    upright = Align(tilt_axis_angle_deg=0.0)
    assert put_right(series_of(images), BEHIND, upright, None) == ("", False)
    assert put_right(series_of(images), ~BEHIND & BEHIND, Align(), None) == ("", False)
    assert np.array_equal(images, before)


def test_an_axis_that_is_not_known_is_told():
    few = slice(None, None, 4)
    series = CleanSeries(imported_images()[few], FOLDED[few], np.ones(9, bool), isolated=True)
    told, doubtful = put_right(series, BEHIND[few], Align(), None)
    assert doubtful
    assert "right only if the tilt axis is vertical" in told
    assert told.endswith("give align.tilt_axis_angle_deg")


@pytest.mark.slow
def test_a_series_beyond_90_is_aligned_about_its_leaning_axis(tmp_path):
    rng = np.random.default_rng(3)
    across, along = rng.uniform(-3, 3, (2, len(RECORDED)))
    images = project(BALLS, LEAN, across, along, tilts=RECORDED) + 7.0
    np.save(tmp_path / "a.npy", images.astype(np.float32))
    (tmp_path / "a.tlt").write_text("".join(f"{angle:g}\n" for angle in RECORDED))
    import_tilt_series(tmp_path / "a.npy", tmp_path / "01", ImportSeries(), None, 0.5)
    record, aligned = run(tmp_path / "01", tmp_path / "02")
    assert record["axis_angle_deg"] == pytest.approx(LEAN, abs=0.15)
    assert record["verdict"] == "pass", record["reasons"]
    assert "are turned by" in record["steps"]["mirrored"]
    assert record["measures"]["reprojection_error"] < 0.05
    assert aligned.shape == (len(RECORDED), SIZE, SIZE)
