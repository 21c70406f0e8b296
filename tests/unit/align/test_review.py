"""A person's review: axis, shifts and images to leave out lead a stopped alignment to a pass."""

import json

import numpy as np
import pytest
import yaml

from catomo.align.review import read_review
from catomo.errors import UserError
from helpers.balls import TILTS, phantom, run, shifts

SERIES = {"tilt_deg": [-2.0, 0.0, 2.0], "pixel_size_nm": 0.5}
SHIFTS = {
    "axis_angle_deg": 1.5,
    "tilt_deg": [-2, 0, 2],
    "axis_offset_px": 2,
    "across_px": [1, 0, -1],
    "along_px": [0, 3, 0],
}


def write(folder, content):
    path = folder / "alignment.review.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def read(folder, content):
    return read_review(write(folder, content), SERIES)


def test_an_empty_review_decides_nothing(tmp_path):
    review = read(tmp_path, "")
    assert review.axis_angle_deg is None
    assert review.known is None
    assert not review.left_out.any()


def test_what_a_review_says_is_read(tmp_path):
    assert read(tmp_path, {"axis_angle_deg": -2}).axis_angle_deg == -2
    assert read(tmp_path, {"leave_out_deg": [2]}).left_out.tolist() == [False, False, True]
    review = read(tmp_path, SHIFTS | {"pixel_size_nm": 0.25})  # of smaller pixels than the series'
    assert review.known.is_start
    assert review.axis_angle_deg == review.start.axis_angle_deg == 1.5
    np.testing.assert_allclose(review.start.across, [1.5, 1.0, 0.5])
    np.testing.assert_allclose(review.start.along, [0, 1.5, 0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("axis_angle: 2\n", "axis_angle is no key of a review; allowed are axis_angle_deg"),
        ({"axis_angle_deg": "left"}, "axis_angle_deg is 'left'; give a number"),
        ({"leave_out_deg": 2}, "leave_out_deg is 2; give a list of tilts"),
        ({"leave_out_deg": [1.4]}, "1.4°, which the tilt series does not have; the nearest is 2°"),
        ({"along_px": [1, 2, 3]}, "lacks tilt_deg, axis_angle_deg"),
        (SHIFTS | {"along_px": [0, 3]}, "2 along; give one shift of each kind per tilt"),
        (SHIFTS | {"tilt_deg": [-2, 0, 4]}, "has no shifts for the tilt 2°"),
        ("- 1\n", "alignment.review.yaml"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, content, words):
    with pytest.raises(UserError) as error:
        read(tmp_path, content)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_series_stopped_for_its_axis_passes_with_the_axis_of_a_review(tmp_path):
    series = phantom(tmp_path / "series", angle=14.0)
    stopped, _ = run(series, tmp_path / "stopped")
    assert stopped["verdict"] == "stop"
    review = write(tmp_path, {"axis_angle_deg": 14.0})
    record, _ = run(series, tmp_path / "out", review=str(review))
    assert record["verdict"] == "pass", record["reasons"]
    assert record["reasons"] == ["reviewed by a person: the tilt axis is given as 14°"]
    assert record["truth"]["axis_error_deg"] < 0.05
    assert record["truth"]["across_rms_px"] < 0.02
    assert record["steps"]["review"]["file"] == review.name


@pytest.mark.slow
def test_a_series_stopped_for_its_shifts_passes_with_those_of_a_review(tmp_path):
    series = phantom(tmp_path / "series")
    across, along = shifts(1)
    known = {
        "tilt_deg": TILTS.tolist(),
        "axis_angle_deg": 2.3,
        "axis_offset_px": 2.7,
        "across_px": (across + 12 * np.resize([1, 0, -1, 1], len(TILTS))).tolist(),
        "along_px": along.tolist(),
    }
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(known))
    stopped, _ = run(series, tmp_path / "stopped", apply=str(wrong))
    assert stopped["verdict"] == "stop"
    by_hand = np.random.default_rng(5).uniform(-1, 1, len(TILTS))  # nobody is exact to a pixel
    review = write(tmp_path, known | {"across_px": (across + by_hand).tolist()})
    record, _ = run(series, tmp_path / "out", review=str(review))
    assert record["verdict"] == "pass", record["reasons"]
    assert record["truth"]["jitter_rms_px"] < 0.02
    assert record["truth"]["axis_error_deg"] == 0


@pytest.mark.slow
@pytest.mark.thorough
def test_an_image_left_out_takes_part_in_nothing(tmp_path):
    """What it shows changes nothing, and the verdict does not call it blank."""

    def strange(images):
        images[12] = images[12, ::-1] * 3
        return images

    series = phantom(tmp_path / "series", change=strange)
    review = write(tmp_path, {"leave_out_deg": [float(TILTS[12])]})
    record, aligned = run(series, tmp_path / "out", review=str(review))
    left_out = f"reviewed by a person: the images at {TILTS[12]:g}° are left out"
    assert (record["verdict"], record["reasons"]) == ("pass", [left_out])
    assert record["blank_tilts_deg"] == [TILTS[12]]
    plain, without = run(phantom(tmp_path / "plain"), tmp_path / "out of plain", review=str(review))
    others = np.arange(len(TILTS)) != 12
    np.testing.assert_array_equal(aligned[others], without[others])
    assert record["across_px"] == plain["across_px"]
