"""Where the tilt angles and the pixel size of a series come from.

Given values come first, then files beside the series, then its header, then the file names of
single images. Sources that contradict each other are an error: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files.angles import Angles, read_angles, side_files
from catomo.files.image_stack import ImageStack
from catomo.files.names import angles_in
from catomo.files.pixel_size import is_same_size
from catomo.tilt_series.settings import ImportSeries

# What a user may give as angles: the path of an angle file, or the angles themselves.
GivenAngles = Path | str | Sequence[float] | np.ndarray

SAME_ANGLE_DEG = 0.1
_ROUNDED_DEG = 1.0  # file names hold the angle that was asked for, not the one that was reached
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
    tolerance_deg : float
        How far they may be from those of another source.
    """

    tilt_deg: np.ndarray
    source: str
    file: Path | None = None
    tolerance_deg: float = SAME_ANGLE_DEG


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
) -> tuple[Tilts, PixelSize, dict[str, Any]]:
    """Return the angles and the pixel size of a series, and how it was recorded.

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

    Returns
    -------
    tilts : Tilts
    pixel_size : PixelSize
    acquisition : dict
        What the files say of the recording, as in `catomo.files.acquisition`.

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
        for file in side_files(path)
        if angles is None or file.suffix.lower() == ".mdoc"
    }
    files = named | beside
    listed = None if angles is None or given else np.asarray(angles, float)
    stated = _all_tilts(path, stack, listed, beside if angles is None else named, settings)
    tilts = _agreed_tilts(path, stack, stated, angles, settings)
    sizes = _all_pixel_sizes(stack, pixel_size_nm, files)
    acquisition = dict(stack.acquisition)
    for read in files.values():
        acquisition |= read.acquisition
    size = _agreed_pixel_size(path, stack, sizes, pixel_size_nm, settings)
    return tilts, size, acquisition


def _all_tilts(
    path: Path,
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
    of_images, files = _apart(path, stack, files)
    if of_images:
        stated.append(_of_images(stack, of_images, settings))
    for file, read in files.items():
        tilt_deg = np.array(_in_order(file, read, stack.names), float)
        if not read.in_degrees:
            tilt_deg = _in_degrees(tilt_deg, settings, file)
        source = f"{file.name} ({read.column})" if read.column else file.name
        stated.append(Tilts(tilt_deg, source, file))
    if stack.tilt_deg is not None:
        stated.append(Tilts(np.array(stack.tilt_deg, float), "the header"))
    by_name = angles_in(stack.names) if stack.names else None
    if by_name is not None:
        step = float(np.diff(np.sort(by_name)).min())
        tolerance = max(SAME_ANGLE_DEG, min(_ROUNDED_DEG, step / 2))
        stated.append(Tilts(np.array(by_name), "the file names", None, tolerance))
    if settings.angle_order == "as_given":
        return stated
    direction = 1 if settings.angle_order == "ascending" else -1
    return [replace(tilts, tilt_deg=np.sort(tilts.tilt_deg)[::direction]) for tilts in stated]


def _apart(
    path: Path, stack: ImageStack, files: dict[Path, Angles]
) -> tuple[dict[str, Angles], dict[Path, Angles]]:
    """Return the angle files of single images, by the images' names, and all others."""
    if stack.names is None or len(stack.names) < 2:
        return {}, files
    image_of = {Path(name).stem: name for name in stack.names} | {
        name: name for name in stack.names
    }
    of_images, others = {}, {}
    for file, read in files.items():
        if file.parent == path and file.stem in image_of and len(read.tilt) == 1:
            of_images[image_of[file.stem]] = read
        else:
            others[file] = read
    missing = [name for name in stack.names if name not in of_images]
    if of_images and missing:
        raise UserError(
            f"{path}: {missing[0]} has no angle file, but other images have one each; add it, or "
            "give all angles in one file (column 'angles', --angles)"
        )
    return of_images, others


def _of_images(stack: ImageStack, of_images: dict[str, Angles], settings: ImportSeries) -> Tilts:
    """Return the angles of images that have an angle file each."""
    source = "the angle file of each image"
    read = [of_images[name] for name in stack.names or ()]
    tilt_deg = np.array([one.tilt[0] for one in read])
    if not all(one.in_degrees for one in read):
        tilt_deg = _in_degrees(tilt_deg, settings, source)
    return Tilts(tilt_deg, source)


def _in_order(file: Path, read: Angles, names: list[str] | None) -> list[float]:
    """Return the angles of a file in the order of the images, where it names the images."""
    if read.images is None or names is None:
        return read.tilt
    tilt_of = {_stem(image): tilt for image, tilt in zip(read.images, read.tilt, strict=True)}
    missing = [name for name in names if _stem(name) not in tilt_of]
    if len(missing) == len(names) or len(tilt_of) < len(read.tilt):
        return read.tilt  # it names other files, such as the frames that images were made of
    if missing:
        raise UserError(
            f"{file}: holds no angle of {missing[0]}, but of other images of the folder; add it "
            "there, or move the image out of the folder"
        )
    return [tilt_of[_stem(name)] for name in names]


def _stem(name: str) -> str:
    """Return a file's name without folders and suffix; the folders may be those of Windows."""
    return PureWindowsPath(name).stem.lower()


def _agreed_tilts(
    path: Path,
    stack: ImageStack,
    stated: list[Tilts],
    given: GivenAngles | None,
    settings: ImportSeries,
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
        if abs(one - another) > max(first.tolerance_deg, other.tolerance_deg):
            name = f" ({stack.names[worst]})" if stack.names else ""
            raise UserError(
                f"{path}: tilt of image {worst + 1}{name} is {one:g}° by {first.source} but "
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
    path: Path,
    stack: ImageStack,
    stated: list[PixelSize],
    given: float | None,
    settings: ImportSeries,
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
    _, rows_nm, columns_nm = stack.voxel_nm
    if rows_nm and columns_nm and not is_same_size(rows_nm, columns_nm, _SAME_SIZE):
        raise UserError(
            f"{path}: pixels are not square: by the header rows are {rows_nm:.6g} nm apart and "
            f"columns {columns_nm:.6g} nm; set tilt_series.import.resample: true, or, if they are "
            "square all the same, give 'pixel_size_nm' and set tilt_series.import.trust_given: true"
        )
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
