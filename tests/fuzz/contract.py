"""What must hold for any bytes at a door: a value or a `UserError`, in little time and memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catomo.errors import UserError

MOST_SECONDS = 10.0
MOST_BYTES = 200_000_000  # beside twice what the header states


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
        return self.allocated_bytes > 2 * self.stated_bytes + MOST_BYTES


def outcome_of(door: Door, data: bytes, folder: Path) -> Outcome:
    """Give an input to a door; every error but a `UserError` of one printable line goes through.

    Memory is counted while `tracemalloc` runs, which sees what Python and NumPy allocate. Where
    Linux tells the most memory that was resident, what other libraries took counts, too.
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


def _begin_to_count() -> tuple[int, int]:
    """Return the bytes that are held now, of Python and resident; forget the former peaks."""
    held = 0
    if tracemalloc.is_tracing():
        tracemalloc.reset_peak()
        held = tracemalloc.get_traced_memory()[0]
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return held, -1
    return held, _resident("VmRSS:")


def _counted(before: tuple[int, int]) -> int:
    held, resident = before
    traced = tracemalloc.get_traced_memory()[1] - held if tracemalloc.is_tracing() else 0
    return max(traced, _resident("VmHWM:") - resident if resident > 0 else 0)


def _resident(name: str) -> int:
    """Return a value of this process' memory in bytes, -1 where the system does not tell."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return -1
