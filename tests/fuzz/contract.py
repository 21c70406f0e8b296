"""What must hold for any bytes at a door: a value or a `UserError`, in little time and memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from catomo.errors import UserError

MOST_SECONDS = 10.0
MOST_BYTES = 200_000_000  # beside twice what the header states
MOST_STATED_BYTES = 1_000_000_000  # of an input as small as these; see `catomo.files.limits`


@dataclass
class Seen:
    """What a door found out about its input, also where it refuses it later.

    Attributes
    ----------
    stated_bytes : int
        Size of all images when they are decoded, as the header states it.
    asked_later : callable, optional
        Returns that size where finding it out takes long; it is asked if much memory was held.
    """

    stated_bytes: int = 0
    asked_later: Callable[[], int] | None = None


Door = Callable[[bytes, Path, Seen], None]


@dataclass
class Outcome:
    """How one input fared.

    Attributes
    ----------
    refusal : str
        Message of the `UserError`; empty if there was none.
    seconds : float
    allocated_bytes : int
        The most memory that was held at one time, beside what was held before.
    stated_bytes : int
    """

    refusal: str
    seconds: float
    allocated_bytes: int
    stated_bytes: int

    @property
    def hangs(self) -> bool:
        """Whether it took too long."""
        return self.seconds > MOST_SECONDS

    @property
    def is_too_large(self) -> bool:
        """Whether more memory was held than the header accounts for."""
        believed = min(self.stated_bytes, MOST_STATED_BYTES)
        return self.allocated_bytes > 2 * believed + MOST_BYTES


def outcome_of(door: Door, data: bytes, folder: Path) -> Outcome:
    """Give an input to a door; every error but a `UserError` of one printable line goes through.

    Memory is that which Linux says was resident, or for the first time mapped. While
    `tracemalloc` runs, what Python and NumPy allocate without using it counts each time.
    """
    seen, refusal = Seen(), ""
    resident = _begin_to_count()
    start = time.monotonic()
    try:
        door(data, folder, seen)
    except UserError as error:
        refusal = str(error)
        assert refusal, "a refusal without words"
        assert "\n" not in refusal, f"more than one line: {refusal!r}"
        assert "\r" not in refusal, f"more than one line: {refusal!r}"
        refusal.encode()  # a lone surrogate cannot be printed
    seconds = time.monotonic() - start
    allocated = _counted(resident)
    if allocated > MOST_BYTES and seen.asked_later:
        seen.stated_bytes = seen.asked_later()
    return Outcome(refusal, seconds, allocated, seen.stated_bytes)


def _begin_to_count() -> dict[str, int]:
    """Return the bytes that are held now, by the kinds of memory; forget the former peaks."""
    held = _of_process()
    if tracemalloc.is_tracing():
        tracemalloc.reset_peak()
        held["traced"] = tracemalloc.get_traced_memory()[0]
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the resident peak
    return held


def _counted(before: dict[str, int]) -> int:
    """Return how many bytes were held at one time since `_begin_to_count`."""
    now = _of_process()
    counts = [now.get("VmPeak", 0) - before.get("VmPeak", 0)]
    counts.append(now.get("VmHWM", 0) - before.get("VmRSS", 0))
    if "traced" in before:
        counts.append(tracemalloc.get_traced_memory()[1] - before["traced"])
    return max(counts)


def _of_process() -> dict[str, int]:
    """Return this process' kinds of memory in bytes; empty where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    return {
        line.partition(":")[0]: 1024 * int(line.split()[1])
        for line in lines
        if line.startswith(("VmPeak", "VmRSS", "VmHWM"))
    }
