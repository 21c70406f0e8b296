"""A renderer that is installed and fails ends the stage; only a missing one is done without."""

import re
import sys

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.surfaces import render as rendering
from catomo.surfaces.mesh_files import write_vtp
from catomo.surfaces.meshes import surface
from conftest import balls


@pytest.fixture
def phases(tmp_path):
    mesh = surface(balls((12, 12, 12), (6, 6, 6, 4)) > 0, 0.5)
    write_vtp(tmp_path / "ball.vtp", mesh)
    return [{"path": str(tmp_path / "ball.vtp"), "colour": "#ff0000", "opacity": 1.0}]


@pytest.fixture
def child(tmp_path, monkeypatch):
    """Let a shell script stand for the process that draws; the one that looks stays Python."""

    def end(*commands):
        path = tmp_path / "python"
        draw = "\n".join(commands)
        text = f'#!/bin/sh\nif [ "$1" = -c ]; then exec "{sys.executable}" "$@"; fi\n{draw}\n'
        path.write_text(text)
        path.chmod(0o755)
        monkeypatch.setattr(rendering.sys, "executable", str(path))

    return end


def draws():
    return rendering._is_installed()


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        (["kill -KILL $$"], "ended with signal 9, perhaps because memory ran out"),
        (["kill -TERM $$"], "ended with signal 15"),
        (["kill -SEGV $$"], "ended with signal 11"),
        (["kill -ABRT $$"], "ended with signal 6"),
        (["echo 'OSError: [Errno 28] No space left on device' >&2", "exit 1"], "No space left"),
        (["echo 'MemoryError' >&2", "exit 1"], "MemoryError"),
        (["echo 'x.so: failed to map segment from shared object' >&2; exit 1"], "failed to map"),
        (["exit 0"], "status 0"),
    ],
)
def test_whatever_ends_a_renderer_that_is_installed_ends_the_stage(phases, child, commands, said):
    if not draws():
        pytest.skip("no renderer is installed here")
    child(*commands)
    with pytest.raises(
        UserError, match=rf"{re.escape(said)}.*so nothing was written; .* run again"
    ):
        rendering.render(phases, "#000000")


@pytest.mark.parametrize(
    "commands",
    [
        ["kill -SEGV $$"],
        ["kill -ABRT $$"],
        ["echo 'the picture is empty' >&2; exit 1"],
    ],
)
def test_without_any_renderer_the_reason_is_given(phases, child, monkeypatch, commands):
    monkeypatch.setattr(rendering, "_is_installed", lambda: False)
    child(*commands)
    views, reason = rendering.render(phases, "#000000")
    assert views is None
    assert "no renderer is installed" in reason
    assert "libegl1" in reason
    child("kill -KILL $$")  # that is no sign of a missing library
    with pytest.raises(UserError, match="signal 9"):
        rendering.render(phases, "#000000")


@pytest.mark.parametrize(
    "said",
    [
        "ImportError: libX11.so.6: cannot open shared object file: No such file or directory",
        "ModuleNotFoundError: No module named 'vtkmodules'",
    ],
)
def test_a_library_that_is_not_there_is_no_renderer(phases, child, said):
    child(f'echo "{said}" >&2; exit 1')
    views, reason = rendering.render(phases, "#000000")
    assert views is None
    assert said in reason


def test_a_ball_is_drawn_round(phases):
    views, reason = rendering.render(phases, "#000000")
    if views is None:
        pytest.skip(reason)
    for view in views.values():
        rows, columns = np.nonzero(view.picture[..., 0] > 60)
        assert abs(np.ptp(rows) - np.ptp(columns)) < 0.08 * np.ptp(rows)
