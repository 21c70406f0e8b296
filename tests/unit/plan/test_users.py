"""A folder in which another user has run the workflow: one line, and none in one's own."""

import os

from catomo.plan.users import problem_of_other_user


def test_notes_that_cannot_be_read_are_told_with_their_owner(tmp_path, monkeypatch):
    assert problem_of_other_user(tmp_path / "none") == ""
    for name in "ab":
        (tmp_path / name).touch()
    assert problem_of_other_user(tmp_path) == ""
    monkeypatch.setattr(os, "access", lambda path, _: not path.endswith("b"))
    line = problem_of_other_user(tmp_path)
    assert "\n" not in line
    assert line.startswith(f"{tmp_path}: belongs to ")
    assert "or copy the folder without .snakemake" in line
    monkeypatch.setattr("pwd.getpwuid", lambda _: {}["no such user"])
    assert f"belongs to user {os.getuid()}," in problem_of_other_user(tmp_path)
