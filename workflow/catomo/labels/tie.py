"""What ties a label file to its slice: the hash of the grey values it was painted on, its scale.

The hash stands in the description of every file in ``to_annotate`` and of every file that
`catomo annotate` writes. Fiji keeps the description of an image it opened; editors that drop
it, and people who paint on a new image, are trusted by name and shape.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import numpy as np

from catomo.errors import UserError
from catomo.files.pixel_size import is_same_size, tiff_pixel_size_nm

_MARK = "catomo slice sha256 "
_PRINTER_NM = 1000.0  # a pixel this large was meant for paper, or by nobody


def mark_of(image: np.ndarray) -> str:
    """Return the mark that ties a file to a slice (uint8): text for a TIFF's description."""
    return _MARK + hashlib.sha256(np.ascontiguousarray(image)).hexdigest()


def mark_in(tiff) -> str | None:
    """Return the mark that a file carries (tifffile.TiffFile), if it carries one."""
    kept = (tiff.imagej_metadata or {}).get("Info", "")  # where Fiji puts a foreign description
    found = re.search(_MARK + "[0-9a-f]{64}", f"{tiff.pages[0].description} {kept}")
    return found and found.group()


def is_tied_elsewhere(path, image: np.ndarray) -> bool:
    """Return whether a label file was painted on other grey values than those of `image`."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        return mark_in(tiff) not in (None, mark_of(image))


def check_tie(path, read: Callable[[], np.ndarray | None], pixel_size_nm: float) -> None:
    """Check that a label file belongs to a slice.

    Parameters
    ----------
    path : path
        The label file, a TIFF that can be read.
    read : callable
        Returns the slice as it is now (uint8), or None where that is not known.
    pixel_size_nm : float
        Pixel size of the slice.

    Raises
    ------
    UserError
        If the file was painted on other grey values, or has a scale more than 5 % away.
    """
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        mark, size = mark_in(tiff), tiff_pixel_size_nm(tiff)
    image = read() if mark else None
    if image is not None and mark != mark_of(image):
        raise UserError(
            f"{path}: was painted on another slice than the one of this name now (its grey "
            "values differ); look at it with 'catomo annotate' and save it if it still fits"
        )
    if size and size < _PRINTER_NM and not is_same_size(size, pixel_size_nm):
        raise UserError(
            f"{path}: has {size:.4g} nm per pixel, the slice has {pixel_size_nm:.4g}; "
            "draw on the exported slice without cropping or scaling"
        )
