"""The import: whom to believe about angles and pixel size, what is refused, what is written."""

import json

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files.store import StackReader
from catomo.record.hashes import sha256_of
from catomo.tilt_series.import_series import import_tilt_series, inspect
from catomo.tilt_series.settings import ImportSeries
from helpers.mrc import fei_2003, mrc

TILTS = [-40.0, -20.0, 0.0, 20.0, 40.0]
STACK = np.random.default_rng(0).integers(0, 3000, (5, 32, 40)).astype(np.int16)


@pytest.fixture
def series(tmp_path):
    """A TIFF stack that says nothing about itself."""
    path = tmp_path / "series.tif"
    tifffile.imwrite(path, STACK)
    return path


@pytest.fixture
def header(tmp_path):
    """An MRC file of FEI that tells its angles and its 3.36 nm."""
    return mrc(tmp_path / "fei.mrc", STACK, 0.1, b"", fei_2003(TILTS, 3.36))


def column(path, tilts=TILTS):
    path.write_text("".join(f"{tilt}\n" for tilt in tilts))
    return path


def look(path, angles=None, pixel_size_nm=None, **settings):
    return inspect(path, angles, pixel_size_nm, ImportSeries(**settings))


def refusal(*arguments, **settings):
    with pytest.raises(UserError) as caught:
        look(*arguments, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def imported(path, output, angles=TILTS, pixel_size_nm=0.5, **settings):
    import_tilt_series(path, output, ImportSeries(**settings), angles, pixel_size_nm)
    with StackReader(output / "tilt_series.tif") as reader:
        return reader.read(), json.loads((output / "tilt_series.json").read_text())


def test_angles_and_size_from_the_header(header):
    seen = look(header)
    assert seen.shape == (5, 32, 40)
    assert seen.tilt_deg == TILTS
    assert seen.pixel_size_nm == 3.36
    assert seen.sources == {"tilt_deg": "the header", "pixel_size_nm": "the header"}


def test_angles_from_the_file_beside(series, tmp_path):
    column(tmp_path / "series.rawtlt")
    seen = look(series, None, 0.5)
    assert seen.tilt_deg == TILTS
    assert seen.sources == {"tilt_deg": "series.rawtlt", "pixel_size_nm": "the given value"}


def test_angles_and_size_from_an_mdoc_in_order_of_acquisition(series, tmp_path):
    """Dose-symmetric: images are sorted by tilt, whatever the order they were taken in."""
    taken = [0.0, 20.0, -20.0, 40.0, -40.0]
    sections = [f"[ZValue = {z}]\nTiltAngle = {tilt}\n" for z, tilt in enumerate(taken)]
    (tmp_path / "series.tif.mdoc").write_text("PixelSpacing = 5\n" + "\n".join(sections))
    stack, record = imported(series, tmp_path / "out", angles=None, pixel_size_nm=None)
    assert record["tilt_deg"] == TILTS
    assert record["pixel_size_nm"] == 0.5
    assert np.array_equal(stack, STACK[[4, 2, 0, 1, 3]])


def test_given_angles_win_over_the_file_beside(series, tmp_path):
    column(tmp_path / "series.tlt", [-41.0, -21.0, 1.0, 21.0, 41.0])
    other = column(tmp_path / "mine.txt")
    assert look(series, other, 0.5).tilt_deg == TILTS
    assert look(series, TILTS, 0.5).tilt_deg == TILTS


def test_unknown_angles_or_size_are_refused(series, tmp_path):
    assert "tilt angles are not known" in refusal(series, None, 0.5)
    assert "pixel size is not known" in refusal(series, TILTS)


def test_sizes_that_contradict_each_other(header):
    message = refusal(header, None, 0.5)
    assert "0.5 nm by the given value but 3.36 nm by the header" in message
    assert "trust_given" in message
    assert look(header, None, 3.37).pixel_size_nm == 3.37
    assert look(header, None, 0.5, trust_given=True).pixel_size_nm == 0.5


def test_angles_that_contradict_each_other(header, tmp_path):
    column(tmp_path / "fei.rawtlt", [-40.0, -20.0, 0.05, 20.0, 40.5])
    message = refusal(header)
    assert "tilt of image 5 is 40.5° by fei.rawtlt but 40° by the header" in message
    assert "give the right one as 'angles'" in message
    assert look(header, column(tmp_path / "right.tlt")).tilt_deg == TILTS
    wrong = column(tmp_path / "fei.rawtlt", [-41.0, -20.0, 0.0, 20.0, 40.0])
    assert "correct 'angles'" in refusal(header, wrong)
    assert look(header, wrong, None, trust_given=True).tilt_deg[0] == -41.0


def test_two_files_beside_that_contradict_each_other(series, tmp_path):
    column(tmp_path / "series.rawtlt")
    column(tmp_path / "series.tlt", TILTS[:4])
    assert "series.rawtlt gives 5 angles, series.tlt 4" in refusal(series, None, 0.5)


def test_count_of_angles_and_images(series):
    message = refusal(series, TILTS[:4], 0.5)
    assert "holds 5 images, but the given angles gives 4 angles" in message


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_size_must_be_above_zero(series, size):
    assert "must be above 0" in refusal(series, TILTS, size)


def test_tilts_beyond_90_and_twice(series):
    assert "within ±90°" in refusal(series, [-40, -20, 0, 20, 140], 0.5)
    assert "images 2 and 4 have the same tilt -20°" in refusal(series, [-40, -20, 0, -20, 20], 0.5)


def test_radians(series):
    radians = np.deg2rad(TILTS).tolist()
    assert "set tilt_series.import.angle_unit: rad" in refusal(series, radians, 0.5)
    assert np.allclose(look(series, radians, 0.5, angle_unit="rad").tilt_deg, TILTS, atol=1e-9)


def test_header_angles_stay_degrees_when_lists_are_radians(header, tmp_path):
    radians = column(tmp_path / "fei.tlt", np.deg2rad(TILTS).tolist())
    seen = look(header, radians, None, angle_unit="rad")
    assert np.allclose(seen.tilt_deg, TILTS, atol=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers(tmp_path, bad):
    stack = STACK.astype(np.float32)
    stack[3, 1, 1] = bad
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack)
    assert "image 4 holds values that are no numbers" in refusal(path, TILTS, 0.5)
    assert look(path, TILTS, 0.5, exclude_tilts=[20.0]).tilt_deg == [-40.0, -20.0, 0.0, 40.0]


def test_blank_image(tmp_path):
    stack = STACK.copy()
    stack[0] = 7
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack)
    assert "image 1 is blank (all 7)" in refusal(path, TILTS, 0.5)


