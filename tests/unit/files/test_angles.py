"""Angle files: what they say, one line on what is wrong, and which go with a series."""

import os
from pathlib import Path

import pytest

from catomo.errors import UserError
from catomo.files import angles
from catomo.files.angles import read_angles, side_files

TILTS = [-40.0, -20.0, 0.0, 20.0, 40.0]


@pytest.mark.parametrize("suffix", [".rawtlt", ".RAWTLT", ".Tlt", ".mdoc"])
def test_suffix_in_capitals(tmp_path, suffix):
    (tmp_path / "a.st").touch()
    (tmp_path / f"a{suffix}").touch()
    (tmp_path / f"a.st{suffix}").touch()
    found = {tmp_path / f"a{suffix}", tmp_path / f"a.st{suffix}"}
    assert set(side_files(tmp_path / "a.st")) == found


def test_folder_with_a_point_in_its_name(tmp_path):
    """run1.rawtlt belongs to run1.mrc, not to the folder run1.5deg."""
    (tmp_path / "run1.5deg").mkdir()
    (tmp_path / "run1.rawtlt").touch()
    assert side_files(tmp_path / "run1.5deg") == []
    (tmp_path / "run1.5deg.rawtlt").touch()
    (tmp_path / "run1.5deg" / "mine.tlt").touch()
    found = [tmp_path / "run1.5deg.rawtlt", tmp_path / "run1.5deg" / "mine.tlt"]
    assert set(side_files(tmp_path / "run1.5deg")) == set(found)


def test_file_with_points_in_its_name(tmp_path):
    for name in ("run1.5.mrc", "run1.rawtlt", "run1.5.rawtlt", "run1.51.rawtlt"):
        (tmp_path / name).touch()
    assert side_files(tmp_path / "run1.5.mrc") == [tmp_path / "run1.5.rawtlt"]


def test_signs_of_patterns_in_a_name(tmp_path):
    for name in ("a[1]*.mrc", "a[1]*.tlt", "a1.tlt", "a[1]b.tlt"):
        (tmp_path / name).touch()
    assert side_files(tmp_path / "a[1]*.mrc") == [tmp_path / "a[1]*.tlt"]


def test_angle_file_of_one_column(tmp_path):
    path = tmp_path / "a.rawtlt"
    path.write_text("\ufeff  -40.0\n -20 # taken twice\n\n0\n2e1\r\n40.00\n", encoding="utf-8")
    angles = read_angles(path)
    assert angles.tilt == TILTS
    assert not angles.in_degrees


def test_mdoc_in_order_of_acquisition(tmp_path):
    """A dose-symmetric scheme: 0, 20, -20, … stored in the order of acquisition or not."""
    path = tmp_path / "a.mdoc"
    path.write_text(
        "PixelSpacing = 7.88\nImageFile = a.st\n\n[T = Tilt axis angle = -90.0]\n\n"
        "[ZValue = 0]\nTiltAngle = 0.01\nPixelSpacing = 7.88\n\n"
        "[ZValue = 2]\nTiltAngle = -20\n\n[ZValue = 1]\nTiltAngle = 20\n"
    )
    angles = read_angles(path)
    assert angles.tilt == [0.01, 20.0, -20.0]
    assert angles.in_degrees
    assert angles.pixel_size_nm == pytest.approx(0.788)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-40\n-20\nzero\n", "line 3: found 'zero'"),
        ("-40\nnan\n", "line 2: found 'nan'"),
        ("-40 1\n-20 2\n0\n", "line 3: found '0', but line 1 has 2 columns"),
        ("", "holds no angle"),
        ("[ZValue = 0]\nTiltAngle = ?\n", "line 2: found '?'"),
        ("[ZValue = 0]\nTiltAngle = 1\n[ZValue = 0]\nTiltAngle = 2\n", "line 3: ZValue 0"),
        ("PixelSpacing = 3\n", "holds no TiltAngle"),
    ],
)
def test_broken_angle_files(tmp_path, text, words):
    path = tmp_path / "a.tlt"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_angles(path)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)


def test_angle_file_that_is_no_text(tmp_path):
    path = tmp_path / "a.tlt"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UserError, match="is not a text file"):
        read_angles(path)
    with pytest.raises(UserError, match="not readable"):
        read_angles(tmp_path / "none.tlt")


def test_side_files_a_series(tmp_path):
    for name in ("a.rawtlt", "a.st.mdoc", "b.tlt"):
        (tmp_path / name).write_text("0")
    assert side_files(tmp_path / "a.st") == [tmp_path / "a.rawtlt", tmp_path / "a.st.mdoc"]


def test_a_folder_of_many_series_is_listed_once_and_again_when_it_changes(tmp_path, monkeypatch):
    names = [f"run_{number:03d}" for number in range(50)]
    for name in names:
        (tmp_path / f"{name}.mrc").touch()
        (tmp_path / f"{name}.TLT").touch()
    os.utime(tmp_path, (1e9, 1e9))  # nobody has changed it for long
    listed = []
    listing = angles._listed
    monkeypatch.setattr(angles, "_listed", lambda place: listed.append(place) or listing(place))
    for name in names:
        assert side_files(tmp_path / f"{name}.mrc") == [tmp_path / f"{name}.TLT"]
    assert len(listed) == 1
    (tmp_path / "run_000.rawtlt").touch()
    both = [tmp_path / "run_000.TLT", tmp_path / "run_000.rawtlt"]
    assert side_files(tmp_path / "run_000.mrc") == both
    (tmp_path / "run_000.TLT").unlink()
    assert side_files(tmp_path / "run_000.mrc") == both[1:]
    monkeypatch.chdir(tmp_path)
    assert side_files("run_001.mrc") == [Path("run_001.TLT")]


def test_utf_16_without_a_mark_that_begins_with_a_minus_sign(tmp_path):
    path = tmp_path / "a.tlt"
    for code in ("utf-16-le", "utf-16-be"):
        path.write_bytes("−10.5\n0\n10.5\n".encode(code))
        assert read_angles(path).tilt == [-10.5, 0.0, 10.5]
    path.write_bytes(b"-1\n2\n" + bytes(500))  # a file filled up with zeros is none
    assert read_angles(path).tilt == [-1.0, 2.0]
