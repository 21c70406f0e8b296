"""NumPy's .npy files of one array of images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from catomo.errors import UserError
from catomo.files.image_stack import ImageStack, one_line, open_block
from catomo.files.limits import check_memory

FIRST_BYTES = b"\x93NUMPY"

_LONGEST_HEADER = 1 << 16


@contextmanager
def open_npy_stack(path: Path) -> Iterator[ImageStack]:
    """Open the array (n, y, x) or (y, x) of an .npy file; its first axis counts the images.

    Raises
    ------
    UserError
        If it holds no such array of numbers, or is cut short.
    """
    try:
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            _check_header_length(file, 2 if version == (1, 0) else 4)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, is_fortran, dtype = read_header(file)
            start = file.tell()
    except (ValueError, OSError, EOFError) as error:
        raise UserError(
            f"{path}: not readable as .npy ({one_line(error)}); save it again"
        ) from None
    long = (1,) * (3 - len(shape)) + shape
    if len(long) != 3 or len(shape) < 2 or min(shape) < 1 or dtype.kind not in "biuf":
        raise UserError(
            f"{path}: holds an array {shape} of {dtype}, expected grey images (n, y, x); save it so"
        )
    sizes = long[0], long[1], long[2]
    stored = np.dtype(np.uint8) if dtype.kind == "b" else dtype
    native = stored.newbyteorder("=")
    if is_fortran:  # no image lies in one piece
        check_memory(path, 2 * int(np.prod(shape)) * dtype.itemsize)
        with open_block(path, start, (sizes[2], sizes[1], sizes[0]), stored):
            block = np.fromfile(path, stored, int(np.prod(shape)), offset=start)
            volume = block.reshape(shape, order="F").reshape(sizes).astype(native)
        yield ImageStack(sizes, native, volume.__getitem__)
        return
    with open_block(path, start, sizes, stored) as read:
        yield ImageStack(sizes, native, read)


def _check_header_length(file: BinaryIO, size: int) -> None:
    """Check the length of the header, of which NumPy makes room before it reads.

    Raises
    ------
    ValueError
        If it is longer than that of any array of images.
    """
    start = file.tell()
    length = int.from_bytes(file.read(size), "little")
    file.seek(start)
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes")