def test_exclusion_of_what_is_not_there_or_of_too_much(series):
    assert "found no tilt 30°; nearest is" in refusal(series, TILTS, 0.5, exclude_tilts=[30.0])
    excluded = [-40.0, -20.0, 0.0]
    assert "2 images remain" in refusal(series, TILTS, 0.5, exclude_tilts=excluded)


def test_crop_and_bin_that_leave_nothing(series):
    assert "import.crop_nm" in refusal(series, TILTS, 0.5, crop_nm=[100.0, 10.0])
    assert "at least 16 × 16" in refusal(series, TILTS, 0.5, bin=4)


def test_handedness_turns_the_tilts_around(series, tmp_path):
    stack, record = imported(series, tmp_path / "out", [-30, -20, 0, 20, 40], handedness=-1)
    assert record["tilt_deg"] == [-40.0, -20.0, 0.0, 20.0, 30.0]
    assert np.array_equal(stack, STACK[::-1])


def test_a_horizontal_axis_is_turned_not_mirrored(series, tmp_path):
    stack, _ = imported(series, tmp_path / "out", tilt_axis="x")
    assert stack.shape == (5, 40, 32)
    # What lay to the right lies below now, and what lay below lies to the left.
    assert np.array_equal(stack[0][:, -1], STACK[0][0])
    assert np.array_equal(stack[0][0], STACK[0][::-1, 0])


def test_crop_keeps_the_centre_and_bin_the_mean(series, tmp_path):
    stack, record = imported(series, tmp_path / "crop", crop_nm=[10.0, 8.0])
    assert np.array_equal(stack, STACK[:, 6:26, 12:28])
    stack, record = imported(series, tmp_path / "bin", bin=2)
    assert record["pixel_size_nm"] == 1.0
    assert np.allclose(stack, STACK.reshape(5, 16, 2, 20, 2).mean(axis=(2, 4)))


def test_bright_field_is_inverted(series, tmp_path):
    stack, _ = imported(series, tmp_path / "out", contrast="bright_field")
    level = stack + STACK
    assert np.ptp(level) < 1e-3
    assert 2990 < level.mean() <= 3000


def test_what_is_written(series, tmp_path):
    angles = column(tmp_path / "series.rawtlt")
    stack, record = imported(series, tmp_path / "out", angles)
    assert stack.dtype == np.float32
    assert np.array_equal(stack, STACK)
    assert record["stage"] == "import"
    assert record["source"] == "series.tif"
    assert record["shape"] == [5, 32, 40]
    assert record["axes"] == ["tilt", "y", "x"]
    assert record["orientation"] == {"tilt_axis": "y", "angle_unit": "deg", "handedness": 1}
    assert set(record["files"]) == {"tilt_series.tif", "tilt_series.png"}
    assert set(record["inputs"]) == {"series", "angles"}
    imported(series, tmp_path / "again", angles)
    for name in ("tilt_series.json", "tilt_series.tif", "tilt_series.png"):
        assert sha256_of(tmp_path / "out" / name) == sha256_of(tmp_path / "again" / name)


def test_a_refused_series_leaves_nothing(series, tmp_path):
    with pytest.raises(UserError):
        imported(series, tmp_path / "out", TILTS[:3])
    assert not (tmp_path / "out").exists()


def test_settings_refuse_a_crop_of_one_length():
    with pytest.raises(ValueError, match="crop_nm"):
        ImportSeries(crop_nm=[5.0])
