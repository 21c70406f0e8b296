"""The tie between a label file and its slice: a hash of the slice's grey values, and the scale.

The description of every file in ``to_annotate``, and of every file that `catomo annotate`
writes, contains the hash of the grey values that the labels belong to. Fiji keeps the
description of an image it opened. A label file without the hash (saved by another editor or as
PNG, or painted on a new image) is only checked by its name and shape.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catomo.errors import UserError
from catomo.files.pixel_size import is_same_size, tiff_pixel_size_nm
from catomo.labels.pages import is_png

if TYPE_CHECKING:
    import tifffile

_MARK = "catomo slice sha256 "
_PRINTER_NM = 1000.0  # a larger pixel is a printer's resolution, not a microscope's


def mark_of(image: np.ndarray) -> str:
    """Return the text that ties a file to a slice (uint8), for a TIFF's description."""
    return _MARK + hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()


def mark_in(tiff: tifffile.TiffFile) -> str | None:
    """Return the text of `mark_of` in a file's description; None if there is none."""
    # Fiji moves a description that is not its own to "Info".
    moved = (tiff.imagej_metadata or {}).get("Info", "")
    mark = re.search(_MARK + "[0-9a-f]{64}", f"{tiff.pages[0].description} {moved}")
    return mark.group() if mark else None


def is_tied_elsewhere(path: Path, image: np.ndarray) -> bool:
    """Return whether a label file was painted on other grey values than those of `image`."""
    return _mark_and_size_nm(path)[0] not in (None, mark_of(image))


def check_tie(path: Path, read: Callable[[], np.ndarray | None], pixel_size_nm: float) -> None:
    """Check that a label file belongs to a slice.

    Parameters
    ----------
    path : Path
        The label file, readable.
    read : callable
        Returns the slice as it is now (uint8), or None if the slice is not available.
    pixel_size_nm : float
        Pixel size of the slice.

    Raises
    ------
    UserError
        If the file was painted on other grey values, or its pixel size differs by more than 5 %.
    """
    mark, size = _mark_and_size_nm(path)
    image = read() if mark else None
    if image is not None and mark != mark_of(image):
        raise UserError(
            f"{path}: was painted on another slice than the one of this name now (the grey "
            "values differ); open it with 'catomo annotate' and save it if it still fits"
        )
    if size and size < _PRINTER_NM and not is_same_size(size, pixel_size_nm):
        raise UserError(
            f"{path}: has {size:.4g} nm per pixel, the slice has {pixel_size_nm:.4g}; "
            "draw on the exported slice without cropping or scaling"
        )


def _mark_and_size_nm(path: Path) -> tuple[str | None, float | None]:
    """Return what a label file says of its slice: the text of `mark_of`, and the pixel size."""
    import tifffile

    if is_png(path):
        return None, None
    with tifffile.TiffFile(path) as tiff:
        return mark_in(tiff), tiff_pixel_size_nm(tiff)
