"""Tilt series in files of microscopes: the format is recognised by content.

One image is read at a time, so memory does not grow with the series (except for the formats of
`catomo.files.rosettasciio`). Which of several angles or pixel sizes to believe is decided by
`catomo.tilt_series`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from catomo.errors import UserError
from catomo.files import mrc, rosettasciio, tiff
from catomo.files.image_folder import open_image_folder
from catomo.files.image_stack import ImageStack


@contextmanager
def open_series(path: Path | str) -> Iterator[ImageStack]:
    """Open a tilt series: a stack in one file, or a folder of single images in name order.

    Parameters
    ----------
    path : path
        MRC (.mrc .st .ali .rec), TIFF, or, with the extra packages of ``catomo[formats]``,
        DigitalMicrograph, TIA, Velox, Bruker or HyperSpy files; or a folder of such.

    Yields
    ------
    ImageStack

    Raises
    ------
    UserError
        If nothing is there, the format is unknown or the file is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; give the tilt series")
    with open_image_folder(path, _open_file) if path.is_dir() else _open_file(path) as stack:
        if min(stack.shape) < 1:
            raise UserError(f"{path}: holds no image")
        yield stack


def _open_file(path: Path) -> AbstractContextManager[ImageStack]:
    """Open a file by its first bytes; by its name only where those do not tell the format."""
    with open(path, "rb") as file:
        head = file.read(1024)
    if not head:
        raise UserError(f"{path}: file is empty")
    suffix = path.suffix.lower()
    if head[:4] in tiff.FIRST_BYTES:
        return tiff.open_tiff_stack(path)
    if head[208:211] == b"MAP" or suffix in mrc.SUFFIXES:
        return mrc.open_mrc_stack(path)
    if suffix in rosettasciio.SUFFIXES:
        return rosettasciio.open_rosettasciio_stack(path)
    raise UserError(
        f"{path}: format is not known; known are TIFF, MRC ({' '.join(mrc.SUFFIXES)}) "
        f"and {' '.join(rosettasciio.SUFFIXES)}"
    )
