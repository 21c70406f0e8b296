"""Slices that were reconstructed elsewhere: folders of images, TIFF stacks and MRC volumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.folders import TIFF, files_in
from catomo.labels.files import Expected

_MRC = (".mrc", ".rec", ".map")


@dataclass(frozen=True)
class Stack:
    """A stack of slices in files; only its names, shape and dtype are read in advance.

    Attributes
    ----------
    names : list of str
        Names of the slices.
    shape : (int, int, int)
        Shape (n, z, x).
    dtype : dtype
    contiguous : bool
        Whether neighbours in the list are neighbours in a specimen, which is not known of
        single images.
    read : callable
        ``read(i)`` returns slice i (z, x).
    """

    names: list[str]
    shape: tuple[int, int, int]
    dtype: np.dtype
    contiguous: bool
    read: Callable[[int], np.ndarray]


def inspect_stack(path: Path | str) -> Stack:
    """Return what a folder of images, a TIFF stack or an MRC volume holds.

    Raises
    ------
    UserError
        If the path does not exist or holds no image, images differ in shape or dtype, or a
        file cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder; give a stack or a folder of images")
    if path.suffix.lower() in _MRC:
        return _mrc(path)
    if path.suffix.lower() not in TIFF:
        allowed = " ".join((*TIFF, *_MRC))
        raise UserError(f"{path}: unknown kind '{path.suffix}', allowed are {allowed}")
    return _tiff_stack(path)


def expected_of(stack: Stack, pixel_size_nm: float) -> Expected:
    """Return what labels must fit, before the stack is exported.

    The exported grey values are known in advance only of 8-bit images, which are kept.
    """

    def unknown(_index: int) -> None:
        return None

    read = stack.read if stack.dtype == np.uint8 else unknown
    return Expected(stack.names, stack.shape, pixel_size_nm, read)


def numbered(count: int) -> list[str]:
    """Return the names of slices that have none of their own."""
    return [f"slice_{index:04d}" for index in range(count)]


def _folder(path: Path) -> Stack:
    files = files_in(path, TIFF)
    if not files:
        raise UserError(f"{path}: found no .tif or .tiff in this folder; put the slices there")
    first = _tiff_stack(files[0])
    for file in files:
        image = _tiff_stack(file)
        if image.shape[0] != 1:
            raise UserError(f"{file}: found {image.shape[0]} images, expected one per file")
        if image.shape != first.shape or image.dtype != first.dtype:
            raise UserError(
                f"{file}: is {_words(image.shape[1:])} {image.dtype}, but {files[0].name} is "
                f"{_words(first.shape[1:])} {first.dtype}; all slices must be alike"
            )
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        raise UserError(
            f"{path}: two images have one name, with .tif and with .tiff; rename one of them"
        )
    shape = (len(files), first.shape[1], first.shape[2])
    return Stack(names, shape, first.dtype, False, lambda index: _tiff_stack(files[index]).read(0))


def _tiff_stack(path: Path) -> Stack:
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            shape, pages, one_block = series.shape, len(series.pages), series.dataoffset
            dtype = series.dtype.newbyteorder(tiff.byteorder)
    except (OSError, ValueError, IndexError, tifffile.TiffFileError) as error:
        raise UserError(f"{path}: not readable as TIFF ({error}); save it again") from None
    if len(shape) not in (2, 3) or shape[-1] in (3, 4):
        raise UserError(
            f"{path}: found shape {_words(shape)}, expected grey images (z, x) or (y, z, x)"
        )
    shape = (1, *shape)[-3:]
    if one_block is None and pages != shape[0]:
        raise UserError(f"{path}: found a compressed TIFF in an unusual order; save it again")

    def read(index: int) -> np.ndarray:
        if one_block is None:
            return tifffile.imread(path, key=index)
        offset = one_block + index * shape[1] * shape[2] * dtype.itemsize
        return np.fromfile(path, dtype, shape[1] * shape[2], offset=offset).reshape(shape[1:])

    return Stack(numbered(shape[0]), shape, dtype, True, read)


def _mrc(path: Path) -> Stack:
    import mrcfile

    try:
        with mrcfile.mmap(path, mode="r") as file:
            shape, dtype = file.data.shape, file.data.dtype
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as MRC ({error}); save it again") from None
    if len(shape) != 3:
        raise UserError(f"{path}: found shape {_words(shape)}, expected a volume (y, z, x)")

    def read(index: int) -> np.ndarray:
        with mrcfile.mmap(path, mode="r") as file:
            return np.array(file.data[index])

    return Stack(numbered(shape[0]), tuple(shape), dtype, True, read)


def _words(shape: tuple[int, ...]) -> str:
    """Return a shape as text, such as ``64 x 48``."""
    return " x ".join(str(int(n)) for n in shape)
