"""The processes of stages: found by what they run and where, watched, and ended."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from faults.forked import Run

_TICK = os.sysconf("SC_CLK_TCK")
_PAUSE = 0.02  # s, between two looks at one process
_PAUSE_OF_ALL = 0.1  # s, between two looks at all processes


@dataclass
class Cost:
    """What a stage took.

    Attributes
    ----------
    seconds : float
        Of processors; how busy the machine is does not count.
    megabytes : int
        Of addresses, at most.
    """

    seconds: float = 0
    megabytes: int = 0


def find_stage(folder: Path, verb: str) -> list[int]:
    """Return the processes that run a verb in a folder, and no shell around them."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if verb.encode() not in words[1:4] or b"--output" not in words:
                continue
            if (entry / "cwd").resolve() == folder.resolve():
                found.append(int(entry.name))
    return found


def wait_for_stage(folder: Path, verb: str, run: Run) -> int:
    """Return the process that runs a verb as soon as there is one; 0 if the run ends before."""
    while not run.is_over():
        if found := find_stage(folder, verb):
            return found[0]
        time.sleep(_PAUSE_OF_ALL)
    return 0


def cost_of(pid: int) -> Cost:
    """Return what a process has taken so far; nothing of one that has ended."""
    with suppress(OSError, IndexError, StopIteration):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmPeak:"))
        return Cost((int(fields[11]) + int(fields[12])) / _TICK, int(peak.split()[1]) // 1024)
    return Cost()


def watch(folder: Path, verb: str, run: Run) -> Cost:
    """Return what a stage takes, looked at until the run has ended."""
    cost, pid = Cost(), wait_for_stage(folder, verb, run)
    while not run.is_over():
        now = cost_of(pid)
        cost = Cost(max(cost.seconds, now.seconds), max(cost.megabytes, now.megabytes))
        time.sleep(_PAUSE_OF_ALL)
    return cost


def wait_until_it_took(pid: int, seconds: float) -> None:
    """Wait until a process has taken so much time of processors, or has ended."""
    while _is_alive(pid) and cost_of(pid).seconds < seconds:
        time.sleep(_PAUSE)


def wait_until_it_writes(pid: int, folder: Path) -> None:
    """Wait until a stage begins to move its files into its folder, or has ended.

    It writes the list of their names right before.
    """

    def lists() -> list[int]:
        return [path.stat().st_mtime_ns for path in folder.glob(".*.files")]

    before = lists()
    while _is_alive(pid):
        with suppress(FileNotFoundError):
            if lists() != before:
                return
        time.sleep(0.002)


def kill(pid: int) -> None:
    """End a process as the kernel does when memory runs out."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_until_ended(pids: list[int]) -> None:
    """Wait for processes that are no children of this one."""
    while any(map(_is_alive, pids)):
        time.sleep(_PAUSE)


def _is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits to be fetched does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False
