"""SerialEM's .mdoc in its dialects."""

import pytest

from catomo.errors import UserError
from catomo.files.angles import read_angles

TILTS = [0.01, 20.0, -20.0]


def test_sections_named_after_images(tmp_path):
    path = tmp_path / "a.mdoc"
    path.write_text(
        "".join(f"[Image = t_{i}.tif]\nTiltAngle = {tilt}\n\n" for i, tilt in enumerate(TILTS))
    )
    angles = read_angles(path)
    assert angles.tilt == TILTS
    assert angles.images == ["t_0.tif", "t_1.tif", "t_2.tif"]


def test_sets_of_frames(tmp_path):
    path = tmp_path / "a.mdoc"
    path.write_text(
        "".join(
            f"[FrameSet = 0]\r\nTiltAngle = {tilt}\r\nSubFramePath = D:\\day 1\\t_{i}.tif\r\n"
            for i, tilt in enumerate(TILTS)
        )
    )
    angles = read_angles(path)
    assert angles.tilt == TILTS
    assert angles.images == ["t_0.tif", "t_1.tif", "t_2.tif"]


def test_no_blanks_and_a_letter_of_latin_1(tmp_path):
    path = tmp_path / "a.mdoc"
    sections = "".join(f"[ZValue={i}]\nTiltAngle={tilt}\n" for i, tilt in enumerate(TILTS))
    path.write_bytes(("[T = 5 µm, 3 Å]\n" + sections).encode("latin-1"))
    assert read_angles(path).tilt == TILTS


def test_what_it_says_of_the_recording(tmp_path):
    path = tmp_path / "a.mdoc"
    path.write_text(
        "PixelSpacing = 3.5\nVoltage = 200\n"
        "[T = SerialEM: Acquired on Titan at Home   25-Mar-21  16:59:53]\n"
        "[ZValue = 0]\nTiltAngle = 0\nExposureDose = 2\nExposureTime = 1.5\nMagnification = 81000\n"
        "DateTime = 25-Mar-21  17:00:46\n"
        "[ZValue = 1]\nTiltAngle = 3\nExposureDose = 4\nExposureTime = 1.5\n"
        "DateTime = 25-Mar-21  17:01:46\n"
    )
    assert read_angles(path).acquisition == {
        "voltage_kv": 200.0,
        "magnification": 81000.0,
        "exposure_time_s": 1.5,
        "dose_per_image_e_per_nm2": 300.0,  # 3 per Å²
        "date": "25-Mar-21  17:00:46",
        "microscope": "Titan at Home",
    }


def test_an_angle_that_is_none(tmp_path):
    path = tmp_path / "a.mdoc"
    path.write_text("[Image = a.tif]\nTiltAngle = ?\n")
    with pytest.raises(UserError, match="line 2: found '\\?'"):
        read_angles(path)
