"""Files of microscopes: tilt series, tilt angles and pixel sizes, recognised by content.

A `Series` reads one image at a time, so memory does not grow with the series. What a file
says about angles and pixel size is reported as found; whom to believe is decided elsewhere.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.folders import files_in
from catomo.files.mrc import read_mrc_header
from catomo.files.pixel_size import NM_PER_UNIT, tiff_pixel_size_nm

ANGLE_SUFFIXES = (".rawtlt", ".tlt", ".mdoc")

_MRC_SUFFIXES = (".mrc", ".st", ".ali", ".rec", ".mrcs")
_OTHER_SUFFIXES = (".dm3", ".dm4", ".ser", ".emi", ".emd", ".bcf", ".hspy", ".zspy")
_BESIDE_IMAGES = (*ANGLE_SUFFIXES, ".txt", ".json", ".csv", ".xml", ".log", ".md")


@dataclass(frozen=True)
class Series:
    """An open tilt series.

    Attributes
    ----------
    shape : (int, int, int)
        Images, rows, columns.
    read : callable
        ``read(i)`` returns image i as float32 (rows, columns).
    tilt_deg : list of float, optional
        Tilt angles in the order of the images, where the file itself holds them.
    pixel_size_nm : float, optional
        Pixel size, where the file itself holds one.
    """

    shape: tuple[int, int, int]
    read: Callable[[int], np.ndarray]
    tilt_deg: list[float] | None = None
    pixel_size_nm: float | None = None


@dataclass(frozen=True)
class Angles:
    """What an angle file says: angles in the order of the images, perhaps a pixel size."""

    tilt: list[float]
    in_degrees: bool  # certain from the format; a bare column of numbers could be radians
    pixel_size_nm: float | None = None


@contextmanager
def open_series(path) -> Iterator[Series]:
    """Open a tilt series: a stack in one file, or a folder of single images in name order.

    Parameters
    ----------
    path : path
        MRC (.mrc .st .ali .rec), TIFF, or, with the extra packages of ``catomo[formats]``,
        DigitalMicrograph, TIA, Velox, Bruker or HyperSpy files; or a folder of such.

    Yields
    ------
    Series

    Raises
    ------
    UserError
        If nothing is there, the format is unknown or the file is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; give the tilt series")
    opener = _open_folder if path.is_dir() else _opener(path)
    with opener(path) as series:
        if min(series.shape) < 1:
            raise UserError(f"{path}: holds no image")
        yield series


def read_angles(path) -> Angles:
    """Read tilt angles from a column of numbers (.rawtlt, .tlt) or a SerialEM .mdoc.

    Raises
    ------
    UserError
        Naming the line that is no angle.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"{path}: angle file is not readable ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UserError(
            f"{path}: is no text; an angle file is .rawtlt, .tlt (one angle per line) or .mdoc"
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


def angle_files_beside(path) -> list[Path]:
    """Return the angle files that carry a series' name, or lie in its folder of images."""
    path = Path(path)
    found = [path.with_suffix(suffix) for suffix in ANGLE_SUFFIXES]
    found += [path.with_name(path.name + suffix) for suffix in ANGLE_SUFFIXES]
    if path.is_dir():
        found += files_in(path, ANGLE_SUFFIXES)
    return sorted({file for file in found if file.is_file() and file != path})


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise UserError(f"{where}: found '{text[:40]}', expected one angle")
    return value


def _read_mdoc(path: Path, lines: list[str]) -> Angles:
    """Read an .mdoc: frames stand in the order of acquisition, ZValue tells their image."""
    tilt: dict[int, float] = {}
    section, spacing = None, None
    for number, line in enumerate(lines, start=1):
        word, _, value = (part.strip() for part in line.partition("="))
        if word == "[ZValue":
            section = int(_number(value.rstrip("]").strip(), f"{path} line {number}"))
            if section in tilt:
                raise UserError(f"{path} line {number}: ZValue {section} stands there twice")
        elif word.startswith("["):
            section = None
        elif word == "TiltAngle" and section is not None:
            tilt[section] = _number(value, f"{path} line {number}")
        elif word == "PixelSpacing" and spacing is None:
            spacing = _number(value, f"{path} line {number}") / 10  # Å
    if not tilt:
        raise UserError(f"{path}: holds no TiltAngle")
    return Angles([tilt[z] for z in sorted(tilt)], in_degrees=True, pixel_size_nm=spacing)


