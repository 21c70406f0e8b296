"""What may be opened, and how much of it fits."""

import os

import pytest

from catomo.errors import UserError
from catomo.files import limits
from catomo.files.readers import open_images


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    with pytest.raises(UserError, match="is a pipe or a device"), open_images(tmp_path / "a.tif"):
        pass


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root reads everything")
    with pytest.raises(UserError, match="is not readable"), open_images(path):
        pass


def test_memory_is_compared_with_what_is_free(tmp_path, monkeypatch):
    limits.check_memory(tmp_path, limits.free_memory() // 2)
    with pytest.raises(UserError, match=r"would need .* GB of memory at once"):
        limits.check_memory(tmp_path, 2 * limits.free_memory())
    monkeypatch.setattr(limits, "free_memory", lambda: None)  # not known: nothing is refused
    limits.check_memory(tmp_path, 1 << 60)


def test_only_what_no_image_packs_to_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"0" * 2_000_000)
    limits.check_compression(path, 1_900_000_000)
    with pytest.raises(UserError, match=r"2000000 bytes would unpack to 2\.1 GB"):
        limits.check_compression(path, 2_100_000_000)
    path.write_bytes(b"0")
    limits.check_compression(path, 1_000_000_000)


def test_files_in_the_memory_of_a_container_count_as_free(tmp_path, monkeypatch):
    most, used = tmp_path / "memory.max", tmp_path / "memory.current"
    most.write_text("1000")
    used.write_text("900")
    monkeypatch.setattr(limits, "_CGROUPS", ((str(most), str(used)),))
    assert limits.free_memory() == 100
    (tmp_path / "memory.stat").write_text("anon 200\nactive_file 300\ninactive_file 400\n")
    assert limits.free_memory() == 800
