"""The lines at the end of a terminal: what they say, and that they never mix with other output."""

import io
import json
import os
import re

import pytest

from catomo.plan.terminal import Board, Job, Run, can_show, lines_of
from catomo.record.lock import place_of_lock

NOW = 1_000_000.0


@pytest.fixture
def job(tmp_path):
    """Return a job that runs since some seconds, with what its log says and how old that is."""

    def make(text="", since=90.0, written=2.0, peak_mb=1300, owner="needle", begun=True):
        folder = tmp_path / "results" / owner / "03_reconstruct"
        log = tmp_path / f"{owner}.log"
        if begun:
            lock = place_of_lock(folder, "reconstruct")
            lock.parent.mkdir(parents=True, exist_ok=True)
            lock.write_text(json.dumps({"since": NOW - since, "peak_mb": peak_mb}))
        log.write_text(text)
        os.utime(log, (NOW - written, NOW - written))
        return Job("reconstruct", owner, str(folder / "reconstruction.json"), str(log))

    return make


def test_a_job_says_stage_dataset_progress_time_left_and_memory(job):
    running = job("memory\nreconstruct: 3/8, about 60 s left\nreconstruct: 5/8, about 40 s left\n")
    assert lines_of(Run(6, 17, [running]), NOW) == [
        "6 of 17 jobs done, 1 under way",
        "  reconstruct  needle  reconstruct 5/8 (62 %), about 38 s left, runs for 90 s, "
        "at most 1.3 GB so far",
    ]


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({"begun": False}, "not begun yet"),
        ({"peak_mb": 0, "since": 1.0}, "runs for 1 s"),
        ({"text": "x: 1/9, about 9 s left\n", "written": 99.0, "peak_mb": 0}, "runs for 90 s"),
        ({"text": "\x00\xff: 1/9, ab", "peak_mb": 0, "since": 600.0}, "runs for 10 min"),
        ({"text": "x: 9/9, about 0 s left\n", "peak_mb": 0}, "x 9/9 (100 %), runs for 90 s"),
        (
            {"text": "x: 1/9, about 9000 s left\n", "peak_mb": 0, "since": 99999.0},
            "x 1/9 (11 %), about 2 h 29 min left, runs for 27 h 46 min",
        ),
    ],
)
def test_what_is_not_known_is_left_out(job, given, state):
    [_, line] = lines_of(Run(0, 1, [job(**given)]), NOW)
    assert line == f"  reconstruct  needle  {state}"


def test_many_jobs_are_counted(job):
    lines = lines_of(Run(0, 99, [job(owner=f"d{n:02d}", begun=False) for n in range(30)]), NOW)
    assert len(lines) == 10
    assert lines[-1] == "  and 22 more"


def screen(written):
    """Return the lines that a terminal shows after it got a text."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[\d[A-Z]|\r|\n|[^\x1b\r\n]+", written):
        if part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        else:
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    return [line for line in lines if line]


def test_other_output_stands_above_the_lines_and_they_go_at_the_end():
    terminal = io.StringIO()
    board = Board(terminal, lambda: Run(0, 0, []))
    board.write("Building\n")
    board.show(["one", "two"])
    assert screen(terminal.getvalue()) == ["Building", "one", "two"]
    board.write("rule align:\n    jobid: 1\n")
    board.show(["three"])
    board.show(["four", "five", "six"])
    board.show(["seven"])
    assert screen(terminal.getvalue()) == ["Building", "rule align:", "    jobid: 1", "seven"]
    board.end()
    board.show(["too late"])
    board.write("Complete\n")
    assert screen(terminal.getvalue())[-2:] == ["    jobid: 1", "Complete"]


def test_lines_are_cut_at_the_width_of_the_terminal():
    terminal = io.StringIO()
    Board(terminal, lambda: Run(0, 0, [])).show(["x" * 500])
    assert screen(terminal.getvalue()) == ["x" * 79]


def test_files_pipes_and_dumb_terminals_stay_plain(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert can_show(Terminal())
    assert not can_show(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not can_show(Terminal())
    monkeypatch.delenv("TERM")
    assert not can_show(Terminal())
