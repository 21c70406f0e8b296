"""Where the tilt angles and the pixel size of a series come from.

Given values come first, then files beside the series, then its header. Sources that contradict
each other are an error: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.angles import Angles, angle_files_beside, read_angles
from catomo.files.image_stack import ImageStack
from catomo.files.pixel_size import is_same_size
from catomo.tilt_series.settings import ImportSeries

# What a user may give as angles: the path of an angle file, or the angles themselves.
GivenAngles = Path | str | Sequence[float] | np.ndarray

SAME_ANGLE_DEG = 0.1
_SAME_SIZE = 0.01


@dataclass(frozen=True)
class Tilts:
    """Tilt angles in the order of the images, and their source.

    Attributes
    ----------
    tilt_deg : ndarray (image,)
    source : str
        In words, for messages and the record.
    file : Path or None
        The file they come from, unless it is the series itself.
    """

    tilt_deg: np.ndarray
    source: str
    file: Path | None = None


@dataclass(frozen=True)
class PixelSize:
    """Pixel size of the recorded images, and its source in words."""

    nm: float
    source: str


def tilts_and_pixel_size(
    path: Path,
    stack: ImageStack,
    angles: GivenAngles | None,
    pixel_size_nm: float | None,
    settings: ImportSeries,
) -> tuple[Tilts, PixelSize]:
    """Return the angles and the pixel size of a series.

    Parameters
    ----------
    path : Path
        The series, for messages and for the files beside it.
    stack : ImageStack
        The open series.
    angles : path or sequence of float, optional
        Given angles.
    pixel_size_nm : float, optional
        Given pixel size.
    settings : ImportSeries

    Raises
    ------
    UserError
        If angles or pixel size are not known, or two sources contradict each other.
    """
    given = Path(angles) if isinstance(angles, Path | str) else None
    named = {given: read_angles(given)} if given else {}
    # Where angles are given, an .mdoc beside the series may still hold the pixel size.
    beside = {
        file: read_angles(file)
        for file in angle_files_beside(path)
        if angles is None or file.suffix == ".mdoc"
    }
    listed = None if angles is None or given else np.asarray(angles, float)
    files = beside if angles is None else named
    tilts = _agreed_tilts(path, _all_tilts(stack, listed, files, settings), angles, settings)
    sizes = _all_pixel_sizes(stack, pixel_size_nm, named | beside)
    return tilts, _agreed_pixel_size(path, sizes, pixel_size_nm, settings)


def _all_tilts(
    stack: ImageStack,
    listed: np.ndarray | None,
    files: dict[Path, Angles],
    settings: ImportSeries,
) -> list[Tilts]:
    """Return the angles of every source in the order set, the one to be believed first."""
    stated = []
    if listed is not None:
        source = "the given angles"
        stated.append(Tilts(_in_degrees(listed, settings, source), source))
    for file, read in files.items():
        tilt_deg = np.array(read.tilt, float)
        if not read.in_degrees:
            tilt_deg = _in_degrees(tilt_deg, settings, file)
        stated.append(Tilts(tilt_deg, file.name, file))
    if stack.tilt_deg is not None:
        stated.append(Tilts(np.array(stack.tilt_deg, float), "the header"))
    if settings.angle_order == "as_given":
        return stated
    step = 1 if settings.angle_order == "ascending" else -1
    return [replace(tilts, tilt_deg=np.sort(tilts.tilt_deg)[::step]) for tilts in stated]


def _agreed_tilts(
    path: Path, stated: list[Tilts], given: GivenAngles | None, settings: ImportSeries
) -> Tilts:
    """Return the first of the angles, after comparing it with the others."""
    if not stated:
        raise UserError(
            f"{path}: tilt angles are not known; give an angle file (column 'angles', "
            "--angles: .rawtlt, .tlt or .mdoc)"
        )
    first, *others = stated
    if given is not None and settings.trust_given:
        return first
    advice = _advice("angles", given is not None)
    for other in others:
        if len(other.tilt_deg) != len(first.tilt_deg):
            raise UserError(
                f"{path}: {first.source} gives {len(first.tilt_deg)} angles, {other.source} "
                f"{len(other.tilt_deg)}; {advice}"
            )
        worst = int(np.argmax(np.abs(first.tilt_deg - other.tilt_deg)))
        one, another = first.tilt_deg[worst], other.tilt_deg[worst]
        if abs(one - another) > SAME_ANGLE_DEG:
            raise UserError(
                f"{path}: tilt of image {worst + 1} is {one:g}° by {first.source} but "
                f"{another:g}° by {other.source}; {advice}"
            )
    return first


def _in_degrees(angles: np.ndarray, settings: ImportSeries, source: Path | str) -> np.ndarray:
    if settings.angle_unit == "rad":
        return np.rad2deg(angles)
    if len(angles) >= 5 and np.abs(angles).max() <= np.pi / 2:
        raise UserError(
            f"{source}: all angles lie within ±{np.abs(angles).max():.2f}; "
            "if they are in radians set tilt_series.import.angle_unit: rad"
        )
    return angles


def _all_pixel_sizes(
    stack: ImageStack, given: float | None, files: dict[Path, Angles]
) -> list[PixelSize]:
    """Return the pixel size of every source, the one to be believed first."""
    stated = [] if given is None else [PixelSize(float(given), "the given value")]
    for file, read in files.items():
        if read.pixel_size_nm is not None:
            stated.append(PixelSize(read.pixel_size_nm, file.name))
    if stack.pixel_size_nm is not None:
        # Headers hold single precision, which is good for six digits.
        stated.append(PixelSize(float(f"{stack.pixel_size_nm:.6g}"), "the header"))
    return stated


def _agreed_pixel_size(
    path: Path, stated: list[PixelSize], given: float | None, settings: ImportSeries
) -> PixelSize:
    """Return the first of the pixel sizes, after comparing it with the others."""
    if not stated:
        raise UserError(
            f"{path}: pixel size is not known; give it in nm (column 'pixel_size_nm', "
            "--pixel-size-nm)"
        )
    first, *others = stated
    if not 0 < first.nm < 1e4:
        raise UserError(
            f"{path}: pixel size is {first.nm:g} nm by {first.source}; it must be above 0"
        )
    if given is not None and settings.trust_given:
        return first
    for other in others:
        if not is_same_size(other.nm, first.nm, _SAME_SIZE):
            raise UserError(
                f"{path}: pixel size is {first.nm:g} nm by {first.source} but {other.nm:g} nm by "
                f"{other.source}; " + _advice("pixel_size_nm", given is not None)
            )
    return first


def _advice(word: str, given: bool) -> str:
    """Return what to do about sources that contradict each other."""
    if given:
        return (
            f"correct '{word}', or set tilt_series.import.trust_given: true to use it all the same"
        )
    return f"give the right one as '{word}' and set tilt_series.import.trust_given: true"
