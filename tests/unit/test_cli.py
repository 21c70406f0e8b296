"""The command line: every verb explains itself; a user's mistake is one line and status 1."""

import errno
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from catomo import errors
from catomo.cli import helps, main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("verb", helps())
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: catomo {verb}" in text
    assert helps()[verb] in " ".join(text.split())


def test_help_needs_nothing_heavy():
    program = (
        "import sys; from catomo.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'tensorflow', 'pydantic') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "workflow")},
    )
    assert run.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["align", "nowhere", "--output", "out"], "catomo align: nowhere: found no tilt_series"),
        (
            ["align", "nowhere", "--output", "out", "--settings", '{"pairwize": 1}'],
            "catomo align: --settings pairwize: unknown key; did you mean 'pairwise'?",
        ),
        (
            ["align", "nowhere", "--output", "out", "--settings", "missing.yaml"],
            "catomo align: missing.yaml: no such file or directory; give JSON or a file",
        ),
        (
            ["slices", "--stack", "nowhere", "--output", "out"],
            "catomo slices: --pixel-size-nm: is missing; give the pixel size of the stack in nm",
        ),
        (["verify", "nowhere"], "catomo verify: nowhere: found no results there"),
    ],
)
def test_a_mistake_is_one_line(arguments, line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith(line)
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_error_that_nobody_foresaw_is_one_line_with_its_place(capsys, tmp_path, monkeypatch):
    """A damaged record may hold anything below its first keys."""
    monkeypatch.chdir(tmp_path)
    content = {"stage": "predict", "files": {}, "settings": {"classes": 3}, "inputs": {}}
    (tmp_path / "prediction.json").write_text(json.dumps(content))
    with pytest.raises(SystemExit) as end:
        main(["surfaces", str(tmp_path), "--output", "out"])
    assert end.value.code == 1
    error = capsys.readouterr().err
    assert re.match(r"catomo surfaces: .*\n$", error)
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.tif"), "no space left .* of a.tif; "),
        (OSError("4096 requested and 512 written"), "no space left on the disk; make room"),
        (RuntimeError("HDF5: errno = 28, 'No space left on device'"), "no space left on the disk"),
        (MemoryError(), "out of memory; see 'catomo check'"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory; see 'catomo check'"),
        (ImportError("a.so: failed to map segment from shared object"), "out of memory; see"),
        (FileNotFoundError(2, "No usable temporary directory found in ['/t']"), "set TMPDIR to"),
    ],
)
def test_what_the_machine_lacks_is_one_line_with_the_way_out(monkeypatch, capsys, error, line):
    def run(folder):
        raise error

    monkeypatch.setattr("catomo.plan.check.verify", run)
    with pytest.raises(SystemExit):
        main(["verify", "nowhere"])
    said = capsys.readouterr().err
    assert re.match(rf"catomo verify: .*{line}", said)
    assert said.count("\n") == 1


def test_windows_itself_is_refused_in_one_line_with_the_way_out(monkeypatch, capsys):
    monkeypatch.setattr(errors, "os", SimpleNamespace(name="nt"))
    with pytest.raises(SystemExit) as end:
        main(["check"])
    [line] = capsys.readouterr().err.splitlines()
    assert end.value.code == 1
    assert line.startswith("catomo check: Windows itself is not supported")
    assert "run catomo in WSL" in line
    monkeypatch.setattr(errors, "os", SimpleNamespace(name="posix"))  # as in WSL
    assert errors.problem_of_system() == ""
