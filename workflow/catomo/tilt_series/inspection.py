"""The checks of a tilt series before it is imported; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files.image_stack import ImageStack
from catomo.files.readers import open_series
from catomo.tilt_series.settings import ImportSeries
from catomo.tilt_series.sources import SAME_ANGLE_DEG, GivenAngles, tilts_and_pixel_size

_FEWEST_TILTS = 3
_STEEPEST_DEG = 90
_HALF_TURN_DEG = 180
_SMALLEST_IMAGE_PX = 16
_TWICE_FROM = 10  # images, from which on it can be told that all tilts were recorded twice
_MOST_TWICE = 0.8  # of the images, from which on it counts as all
_SAME_STEP = 0.25  # of the step between tilts, within which two are the same one, recorded again


@dataclass(frozen=True)
class Inspection:
    """What is known of a series before it is imported.

    Attributes
    ----------
    shape : (int, int, int)
        Shape of the series written (tilt, y, x), after exclusion, cropping and binning.
    tilt_deg : list of float
        Tilt angles, ascending.
    pixel_size_nm : float
        Pixel size of the series written.
    sources : dict
        Where angles and pixel size come from, in words: ``tilt_deg`` and ``pixel_size_nm``.
    order : list of int
        For each tilt the number of its image in the file.
    listed_deg : list of float
        Tilt angles of all images, in the order of the file.
    level : float
        Brightest level of the series, from which bright-field images are subtracted.
    angle_file : Path or None
        The file the angles come from.
    images : (str, str)
        The first and the last image of the file or folder, with their tilts, in words.
    recorded_deg : list of float
        For each tilt the angle as recorded, beyond ±90° where the image is mirrored.
    acquisition : dict
        How the series was recorded, as far as its files say so.
    """

    shape: tuple[int, int, int]
    tilt_deg: list[float]
    pixel_size_nm: float
    sources: dict[str, str]
    order: list[int]
    listed_deg: list[float]
    level: float
    angle_file: Path | None
    images: tuple[str, str]
    recorded_deg: list[float]
    acquisition: dict[str, Any]

    def is_mirrored(self) -> list[bool]:
        """Return for each tilt whether its image is to be mirrored at the tilt axis."""
        return [abs(angle) > _STEEPEST_DEG for angle in self.recorded_deg]

    def mirrored_deg(self) -> list[float]:
        """Return the recorded angles of the images that are to be mirrored."""
        return [angle for angle in self.recorded_deg if abs(angle) > _STEEPEST_DEG]

    def in_words(self) -> list[str]:
        """Return lines that let a person see whether every image has its own tilt."""
        first, last = self.images
        lines = [f"{first}, {last}; angles from {self.sources['tilt_deg']}"]
        if mirrored := self.mirrored_deg():
            tilt = self.tilt_deg[self.recorded_deg.index(mirrored[0])]
            lines.append(
                f"images beyond ±90° ({len(mirrored)}) are mirrored at the vertical and taken for "
                f"the opposite view ({mirrored[0]:g}° for {tilt:g}°); where the tilt axis leans, "
                "the stage align turns them onto it"
            )
        return lines


def inspect_series(
    path: Path | str,
    angles: GivenAngles | None,
    pixel_size_nm: float | None,
    settings: ImportSeries,
) -> Inspection:
    """Open and check a tilt series.

    Parameters
    ----------
    path, angles, pixel_size_nm, settings
        As for `catomo.tilt_series.reading.read_tilt_series`.

    Returns
    -------
    Inspection

    Raises
    ------
    UserError
        The first thing that is wrong, in one line.
    """
    path = Path(path)
    with open_series(path, settings.resample) as stack:
        return inspect_stack(path, stack, angles, pixel_size_nm, settings)


def inspect_stack(
    path: Path,
    stack: ImageStack,
    angles: GivenAngles | None,
    pixel_size_nm: float | None,
    settings: ImportSeries,
) -> Inspection:
    """Check a tilt series that is open already, as `inspect_series` does."""
    tilts, size, acquisition = tilts_and_pixel_size(path, stack, angles, pixel_size_nm, settings)
    if len(tilts.tilt_deg) != stack.shape[0]:
        raise UserError(
            f"{path}: holds {stack.shape[0]} images, but {tilts.source} gives "
            f"{len(tilts.tilt_deg)} angles; give one angle per image"
        )
    kept = _kept(path, tilts.tilt_deg, settings)
    recorded = tilts.tilt_deg * settings.handedness
    _check_range(path, recorded, kept, tilts.source)
    _check_one_axis(path, recorded[kept], tilts.source)
    tilt_deg = _folded(recorded)
    order = sorted(kept, key=lambda number: tilt_deg[number])
    _check_distinct(path, tilt_deg, recorded, order, tilts.source)
    rows, columns = _written_shape(path, stack.shape[1:], size.nm, settings)
    level = _check_images(path, stack, order)
    return Inspection(
        (len(order), rows, columns),
        [float(tilt_deg[number]) for number in order],
        size.nm * settings.bin,
        {"tilt_deg": tilts.source, "pixel_size_nm": size.source},
        order,
        [float(angle) for angle in tilt_deg],
        level,
        tilts.file,
        _ends(stack, tilts.tilt_deg),
        [float(recorded[number]) for number in order],
        acquisition,
    )


def _ends(stack: ImageStack, tilt_deg: np.ndarray) -> tuple[str, str]:
    """Return the first and the last image with their tilts, in words."""
    images = stack.shape[0]
    names = stack.names or [f"image {number}" for number in range(1, images + 1)]
    first, last = (f"{names[number]} at {tilt_deg[number]:g}°" for number in (0, images - 1))
    return f"first {first}", f"last {last}"


def _folded(recorded_deg: np.ndarray) -> np.ndarray:
    """Return angles within ±90°: beyond, those of the opposite view.

    A point at (z, x) from the axis projects to s = x·cos θ − z·sin θ. Half a turn on, it projects
    to −s: seen from behind, the image is mirrored at the tilt axis and nothing else.
    """
    beyond = np.abs(recorded_deg) > _STEEPEST_DEG
    return np.where(beyond, recorded_deg - _HALF_TURN_DEG * np.sign(recorded_deg), recorded_deg)


def _kept(path: Path, tilt_deg: np.ndarray, settings: ImportSeries) -> list[int]:
    """Return the numbers of the images that are not excluded."""
    excluded: set[int] = set()
    for angle in settings.exclude_tilts:
        hits = np.flatnonzero(np.abs(tilt_deg - angle) <= SAME_ANGLE_DEG / 2)
        if not len(hits):
            nearest = tilt_deg[np.abs(tilt_deg - angle).argmin()]
            raise UserError(
                f"{path}: tilt_series.import.exclude_tilts: found no tilt {angle:g}°; "
                f"nearest is {nearest:g}°"
            )
        excluded.update(hits.tolist())
    return [number for number in range(len(tilt_deg)) if number not in excluded]


def _check_range(path: Path, recorded_deg: np.ndarray, kept: list[int], source: str) -> None:
    if len(kept) < _FEWEST_TILTS:
        raise UserError(f"{path}: {len(kept)} images remain; need at least {_FEWEST_TILTS}")
    for number in kept:
        if not abs(recorded_deg[number]) <= _HALF_TURN_DEG:
            raise UserError(
                f"{path}: tilt of image {number + 1} is {recorded_deg[number]:g}° by {source}; "
                "must lie within ±180° (is tilt_series.import.angle_unit right?)"
            )


def _check_one_axis(path: Path, recorded_deg: np.ndarray, source: str) -> None:
    """Refuse images, in the order of the file, that go through their tilts twice."""
    images = len(recorded_deg)
    if images < _TWICE_FROM:
        return
    first, second = np.sort(recorded_deg[: images // 2]), np.sort(recorded_deg[images // 2 :])
    step = float(np.ptp(recorded_deg)) / (images // 2)
    apart = np.abs(first[:, None] - second).min(axis=1)
    if np.mean(apart < _SAME_STEP * step) < _MOST_TWICE:
        return
    raise UserError(
        f"{path}: the images go through the tilts from {recorded_deg.min():g}° to "
        f"{recorded_deg.max():g}° twice by {source}, as a dual-axis series does; catomo takes one "
        "tilt axis: save the images of each sweep as a file of its own and import them one by one"
    )


def _check_distinct(
    path: Path, tilt_deg: np.ndarray, recorded_deg: np.ndarray, order: list[int], source: str
) -> None:
    for one, other in pairwise(order):
        if tilt_deg[other] - tilt_deg[one] >= 0.01:
            continue
        pair = sorted((one, other))
        images = f"{path}: images {pair[0] + 1} and {pair[1] + 1}"
        first, second = recorded_deg[pair]
        if abs(first - second) < 0.01:
            raise UserError(
                f"{images} have the same tilt {tilt_deg[one]:g}° by {source}; give each tilt once"
            )
        raise UserError(
            f"{images} show the same view from both sides, at {first:g}° and {second:g}° by "
            f"{source}; leave one out by tilt_series.import.exclude_tilts"
        )


def _written_shape(
    path: Path, recorded: tuple[int, int], pixel_size_nm: float, settings: ImportSeries
) -> tuple[int, int]:
    """Return rows and columns of the images written."""
    rows, columns = recorded if settings.tilt_axis == "y" else recorded[::-1]
    if settings.crop_nm is not None:
        wanted = [round(length / pixel_size_nm) for length in settings.crop_nm]
        if wanted[0] > rows or wanted[1] > columns:
            raise UserError(
                f"{path}: tilt_series.import.crop_nm: found {settings.crop_nm}, but the images are "
                f"{rows * pixel_size_nm:g} × {columns * pixel_size_nm:g} nm"
            )
        rows, columns = wanted
    shape = rows // settings.bin, columns // settings.bin
    if min(shape) < _SMALLEST_IMAGE_PX:
        raise UserError(
            f"{path}: images of {shape[0]} × {shape[1]} px remain; need at least "
            f"{_SMALLEST_IMAGE_PX} × {_SMALLEST_IMAGE_PX} "
            "(tilt_series.import.bin, tilt_series.import.crop_nm)"
        )
    return shape


def _check_images(path: Path, stack: ImageStack, order: list[int]) -> float:
    """Read all images once; return the brightest level, single hot pixels left out."""
    level = -np.inf
    for number in order:
        image = stack.read(number)
        if not np.isfinite(image).all():
            raise UserError(
                f"{path}: image {number + 1} holds NaN or infinite values; "
                "leave it out by tilt_series.import.exclude_tilts"
            )
        if image.min() == image.max():
            raise UserError(
                f"{path}: image {number + 1} is blank (all {image.min():g}); "
                "leave it out by tilt_series.import.exclude_tilts"
            )
        level = max(level, float(np.percentile(image, 99.9)))
    return level
