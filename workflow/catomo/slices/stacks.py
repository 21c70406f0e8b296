"""Slices that were reconstructed elsewhere: any file or folder of images, checked for scale."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo.files.image_stack import ImageStack
from catomo.files.readers import open_images
from catomo.files.scale import Scale, to_scale
from catomo.labels.files import Expected
from catomo.slices.settings import Slices


@dataclass(frozen=True)
class Stack:
    """A stack of slices in files; only its names, shape and dtype are read in advance.

    Attributes
    ----------
    names : list of str
        Names of the slices.
    shape : (int, int, int)
        Shape (n, z, x).
    dtype : dtype
    contiguous : bool
        Whether neighbours in the list are neighbours in a specimen, which is not known of
        single images.
    read : callable
        ``read(i)`` returns slice i (z, x).
    notes : tuple of str
        What a person must be told about how the files were read.
    """

    names: list[str]
    shape: tuple[int, int, int]
    dtype: np.dtype
    contiguous: bool
    read: Callable[[int], np.ndarray]
    notes: tuple[str, ...] = ()


def inspect_stack(
    path: Path | str, pixel_size_nm: float | None = None, settings: Slices | None = None
) -> Stack:
    """Return what a file or folder of slices holds; see `catomo.files.readers.open_images`.

    Parameters
    ----------
    path : path
    pixel_size_nm : float, optional
        The given pixel size, with which that of the files is compared.
    settings : Slices, optional
        Whether the given size wins over that of the files, and voxels are resampled to it.

    Raises
    ------
    UserError
        If there is no image, images differ, a file cannot be read, or the files contradict the
        given pixel size or have voxels that are not cubes.
    """
    opened = ExitStack()
    images = opened.enter_context(open_images(path))
    if pixel_size_nm is not None:
        images = _to_scale(Path(path), images, pixel_size_nm, settings or Slices())

    def read(index: int, _files: ExitStack = opened) -> np.ndarray:
        return images.read(index)  # the files stay open as long as somebody holds this function

    names = numbered(images.shape[0])
    if images.names is not None:
        names = [Path(name).stem for name in images.names]
    return Stack(
        names,
        images.shape,
        images.dtype,
        images.names is None,
        read,
        images.notes,
    )


def expected_of(stack: Stack, pixel_size_nm: float) -> Expected:
    """Return what labels must fit, before the stack is exported.

    The exported grey values are known in advance only of 8-bit images, which are kept.
    """

    def read(index: int) -> np.ndarray | None:
        return stack.read(index) if stack.dtype == np.uint8 else None

    return Expected(stack.names, stack.shape, pixel_size_nm, read)


def numbered(count: int) -> list[str]:
    """Return the names of slices that have none of their own."""
    return [f"slice_{index:04d}" for index in range(count)]


def _to_scale(path: Path, images: ImageStack, given: float, settings: Slices) -> ImageStack:
    """Return the images at the given pixel size, after comparing it with what the files say."""
    words = ("'pixel_size_nm'", "slices.trust_given: true", "slices.resample: true")
    scale = Scale(given, settings.trust_given, settings.resample, words)
    return to_scale(path, images, scale)[0]
