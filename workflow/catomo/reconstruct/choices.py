"""What backend `auto` measured on each machine, remembered in the folder one works in.

It stands in ``.catomo/backends.jsonl``, one line per machine and kind of work. Where that file
is damaged or cannot be written, it is measured again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

PLACE = Path(".catomo") / "backends.jsonl"


class Choice(NamedTuple):
    """What was measured, and what follows from it.

    Attributes
    ----------
    machine : str
        Name of the machine, its GPU and threads.
    work : str
        Kind of work: sizes rounded to powers of two, and the algorithm.
    milliseconds : dict
        Backend to milliseconds per slice and iteration.
    backend : str
        The fastest.
    """

    machine: str
    work: str
    milliseconds: dict[str, float]
    backend: str


def remembered() -> list[Choice]:
    """Return what was measured on any machine that worked in this folder."""
    choices = []
    try:
        lines = PLACE.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    for line in lines:
        try:
            choice = Choice(**json.loads(line))
        except (ValueError, TypeError, RecursionError):
            continue
        if _is_readable(choice):
            choices.append(choice)
    return choices


def _is_readable(choice: Choice) -> bool:
    """Return whether a line of the file holds what `remember` writes."""
    texts = choice.machine, choice.work, choice.backend
    if not (all(isinstance(text, str) for text in texts) and isinstance(choice.milliseconds, dict)):
        return False
    values = choice.milliseconds.values()
    return choice.backend in choice.milliseconds and all(type(v) in (int, float) for v in values)


def remember(choice: Choice) -> None:
    """Add a line at the end of the file; where that is not allowed, it is left out."""
    try:
        PLACE.parent.mkdir(exist_ok=True)
        with PLACE.open("a", encoding="utf-8") as file:
            file.write(json.dumps(choice._asdict()) + "\n")
    except OSError:
        pass
