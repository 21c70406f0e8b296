"""An open file of images, of which one is read at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files.limits import check_memory

_LONGEST_REASON = 120  # characters of another library's message

# Distance in nm between images, rows and columns; None where it is not known.
Voxel = tuple[float | None, float | None, float | None]
UNKNOWN: Voxel = (None, None, None)


@dataclass(frozen=True)
class ImageStack:
    """Images in a file or folder that is open for reading.

    What a file says about angles and scale is passed on as it stands there.

    Attributes
    ----------
    shape : (int, int, int)
        Images, rows, columns.
    dtype : dtype
    read : callable
        ``read(i)`` returns image i (rows, columns), of type `dtype`.
    tilt_deg : list of float, optional
        Tilt angles in the order of the images, where the file itself holds them.
    voxel_nm : (float, float, float)
        Distance between images, rows and columns, each None where the file does not hold it.
    names : list of str, optional
        The images' file names, where each has a file of its own.
    notes : tuple of str
        What a person must be told about how the file was read, in whole lines.
    acquisition : dict
        How the images were recorded, as in `catomo.files.acquisition`.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    read: Callable[[int], np.ndarray]
    tilt_deg: list[float] | None = None
    voxel_nm: Voxel = UNKNOWN
    names: list[str] | None = None
    notes: tuple[str, ...] = ()
    acquisition: dict[str, Any] = field(default_factory=dict)

    @property
    def pixel_size_nm(self) -> float | None:
        """Distance between columns."""
        return self.voxel_nm[2]


@contextmanager
def open_block(
    path: Path, start: int, shape: tuple[int, int, int], dtype: np.dtype
) -> Iterator[Callable[[int], np.ndarray]]:
    """Open uncompressed images that follow each other in a file without gaps.

    Parameters
    ----------
    path : Path
    start : int
        Byte at which the first image begins.
    shape : (int, int, int)
        Images, rows, columns.
    dtype : dtype
        With its byte order.

    Yields
    ------
    callable
        ``read(i)`` as in `ImageStack`.

    Raises
    ------
    UserError
        If the file is too short for its images, or one image does not fit into memory.
    """
    page = shape[1] * shape[2] * dtype.itemsize
    size, needed = path.stat().st_size, start + shape[0] * page
    if size < needed:
        raise UserError(
            f"{path}: is cut short: {size} bytes, but {shape[0]} images of {shape[1]} × {shape[2]} "
            f"px need {needed}; copy it again"
        )
    check_memory(path, page)
    with open(path, "rb") as file:

        def read(number: int) -> np.ndarray:
            file.seek(start + number * page)
            image = np.frombuffer(file.read(page), dtype).reshape(shape[1:])
            return image.astype(dtype.newbyteorder("="))

        yield read


def one_line(error: BaseException | str) -> str:
    """Return another library's message on one line, shortened to fit into ours."""
    return " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
