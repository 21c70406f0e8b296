"""Files of tilt angles: a column of numbers, or SerialEM's .mdoc."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files.angle_table import read_column
from catomo.files.folders import files_in
from catomo.files.mdoc import is_mdoc, read_mdoc

ANGLE_SUFFIXES = (".rawtlt", ".tlt", ".mdoc")

_SETTLED_NS = 2_000_000_000
_BLANKS_AT_THE_END = "\x1a\0 \t\r\n\f\v"  # DOS ends a text by Ctrl-Z


@dataclass(frozen=True)
class Angles:
    """What an angle file holds.

    Attributes
    ----------
    tilt : list of float
        Angles in the order of the images.
    in_degrees : bool
        Whether the file itself says degrees; a bare column of numbers could be radians.
    pixel_size_nm : float, optional
        Pixel size, where the file holds one.
    column : str
        Which of several columns was taken, in words.
    images : list of str, optional
        The file of each image, where the angle file names all.
    acquisition : dict
        As in `catomo.files.acquisition`.
    """

    tilt: list[float]
    in_degrees: bool
    pixel_size_nm: float | None = None
    column: str = ""
    images: list[str] | None = None
    acquisition: dict[str, Any] = field(default_factory=dict)


def read_angles(path: Path | str) -> Angles:
    """Read tilt angles from a table of numbers (.rawtlt, .tlt) or a SerialEM .mdoc.

    Raises
    ------
    UserError
        If the file is not readable or a line is not an angle.
    """
    path = Path(path)
    lines = _text(path).splitlines()
    if is_mdoc(lines):
        mdoc = read_mdoc(path, lines, _number)
        return Angles(
            mdoc.tilt,
            in_degrees=True,
            pixel_size_nm=mdoc.pixel_size_nm,
            images=mdoc.images,
            acquisition=mdoc.acquisition,
        )
    table = read_column(path, lines)
    return Angles(table.angles, table.in_degrees, column=table.words, images=table.images)


def side_files(path: Path | str) -> list[Path]:
    """Return the angle files that have a tilt series' name, or lie in its folder of images.

    They count as part of the series. A folder's name has no suffix: ``run1.5deg/`` does not go
    with the ``run1.tlt`` of another series. The suffix of an angle file may be in capitals.
    """
    path = Path(path)
    stems = {path.name} if path.is_dir() else {path.name, path.stem}
    beside = _angle_files_by_stem(path.parent)
    found = [path.parent / name for stem in stems for name in beside.get(stem, ())]
    if path.is_dir():
        found += files_in(path, ANGLE_SUFFIXES)
    return sorted(file for file in found if file.is_file() and file != path)


def _angle_files_by_stem(folder: Path) -> Mapping[str, Sequence[str]]:
    """Return the names of the angle files in a folder, by their names without the suffix.

    A folder may hold a thousand series, for each of which this is asked. It is listed once,
    and again when its time of change says that files came or went. A folder that was changed
    just now is listed each time, because the clock of a file system has steps: what comes in
    the same step would not be seen.
    """
    if not folder.is_dir():
        return {}
    changed_ns, whole = folder.stat().st_mtime_ns, Path(folder).absolute()
    if time.time_ns() - changed_ns < _SETTLED_NS:
        return _listed(whole)
    return _remembered(whole, changed_ns)


def _listed(folder: Path) -> Mapping[str, Sequence[str]]:
    by_stem = defaultdict(list)
    for file in folder.iterdir():
        if file.suffix.lower() in ANGLE_SUFFIXES:
            by_stem[file.stem].append(file.name)
    return dict(by_stem)


@lru_cache(maxsize=256)
def _remembered(folder: Path, _changed_ns: int) -> Mapping[str, Sequence[str]]:
    return _listed(folder)


def _text(path: Path) -> str:
    """Return the text of a file, as UTF-8, UTF-16 or, of old Windows programs, cp1252."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: angle file is not readable ({error.strerror})") from None
    filled = content.rstrip(b"\0")  # some programs fill up a file
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif 4 * filled[1::2].count(0) > len(filled):  # most second bytes of two
        encodings = ["utf-16-le"]
    elif 4 * filled[::2].count(0) > len(filled):
        encodings = ["utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding).rstrip(_BLANKS_AT_THE_END)
        except UnicodeDecodeError:
            continue
        if _is_text(text):
            return text
    raise UserError(
        f"{path}: is not a text file; give .rawtlt or .tlt (one angle per line) or .mdoc"
    )


def _is_text(text: str) -> bool:
    control = any(unicodedata.category(c) == "Cc" and not c.isspace() for c in text)
    return not control and (not text or re.search(r"[ -~]", text) is not None)


def _number(text: str, where: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise UserError(f"{where}: found '{text[:40]}', expected one number")
    return value
