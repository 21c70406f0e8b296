"""Which angles and pixel size a series gets, and contradictions between sources."""

import struct

import numpy as np
import pytest
import tifffile

from catomo.tilt_series.reading import read_tilt_series
from catomo.tilt_series.settings import ImportSeries
from helpers.microscope import STACK, TILTS, bare_tiff, column, fei_mrc, look, refusal
from helpers.mrc import mrc


@pytest.fixture
def series(tmp_path):
    return bare_tiff(tmp_path)


@pytest.fixture
def header(tmp_path):
    return fei_mrc(tmp_path)


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


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_size_must_be_above_zero(series, size):
    assert "must be above 0" in refusal(series, TILTS, size)


def test_radians(series):
    radians = np.deg2rad(TILTS).tolist()
    assert "set tilt_series.import.angle_unit: rad" in refusal(series, radians, 0.5)
    assert np.allclose(look(series, radians, 0.5, angle_unit="rad").tilt_deg, TILTS, atol=1e-9)


def test_header_angles_stay_degrees_when_lists_are_radians(header, tmp_path):
    radians = column(tmp_path / "fei.tlt", np.deg2rad(TILTS).tolist())
    seen = look(header, radians, None, angle_unit="rad")
    assert np.allclose(seen.tilt_deg, TILTS, atol=1e-9)


def folder(path, names):
    path.mkdir()
    for name, image in zip(names, STACK, strict=True):
        tifffile.imwrite(path / name, image)
    return path


NAMED = ["-40.tif", "-20.tif", "0.tif", "20.tif", "40.tif"]


def test_angles_from_file_names(tmp_path):
    images = folder(tmp_path / "series", NAMED)
    seen = look(images, None, 0.5)
    assert seen.tilt_deg == TILTS
    assert seen.order == [0, 1, 2, 3, 4]
    assert seen.sources["tilt_deg"] == "the file names"
    words = "first -40.tif at -40°, last 40.tif at 40°; angles from the file names"
    assert seen.in_words() == [words]


def test_running_numbers_are_no_angles(tmp_path):
    images = folder(tmp_path / "series", [f"scan-{number:02d}.tif" for number in range(5)])
    assert "tilt angles are not known" in refusal(images, None, 0.5)
    assert look(images, TILTS, 0.5).tilt_deg == TILTS


def test_file_names_and_angle_file_that_contradict_each_other(tmp_path):
    images = folder(tmp_path / "series", NAMED)
    near = column(tmp_path / "near.tlt", [-40.4, -20.1, 0.0, 19.9, 39.5])
    assert look(images, near, 0.5).tilt_deg[0] == -40.4  # reached, where -40 was asked for
    wrong = column(tmp_path / "series.tlt", TILTS[::-1])
    message = refusal(images, None, 0.5)
    assert "tilt of image 1 (-40.tif) is 40° by series.tlt but -40° by the file names" in message
    assert look(images, wrong, 0.5, trust_given=True).order == [4, 3, 2, 1, 0]


def test_one_of_two_columns_is_told(series, tmp_path):
    path = tmp_path / "series.tlt"
    path.write_text("".join(f"{number}\t{tilt}\n" for number, tilt in enumerate(TILTS)))
    seen = look(series, None, 0.5)
    assert seen.tilt_deg == TILTS
    assert seen.sources["tilt_deg"] == "series.tlt (column 2 of 2)"


def test_degrees_in_a_file_are_not_radians(series, tmp_path):
    path = tmp_path / "series.tlt"
    path.write_text("".join(f"{tilt / 40}°\n" for tilt in TILTS))
    assert look(series, None, 0.5).tilt_deg == [-1, -0.5, 0, 0.5, 1]
    assert look(series, None, 0.5, angle_unit="rad").tilt_deg == [-1, -0.5, 0, 0.5, 1]


def test_mdoc_that_names_the_images(tmp_path):
    """Images are in the order of their names, the .mdoc in the order of acquisition."""
    images = folder(tmp_path / "series", [f"t_{letter}.tif" for letter in "abcde"])
    taken = [(0.0, "c"), (20.0, "d"), (-20.0, "b"), (40.0, "e"), (-40.0, "a")]
    path = images / "all.mdoc"
    path.write_text("".join(f"[Image = t_{x}.tif]\nTiltAngle = {a}\n" for a, x in taken))
    seen = look(images, None, 0.5)
    assert seen.tilt_deg == TILTS
    assert seen.order == [0, 1, 2, 3, 4]
    path.write_text("".join(f"[Image = t_{x}.tif]\nTiltAngle = {a}\n" for a, x in taken[1:]))
    assert "holds no angle of t_c.tif" in refusal(images, None, 0.5)
    (images / "t_c.tif").rename(tmp_path / "t_c.tif")
    assert look(images, None, 0.5).tilt_deg == [-40.0, -20.0, 20.0, 40.0]


def test_an_mdoc_for_each_image(tmp_path):
    images = folder(tmp_path / "series", [f"t_{letter}.tif" for letter in "abcde"])
    for letter, tilt in zip("abcde", TILTS, strict=True):
        section = f"[FrameSet = 0]\nTiltAngle = {tilt}\n"
        (images / f"t_{letter}.tif.mdoc").write_text(section)
    seen = look(images, None, 0.5)
    assert seen.tilt_deg == TILTS
    assert seen.sources["tilt_deg"] == "the angle file of each image"
    (images / "t_d.tif.mdoc").unlink()
    assert "t_d.tif has no angle file" in refusal(images, None, 0.5)
    assert look(images, column(tmp_path / "all.tlt"), 0.5).tilt_deg == TILTS


def test_angle_file_of_another_folder(tmp_path):
    images = folder(tmp_path / "run1.5deg", [f"i{number}.tif" for number in range(5)])
    column(tmp_path / "run1.rawtlt")
    assert "tilt angles are not known" in refusal(images, None, 0.5)


def test_pixels_that_are_not_square(tmp_path):
    path = mrc(tmp_path / "a.mrc", STACK, 0.5)
    content = bytearray(path.read_bytes())
    content[44:48] = struct.pack("<f", 32 * 10.0)  # rows 1 nm apart
    path.write_bytes(content)
    message = refusal(path, TILTS)
    assert "rows are 1 nm apart and columns 0.5 nm" in message
    # Both ways out: resampled to the smaller edge, or taken for square.
    seen = look(path, TILTS, resample=True)
    assert (seen.shape, seen.pixel_size_nm) == ((5, 64, 40), 0.5)
    seen = look(path, TILTS, 0.5, trust_given=True)
    assert (seen.shape, seen.pixel_size_nm) == ((5, 32, 40), 0.5)
    series = read_tilt_series(path, TILTS, settings=ImportSeries(resample=True))
    middle = STACK[2, 15] * 0.75 + STACK[2, 16] * 0.25
    np.testing.assert_allclose(series.images[2, 31], middle, rtol=1e-5)
