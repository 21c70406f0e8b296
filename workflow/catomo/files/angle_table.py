"""Tilt angles in a text of numbers, as editors, spreadsheets and scripts write it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from catomo.errors import UserError

_NUMBER = re.compile(r"[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?")
_COMMENT = re.compile(r"[#%!]|//|^\s*;")
_DEGREES = re.compile(r"(?<=[0-9.])\s*([°º˚]|deg(rees?)?\b\.?)", re.IGNORECASE)
_ANGLE_WORD = re.compile(r"tilt|angle|alpha|winkel|grad|deg|°", re.IGNORECASE)
_OTHER_WORD = re.compile(r"axis|beta|achse|dose|rot|azim", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{3,}")
_CLEAN = str.maketrans("−–\xa0[](){}|:=", "--          ", "\"'")
_LARGEST_ANGLE_DEG = 180
_FEW = 3  # decimals of a regular series repeat themselves: .0 and .5, or .0, .3 and .7


@dataclass(frozen=True)
class Column:
    """Angles that were taken from a text.

    Attributes
    ----------
    angles : list of float
    in_degrees : bool
        Whether every line bears a mark of degrees.
    words : str
        Which column was taken, empty where there is one only.
    images : list of str, optional
        The column of names beside the angles.
    """

    angles: list[float]
    in_degrees: bool
    words: str = ""
    images: list[str] | None = None


@dataclass(frozen=True)
class _Line:
    number: int
    text: str  # as it stands in the file
    clean: str
    in_degrees: bool

    def where(self, path: Path) -> str:
        return f"{path} line {self.number}: found '{self.text.strip()[:40]}'"


def read_column(path: Path, lines: Sequence[str]) -> Column:
    """Return the angles of a text: one per line, one of several columns, or a row of them.

    Comments, headings, marks of degrees, decimal commas and any separators are understood.

    Parameters
    ----------
    path : Path
        For messages.
    lines : sequence of str

    Raises
    ------
    UserError
        If a line is no angle, or it is not clear which numbers are the angles.
    """
    heading, content = _content(lines)
    if not content:
        raise UserError(f"{path}: holds no angle; expected one per line")
    rows = _cells(path, content, heading)
    marked = all(line.in_degrees for line in content)
    numbers = [_values(row) for row in rows]
    flat = [value for row in numbers for value in row if value is not None]
    if all(None not in row for row in numbers) and (
        (len(rows) == 1 and len(flat) > 2) or (len(rows[0]) > 1 and _is_monotonic(flat))
    ):
        return Column(flat, marked)
    for line, row in zip(content, rows, strict=True):
        if len(row) != len(rows[0]):
            raise UserError(
                f"{line.where(path)}, but line {content[0].number} has {len(rows[0])} columns; "
                "write one angle per line"
            )
    names, columns = _columns(path, content, rows, numbers)
    if len(columns) == 1:
        place = next(iter(columns))
        words = f"column {place + 1} of {len(rows[0])}" if len(rows[0]) > 1 else ""
    else:
        place = _angle_column(path, columns, heading, len(rows[0]))
        words = f"column {place + 1} of {len(rows[0])}"
    return Column(columns[place], marked, words, names)


def _content(lines: Sequence[str]) -> tuple[str, list[_Line]]:
    """Return the heading, empty where there is none, and the lines with numbers."""
    heading, content = "", []
    for number, line in enumerate(lines, start=1):
        mark = _COMMENT.search(line)
        text, comment = (line[: mark.start()], line[mark.end() :]) if mark else (line, "")
        clean = _DEGREES.sub(" ", text.translate(_CLEAN)).strip()
        if clean:
            content.append(_Line(number, text, clean, bool(_DEGREES.search(text))))
        elif not content:
            heading = comment.strip() or heading
    while content and _is_title(content[0].clean, content[-1].clean):
        heading = content.pop(0).text.strip()
    return heading, content


def _is_title(line: str, last: str) -> bool:
    """Return whether a line at the top is words, and not of the kind of the last line."""
    kinds = [
        [bool(_NUMBER.fullmatch(cell)) for cell in re.split(r"[;,\s]+", text)]
        for text in (line, last)
    ]
    is_number = line.lower().strip("+-") in ("nan", "inf", "infinity")
    return kinds[0] != kinds[1] and bool(_WORD.search(line)) and not is_number


def _cells(path: Path, content: list[_Line], heading: str) -> list[list[str]]:
    """Return the cells of each line; decimal commas have become points."""
    texts = [re.sub(r"\s*,\s+|\s+,|,$", " ", line.clean).strip() for line in content]
    commas = [text.count(",") for text in texts]
    if any(re.search(r"[;\s]", text) for text in texts) or max(commas) == 0:
        return [[_point(cell) for cell in re.split(r"[;\s]+", text.strip("; "))] for text in texts]
    if max(commas) == 1 and not ("," in heading and "." not in "".join(texts)):
        pairs = [[*text.split(","), ""][:2] for text in texts]
        if _are_decimals(path, content[0], pairs):
            return [[text.replace(",", ".")] for text in texts]
    return [text.split(",") for text in texts]


def _point(cell: str) -> str:
    return cell.replace(",", ".") if _NUMBER.fullmatch(cell) else cell


def _are_decimals(path: Path, first: _Line, pairs: list[list[str]]) -> bool:
    """Return whether the only comma of each line is a decimal comma."""
    left, right = zip(*pairs, strict=True)
    if any(not re.fullmatch("[0-9]*", text) for text in right):
        return False
    if not all(re.fullmatch("[+-]?[0-9]+", text) for text in left) or "" in right:
        return "" in right
    steps = {int(b) - int(a) for a, b in pairwise(left)}
    if len(steps) != 1 or len(set(right)) <= _FEW:
        # 1,0 2,0 3,0 is a series of decimals; 1,40 2,42 3,44 are numbered angles
        return not (steps == {1} and len(set(right)) > 1 and int(left[0]) in (0, 1))
    if steps == {1} and int(left[0]) in (0, 1):
        return False
    raise UserError(
        f"{first.where(path)}, whose comma may be a decimal comma or stand between two numbers; "
        "write decimal points, or put a space or tab between columns"
    )


def _values(row: list[str]) -> list[float | None]:
    numbers = [float(cell) if _NUMBER.fullmatch(cell) else None for cell in row]
    return [n if n is not None and math.isfinite(n) else None for n in numbers]  # 1e999


def _columns(
    path: Path, content: list[_Line], rows: list[list[str]], numbers: list[list[float | None]]
) -> tuple[list[str] | None, dict[int, list[float]]]:
    """Return a column of names, if there is one, and the columns of numbers by their places."""
    names, columns = None, {}
    for place in range(len(rows[0])):
        column = [row[place] for row in numbers]
        if all(value is None for value in column) and len(rows[0]) > 1:
            texts = [row[place] for row in rows]
            names = texts if len(set(texts)) == len(texts) else names
            continue
        for line, value in zip(content, column, strict=True):
            if value is None:
                raise UserError(f"{line.where(path)}, expected one angle")
        columns[place] = [value for value in column if value is not None]
    if not columns:
        raise UserError(f"{content[0].where(path)}, expected one angle")
    return names, columns


def _angle_column(path: Path, columns: dict[int, list[float]], heading: str, count: int) -> int:
    """Return the place of the column that holds the angles."""
    titles = [title for title in re.split(r"[;,\t]\s*|\s{2,}", heading.strip()) if title]
    if len(titles) != count:
        titles = heading.split()
    if len(titles) == count:
        named = [
            place
            for place in columns
            if _ANGLE_WORD.search(titles[place]) and not _OTHER_WORD.search(titles[place])
        ]
        if len(named) == 1:
            return named[0]
    likely = [place for place, column in columns.items() if _may_be_angles(column)]
    for is_better in (_has_both_signs, _has_negative, _is_monotonic):
        if len(likely) > 1:
            likely = [place for place in likely if is_better(columns[place])] or likely
    if len(likely) != 1:
        raise UserError(
            f"{path}: holds {count} columns, and it is not clear which are the tilt angles; name "
            "the columns in the first line (such as: image angle), or keep that column only"
        )
    before = [columns[place] for place in columns if place < likely[0]]
    if any(_is_index(column) and not _is_monotonic(column) for column in before):
        raise UserError(
            f"{path}: the numbers before the angles are not in order; sort the lines in the order "
            "of the images and keep the column of angles only"
        )
    return likely[0]


def _may_be_angles(column: list[float]) -> bool:
    return (
        max(map(abs, column)) <= _LARGEST_ANGLE_DEG
        and len(set(column)) > len(column) / 2
        and not _is_index(column)
    )


def _is_index(column: list[float]) -> bool:
    """Return whether numbers count from 0 or 1, in any order."""
    ordered = sorted(column)
    return ordered[0] in (0, 1) and all(b - a == 1 for a, b in pairwise(ordered))


def _has_both_signs(column: list[float]) -> bool:
    return min(column) < 0 < max(column)


def _has_negative(column: list[float]) -> bool:
    return min(column) < 0


def _is_monotonic(column: list[float]) -> bool:
    steps = [b - a for a, b in pairwise(column)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)
