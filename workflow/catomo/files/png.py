"""Grey PNG images."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.image_stack import ImageStack, one_line
from catomo.files.limits import check_compression, check_memory

FIRST_BYTES = b"\x89PNG\r\n\x1a\n"
SUFFIX = ".png"
_COLOUR = {2: "colours", 3: "a palette", 4: "an alpha channel", 6: "colours with an alpha channel"}


@contextmanager
def open_png(path: Path) -> Iterator[ImageStack]:
    """Open the image of a PNG file of 8 or 16 bits.

    Raises
    ------
    UserError
        If the file is damaged, or its pixels are not greys of 8 or 16 bits.
    """
    with open(path, "rb") as file:
        head = file.read(33)
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise UserError(f"{path}: is cut short or no PNG; copy it again")
    columns, rows, bits, kind = struct.unpack_from(">2I2B", head, 16)
    if kind != 0 or bits not in (8, 16):
        found = _COLOUR.get(kind, f"greys of {bits} bits")
        raise UserError(f"{path}: holds {found}, expected greys of 8 or 16 bits; save it so")
    dtype = np.dtype(np.uint8 if bits == 8 else np.uint16)
    needed = columns * rows * dtype.itemsize
    check_compression(path, needed)
    check_memory(path, needed)

    def read(_number: int) -> np.ndarray:
        import imagecodecs

        try:
            return imagecodecs.png_decode(path.read_bytes()).reshape(rows, columns)
        except Exception as error:  # a damaged image can break the decoder in any way
            raise UserError(f"{path}: is not readable ({one_line(error)}); copy it again") from None

    yield ImageStack((1, rows, columns), dtype, read)