def _opener(path: Path):
    """Choose how to open a file from its first bytes; names only help where those are mute."""
    with open(path, "rb") as file:
        head = file.read(1024)
    if not head:
        raise UserError(f"{path}: file is empty")
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _open_tiff
    if head[208:211] == b"MAP" or path.suffix.lower() in _MRC_SUFFIXES:
        return _open_mrc
    if path.suffix.lower() in _OTHER_SUFFIXES:
        return _open_other
    raise UserError(
        f"{path}: format is not known; known are TIFF, MRC ({' '.join(_MRC_SUFFIXES)}) "
        f"and {' '.join(_OTHER_SUFFIXES)}"
    )


@contextmanager
def _open_mrc(path: Path):
    header = read_mrc_header(path)
    with _open_block(path, header.start, header.shape, header.dtype) as read:
        yield Series(header.shape, read, header.tilt_deg, header.pixel_size_nm)


@contextmanager
def _open_tiff(path: Path):
    """Open a TIFF stack of any compression."""
    import tifffile

    try:
        with _listening("tifffile") as errors:
            tiff = tifffile.TiffFile(path)
            series = tiff.series[0] if len(tiff.pages) else None
    except Exception as error:  # a damaged file can break a decoder in any way
        raise UserError(f"{path}: is no readable TIFF ({_line(error)})") from None
    if errors:  # tifffile goes on with the images before the damage
        tiff.close()
        raise UserError(f"{path}: is damaged or cut short; copy it again ({_line(errors[0])})")
    with tiff:
        shape = () if series is None else tuple(n for n in series.shape if n > 1)
        if not shape or 0 in series.shape:
            raise UserError(f"{path}: holds no image")
        if series.keyframe.samplesperpixel != 1 or len(shape) not in (2, 3):
            raise UserError(
                f"{path}: found shape {series.shape} {series.axes}, expected grey images (n, y, x)"
            )
        shape = (1,) * (3 - len(shape)) + shape
        pixel_size = tiff_pixel_size_nm(tiff)
        if series.dataoffset is not None:
            dtype = series.dtype.newbyteorder(tiff.byteorder)
            with _open_block(path, series.dataoffset, shape, dtype) as read:
                yield Series(shape, read, None, pixel_size)
            return

        def read(number: int) -> np.ndarray:
            try:
                return series.pages[number].asarray().reshape(shape[1:]).astype(np.float32)
            except Exception as error:  # as above
                raise UserError(
                    f"{path}: image {number + 1} is not readable ({_line(error)})"
                ) from None

        yield Series(shape, read, None, pixel_size)


@contextmanager
def _open_other(path: Path):
    """Open a file of another microscope software through RosettaSciIO."""
    try:
        import rsciio
    except ImportError:
        raise UserError(
            f"{path}: reading {path.suffix} needs more packages: pip install 'catomo[formats]'"
        ) from None
    from importlib import import_module

    suffix = path.suffix.lower().removeprefix(".")
    plugins = [p for p in rsciio.IO_PLUGINS if suffix in p["file_extensions"]]
    signals, reason = [], "no reader for it"
    for plugin in plugins:  # .emd is written by two makers; the wrong reader refuses
        try:
            signals = import_module(plugin["api"]).file_reader(str(path))
            break
        except Exception as error:  # as for TIFF
            reason = _line(error)
    images = [
        signal
        for signal in signals
        if np.ndim(signal["data"]) in (2, 3)
        and not str(signal["metadata"].get("Signal", {}).get("signal_type", "")).startswith("EDS")
    ]
    if not images:
        raise UserError(f"{path}: holds no readable grey images ({reason})")
    data = np.asarray(images[0]["data"])
    data = data[None] if data.ndim == 2 else data
    tilt, pixel_size = _other_calibration(images[0])
    yield Series(data.shape, lambda number: data[number].astype(np.float32), tilt, pixel_size)


