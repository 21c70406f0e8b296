"""The tie between a label file and its slice: a hash and a sketch of its greys, and the scale.

The description of every file in ``to_annotate``, and of every file that `catomo annotate`
writes, contains a hash of the grey values that the labels belong to, and a coarse picture of
them. Fiji keeps the description of an image it opened. Another processor, or another version of
a library, may change single grey values by one; then the hash is another, and the sketch shows
that the labels still fit. A label file without either (saved by another editor or as PNG, or
painted on a new image) is only checked by its name and shape.
"""

from __future__ import annotations

import base64
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
_SKETCH = " sketch "
_CELLS = 24  # of a sketch, along either axis
# Root mean square difference of two sketches, as a fraction of the standard deviation of one, up
# to which the slices are the same but for rounding. Grey values that differ by one give 0.01,
# and a shift by a quarter of a pixel 0.01 to 0.05.
_ROUNDED = 0.02
_PRINTER_NM = 1000.0  # a larger pixel is a printer's resolution, not a microscope's


def mark_of(image: np.ndarray) -> str:
    """Return the text that identifies the grey values of a slice (uint8)."""
    return _MARK + hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()


def tie_of(image: np.ndarray) -> str:
    """Return the text that ties a file to a slice (uint8), for a TIFF's description."""
    return mark_of(image) + _SKETCH + base64.b64encode(_sketch(image).tobytes()).decode()


def tie_in(tiff: tifffile.TiffFile) -> str | None:
    """Return the text of `tie_of` in a file's description; None if there is none.

    Files of former versions have only the part that `mark_of` returns.
    """
    # Fiji moves a description that is not its own to "Info".
    moved = (tiff.imagej_metadata or {}).get("Info", "")
    text = f"{tiff.pages[0].description} {moved}"
    tie = re.search(f"{_MARK}[0-9a-f]{{64}}({_SKETCH}[A-Za-z0-9+/]+=*)?", text)
    return tie.group() if tie else None


def is_tied_elsewhere(path: Path, image: np.ndarray) -> bool:
    """Return whether a label file was painted on another slice than `image`."""
    tie = _tie_and_size_nm(path)[0]
    return tie is not None and not _fits(tie, image)


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
    tie, size = _tie_and_size_nm(path)
    image = read() if tie else None
    if tie and image is not None and not _fits(tie, image):
        raise UserError(
            f"{path}: was painted on another slice than the one of this name now (the grey "
            "values differ); open it with 'catomo annotate' and save it if it still fits"
        )
    if size and size < _PRINTER_NM and not is_same_size(size, pixel_size_nm):
        raise UserError(
            f"{path}: has {size:.4g} nm per pixel, the slice has {pixel_size_nm:.4g}; "
            "draw on the exported slice without cropping or scaling"
        )


def _tie_and_size_nm(path: Path) -> tuple[str | None, float | None]:
    """Return what a label file says of its slice: the text of `tie_of`, and the pixel size."""
    import tifffile

    if is_png(path):
        return None, None
    with tifffile.TiffFile(path) as tiff:
        return tie_in(tiff), tiff_pixel_size_nm(tiff)


def _fits(tie: str, image: np.ndarray) -> bool:
    """Return whether a slice is the one that a file was tied to, but for rounding."""
    mark, _, encoded = tie.partition(_SKETCH)
    if mark == mark_of(image):
        return True
    now = _sketch(image).astype(float)
    then = np.frombuffer(base64.b64decode(encoded), np.uint8).astype(float)
    if then.size != now.size:
        return False
    difference = now.ravel() - then
    return bool(np.sqrt(np.mean(difference**2)) <= _ROUNDED * then.std())


def _sketch(image: np.ndarray) -> np.ndarray:
    """Return the means of up to 24 by 24 cells of a slice, rounded to uint8."""
    edges = [np.linspace(0, n, min(n, _CELLS) + 1).round().astype(int) for n in image.shape]
    sums = image.astype(float)
    for axis, edge in enumerate(edges):
        sums = np.add.reduceat(sums, edge[:-1], axis=axis)
    return np.rint(sums / np.outer(*map(np.diff, edges))).astype(np.uint8)
