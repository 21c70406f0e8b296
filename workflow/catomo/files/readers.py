"""The door for images of every kind: tilt series, slices, labels, volumes from elsewhere.

The format is recognised by content. One image is read at a time, so memory does not grow with
the file, but for a few formats that store images in another order. Which of several angles or
pixel sizes to believe is decided by the stages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files import hdf5, matlab, mrc, npy, png, rosettasciio, tiff, zarr
from catomo.files.child import open_in_child
from catomo.files.folders import TIFF, exists, is_zarr, split_member
from catomo.files.image_folder import open_image_folder
from catomo.files.image_stack import ImageStack, one_line
from catomo.files.limits import check_is_file
from catomo.files.resample import as_cubes

_PACKED = {
    b"\x1f\x8b\x08": "gzip",
    b"BZh": "bzip2",
    b"PK\3\4": "zip",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7-zip",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_SUFFIXES = (*mrc.SUFFIXES, *rosettasciio.SUFFIXES, *hdf5.SUFFIXES, *TIFF)


@contextmanager
def open_images(path: Path | str, as_stored: bool = False) -> Iterator[ImageStack]:
    """Open grey images: a stack in one file, or a folder of single images in name order.

    Parameters
    ----------
    path : path
        TIFF, MRC (.mrc .st .ali .rec .map), .npy, .mat or PNG; with the extra packages of
        ``catomo[formats]`` also DigitalMicrograph, TIA, Velox, Bruker, HyperSpy and HDF5 files;
        a folder of such, or that of a Zarr array or OME-Zarr image. An array of a file that
        holds several is named after a colon: ``volume.h5:/path/in/file``.
    as_stored : bool
        Return the numbers that are stored, as labels need them. Else greys are returned as
        they are seen, which is the opposite in TIFF files whose 0 is white.

    Yields
    ------
    ImageStack

    Raises
    ------
    UserError
        If nothing is there, the format is unknown or the file is damaged.
    """
    file, member = split_member(path)
    if not exists(file):
        raise UserError(f"{file}: no such file or folder; give a file or a folder of images")
    with ExitStack() as opened:
        try:
            stack = opened.enter_context(_open(file, member, as_stored))
        except UserError:
            raise
        except Exception as error:  # a damaged file can break a reader in any way
            raise UserError(
                f"{file}: is not readable ({one_line(error)}); copy it or save it again"
            ) from None
        if min(stack.shape) < 1:
            raise UserError(f"{file}: holds no image")
        yield replace(stack, read=_guarded(file, stack))


@contextmanager
def open_series(path: Path | str, resample: bool = False) -> Iterator[ImageStack]:
    """Open a tilt series, whose images are read as float32; see `open_images`.

    Parameters
    ----------
    path : path
    resample : bool
        Whether to resample pixels that are not square to the smaller of their two sizes.
    """
    with open_images(path) as stack:
        if resample:
            stack = as_cubes(stack, along_images=False)

        def read(number: int) -> np.ndarray:
            return stack.read(number).astype(np.float32)

        yield replace(stack, dtype=np.dtype(np.float32), read=read)


def _guarded(file: Path, stack: ImageStack) -> Callable[[int], np.ndarray]:
    """Return a stack's function `read`, whose errors are one line."""

    def read(number: int) -> np.ndarray:
        try:
            return stack.read(number)
        except UserError:
            raise
        except Exception as error:  # as above
            raise UserError(
                f"{file}: image {number + 1} is not readable ({one_line(error)}); copy it again"
            ) from None

    return read


def _open(path: Path, member: str, as_stored: bool) -> AbstractContextManager[ImageStack]:
    if is_zarr(path) and path.suffix.lower() == ".zspy":
        return _open_extra("rosettasciio", path, member)
    if is_zarr(path):
        return zarr.open_zarr(path)
    if path.is_dir():
        return open_image_folder(
            path, is_image, lambda file: _open_file(file, "", as_stored, in_folder=True)
        )
    return _open_file(path, member, as_stored)


def is_image(path: Path) -> bool:
    """Return whether a file of a folder is of a known format, by its content or its name."""
    with open(path, "rb") as file:
        head = file.read(1024)
    return path.suffix.lower() in (*_SUFFIXES, png.SUFFIX) or _knows(head)


def _knows(head: bytes) -> bool:
    return (
        head[:4] in tiff.FIRST_BYTES
        or head[208:211] == b"MAP"
        or head.startswith((png.FIRST_BYTES, npy.FIRST_BYTES, matlab.FIRST_BYTES))
        or hdf5.is_hdf5(head)
    )


def _open_file(
    path: Path, member: str, as_stored: bool, in_folder: bool = False
) -> AbstractContextManager[ImageStack]:
    """Open a file by its first bytes; by its name only where those do not tell the format."""
    check_is_file(path)
    with open(path, "rb") as file:
        head = file.read(1024)
    suffix = path.suffix.lower()
    has_members = hdf5.is_hdf5(head) or head.startswith(matlab.FIRST_BYTES)
    if member and not has_members and suffix not in rosettasciio.SUFFIXES:
        raise UserError(f"{path}: has no parts with names; leave ':{member}' out")
    if head[:4] in tiff.FIRST_BYTES:
        return tiff.open_tiff_stack(path, as_stored, in_folder)
    if head.startswith(npy.FIRST_BYTES):
        return npy.open_npy_stack(path)
    if head.startswith(png.FIRST_BYTES):
        return png.open_png(path)
    if hdf5.is_hdf5(head) and suffix not in rosettasciio.SUFFIXES:
        return _open_extra("hdf5", path, member)
    if head.startswith(matlab.FIRST_BYTES):
        return open_in_child("matlab", path, member)
    for start, name in _PACKED.items():
        if head.startswith(start):
            raise UserError(f"{path}: is packed by {name}; unpack it first")
    if suffix in TIFF:
        raise UserError(
            f"{path}: not readable as TIFF (it begins with {head[:4]!r}); copy it or save it again"
        )
    if head[208:211] == b"MAP" or suffix in mrc.SUFFIXES:
        return mrc.open_mrc_stack(path)
    if suffix in rosettasciio.SUFFIXES:
        return _open_extra("rosettasciio", path, member)
    raise UserError(
        f"{path}: format is not known; known are TIFF, MRC ({' '.join(mrc.SUFFIXES)}), PNG, .npy, "
        f".mat, HDF5, Zarr and {' '.join(rosettasciio.SUFFIXES)}"
    )


def _open_extra(reader: str, path: Path, member: str) -> AbstractContextManager[ImageStack]:
    """Open a file for which packages are needed that catomo does not always come with."""
    package = {"rosettasciio": "rsciio", "hdf5": "h5py"}[reader]
    if find_spec(package) is None:
        raise UserError(f"{path}: reading it needs more packages: pip install 'catomo[formats]'")
    return open_in_child(reader, path, member)
