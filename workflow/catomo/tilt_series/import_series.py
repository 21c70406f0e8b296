"""The verb `import`: a microscope's tilt series, checked and brought into catomo's form.

Angles and pixel size come from what is given, else from a file beside the series, else from
its header. Sources that contradict each other stop the import with one line, and nothing is
guessed. Images are streamed one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.figures import new_figure, save, scale_bar
from catomo.files.angles import angle_files_beside, read_angles
from catomo.files.image_stack import ImageStack
from catomo.files.readers import open_series
from catomo.files.store import StackReader, StackWriter
from catomo.progress import progress
from catomo.record.record import committing

_SAME_ANGLE_DEG = 0.1
_SAME_SIZE = 0.01
_FEWEST_TILTS = 3
_SMALLEST_IMAGE_PX = 16


@dataclass(frozen=True)
class Inspection:
    """What an import makes of a series.

    Attributes
    ----------
    shape : (int, int, int)
        Shape of the series written (tilt, y, x), after exclusion, cropping and binning.
    tilt_deg : list of float
        Tilt angles, ascending.
    pixel_size_nm : float
        Pixel size of the series written.
    sources : dict
        Where angles and pixel size come from: ``tilt_deg`` and ``pixel_size_nm``.
    order : list of int
        For each tilt the number of its image in the file.
    level : float
        Brightest level of the series, from which bright-field images are subtracted.
    angle_file : path or None
        The file the angles come from.
    """

    shape: tuple[int, int, int]
    tilt_deg: list[float]
    pixel_size_nm: float
    sources: dict[str, str]
    order: list[int]
    level: float
    angle_file: Path | None


def inspect(series, angles, pixel_size_nm, settings) -> Inspection:
    """Check a tilt series as `import_tilt_series` does, writing nothing.

    Parameters
    ----------
    series, angles, pixel_size_nm, settings
        As for `import_tilt_series`.

    Returns
    -------
    Inspection

    Raises
    ------
    UserError
        The first thing that is wrong, in one line.
    """
    series = Path(series)
    with open_series(series) as opened:
        return _inspect(series, opened, angles, pixel_size_nm, settings)


def import_tilt_series(series, output, settings, angles=None, pixel_size_nm=None) -> None:
    """Import a tilt series.

    Parameters
    ----------
    series : path
        A stack, or a folder of single images in name order; see `catomo.files.readers`.
    output : path
        Folder of the stage ``01_tilt_series``.
    settings : ImportSeries
    angles : path or sequence of float, optional
        Angle file (.rawtlt, .tlt, .mdoc) or the angles, in the order of the images.
    pixel_size_nm : float, optional
        Pixel size of the recorded images, before binning.

    Raises
    ------
    UserError
        If anything about the series is broken, contradictory or unknown.
    """
    series = Path(series)
    with open_series(series) as opened:
        seen = _inspect(series, opened, angles, pixel_size_nm, settings)
        inputs = {"series": series} | ({"angles": seen.angle_file} if seen.angle_file else {})
        with committing(output, "import", settings, inputs) as out:
            target = out.path("tilt_series.tif")
            with StackWriter(target, seen.shape, np.float32, seen.pixel_size_nm) as writer:
                for t, number in enumerate(progress(seen.order, "import")):
                    image = _prepared(opened.read(number), seen, settings)
                    writer.write(t, image[None])
            _picture(out, seen)
            out.record.update(
                {
                    "source": series.name,
                    "shape": list(seen.shape),
                    "axes": ["tilt", "y", "x"],
                    "tilt_deg": seen.tilt_deg,
                    "order": seen.order,
                    "recorded_images": opened.shape[0],
                    "pixel_size_nm": seen.pixel_size_nm,
                    "orientation": {"tilt_axis": "y", "angle_unit": "deg", "handedness": 1},
                    "found": seen.sources,
                }
            )


def _inspect(path: Path, series: ImageStack, angles, pixel_size_nm, settings) -> Inspection:
    named = {} if angles is None or _is_list(angles) else {Path(angles): read_angles(angles)}
    # Files beside the series count as long as no angles are given; then they may still
    # tell the pixel size.
    beside = {
        file: read_angles(file)
        for file in angle_files_beside(path)
        if angles is None or file.suffix == ".mdoc"
    }
    tilt, angle_source, angle_file = _tilts(path, series, angles, named, beside, settings)
    pixel_size, size_source = _pixel_size(path, series, pixel_size_nm, named | beside, settings)
    if len(tilt) != series.shape[0]:
        raise UserError(
            f"{path}: holds {series.shape[0]} images, but {angle_source} gives {len(tilt)} angles; "
            "give one angle per image"
        )
    kept = _kept(path, tilt, settings)
    tilt = tilt * settings.handedness
    order = sorted(kept, key=lambda number: tilt[number])
    _check_tilts(path, tilt, order, angle_source)
    shape = _shape(path, series.shape[1:], pixel_size, settings)
    level = _check_images(path, series, order)
    return Inspection(
        (len(order), *shape),
        [float(tilt[number]) for number in order],
        pixel_size * settings.bin,
        {"tilt_deg": angle_source, "pixel_size_nm": size_source},
        order,
        level,
        angle_file,
    )


def _is_list(angles) -> bool:
    return not isinstance(angles, str | Path)


def _tilts(path, series, angles, named, beside, settings):
    """Return the angles (deg) in the order of the images, their source and its file, if any."""
    found: list[tuple[np.ndarray, str, Path | None]] = []
    if angles is not None and _is_list(angles):
        found.append((_in_degrees(angles, settings, "the given angles"), "the given angles", None))
    for file, read in (named if angles is not None else beside).items():
        tilt = np.array(read.tilt) if read.in_degrees else _in_degrees(read.tilt, settings, file)
        found.append((tilt, file.name, file))
    if series.tilt_deg is not None:
        found.append((np.array(series.tilt_deg, float), "the header", None))
    if not found:
        raise UserError(
            f"{path}: tilt angles are not known; give an angle file (column 'angles', "
            "--angles: .rawtlt, .tlt or .mdoc)"
        )
    first, source, file = found[0]
    for other, other_source, _ in found[1:]:
        if angles is not None and settings.trust_given:
            break
        if len(other) != len(first):
            raise UserError(
                f"{path}: {source} gives {len(first)} angles, {other_source} {len(other)}; "
                + _set_which("angles", angles is not None)
            )
        worst = int(np.argmax(np.abs(first - other)))
        if abs(first[worst] - other[worst]) > _SAME_ANGLE_DEG:
            raise UserError(
                f"{path}: tilt of image {worst + 1} is {first[worst]:g}° by {source} but "
                f"{other[worst]:g}° by {other_source}; " + _set_which("angles", angles is not None)
            )
    return first, source, file


def _in_degrees(angles: Sequence[float], settings, source) -> np.ndarray:
    angles = np.asarray(angles, float)
    if settings.angle_unit == "rad":
        return np.rad2deg(angles)
    if len(angles) >= 5 and np.abs(angles).max() <= np.pi / 2:
        raise UserError(
            f"{source}: all angles lie within ±{np.abs(angles).max():.2f}; "
            "if they are in radians set tilt_series.import.angle_unit: rad"
        )
    return angles


def _pixel_size(path, series, given, files, settings) -> tuple[float, str]:
    """Return the pixel size (nm) of the recorded images and where it comes from."""
    found = [] if given is None else [(float(given), "the given value")]
    for file, read in files.items():
        if read.pixel_size_nm is not None:
            found.append((read.pixel_size_nm, file.name))
    if series.pixel_size_nm is not None:
        # Six digits: headers hold single precision.
        found.append((float(f"{series.pixel_size_nm:.6g}"), "the header"))
    if not found:
        raise UserError(
            f"{path}: pixel size is not known; give it in nm (column 'pixel_size_nm', "
            "--pixel-size-nm)"
        )
    size, source = found[0]
    if not 0 < size < 1e4:
        raise UserError(f"{path}: pixel size is {size:g} nm by {source}; it must be above 0")
    for other, other_source in found[1:]:
        if given is not None and settings.trust_given:
            break
        if abs(other - size) > _SAME_SIZE * size:
            raise UserError(
                f"{path}: pixel size is {size:g} nm by {source} but {other:g} nm by "
                f"{other_source}; " + _set_which("pixel_size_nm", given is not None)
            )
    return size, source


def _set_which(word: str, given: bool) -> str:
    if given:
        return (
            f"correct '{word}', or set tilt_series.import.trust_given: true to use it all the same"
        )
    return f"give the right one as '{word}' and set tilt_series.import.trust_given: true"


def _kept(path, tilt, settings) -> list[int]:
    """Return the numbers of the images that are not excluded."""
    excluded: set[int] = set()
    for angle in settings.exclude_tilts:
        hits = np.flatnonzero(np.abs(tilt - angle) <= _SAME_ANGLE_DEG / 2)
        if not len(hits):
            nearest = tilt[np.abs(tilt - angle).argmin()]
            raise UserError(
                f"{path}: tilt_series.import.exclude_tilts: found no tilt {angle:g}°; "
                f"nearest is {nearest:g}°"
            )
        excluded.update(hits.tolist())
    return [number for number in range(len(tilt)) if number not in excluded]


def _check_tilts(path, tilt, order, source) -> None:
    if len(order) < _FEWEST_TILTS:
        raise UserError(f"{path}: {len(order)} images remain; need at least {_FEWEST_TILTS}")
    for number in order:
        if not abs(tilt[number]) <= 90:
            raise UserError(
                f"{path}: tilt of image {number + 1} is {tilt[number]:g}° by {source}; must lie "
                "within ±90° (is tilt_series.import.angle_unit right?)"
            )
    for one, other in pairwise(order):
        if tilt[other] - tilt[one] < 0.01:
            raise UserError(
                f"{path}: images {min(one, other) + 1} and {max(one, other) + 1} have the same "
                f"tilt {tilt[one]:g}° by {source}; each tilt must stand there once"
            )


def _shape(path, raw, pixel_size, settings) -> tuple[int, int]:
    """Return rows and columns of the images written."""
    rows, columns = raw if settings.tilt_axis == "y" else raw[::-1]
    if settings.crop_nm is not None:
        wanted = [round(length / pixel_size) for length in settings.crop_nm]
        if wanted[0] > rows or wanted[1] > columns:
            raise UserError(
                f"{path}: tilt_series.import.crop_nm: found {settings.crop_nm}, but the images are "
                f"{rows * pixel_size:g} × {columns * pixel_size:g} nm"
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


def _check_images(path, series, order) -> float:
    """Read all images once; return the brightest level, blind to single hot pixels."""
    level = -np.inf
    for number in order:
        image = series.read(number)
        if not np.isfinite(image).all():
            raise UserError(
                f"{path}: image {number + 1} holds values that are no numbers (NaN or infinite); "
                "leave it out by tilt_series.import.exclude_tilts"
            )
        if image.min() == image.max():
            raise UserError(
                f"{path}: image {number + 1} is blank (all {image.min():g}); "
                "leave it out by tilt_series.import.exclude_tilts"
            )
        level = max(level, float(np.percentile(image, 99.9)))
    return level


def _prepared(image: np.ndarray, seen: Inspection, settings) -> np.ndarray:
    """Turn, invert, crop and bin one image."""
    if settings.tilt_axis == "x":
        image = np.rot90(image, -1)  # +x becomes +y: a turn, so the handedness stays
    if settings.contrast == "bright_field":
        image = seen.level - image
    rows, columns = (size * settings.bin for size in seen.shape[1:])
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    image = image[top : top + rows, left : left + columns]
    blocks = image.reshape(seen.shape[1], settings.bin, seen.shape[2], settings.bin)
    return blocks.mean(axis=(1, 3), dtype=np.float64).astype(np.float32)


def _picture(out, seen: Inspection) -> None:
    """Draw the image nearest to 0°."""
    t = int(np.abs(seen.tilt_deg).argmin())
    with StackReader(out.path("tilt_series.tif")) as reader:
        image = reader.read(t, t + 1)[0]
    figure, axes = new_figure(size=(5, 5 * image.shape[0] / image.shape[1] + 0.5))
    low, high = np.percentile(image, (0.5, 99.8))
    axes.imshow(image, cmap="gray", vmin=low, vmax=high)
    scale_bar(axes, seen.pixel_size_nm, image.shape[1])
    axes.set_title(
        f"{seen.tilt_deg[t]:g}° of {len(seen.tilt_deg)} tilts, "
        f"{seen.tilt_deg[0]:g}° to {seen.tilt_deg[-1]:g}°"
    )
    axes.set_axis_off()
    save(figure, out.path("tilt_series.png"))
