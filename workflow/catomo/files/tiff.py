"""TIFF files of any program: opened with one-line errors, read image by image.

catomo's own TIFF files, whose layout is known, are read by `catomo.files.store`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catomo.errors import UserError
from catomo.files.image_stack import ImageStack, one_line, open_block
from catomo.files.pixel_size import tiff_pixel_size_nm

if TYPE_CHECKING:
    import tifffile

FIRST_BYTES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF, in both byte orders


def open_tiff(path: Path | str) -> tifffile.TiffFile:
    """Open a TIFF file; use it in a ``with`` statement.

    Raises
    ------
    UserError
        If the file cannot be read as TIFF.
    """
    import tifffile

    try:
        tiff = tifffile.TiffFile(path)
        if len(tiff.pages):
            _ = tiff.series  # parsed here, so that errors in it are caught here
    except Exception as error:  # a damaged file can break the decoder in any way
        raise UserError(
            f"{path}: not readable as TIFF ({one_line(error)}); copy it or save it again"
        ) from None
    return tiff


def stream_pages(tiff: tifffile.TiffFile) -> Iterator[np.ndarray]:
    """Yield the images (rows, columns) of an open TIFF, stored as pages or as one block."""
    if len(tiff.pages) == 1:
        block = tiff.series[0].asarray()
        yield from block.reshape(-1, *block.shape[-2:])
    else:
        for page in tiff.pages:
            yield page.asarray()


@contextmanager
def open_tiff_stack(path: Path) -> Iterator[ImageStack]:
    """Open the grey images of a TIFF, of any compression.

    Raises
    ------
    UserError
        If the file is damaged, or holds no image or images in colour.
    """
    with _errors_logged_by("tifffile") as errors:
        tiff = open_tiff(path)
    with tiff:
        if errors:  # tifffile goes on with the images before the damage
            raise UserError(
                f"{path}: is damaged or cut short; copy it again ({one_line(errors[0])})"
            )
        if not len(tiff.pages):
            raise UserError(f"{path}: holds no image")
        series = tiff.series[0]
        shape = _stack_shape(path, series)
        pixel_size = tiff_pixel_size_nm(tiff)
        if series.dataoffset is not None:
            dtype = series.dtype.newbyteorder(tiff.byteorder)
            with open_block(path, series.dataoffset, shape, dtype) as read:
                yield ImageStack(shape, read, None, pixel_size)
            return

        def read_page(number: int) -> np.ndarray:
            try:
                return series.pages[number].asarray().reshape(shape[1:]).astype(np.float32)
            except Exception as error:  # a damaged image can break the decoder in any way
                raise UserError(
                    f"{path}: image {number + 1} is not readable ({one_line(error)})"
                ) from None

        yield ImageStack(shape, read_page, None, pixel_size)


def _stack_shape(path: Path, series: tifffile.TiffPageSeries) -> tuple[int, int, int]:
    """Return images, rows and columns; axes of length 1 do not count."""
    shape = tuple(n for n in series.shape if n > 1)
    if not shape or 0 in series.shape:
        raise UserError(f"{path}: holds no image")
    if series.keyframe.samplesperpixel != 1 or len(shape) not in (2, 3):
        raise UserError(
            f"{path}: found shape {series.shape} {series.axes}, expected grey images (n, y, x)"
        )
    images, rows, columns = shape if len(shape) == 3 else (1, *shape)
    return images, rows, columns


@contextmanager
def _errors_logged_by(name: str) -> Iterator[list[str]]:
    """Collect the errors that a library logs instead of raising, and keep its log silent."""
    errors: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            errors.append(record.getMessage())

    handler, logger = Collector(logging.ERROR), logging.getLogger(name)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield errors
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
