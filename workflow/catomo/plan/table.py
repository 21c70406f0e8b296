"""The cells of a table as editors and office programs save it; what they mean is not known here.

Read are tabs, or commas or semicolons where the header has no tab; UTF-8 with or without a
mark at its beginning, UTF-16 and Windows' own code; any line ends; cells in quotation marks.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from catomo.errors import UserError

_MOST_BYTES = 64 << 20  # more is no table that a person wrote
_MOST_LINES_OF_A_CELL = 20


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes
    ----------
    line : int
        Number of its (first) line in the file.
    cells : list of str
        Without spaces around, and without the empty cells at its end.
    problem : str
        Why its cells cannot be told apart; empty if they can.
    """

    line: int
    cells: list[str]
    problem: str = ""


def read_rows(path: Path, columns: Collection[str]) -> list[Row]:
    """Read the rows of a table, its header first; empty lines and comments (#) are left out.

    Parameters
    ----------
    path : path
    columns : collection of str
        The names that the header may hold: what splits them splits the cells.

    Raises
    ------
    UserError
        If the file cannot be read or is no text.
    """
    lines = re.split(r"\r\n|\r|\n", _text_of(path))
    rows: list[Row] = []
    delimiter = ""
    number = 0
    while number < len(lines):
        first = number
        number += 1
        if not lines[first].strip() or lines[first].lstrip(" \"'").startswith("#"):
            continue
        delimiter = delimiter or _delimiter(lines[first], columns)
        cells, taken = _cells(lines[first : first + _MOST_LINES_OF_A_CELL], delimiter)
        problem = ""
        if cells is None:
            problem = 'a quotation mark (") opens a cell and does not close it; delete the mark'
        elif any("\n" in cell for cell in cells):
            number = first + taken
            problem = "a cell goes on in the next line; write it in one line"
        else:
            number = first + taken
        if cells == []:
            continue
        rows.append(Row(first + 1, cells or [], problem))
    return rows


def _text_of(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path}: cannot be read ({reason}); give the table of datasets") from None
    if content.startswith(b"PK\3\4") or len(content) > _MOST_BYTES:
        raise UserError(f"{path}: is no text; save the table as text with tabs (.tsv)")
    for code in _codes(content):
        try:
            text = content.decode(code)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UserError(f"{path}: is no text in UTF-8; save the table as text with tabs, in UTF-8")


def _codes(content: bytes) -> tuple[str, ...]:
    """Return the encodings in which a text may be, the likeliest first."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ("utf-16",)
    if content[1:2] == b"\0":
        return ("utf-16-le",)
    if content[:1] == b"\0":
        return ("utf-16-be",)
    return ("utf-8-sig", "cp1252")


def _delimiter(header: str, columns: Collection[str]) -> str:
    """Return what splits the cells of a header: tabs, or else what gives most known names."""
    if "\t" in header:
        return "\t"

    def known(delimiter: str) -> int:
        return sum(cell.strip(' "') in columns for cell in header.split(delimiter))

    best = max(";,", key=known)
    return best if known(best) > 1 else "\t"


def _cells(lines: list[str], delimiter: str) -> tuple[list[str] | None, int]:
    """Return the cells of the row that begins in the first line, and how many lines it takes.

    The cells are None if a quotation mark is never closed.
    """
    for taken in range(1, len(lines) + 1):
        text = "\n".join(lines[:taken])
        try:
            [cells] = csv.reader([text], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            continue
        cells = [cell.strip() for cell in cells]
        while cells and not cells[-1]:
            cells.pop()
        return cells, taken
    return None, 1
