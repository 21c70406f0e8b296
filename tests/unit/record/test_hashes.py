"""Fingerprints: every byte counts, and nothing but the bytes."""

import os
import shutil

import pytest

from catomo.errors import UserError
from catomo.record.hashes import fingerprint, fingerprint_of_labels, sha256_of


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_one_byte(path, place, value=1):
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(bytes([value]))


@pytest.mark.parametrize("place", [0, 5_000_000, 9_999_999])
def test_a_byte_anywhere_changes_the_fingerprint(tmp_path, place):
    path = tmp_path / "data" / "series.mrc"
    path.parent.mkdir()
    path.write_bytes(bytes(10_000_000))
    os.utime(path, (1e9, 1e9))
    file, folder = fingerprint(path), fingerprint(path.parent)
    write_one_byte(path, place)
    os.utime(path, (1e9, 1e9))
    assert fingerprint(path) != file
    assert fingerprint(path.parent) != folder
    write_one_byte(path, place, 0)
    assert (fingerprint(path), fingerprint(path.parent)) == (file, folder)


def test_touching_moving_and_copying_change_nothing(tmp_path):
    data = tmp_path / "data"
    (data / "inside").mkdir(parents=True)
    for name in ("a.tif", "inside/b.tif"):
        (data / name).write_text(name)
    before = fingerprint(data)
    (data / "a.tif").touch()
    assert fingerprint(data) == before
    shutil.copytree(data, tmp_path / "copy")
    assert fingerprint(tmp_path / "copy") == before
    data.rename(tmp_path / "moved")
    assert fingerprint(tmp_path / "moved") == before
    (tmp_path / "link").symlink_to(tmp_path / "moved")
    assert fingerprint(tmp_path / "link") == before


def test_names_and_number_of_files_count_but_not_hidden_ones(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.tif").write_text("x")
    before = fingerprint(data)
    (data / ".DS_Store").write_text("x")
    assert fingerprint(data) == before
    (data / "b.tif").write_text("x")
    two = fingerprint(data)
    assert two != before
    (data / "b.tif").rename(data / "c.tif")
    assert fingerprint(data) != two


def test_hidden_files_of_a_zspy_are_part_of_the_format(tmp_path):
    data = tmp_path / "s.zspy"
    data.mkdir()
    (data / ".zarray").write_text("1")
    before = fingerprint(data)
    (data / ".zarray").write_text("2")
    assert fingerprint(data) != before


def test_of_labels_only_the_label_files_count(tmp_path):
    (tmp_path / "a.tif").write_text("x")
    before = fingerprint_of_labels(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    assert fingerprint_of_labels(tmp_path) == before
    (tmp_path / "a.tif").write_text("y")
    assert fingerprint_of_labels(tmp_path) != before


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"none\.mrc: cannot be read \(no such file"):
        fingerprint(tmp_path / "none.mrc")


def test_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_what_an_explorer_leaves_in_a_folder_counts_for_nothing(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"image")
    before = fingerprint(tmp_path)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
        (tmp_path / name).write_bytes(b"of a system")
    assert fingerprint(tmp_path) == before
