"""Files of tilt angles: a column of numbers, or SerialEM's .mdoc."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.folders import files_in

ANGLE_SUFFIXES = (".rawtlt", ".tlt", ".mdoc")


@dataclass(frozen=True)
class Angles:
    """What an angle file holds.

    Attributes
    ----------
    tilt : list of float
        Angles in the order of the images.
    in_degrees : bool
        Whether the format itself says degrees; a bare column of numbers could be radians.
    pixel_size_nm : float, optional
        Pixel size, where the file holds one.
    """

    tilt: list[float]
    in_degrees: bool
    pixel_size_nm: float | None = None


def read_angles(path: Path | str) -> Angles:
    """Read tilt angles from a column of numbers (.rawtlt, .tlt) or a SerialEM .mdoc.

    Raises
    ------
    UserError
        If the file is not readable or a line is not an angle.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"{path}: angle file is not readable ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UserError(
            f"{path}: is not a text file; give .rawtlt or .tlt (one angle per line) or .mdoc"
        ) from None
    if any(line.startswith(("[ZValue", "PixelSpacing")) for line in lines):
        return _read_mdoc(path, lines)
    tilt = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if text:
            tilt.append(_number(text, f"{path} line {number}"))
    if not tilt:
        raise UserError(f"{path}: holds no angle; expected one per line")
    return Angles(tilt, in_degrees=False)


def side_files(path: Path | str) -> list[Path]:
    """Return the angle files that have a tilt series' name, or lie in its folder of images.

    They count as part of the series. A folder's name has no suffix: ``run1.5deg/`` does not go
    with the ``run1.tlt`` of another series. The suffix of an angle file may be in capitals.
    """
    path = Path(path)
    stems = {path.name} if path.is_dir() else {path.name, path.stem}
    beside = path.parent.iterdir() if path.parent.is_dir() else []
    found = [
        file for file in beside if file.stem in stems and file.suffix.lower() in ANGLE_SUFFIXES
    ]
    if path.is_dir():
        found += files_in(path, ANGLE_SUFFIXES)
    return sorted(file for file in found if file.is_file() and file != path)


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise UserError(f"{where}: found '{text[:40]}', expected one angle")
    return value


def _read_mdoc(path: Path, lines: list[str]) -> Angles:
    """Read an .mdoc, whose frames are in the order of acquisition; ZValue numbers the images."""
    tilt: dict[int, float] = {}
    section, spacing = None, None
    for number, line in enumerate(lines, start=1):
        word, _, value = (part.strip() for part in line.partition("="))
        if word == "[ZValue":
            section = int(_number(value.rstrip("]").strip(), f"{path} line {number}"))
            if section in tilt:
                raise UserError(
                    f"{path} line {number}: ZValue {section} occurs twice; keep one per image"
                )
        elif word.startswith("["):
            section = None
        elif word == "TiltAngle" and section is not None:
            tilt[section] = _number(value, f"{path} line {number}")
        elif word == "PixelSpacing" and spacing is None:
            spacing = _number(value, f"{path} line {number}") / 10  # Å
    if not tilt:
        raise UserError(f"{path}: holds no TiltAngle; give an .mdoc of a tilt series")
    return Angles([tilt[z] for z in sorted(tilt)], in_degrees=True, pixel_size_nm=spacing)
