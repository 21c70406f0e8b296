"""PNG images: greys to measure, and the values that label files of any program store."""

from __future__ import annotations

import struct
import zlib
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
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # values per pixel of each colour type
_GREY, _PALETTE = 0, 3


@contextmanager
def open_png(path: Path) -> Iterator[ImageStack]:
    """Open the image of a PNG file of 8 or 16 bits.

    Raises
    ------
    UserError
        If the file is damaged, or its pixels are not greys of 8 or 16 bits.
    """
    columns, rows, bits, kind = _header(path)
    if kind != _GREY or bits not in (8, 16):
        found = _COLOUR.get(kind, f"greys of {bits} bits")
        raise UserError(f"{path}: holds {found}, expected greys of 8 or 16 bits; save it so")
    dtype = np.dtype(np.uint8 if bits == 8 else np.uint16)
    _check_size(path)

    def read(_number: int) -> np.ndarray:
        return read_stored(path)[0].reshape(rows, columns)

    yield ImageStack((1, rows, columns), dtype, read)


def read_stored(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the values that a PNG stores, and its palette if it has one.

    The value of a pixel with a palette is its index, and greys of fewer than 8 bits keep their
    values: a viewer would show index 2 as a colour, and 1 of 2 bits as 85.

    Returns
    -------
    image : ndarray, (rows, columns) or (rows, columns, samples)
    palette : ndarray of uint8, (colours, 3), optional

    Raises
    ------
    UserError
        If the file is damaged or no PNG, or does not fit into memory.
    """
    import imagecodecs

    *_, depth, colour = _header(path)
    _check_size(path)
    palette = None
    try:
        chunks = _chunks(path.read_bytes())
        if colour == _PALETTE:  # a grey image with the same bytes has the indices as values
            palette = np.frombuffer(dict(chunks)[b"PLTE"], np.uint8).reshape(-1, 3)
            header = dict(chunks)[b"IHDR"]
            header = header[:9] + bytes([_GREY]) + header[10:]
            rest = [(kind, data) for kind, data in chunks[1:] if kind in (b"IDAT", b"IEND")]
            chunks = [(b"IHDR", header), *rest]
        content = b"".join(_chunk(*chunk) for chunk in chunks)
        image = imagecodecs.png_decode(FIRST_BYTES + content)
    except Exception as error:  # a damaged image can break the decoder in any way
        raise UserError(
            f"{path}: is damaged or no PNG ({one_line(error)}); copy it or save it again"
        ) from None
    if depth < 8 and image.ndim == 2:  # the decoder stretches few bits to 0 to 255
        image = image // (255 // (2**depth - 1))
    return image, palette


def _header(path: Path) -> tuple[int, int, int, int]:
    """Return columns, rows, bits per value and colour type."""
    with open(path, "rb") as file:
        head = file.read(33)
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise UserError(f"{path}: is cut short or no PNG; copy it again")
    columns, rows, bits, kind = struct.unpack_from(">2I2B", head, 16)
    return columns, rows, bits, kind


def _check_size(path: Path) -> None:
    """Check that the image fits into memory, before anything of it is unpacked."""
    columns, rows, bits, kind = _header(path)
    needed = columns * rows * _SAMPLES.get(kind, 1) * max(bits, 8) // 8
    check_compression(path, needed)
    check_memory(path, needed)


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return kind and data of each part of a PNG, whose checksums must be right."""
    chunks, place = [], len(FIRST_BYTES)
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        data = content[place + 8 : place + 8 + length]
        if struct.unpack_from(">I", content, place + 8 + length)[0] != zlib.crc32(kind + data):
            raise ValueError(f"its part {kind.decode('ascii', 'replace')} is not as written")
        chunks.append((kind, data))
        place += 12 + length
        if kind == b"IEND":
            break
    return chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
