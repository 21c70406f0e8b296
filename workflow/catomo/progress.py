"""Progress a person can follow: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar, cast

T = TypeVar("T")

_SECONDS_BETWEEN_LINES = 5.0


def say(text: str) -> None:
    """Print one line to standard error at once, so that a log can be followed."""
    print(text, file=sys.stderr, flush=True)


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` while telling how far the work is and how long it still takes.

    On a terminal this is a tqdm bar. In a log it is a plain line at most every
    five seconds and one at the end, so a log never fills with control characters.

    Parameters
    ----------
    items : iterable
    label : str
        What is being worked on.
    total : int, optional
        Number of items; needed where `items` has no length.
    """
    if total is None:
        total = len(cast(Sized, items))
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, desc=label, total=total)
        return
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if done == total or now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            left = (now - start) / done * (total - done)
            say(f"{label}: {done}/{total}, about {left:.0f} s left")
