"""Readers of other libraries: what hangs, crashes or takes all memory becomes one line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files import child

PACKAGE = Path(child.__file__).parents[1]


@pytest.fixture
def fresh(monkeypatch):
    """A child of this test's own."""
    process = child._Child()
    monkeypatch.setattr(child, "_CHILD", process)
    yield process
    process.end()


def refusal(path):
    with pytest.raises(UserError) as caught, child.open_in_child("matlab", path):
        pass
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"nothing")
    return path


def test_a_reader_that_hangs_is_stopped(fresh, path, monkeypatch):
    monkeypatch.setattr(child, "_SECONDS", 0.3)
    monkeypatch.setattr(child, "_START", "import time; time.sleep(60)")
    assert "took longer than 0 s" in refusal(path)
    assert fresh._process is None


def test_a_reader_that_crashes_does_not_stop_the_next(fresh, path, monkeypatch):
    working = child._START
    monkeypatch.setattr(child, "_START", "import os; os.abort()")
    assert "its reader crashed" in refusal(path)
    monkeypatch.setattr(child, "_START", working)
    assert "not readable" in refusal(path)  # by a child that works, again


def test_what_a_reader_prints_is_no_answer(fresh, path, monkeypatch):
    noisy = child._START.replace(
        "from catomo.files.child import serve",
        "from catomo.files import child, matlab\n"
        "from catomo.files.child import serve\n"
        "matlab.read = lambda *job: print('noise') or child.found(job[2], __import__('numpy')"
        ".ones((1, 2, 3)))",
    )
    monkeypatch.setattr(child, "_START", noisy)
    with child.open_in_child("matlab", path) as stack:
        np.testing.assert_array_equal(stack.read(0), np.ones((2, 3)))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others keep no such limit")
def test_memory_is_limited():
    code = "from catomo.files import child; child._limit_memory(3 << 30); bytearray(4 << 30)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
        check=False,
    )
    assert "MemoryError" in run.stderr


def test_too_little_memory_is_one_line(path, monkeypatch):
    from catomo.files import matlab

    def read(*_job):
        raise MemoryError

    monkeypatch.setattr(matlab, "read", read)
    answer = child._answer(
        {"reader": "matlab", "path": str(path), "member": "", "output": "", "folder": "."}
    )
    assert answer["error"].startswith(f"{path}: needs more memory than is free")
