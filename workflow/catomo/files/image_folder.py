"""A folder of single images, opened as one stack in the order of the numbers in their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files import mrc, png
from catomo.files.acquisition import Acquisition, in_common
from catomo.files.angles import ANGLE_SUFFIXES
from catomo.files.folders import TIFF, files_in
from catomo.files.image_stack import ImageStack, Voxel
from catomo.files.pixel_size import is_same_size

_NOT_IMAGES = (*ANGLE_SUFFIXES, ".txt", ".json", ".csv", ".xml", ".log", ".md", ".tsv", ".ini")
_SAME_SIZE = 0.01


@contextmanager
def open_image_folder(
    path: Path,
    is_image: Callable[[Path], bool],
    open_file: Callable[[Path], AbstractContextManager[ImageStack]],
) -> Iterator[ImageStack]:
    """Open a folder of single images, which must agree in shape, type and pixel size.

    Parameters
    ----------
    path : Path
    is_image : callable
        Says whether a file is of a format that `open_file` knows.
    open_file : callable
        Opens one file of the folder.

    Raises
    ------
    UserError
        If there is no image, or one differs from the others.
    """
    files, notes = _images_in(path, is_image)
    tilts: list[float] = []
    acquisitions: list[Acquisition] = []
    for file in files:
        with open_file(file) as image:
            if image.shape[0] != 1:
                raise UserError(f"{file}: holds {image.shape[0]} images, expected one per file")
            if file == files[0]:
                first = image
            if (image.shape, image.dtype) != (first.shape, first.dtype) or not _same_scale(
                image.voxel_nm, first.voxel_nm
            ):
                raise UserError(
                    f"{file}: is {_words(image)}, but {files[0].name} is {_words(first)}; all "
                    "must be alike"
                )
            tilts += (image.tilt_deg or [])[:1]
            acquisitions.append(image.acquisition)
            if file == files[0]:
                notes += image.notes

    def read(number: int) -> np.ndarray:
        with open_file(files[number]) as image:
            return image.read(0)

    yield ImageStack(
        (len(files), *first.shape[1:]),
        first.dtype,
        read,
        tilts if len(tilts) == len(files) else None,
        (None, *first.voxel_nm[1:]),
        [file.name for file in files],
        notes,
        in_common(acquisitions),
    )


def _images_in(path: Path, is_image: Callable[[Path], bool]) -> tuple[list[Path], tuple[str, ...]]:
    """Return the images of a folder in order, and what to tell about other files in it."""
    inside = [
        file for file in files_in(path) if file.is_file() and file.suffix.lower() not in _NOT_IMAGES
    ]
    files = [file for file in inside if is_image(file)]
    for kind in ((*TIFF,), mrc.SUFFIXES):
        # Pictures (PNG) of the images are common beside them, and so is a volume of all.
        of_kind = [file for file in files if file.suffix.lower() in kind]
        others = [file for file in files if file not in of_kind]
        if of_kind and (len(others) == 1 or all(o.suffix.lower() == png.SUFFIX for o in others)):
            files = of_kind
    if not files:
        raise UserError(f"{path}: folder holds no image; put the images there")
    kinds = sorted({_kind(file) for file in files})
    if len(kinds) > 1:
        raise UserError(
            f"{path}: holds images of several kinds ({' '.join(kinds)}); keep those that are meant "
            "in a folder of their own"
        )
    stems: dict[str, Path] = {}
    for file in files:
        if file.stem in stems:
            raise UserError(
                f"{path}: {stems[file.stem].name} and {file.name} have one name; rename one"
            )
        stems[file.stem] = file
    left = [file.name for file in inside if file not in files]
    more = f" and {len(left) - 3} more" if left[3:] else ""
    notes = (f"{path}: not read as images: {', '.join(left[:3])}{more}",) if left else ()
    return files, notes


def _kind(file: Path) -> str:
    """Return the suffix of a file, or one that stands for several."""
    suffix = file.suffix.lower()
    return TIFF[0] if suffix in TIFF else mrc.SUFFIXES[0] if suffix in mrc.SUFFIXES else suffix


def _same_scale(one: Voxel, other: Voxel) -> bool:
    """Return whether rows and columns have the same distances, or both have none."""
    return all(
        a == b or (a is not None and b is not None and is_same_size(a, b, _SAME_SIZE))
        for a, b in zip(one[1:], other[1:], strict=True)
    )


def _words(image: ImageStack) -> str:
    size = f" of {image.pixel_size_nm:g} nm" if image.pixel_size_nm else ""
    return f"{image.shape[1]} × {image.shape[2]} px{size} {image.dtype}"
