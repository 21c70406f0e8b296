"""Tables of the page: rounded numbers, each with the key of the record it comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes
    ----------
    text : str
        What the page prints.
    key : str
        Dotted key of the record that holds the number; empty for words.
    digits : int, optional
        Decimals of the number.
    """

    text: str
    key: str = ""
    digits: int | None = None


@dataclass(frozen=True)
class Table:
    """A table of the page; one without rows is left out, an empty header as well.

    One with a title is folded: a click on the title opens it.
    """

    header: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = field(default_factory=list)
    title: str = ""


def cell(
    record: Mapping[str, Any], key: str, digits: int = 3, unit: str = "", error: str = ""
) -> Cell:
    """Return the cell of the number at a dotted key.

    Parameters
    ----------
    record : mapping
    key : str
    digits : int
        Decimals.
    unit : str
    error : str
        Dotted key of the half width of its interval, which follows after ±.
    """
    text = number(lookup(record, key), digits)
    if error and lookup(record, error) is not None:
        text += f" ± {number(lookup(record, error), digits)}"
    space = "" if unit == "°" else " "
    return Cell(f"{text}{space}{unit}".strip(), key, digits)


def lookup(record: Mapping[str, Any], key: str) -> Any:
    """Return the value at a dotted key, None if there is none; a number is a list's index."""
    value: Any = record
    for part in key.split("."):
        if isinstance(value, list):
            value = dict(enumerate(value)).get(int(part))
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def number(value: Any, digits: int = 3) -> str:
    """Return a value as the page prints it: `digits` decimals, – for None."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    if value and abs(value) < 10**-digits:
        return f"{value:.2g}"
    text = f"{value:.{digits}f}"
    return text if abs(value) < 10_000 else f"{float(text):,.{digits}f}".replace(",", " ")


def decimals(value: float, *ends: float | None) -> int:
    """Return how many decimals of a value its intervals bear.

    Half the width of the narrowest gets two significant digits; where none is known, the value
    gets three. Whole units are never rounded.

    Parameters
    ----------
    value : float
    *ends : float or None
        Low and high of one interval, then of the next.
    """
    widths = [
        (high - low) / 2
        for low, high in zip(ends[::2], ends[1::2], strict=True)
        if low is not None and high is not None and high > low
    ]
    size, digits = (min(widths), 2) if widths else (abs(value), 3)
    return max(0, digits - 1 - math.floor(math.log10(size))) if size else digits - 1


def span(low: float | None, high: float | None, digits: int) -> str:
    """Return an interval in words; – where none is known."""
    if low is None or high is None:
        return "–"
    return f"{number(low, digits)} … {number(high, digits)}"


def significant(value: Any) -> str:
    """Return a number with four significant digits, and anything else as `number` does.

    Whole numbers are printed in full, and no number of five digits or more as a power of ten.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return number(value)
    if isinstance(value, int) or abs(float(f"{value:.4g}")) >= 10_000:
        return number(value if isinstance(value, int) else int(float(f"{value:.4g}")))
    return f"{value:.4g}"


def plain_table(record: Mapping[str, Any], rows: Sequence[tuple[str, str, int, str]]) -> Table:
    """Return a table of two columns from (words, key, digits, unit), absent keys left out."""
    return Table(
        rows=[
            [Cell(words), cell(record, key, digits, unit)]
            for words, key, digits, unit in rows
            if lookup(record, key) is not None
        ]
    )
