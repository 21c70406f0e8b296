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
