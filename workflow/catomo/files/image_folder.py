"""A folder of single images, opened as one stack in the order of the numbers in their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.acquisition import in_common
from catomo.files.angles import ANGLE_SUFFIXES
from catomo.files.folders import files_in
from catomo.files.image_stack import ImageStack

_NOT_IMAGES = (*ANGLE_SUFFIXES, ".txt", ".json", ".csv", ".xml", ".log", ".md")


@contextmanager
def open_image_folder(
    path: Path, open_file: Callable[[Path], AbstractContextManager[ImageStack]]
) -> Iterator[ImageStack]:
    """Open a folder of single images, which must agree in shape and pixel size.

    Parameters
    ----------
    path : Path
    open_file : callable
        Opens one file of the folder.

    Raises
    ------
    UserError
        If there is no image, or one differs from the others.
    """
    files = [
        file for file in files_in(path) if file.is_file() and file.suffix.lower() not in _NOT_IMAGES
    ]
    if not files:
        raise UserError(f"{path}: folder holds no image")
    headers, acquisitions = [], []
    for file in files:
        with open_file(file) as image:
            headers.append((image.shape, image.tilt_deg, image.pixel_size_nm))
            acquisitions.append(image.acquisition)
    first = headers[0]
    for file, (shape, _, pixel_size) in zip(files, headers, strict=True):
        if shape[0] != 1:
            raise UserError(f"{file}: holds {shape[0]} images; a folder takes one per file")
        if shape != first[0] or pixel_size != first[2]:
            raise UserError(
                f"{file}: found {shape[1]} × {shape[2]} px of {pixel_size} nm, but {files[0].name}"
                f" has {first[0][1]} × {first[0][2]} px of {first[2]} nm; all must be alike"
            )

    def read(number: int) -> np.ndarray:
        with open_file(files[number]) as image:
            return image.read(0)

    tilts = [tilt[0] for _, tilt, _ in headers if tilt is not None]
    tilt_deg = tilts if len(tilts) == len(headers) else None
    yield ImageStack(
        (len(files), *first[0][1:]),
        read,
        tilt_deg,
        first[2],
        names=[file.name for file in files],
        acquisition=in_common(acquisitions),
    )
