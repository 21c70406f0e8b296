"""What runs at the moment, in lines that stay at the end of a terminal.

Snakemake says when a job begins and ends. How far it is stands in the log of the job, in the lines
of `catomo.progress`; how much memory it has used at most stands in its lock. Where the output is
no terminal nothing is shown, so logs and pipes stay plain.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from catomo.record.lock import place_of_lock

_SECONDS_BETWEEN_LOOKS = 1.0
_MOST_JOBS = 8  # lines; more are counted
_TAIL = 4096  # bytes of a log
_PROGRESS = re.compile(r"(?P<what>.+): (?P<done>\d+)/(?P<all>\d+), about (?P<left>\d+) s left")
_CLEAR_LINE = "\r\033[2K"
_UP = "\033[1A"


@dataclass(frozen=True)
class Job:
    """A job that Snakemake has started.

    Attributes
    ----------
    stage, owner : str
        Verb of its stage, and dataset or model; empty for the summary.
    record, log : str
        Paths of the record that it will write and of its log.
    """

    stage: str
    owner: str
    record: str
    log: str


@dataclass(frozen=True)
class Run:
    """How far a run is: jobs that are done, all jobs, and those that run."""

    done: int
    total: int
    jobs: Sequence[Job]


def lines_of(run: Run, now: float) -> list[str]:
    """Return what is shown of a run: a line for all, and one for each job that runs.

    Parameters
    ----------
    run : Run
    now : float
        The time, as of `time.time`.
    """
    jobs = sorted(run.jobs, key=lambda job: (job.stage, job.owner))
    lines = [f"{run.done} of {run.total} jobs done, {len(jobs)} under way"]
    wide = max((len(job.owner) for job in jobs), default=0)
    lines += [f"  {job.stage:<12} {job.owner:<{wide}}  {_state(job, now)}" for job in jobs]
    if len(jobs) > _MOST_JOBS:
        lines[1 + _MOST_JOBS :] = [f"  and {len(jobs) - _MOST_JOBS} more"]
    return lines


def _state(job: Job, now: float) -> str:
    """Return how far a job is, how long it still takes, its time and its memory."""
    record = Path(job.record)
    try:
        lock = json.loads(place_of_lock(record.parent, job.stage).read_text(encoding="utf-8"))
        since, peak = float(lock["since"]), int(lock["peak_mb"])
    except (OSError, ValueError, KeyError, TypeError):
        return "not begun yet"
    parts = [*_progress(Path(job.log), since, now), f"runs for {_duration(now - since)}"]
    return ", ".join(parts + ([f"at most {peak / 1000:.1f} GB so far"] if peak else []))


def _progress(log: Path, since: float, now: float) -> list[str]:
    """Return the last progress in a log; none if it is of an earlier run."""
    try:
        written = log.stat().st_mtime
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    found = [match for line in lines if (match := _PROGRESS.fullmatch(line.strip()))]
    if not found or written < since:
        return []
    last = found[-1]
    done, total = int(last["done"]), int(last["all"])
    left = int(last["left"]) - (now - written)
    told = [f"{last['what']} {done}/{total} ({100 * done / total:.0f} %)"]
    return told + ([f"about {_duration(left)} left"] if done < total and left >= 1 else [])


def _duration(seconds: float) -> str:
    whole = max(round(seconds), 0)
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 100 else f"{whole // 3600} h {whole // 60 % 60} min"


class Board(io.TextIOBase):
    """Stands in for the stream of a terminal, and keeps lines below all that is written to it.

    Parameters
    ----------
    stream : file
        The terminal.
    look : callable
        Returns the run as it is now.
    """

    def __init__(self, stream: TextIO, look: Callable[[], Run]):
        self._stream = stream
        self._look = look
        self._shown = 0  # lines
        self._lock = threading.RLock()
        self._ended = threading.Event()

    def begin(self) -> None:
        """Show the lines, and renew them until the end."""
        atexit.register(self.end)
        threading.Thread(target=self._renew, daemon=True).start()

    def end(self) -> None:
        """Remove the lines."""
        self._ended.set()
        with self._lock, suppress(OSError, ValueError):
            self._clear()
            self._stream.flush()

    def write(self, text: str) -> int:
        """Write a text above the lines; they come back at the next look."""
        with self._lock:
            self._clear()
            return self._stream.write(text)

    def flush(self) -> None:
        """Flush the terminal."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Return True, so that colours stay as they are."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the terminal."""
        return self._stream.fileno()

    def _renew(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
            # Snakemake changes its sets of jobs while they are read, and ends whenever it likes.
            with suppress(Exception):
                self.show(lines_of(self._look(), time.time()))

    def show(self, lines: Sequence[str]) -> None:
        """Show other lines instead of those of before."""
        columns, rows = 0, 0
        with suppress(OSError, ValueError):
            columns, rows = os.get_terminal_size(self._stream.fileno())
        cut = [line[: (columns or 80) - 1] for line in lines[: (rows or 24) - 1]]
        with self._lock:
            if self._ended.is_set():
                return
            self._clear()
            self._stream.write("\n".join(cut))
            self._stream.flush()
            self._shown = len(cut)

    def _clear(self) -> None:
        if self._shown:
            self._stream.write(_CLEAR_LINE + (_UP + _CLEAR_LINE) * (self._shown - 1))
        self._shown = 0


def can_show(stream: TextIO) -> bool:
    """Return whether lines can be kept at the end of a stream."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb" and os.name == "posix"
