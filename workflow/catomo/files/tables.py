"""Tables as catomo writes them: CSV in UTF-8 with Unix line ends and six significant digits."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_csv(path: Path | str, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write a table.

    Parameters
    ----------
    path : path
    header : sequence of str
        Names of the columns.
    rows : iterable of sequence
        One sequence of cells per row: text, or what `str` makes of it. Use `number_text` for
        floating-point numbers.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def number_text(value: float | None) -> str:
    """Return a number with six significant digits; an empty cell for None, NaN and infinity."""
    return f"{value:.6g}" if value is not None and math.isfinite(value) else ""


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and the last number of every run in whole numbers that ascend."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def runs_text(numbers: Sequence[int]) -> str:
    """Return whole numbers that ascend in words, such as ``0-3, 7``."""
    return ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs(numbers))
