"""A folder for temporary files without room: one line that names it, and the way out."""

import errno
import os
import tempfile

import pytest

from catomo.plan.temporary import problem_of_temporary


@pytest.fixture
def full(tmp_path, monkeypatch):
    """A folder in which no file can be written, whoever asks."""
    folder = tmp_path / "full"
    folder.mkdir()
    make = tempfile.TemporaryFile

    def refuse(*, dir, **options):
        if dir == str(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return make(dir=dir, **options)

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.delenv("TMP", raising=False)
    return folder


@pytest.mark.parametrize("variable", ["TMP", "TMPDIR"])
def test_a_full_folder_is_named_and_another_one_helps(full, tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, str(full))
    line = problem_of_temporary()
    assert line == (
        f"{full}: no temporary file can be written there (no space left on device); make room "
        f"there, or set {variable} to another folder"
    )
    monkeypatch.setenv(variable, str(tmp_path))
    assert problem_of_temporary() == ""
    assert sorted(tmp_path.iterdir()) == [full]


def test_a_folder_that_is_not_there_is_left_to_snakemake(tmp_path, monkeypatch):
    """It takes the working directory then."""
    monkeypatch.delenv("TMP", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    assert problem_of_temporary() == ""
