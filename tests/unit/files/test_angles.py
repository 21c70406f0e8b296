"""Which angle files go with a series."""

import pytest

from catomo.files.angles import side_files


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
