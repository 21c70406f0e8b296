"""MRC files, with the angles and pixel sizes that FEI and SerialEM put into extended headers.

The format is that of Cheng et al. 2015 (J. Struct. Biol. 192, 146). FEI's files of 2003 lack its
stamp "MAP ", give 1 Å per pixel and hold the true pixel size in an extended header.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.acquisition import Acquisition, of_fei, of_fei_2003
from catomo.files.image_stack import ImageStack, one_line, open_block

SUFFIXES = (".mrc", ".st", ".ali", ".rec", ".mrcs")

_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


@dataclass(frozen=True)
class MrcHeader:
    """Where the images of an MRC file lie, and what is known about them.

    Attributes
    ----------
    shape : (int, int, int)
        Images, rows, columns.
    dtype : dtype
    start : int
        Byte at which the first image begins.
    tilt_deg : list of float, optional
        Tilt angles in the order of the images.
    pixel_size_nm : float, optional
    acquisition : dict
        As in `catomo.files.acquisition`.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    start: int
    tilt_deg: list[float] | None
    pixel_size_nm: float | None
    acquisition: Acquisition


@contextmanager
def open_mrc_stack(path: Path) -> Iterator[ImageStack]:
    """Open an MRC file (.mrc .st .ali .rec), however old.

    Raises
    ------
    UserError
        If it is no MRC file with grey images, its pixels are not square, or it is cut short.
    """
    header = read_mrc_header(path)
    with open_block(path, header.start, header.shape, header.dtype) as read:
        yield ImageStack(
            header.shape,
            read,
            header.tilt_deg,
            header.pixel_size_nm,
            acquisition=header.acquisition,
        )


def read_mrc_header(path: Path | str) -> MrcHeader:
    """Read the header of an MRC file (.mrc .st .ali .rec), however old.

    Raises
    ------
    UserError
        If it is no MRC file with grey images, or its pixels are not square.
    """
    import mrcfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mrc = mrcfile.open(path, permissive=True, header_only=True)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: is no MRC file ({one_line(error)})") from None
    header = mrc.header
    extended = b"" if mrc.extended_header is None else mrc.extended_header.tobytes()
    shape = int(header.nz), int(header.ny), int(header.nx)
    mode = int(header.mode)
    if mode not in _TYPES or min(shape) < 0:
        raise UserError(f"{path}: is no MRC file with grey images (mode {mode}, shape {shape})")
    dtype = np.dtype(_TYPES[mode]).newbyteorder(header.nx.dtype.byteorder)
    if (
        mode == 0 and header.extra2.tobytes()[40:44] == b"IMOD"
    ):  # a flag tells whether its bytes are signed
        dtype = np.dtype("i1" if header.extra2.tobytes()[44] & 1 else "u1")
    tilt, pixel_size, acquisition = _extended(header, extended, shape[0])
    if pixel_size is None:
        pixel_size = _pixel_size(path, header)
    return MrcHeader(shape, dtype, 1024 + int(header.nsymbt), tilt, pixel_size, acquisition)


def _pixel_size(path: Path | str, header: np.recarray) -> float | None:
    """Return the pixel size in nm; exactly 1 Å means that the writer did not know it."""
    sizes = []
    for axis in ("x", "y"):
        cells = int(header[f"m{axis}"])
        sizes.append(float(header.cella[axis]) / cells / 10 if cells > 0 else 0.0)
    if min(sizes) <= 0 or sizes == [0.1, 0.1]:
        return None
    if abs(sizes[0] / sizes[1] - 1) > 0.01:
        raise UserError(f"{path}: pixels are not square ({sizes[0]:g} × {sizes[1]:g} nm)")
    return sizes[0]


def _extended(
    header: np.recarray, extended: bytes, images: int
) -> tuple[list[float] | None, float | None, Acquisition]:
    """Return angles (deg), pixel size (nm) and more from an extended header of FEI or SerialEM."""
    order = header.nx.dtype.byteorder
    kind = bytes(header.exttyp).rstrip(b"\0 ")
    acquisition: Acquisition = {}
    if kind in (b"FEI1", b"FEI2"):
        # A record per image: int32 size, then from byte 100 doubles (mrcfile's FEI1 layout).
        size = struct.unpack_from(f"{order}i", extended)[0] if extended else 0
        if size < 172 or len(extended) < size * images:
            return None, None, {}
        records = [extended[i * size : (i + 1) * size] for i in range(images)]
        tilt = [struct.unpack_from(f"{order}d", record, 100)[0] for record in records]
        metres = struct.unpack_from(f"{order}d", records[0], 156)[0]
        acquisition = of_fei(records[0], kind, order)
    elif kind == b"SERI":
        nint, flags = struct.unpack_from(f"{order}2h", header.extra2.tobytes(), 16)
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