def _other_calibration(signal):
    """Return angles (deg) and pixel size (nm) from RosettaSciIO's axes and metadata."""
    *stack, _, across = signal["axes"]
    factor = NM_PER_UNIT.get(str(across.get("units", "")).strip().lower())
    pixel_size = abs(across["scale"]) * factor if factor and "scale" in across else None
    tilt = None
    if stack and str(stack[0].get("units", "")).lower() in ("deg", "degree", "degrees", "°"):
        tilt = (stack[0]["offset"] + stack[0]["scale"] * np.arange(stack[0]["size"])).tolist()
    metadata = signal["metadata"]
    stored = metadata.get("Tomography", {}).get("tilts") if stack else None
    if stored is not None:
        tilt = np.ravel(stored).astype(float).tolist()
    if not stack:
        stage = metadata.get("Acquisition_instrument", {}).get("TEM", {}).get("Stage", {})
        tilt = [float(stage["tilt_alpha"])] if "tilt_alpha" in stage else None
    return tilt, pixel_size


@contextmanager
def _open_folder(path: Path):
    """Open a folder of single images; they must agree in shape and pixel size."""
    files = sorted((file for file in files_in(path) if file.is_file()), key=_natural)
    files = [file for file in files if file.suffix.lower() not in _BESIDE_IMAGES]
    if not files:
        raise UserError(f"{path}: folder holds no image")
    found = []
    for file in files:
        with _opener(file)(file) as image:
            found.append((image.shape, image.tilt_deg, image.pixel_size_nm))
    first = found[0]
    for file, (shape, _, pixel_size) in zip(files, found, strict=True):
        if shape[0] != 1:
            raise UserError(f"{file}: holds {shape[0]} images; a folder takes one per file")
        if shape != first[0] or pixel_size != first[2]:
            raise UserError(
                f"{file}: found {shape[1]} × {shape[2]} px of {pixel_size} nm, but {files[0].name}"
                f" has {first[0][1]} × {first[0][2]} px of {first[2]} nm; all must be alike"
            )

    def read(number: int) -> np.ndarray:
        with _opener(files[number])(files[number]) as image:
            return image.read(0)

    tilts = [tilt for _, tilt, _ in found]
    tilt_deg = None if None in tilts else [tilt[0] for tilt in tilts]
    yield Series((len(files), *first[0][1:]), read, tilt_deg, first[2])


@contextmanager
def _open_block(path: Path, start: int, shape, dtype):
    """Open images that lie one after the other, uncompressed, from byte `start`."""
    page = shape[1] * shape[2] * dtype.itemsize
    size, needed = path.stat().st_size, start + shape[0] * page
    if size < needed:
        raise UserError(
            f"{path}: is cut short: {size} bytes, but {shape[0]} images of {shape[1]} × {shape[2]} "
            f"px need {needed}; copy it again"
        )
    with open(path, "rb") as file:

        def read(number: int) -> np.ndarray:
            file.seek(start + number * page)
            image = np.frombuffer(file.read(page), dtype).reshape(shape[1:])
            return image.astype(np.float32)

        yield read


@contextmanager
def _listening(logger_name: str) -> Iterator[list[str]]:
    """Collect the errors that a library logs instead of raising, and keep its log silent."""
    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda entry: errors.append(entry.getMessage())
    logger = logging.getLogger(logger_name)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield errors
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _natural(path: Path) -> list:
    """Sort 'tilt_10' after 'tilt_9'."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _line(error) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
