"""Images in a TIFF that are whole JPEG, JPEG 2000 or PNG files with a size of their own.

Their decoders make room for the size that the stream states, whatever the page says, and what
is beyond the page is cut off. Where both contradict each other the file is refused.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.errors import UserError

if TYPE_CHECKING:
    import tifffile

# None, LZW, deflate (two numbers), PackBits, LZMA, Zstandard: the page alone says the size.
_OF_BYTES = (1, 5, 8, 32946, 32773, 34925, 50000)
_PADDED_TO = 16  # pixels of a JPEG block, to which writers may fill up the last strip or tile

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_JPEG_2000 = b"\xff\x4f\xff\x51"
_NOT_SIZES = (0xC4, 0xC8, 0xCC)  # of the markers C0 to CF of JPEG


def check_streams(path: Path, page: tifffile.TiffPage) -> None:
    """Check that no strip or tile of a page states a larger image than the page has place for.

    Raises
    ------
    UserError
        If one does.
    """
    if page.compression in _OF_BYTES:
        return
    rows, columns = (page.rowsperstrip, page.imagewidth)
    if page.is_tiled:
        rows, columns = page.tilelength, page.tilewidth
    place = min(rows, max(page.imagelength, page.tilelength)), columns
    with open(path, "rb") as file:
        for start, count in zip(page.dataoffsets, page.databytecounts, strict=False):
            file.seek(start)
            size = stated_size(file.read(count))
            if size and any(n > _filled_up(most) for n, most in zip(size, place, strict=True)):
                raise UserError(
                    f"{path}: page {page.index + 1} has place for {place[0]} × {place[1]} px, but "
                    f"a part of it holds {size[0]} × {size[1]} px; save the file again"
                )


def stated_size(stream: bytes) -> tuple[int, int] | None:
    """Return rows and columns that a JPEG, JPEG 2000 or PNG states; None for other streams."""
    try:
        if stream.startswith(_PNG):
            columns, rows = struct.unpack_from(">2I", stream, 16)
            return rows, columns
        if stream.startswith(_JPEG):
            return _size_of_jpeg(stream)
        begin = stream.find(_JPEG_2000, 0, 1024)
        if begin >= 0:
            right, bottom, left, top = struct.unpack_from(">4I", stream, begin + 8)
            return bottom - top, right - left
    except struct.error:
        pass  # cut short, which its decoder says
    return None


def _size_of_jpeg(stream: bytes) -> tuple[int, int] | None:
    place = len(_JPEG)
    while True:
        mark, kind, length = struct.unpack_from(">2BH", stream, place)
        if mark != 0xFF:
            return None
        if 0xC0 <= kind <= 0xCF and kind not in _NOT_SIZES:
            rows, columns = struct.unpack_from(">2H", stream, place + 5)
            return rows, columns
        place += 2 + length if kind != 0xFF else 1


def _filled_up(length: int) -> int:
    return -(-length // _PADDED_TO) * _PADDED_TO
