"""MRC files, with the angles and pixel sizes that FEI and SerialEM put into extended headers.

The format is that of Cheng et al. 2015 (J. Struct. Biol. 192, 146). FEI's files of 2003 lack its
stamp "MAP ", give 1 Å per pixel and hold the true pixel size in an extended header.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from catomo.errors import UserError
from catomo.files.acquisition import Acquisition, of_fei, of_fei_2003
from catomo.files.image_stack import ImageStack, Voxel, open_block
from catomo.files.limits import check_memory

SUFFIXES = (".mrc", ".st", ".ali", ".rec", ".mrcs", ".map", ".preali")

# How the first label of a file begins that catomo wrote, and whose scale it therefore knew.
MADE_HERE = "catomo: "

_HEADER = 1024
_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_NOT_GREY = {3: "complex", 4: "complex", 16: "colour", 101: "4-bit"}
_IN_ORDER = (1, 2, 3)


@dataclass(frozen=True)
class _Header:
    """The fields of the 1024 bytes at the beginning that are used here."""

    content: bytes
    order: Literal["<", ">"]

    def get(self, kind: str, place: int) -> tuple[Any, ...]:
        """Return values of a `struct` format at a byte."""
        return struct.unpack_from(self.order + kind, self.content, place)

    @property
    def size(self) -> tuple[int, int, int]:
        """Columns, rows and sections."""
        return self.get("3i", 0)

    @property
    def mode(self) -> int:
        return self.get("i", 12)[0]

    @property
    def start(self) -> int:
        """Byte at which the images begin."""
        return _HEADER + self.get("i", 92)[0]

    @property
    def axes(self) -> tuple[int, int, int]:
        """Which of x, y, z (1, 2, 3) runs along columns, rows and sections."""
        axes = self.get("3i", 64)
        return axes if sorted(axes) == [1, 2, 3] else _IN_ORDER  # old programs leave zeros

    def is_likely(self, file_bytes: int) -> bool:
        """Whether the numbers make sense in this byte order."""
        known = self.mode in _TYPES or self.mode in _NOT_GREY
        return (
            known
            and all(0 < n < 1 << 24 for n in self.size)
            and (_HEADER <= self.start <= file_bytes)
        )


@contextmanager
def open_mrc_stack(path: Path) -> Iterator[ImageStack]:
    """Open an MRC file (.mrc .st .ali .rec .map), however old.

    Raises
    ------
    UserError
        If it is no MRC file with grey images, or its size is not what its header says.
    """
    header = _read_header(path)
    columns, rows, sections = header.size
    dtype = _dtype(header)
    _check_size(path, header, dtype)
    with open(path, "rb") as file:
        file.seek(_HEADER)
        extended = file.read(min(header.start - _HEADER, 1 << 26))
    shape = sections, rows, columns
    tilt, pixel_size, acquisition = _extended(header, extended, sections)
    voxel = _voxel(header) if pixel_size is None else (None, pixel_size, pixel_size)
    with open_block(path, header.start, shape, dtype) as read:
        native = dtype.newbyteorder("=")
        if header.axes == _IN_ORDER:
            yield ImageStack(shape, native, read, tilt, voxel, acquisition=acquisition)
        else:
            volume = _in_order(path, header, dtype)
            note = f"{path}: its axes are stored in another order, and are put into that of x, y, z"
            sizes = volume.shape[0], volume.shape[1], volume.shape[2]
            angles = tilt if header.axes[2] == 3 else None
            yield ImageStack(
                sizes,
                native,
                volume.__getitem__,
                angles,
                voxel,
                notes=(note,),
                acquisition=acquisition,
            )


def _read_header(path: Path) -> _Header:
    """Read the header in the byte order in which it makes sense; its stamp may be wrong."""
    with open(path, "rb") as file:
        content = file.read(_HEADER)
    size = path.stat().st_size
    if size < _HEADER:
        raise UserError(f"{path}: is no MRC file ({size} bytes, its header needs {_HEADER})")
    headers = [_Header(content, "<"), _Header(content, ">")]
    if content[212] == 0x11:  # the stamp of big-endian files
        headers.reverse()
    for header in headers:
        if header.is_likely(size):
            break
    else:
        columns, rows, sections = headers[0].size
        raise UserError(
            f"{path}: is no MRC file (its header says mode {headers[0].mode}, {sections} images of "
            f"{rows} × {columns} px, an extended header of {headers[0].start - _HEADER} bytes)"
        )
    if header.mode in _NOT_GREY:
        kind = _NOT_GREY[header.mode]
        raise UserError(
            f"{path}: holds {kind} images (mode {header.mode}), expected grey images; save it with "
            f"one of the modes {', '.join(map(str, _TYPES))}"
        )
    return header


def _dtype(header: _Header) -> np.dtype:
    """Return the type of the values; modes 0 and 1 hold signed or unsigned numbers.

    IMOD's stamp has a flag for the bytes of mode 0. Else values that the header names, and
    that signed numbers cannot have, tell.
    """
    kind, (low, high) = _TYPES[header.mode], header.get("2f", 76)
    if header.mode == 0 and header.content[152:156] == b"IMOD":
        kind = "i1" if header.content[156 if header.order == "<" else 159] & 1 else "u1"
    elif header.mode in (0, 1) and low >= 0:
        most = 127 if header.mode == 0 else 32767
        if most < high <= 2 * most + 1:
            kind = kind.replace("i", "u")
    return np.dtype(kind).newbyteorder(header.order)


def _check_size(path: Path, header: _Header, dtype: np.dtype) -> None:
    """Check that no whole image lies behind those that the header counts."""
    columns, rows, sections = header.size
    image = columns * rows * dtype.itemsize
    held = (path.stat().st_size - header.start) // image
    if held > sections:
        raise UserError(
            f"{path}: its header says {sections} images of {rows} × {columns} px, but the file "
            f"holds bytes for {held}; mend the header, or save the file again"
        )


def _voxel(header: _Header) -> Voxel:
    """Return the distances of sections, rows and columns in nm.

    The header does not hold them as such. It holds the edges of the whole box of images in Å
    along x, y and z (three floats from byte 40), and into how many voxels each edge is divided
    (three whole numbers from byte 28). An edge of 4096 Å in 1024 voxels means 4 Å, or 0.4 nm.

    Two values stand for "not known": exactly 1 Å, which programs write when nobody told them
    the scale (catomo itself writes no scale that it does not know); and, between sections,
    a box that is one voxel high, because a stack of images has no third dimension.
    """
    edges_angstrom, voxels = header.get("3f", 40), header.get("3i", 28)
    sizes: list[float | None] = []
    for edge, count in zip(edges_angstrom, voxels, strict=True):
        size = edge / count / 10 if count > 0 else 0.0
        sizes.append(size if math.isfinite(size) and size > 0 else None)
    x, y, z = sizes
    is_known = header.content[224:].startswith(MADE_HERE.encode())
    if ((x, y) == (0.1, 0.1) and not is_known) or not (x and y):
        return None, None, None
    is_stack = voxels[2] <= 1 or (z == 0.1 and not is_known)
    return (None if is_stack else z), y, x


def _in_order(path: Path, header: _Header, dtype: np.dtype) -> np.ndarray:
    """Return the whole volume (z, y, x), of which sections are stored along another axis."""
    columns, rows, sections = header.size
    check_memory(path, 2 * columns * rows * sections * dtype.itemsize)
    stored = np.fromfile(path, dtype, columns * rows * sections, offset=header.start)
    stored = stored.reshape(sections, rows, columns)
    along = dict(zip(header.axes, (2, 1, 0), strict=True))
    volume = stored.transpose(along[3], along[2], along[1])
    return np.ascontiguousarray(volume, dtype.newbyteorder("="))


def _extended(
    header: _Header, extended: bytes, images: int
) -> tuple[list[float] | None, float | None, Acquisition]:
    """Return angles (deg), pixel size (nm) and more from an extended header of FEI or SerialEM."""
    order = header.order
    kind = header.content[104:108].rstrip(b"\0 ")
    acquisition: Acquisition = {}
    if kind in (b"FEI1", b"FEI2"):
        # A record per image: int32 size, then from byte 100 doubles (mrcfile's FEI1 layout).
        size = struct.unpack_from(f"{order}i", extended)[0] if len(extended) > 3 else 0
        if size < 172 or len(extended) < size * images:
            return None, None, {}
        records = [extended[i * size : (i + 1) * size] for i in range(images)]
        tilt = [struct.unpack_from(f"{order}d", record, 100)[0] for record in records]
        metres = struct.unpack_from(f"{order}d", records[0], 156)[0]
        acquisition = of_fei(records[0], kind, order)
    elif kind == b"SERI":
        nint, flags = header.get("2h", 128)
        if not flags & 1 or nint < 2 or len(extended) < nint * images:
            return None, None, {}
        tilt = [struct.unpack_from(f"{order}h", extended, i * nint)[0] / 100 for i in range(images)]
        metres = 0.0
    elif not kind and len(extended) == 1024 * 128 and images <= 1024:
        # FEI 2003: 1024 records of 32 floats, zeros after the last image.
        table = np.frombuffer(extended, f"{order}f4").reshape(1024, 32)[:images].astype(float)
        tilt, metres = table[:, 0].tolist(), float(table[0, 11])
        acquisition = of_fei_2003(table[0])
    else:
        return None, None, {}
    known = np.all(np.isfinite(tilt)) and (images == 1 or np.ptp(tilt) > 0)
    pixel_size = metres * 1e9 if 0 < metres < 1e-5 else None
    return (tilt if known else None), pixel_size, acquisition
