"""Alignments from outside: replayed on another channel, IMOD's transforms, one line on mistakes."""

import json

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from catomo.align.geometry import Geometry
from catomo.align.known import Known, accepted_reasons, known_geometry
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.align.stage import align
from catomo.align.tilts import align_series
from catomo.errors import UserError
from catomo.files.store import StackReader
from catomo.record.forms import seal_of
from catomo.record.record import read_record
from catomo.tilt_series.import_series import import_tilt_series
from catomo.tilt_series.settings import ImportSeries
from helpers.balls import BALLS, TILTS, phantom, project, run, shifts, write_series

pytestmark = pytest.mark.slow

KNOWN = {
    "tilt_deg": [-4.0, 0.0, 4.0],
    "axis_angle_deg": 2.0,
    "axis_offset_px": 1.5,
    "across_px": [1.0, 2.0, 3.0],
    "along_px": [-1.0, 0.0, 1.0],
}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A folder with the series `one`, its alignment's record and its aligned images."""
    folder = tmp_path_factory.mktemp("one")
    return folder, *run(phantom(folder / "one"), folder / "one-aligned")


def series_of(*tilt_deg, pixel_size_nm=0.5, **more):
    """Return what the record of a tilt series tells."""
    return {"tilt_deg": tilt_deg, "pixel_size_nm": pixel_size_nm} | more


def write(folder, name="known.json", **changes):
    path = folder / name
    path.write_text(json.dumps(KNOWN | changes))
    return path


def test_replayed_on_another_channel(tmp_path, one):
    folder, record, _ = one
    across, along = shifts(1)
    other = BALLS.copy()
    other[:, 4] = other[::-1, 4]  # the same balls in another contrast
    images = project(other, 2.3, across + 2.7, along) + 3.0
    series = write_series(tmp_path / "two", images[4:], TILTS[4:])
    align(series, tmp_path / "out", Align(), apply=folder / "one-aligned" / "alignment.json")
    replayed = read_record(tmp_path / "out", "align")
    total = np.array(replayed["across_px"]) + replayed["axis_offset_px"]
    assert total == pytest.approx(np.array(record["across_px"])[4:] + record["axis_offset_px"])
    assert replayed["along_px"] == pytest.approx(record["along_px"][4:])
    assert replayed["axis_angle_deg"] == record["axis_angle_deg"]
    assert replayed["verdict"] == "pass", replayed["reasons"]
    assert replayed["steps"]["known_alignment"]["sha256"]
    assert replayed["measures"]["residual_across_px"] < 0.1


def test_pixels_of_another_size_are_converted(tmp_path):
    path = write(tmp_path, pixel_size_nm=0.5)
    same = known_geometry(path, series_of(-4.0, 4.0))
    finer = known_geometry(path, series_of(-4.0, 4.0, pixel_size_nm=0.25))
    assert same.across == pytest.approx([2.5, 4.5])
    assert finer.across == pytest.approx([5.0, 9.0])
    assert finer.along == pytest.approx([-2.0, 2.0])


def test_mended_images_are_mended_in_the_same_way(tmp_path):
    matrices = [[[1.0, 0.1 * t], [0.0, 1.0]] for t in range(3)]
    path = write(tmp_path, distortion=matrices)
    found = known_geometry(path, series_of(-4.0, 4.0, pixel_size_nm=0.25))
    assert np.array_equal(found.distortion, [matrices[0], matrices[2]])


