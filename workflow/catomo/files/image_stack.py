"""An open file of images, of which one is read at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError

_LONGEST_REASON = 120  # characters of another library's message


@dataclass(frozen=True)
class ImageStack:
    """Images in a file or folder that is open for reading.

    What a file says about angles and pixel size is passed on as it stands there.

    Attributes
    ----------
    shape : (int, int, int)
        Images, rows, columns.
    read : callable
        ``read(i)`` returns image i as float32 (rows, columns).
    tilt_deg : list of float, optional
        Tilt angles in the order of the images, where the file itself holds them.
    pixel_size_nm : float, optional
        Pixel size, where the file itself holds one.
    names : list of str, optional
        The images' file names, where each has a file of its own.
    acquisition : dict
        How the images were recorded, as in `catomo.files.acquisition`.
    """

    shape: tuple[int, int, int]
    read: Callable[[int], np.ndarray]
    tilt_deg: list[float] | None = None
    pixel_size_nm: float | None = None
    names: list[str] | None = None
    acquisition: dict[str, Any] = field(default_factory=dict)


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
        If the file is too short for its images.
    """
    page = shape[1] * shape[2] * dtype.itemsize
    size, needed = path.stat().st_size, start + shape[0] * page
    if size < needed:
        raise UserError(
            f"{path}: is cut short: {size} bytes, but {shape[0]} images of {shape[1]} × {shape[2]} "
            f"px need {needed}; copy it again"
        )
    with open(path, "rb") as file:

        def read(number: int) -> np.ndarray:
            file.seek(start + number * page)
            image = np.frombuffer(file.read(page), dtype).reshape(shape[1:])
            return image.astype(np.float32)

        yield read


def one_line(error: BaseException | str) -> str:
    """Return another library's message on one line, shortened to fit into ours."""
    return " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
