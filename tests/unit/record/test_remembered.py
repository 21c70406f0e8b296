"""Remembered hashes: a file is read once, and no result depends on what is remembered."""

import hashlib
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from catomo.record import remembered
from catomo.record.remembered import sha256_of_files

PLACE = Path(".catomo/hashes.jsonl")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(remembered, "_memories", {})


@pytest.fixture
def reads(monkeypatch):
    """Return the paths that are really read."""
    seen = []
    read = remembered.read_sha256

    def noted(paths):
        seen.extend(paths)
        return read(paths)

    monkeypatch.setattr(remembered, "read_sha256", noted)
    return seen


@pytest.fixture
def old(monkeypatch):
    """Let files that were just written count as old."""
    monkeypatch.setattr(remembered, "_SECONDS_OF_A_STAMP", -1.0)


def forget():
    """Do what the start of another process does."""
    remembered._memories.clear()


def sha(content):
    return hashlib.sha256(content).hexdigest()


def test_an_unchanged_file_is_read_once(reads, old):
    path = Path("a.bin")
    path.write_bytes(b"one")
    for _ in range(3):
        assert sha256_of_files([path]) == [sha(b"one")]
        forget()
    assert reads == [path]
    path.touch()
    assert sha256_of_files([path]) == [sha(b"one")]
    assert len(reads) == 2


def test_a_change_that_keeps_size_and_time_is_seen(old):
    path = Path("a.bin")
    path.write_bytes(b"one")
    os.utime(path, ns=(10**18, 10**18))
    assert sha256_of_files([path]) == [sha(b"one")]
    path.write_bytes(b"two")
    os.utime(path, ns=(10**18, 10**18))
    assert sha256_of_files([path]) == [sha(b"two")]


def test_another_file_put_in_its_place_is_seen(old):
    Path("a.bin").write_bytes(b"one")
    Path("b.bin").write_bytes(b"two")
    assert sha256_of_files([Path("a.bin")]) == [sha(b"one")]
    Path("b.bin").replace("a.bin")
    assert sha256_of_files([Path("a.bin")]) == [sha(b"two")]


def test_a_file_that_changed_just_now_is_not_remembered(reads):
    """Its next change may carry the same time stamp."""
    path = Path("a.bin")
    path.write_bytes(b"one")
    for _ in range(2):
        sha256_of_files([path])
    assert reads == [path, path]
    assert not PLACE.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content.replace(b"7692c3ad", b"00000000"),
        lambda content: content[:-20],
        lambda content: b"\xff\xfe\0" * 100,
        lambda content: b"00000000 []\n" + content[9:],
        lambda content: b"",
    ],
)
def test_what_is_damaged_is_not_taken(old, damage):
    path = Path("a.bin")
    path.write_bytes(b"one")
    sha256_of_files([path])
    PLACE.write_bytes(damage(PLACE.read_bytes()))
    forget()
    assert sha256_of_files([path]) == [sha(b"one")]
    forget()
    assert sha256_of_files([path]) == [sha(b"one")]


def test_a_place_that_cannot_be_written_changes_nothing(old):
    Path(".catomo").write_text("a file, no folder")
    Path("a.bin").write_bytes(b"one")
    assert sha256_of_files([Path("a.bin")]) == [sha(b"one")]


def _hash_in_another_process(names):
    remembered._SECONDS_OF_A_STAMP = -1.0
    return [sha256_of_files([Path(name)])[0] for name in names]


def test_processes_write_at_the_same_time(old, reads):
    names = [f"{n}.bin" for n in range(200)]
    for name in names:
        Path(name).write_text(name)
    expected = [sha(name.encode()) for name in names]
    with ProcessPoolExecutor(4) as pool:
        for found in pool.map(_hash_in_another_process, [names] * 4):
            assert found == expected
    forget()
    assert sha256_of_files([Path(name) for name in names]) == expected
    assert reads == []


def test_stale_lines_do_not_pile_up(old, monkeypatch):
    monkeypatch.setattr(remembered, "_MOST_STALE", 10)
    path = Path("a.bin")
    for n in range(40):
        path.write_text(f"{n}")
        sha256_of_files([path])
    forget()
    sha256_of_files([path])
    assert len(PLACE.read_text().splitlines()) == 1
    forget()
    assert sha256_of_files([path]) == [sha(b"39")]


def test_long_reading_says_what_it_reads_and_how_long(monkeypatch, capsys):
    monkeypatch.setattr(remembered, "_MOST_SILENT", 10)
    Path("series.mrc").write_bytes(bytes(100))
    sha256_of_files([Path("series.mrc")])
    assert "read series.mrc to see" in capsys.readouterr().err