def test_imod_transform_as_imod_applies_it(tmp_path):
    """Check against IMOD's definition: aligned = A·raw + d about the image's centre."""
    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(rng.normal(size=(61, 48)), 2).astype(np.float32)
    a, dx, dy = np.deg2rad(-3.0), 4.2, -2.6
    matrix = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    numbers = " ".join(f"{value:.7f}" for value in [*matrix.ravel(), dx, dy])
    (tmp_path / "series.xf").write_text(f"{numbers}\n" * 3)
    (tmp_path / "series.tlt").write_text("-2.0\n0.1\n2.0\n")
    geometry = known_geometry(tmp_path / "series.xf", series_of(-2.0, 0.0, 2.0))
    assert geometry.axis_angle_deg == pytest.approx(-3.0, abs=1e-4)

    rows, columns = np.indices(image.shape)
    centre_y, centre_x = (np.array(image.shape) - 1) / 2
    x, y = columns - centre_x - dx, rows - centre_y - dy
    inverse = np.linalg.inv(matrix)
    raw_x, raw_y = (inverse[i, 0] * x + inverse[i, 1] * y for i in (0, 1))
    expected = ndimage.map_coordinates(image, [raw_y + centre_y, raw_x + centre_x], order=1)
    assert geometry.warp(image, 1, order=1) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tilt_deg": [-4.0, 0.0, 5.0]}, "has no shifts for the tilt 4°"),
        ({"across_px": [1.0, 2.0]}, "3 tilts, 2 shifts across"),
        ({"along_px": "none"}, "along_px is not a list of numbers"),
        ({"axis_angle_deg": None}, "axis_angle_deg is not a number"),
        ({"pixel_size_nm": "0.5 nm"}, "pixel_size_nm is not a number"),
        ({"distortion": [[[1.0, 0.0], [0.0, 1.0]]]}, "distortion has the shape (1, 2, 2)"),
        ({"pixel_size_nm": 0}, "pixel_size_nm is 0; it must be above 0"),
    ],
)
def test_what_is_wrong_with_a_json_is_said_in_one_line(tmp_path, changes, words):
    path = write(tmp_path, **changes)
    with pytest.raises(UserError) as caught:
        known_geometry(path, series_of(-4.0, 0.0, 4.0))
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{", "not valid JSON"),
        ("a.json", "{}", "lacks tilt_deg"),
        ("a.txt", "", "not a known alignment"),
        ("a.xf", "1 0 0 1 2\n", "each line must hold A11"),
        ("a.xf", "1 0 0 1 2 nan\n" * 2, "each line must hold A11"),
        ("a.xf", "1 0 0 1 2 3\n", "holds 1 lines, the tilt series 2 images"),
        ("a.xf", "1 0 0 1 2 3\n1.2 0 0 1.2 2 3\n", "stretches or turns"),
    ],
)
def test_files_that_are_no_alignment(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        known_geometry(path, series_of(0.0, 2.0))


@pytest.mark.parametrize(
    ("angles", "words"),
    [
        ("0\n-2\n", "other angles than those of the tilt series"),
        ("0\ntwo\n", "not a list of angles"),
    ],
)
def test_imod_angles_that_differ_are_refused(tmp_path, angles, words):
    (tmp_path / "a.xf").write_text("1 0 0 1 2 3\n" * 2)
    (tmp_path / "a.tlt").write_text(angles)
    with pytest.raises(UserError, match=words):
        known_geometry(tmp_path / "a.xf", series_of(0.0, 2.0))


def test_imod_lines_follow_their_images_through_import(tmp_path):
    """Lines are in the order of the recorded file; import sorts, leaves out and reverses."""
    raw = np.random.default_rng(1).normal(50, 5, (4, 24, 20)).astype(np.float32)
    tifffile.imwrite(tmp_path / "raw.tif", raw, photometric="minisblack")
    (tmp_path / "a.xf").write_text("".join(f"1 0 0 1 {10 + k} 0\n" for k in range(4)))
    (tmp_path / "a.tlt").write_text("4\n2\n0\n-2\n")
    settings = ImportSeries(exclude_tilts=[2.0], handedness=-1)
    import_tilt_series(tmp_path / "raw.tif", tmp_path / "in", settings, [4.0, 2.0, 0.0, -2.0], 0.5)
    series = read_record(tmp_path / "in", "import")
    assert series["tilt_deg"] == [-4.0, 0.0, 2.0]
    assert known_geometry(tmp_path / "a.xf", series).across == pytest.approx([-10, -12, -13])


def test_imod_transform_does_not_fit_images_changed_by_import(tmp_path):
    (tmp_path / "a.xf").write_text("1 0 0 1 2 3\n" * 2)
    series = series_of(0.0, 2.0, settings={"bin": 2, "crop_nm": None, "tilt_axis": "x"})
    with pytest.raises(UserError, match="imported with bin and tilt_axis; import it without"):
        known_geometry(tmp_path / "a.xf", series)
    series = series_of(0.0, 2.0, settings={"resample": True})
    with pytest.raises(UserError, match="imported with resample; import it without"):
        known_geometry(tmp_path / "a.xf", series)
    series = dict(series_of(0.0, 2.0, settings={}), mirrored_deg=[100.0])
    with pytest.raises(UserError, match="beyond ±90° were mirrored"):
        known_geometry(tmp_path / "a.xf", series)
    series["mirrored_deg"] = []
    assert known_geometry(tmp_path / "a.xf", series).across == pytest.approx([-2, -2])


def test_a_missing_file_leaves_nothing(tmp_path):
    series = phantom(tmp_path / "series")
    with pytest.raises(UserError, match="cannot be read"):
        align(series, tmp_path / "out", Align(apply=str(tmp_path / "no.json")))
    assert not (tmp_path / "out" / "alignment.json").exists()


def test_reader_is_used_as_written(tmp_path, one):
    folder, record, aligned = one
    align(folder / "one", tmp_path / "again", Align(apply=str(record.path)))
    with StackReader(tmp_path / "again" / "aligned.tif") as reader:
        assert reader.read() == pytest.approx(aligned, abs=1e-4)


@pytest.mark.parametrize(
    ("random", "offset", "turn", "reason"),
    [
        (1.0, 0.0, 0.0, "from what the other tilts predict"),
        (0.0, 5.0, 0.0, "across the axis from what the other tilts predict"),
        (0.0, 0.0, 2.5, "the tilt axis given and that found lie"),
    ],
)
def test_a_wrong_alignment_does_not_pass(tmp_path, random, offset, turn, reason):
    across, along = shifts(1) + random * np.random.default_rng(0).normal(size=(2, len(TILTS)))
    wrong = Geometry(2.3, across + 2.7 + offset, along).turned(turn)
    path = write(
        tmp_path,
        tilt_deg=TILTS.tolist(),
        axis_angle_deg=wrong.axis_angle_deg,
        axis_offset_px=0.0,
        across_px=wrong.across.tolist(),
        along_px=wrong.along.tolist(),
    )
    align(phantom(tmp_path / "series"), tmp_path / "out", Align(), apply=path)
    record = read_record(tmp_path / "out", "align")
    assert record["verdict"] != "pass"
    assert reason in "; ".join(record["reasons"])


def test_an_accepted_alignment_is_judged_on_a_noisy_channel_only_if_that_contradicts_it():
    across, along = shifts(1)
    right = Geometry(2.3, across + 2.7, along)
    random = np.random.default_rng(0)
    counts = random.poisson(project(BALLS, 2.3, across + 2.7, along) / 150)
    jitter = random.normal(size=(2, len(TILTS)))
    jittered = Geometry(2.3, right.across + jitter[0], along + jitter[1])

    def verdict(geometry, accepted):
        series = clean(counts.astype(np.float32), TILTS, Align())
        return align_series(series, Align(), lambda *_: None, Known(geometry, accepted))

    by_itself = verdict(right, None)
    assert by_itself.verdict != "pass"
    assert verdict(right, []).verdict == "pass"
    accepted = verdict(right, ["the film is thick"])
    assert accepted.verdict == "warn"
    assert "the film is thick" in accepted.reasons[0]
    for wrong in (jittered, right.turned(6.0)):
        found = verdict(wrong, [])
        assert found.verdict != "pass"
        assert found.reasons


def test_only_records_of_accepted_alignments_count_as_accepted(tmp_path):
    record = {"stage": "align", "verdict": "warn", "reasons": ["blank image"]}
    assert accepted_reasons(write(tmp_path, **record)) == ["blank image"]
    assert accepted_reasons(write(tmp_path, **record | {"verdict": "stop"})) is None
    changed = json.loads(write(tmp_path, **record).read_text())
    changed["record_sha256"] = seal_of(changed)
    assert accepted_reasons(write(tmp_path, **changed)) == ["blank image"]
    assert accepted_reasons(write(tmp_path, **changed | {"along_px": [9.0]})) is None
    assert accepted_reasons(write(tmp_path)) is None
    assert accepted_reasons(tmp_path / "series.xf") is None
