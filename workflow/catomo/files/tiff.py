"""TIFF files of any program, read page by page with one-line errors.

Pages that differ only in how they are stored (compression, strips or tiles) are images of one
stack. catomo's own TIFF files, whose layout is known, are read by `catomo.files.store`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catomo.errors import UserError
from catomo.files.image_stack import ImageStack, one_line, open_block
from catomo.files.limits import check_compression, check_memory
from catomo.files.ome import OmeImages, read_ome
from catomo.files.pixel_size import tiff_voxel_nm
from catomo.files.tiff_pages import alike, bytes_of, check_grey, check_page, check_stack_of
from catomo.files.tiff_streams import check_streams

if TYPE_CHECKING:
    import tifffile

FIRST_BYTES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF, in both byte orders


@contextmanager
def open_tiff_stack(
    path: Path, as_stored: bool = False, in_folder: bool = False
) -> Iterator[ImageStack]:
    """Open the grey images of a TIFF, of any compression.

    Parameters
    ----------
    path : Path
    as_stored : bool
        Return the numbers that are stored, as labels need them. Else greys are returned as
        they are seen: where the file says that 0 is white, they are inverted.
    in_folder : bool
        Whether the file is one of a folder's: then a set of OME files is read file by file.

    Raises
    ------
    UserError
        If the file is damaged, or holds no image, images in colour or of several kinds.
    """
    with open_tiff(path) as tiff:
        ome = read_ome(tiff.ome_metadata or "", path) if tiff.is_ome else None
        if ome and ome.planes and not in_folder:
            with _open_set(path, ome, as_stored) as stack:
                yield stack
            return
        kept, notes = alike(path, list(tiff.pages))
        check_grey(path, kept[0])
        voxel = tiff_voxel_nm(tiff)
        if len(kept) == 1 and not (ome and ome.planes):
            block = _block(path, tiff, kept[0])
        else:
            block = None
            check_stack_of(path, tiff, ome, len(kept))
        read, shape, dtype = _reader(path, kept), (len(kept), *_size(kept[0])), kept[0].dtype
        with ExitStack() as stack_of:
            if block:
                start, shape = block
                stored = dtype.newbyteorder(tiff.byteorder)
                read = stack_of.enter_context(open_block(path, start, shape, stored))
            native = np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")
            images = ImageStack(shape, native, read, None, voxel, notes=notes)
            if kept[0].photometric == 0 and not as_stored:
                images = _as_seen(path, images, kept[0].bitspersample)
            yield images


def open_tiff(path: Path | str) -> tifffile.TiffFile:
    """Open a TIFF file, of which all pages are there; use it in a ``with`` statement.

    Raises
    ------
    UserError
        If the file cannot be read as TIFF, is damaged, cut short or holds no page.
    """
    import tifffile

    path = Path(path)
    with _errors_logged_by("tifffile") as errors:
        try:
            tiff = tifffile.TiffFile(path)
        except Exception as error:  # a damaged file can break the parser in any way
            raise UserError(
                f"{path}: not readable as TIFF ({one_line(error)}); copy it or save it again"
            ) from None
        try:
            _parse(path, tiff)
            if errors:  # tifffile goes on with the images before the damage
                raise UserError(
                    f"{path}: is damaged or cut short; copy it again ({one_line(errors[0])})"
                )
        except UserError:
            tiff.close()
            raise
        except Exception as error:
            tiff.close()
            raise UserError(
                f"{path}: is damaged or cut short; copy it again ({one_line(error)})"
            ) from None
    return tiff


def _parse(path: Path, tiff: tifffile.TiffFile) -> None:
    """Parse the tags and metadata of all pages, so that no error in them comes later."""
    if not len(tiff.pages):
        raise UserError(f"{path}: holds no image")
    tiff.pages.cache = True  # else each look at a page parses it again
    for number, page in enumerate(tiff.pages, start=1):
        check_page(path, number, page)
    _ = (tiff.ome_metadata, tiff.imagej_metadata, tiff.shaped_metadata)
    unpacked = [bytes_of(page) for page in tiff.pages]
    check_compression(path, sum(unpacked))
    check_memory(path, max(unpacked))


def _size(page: tifffile.TiffPage) -> tuple[int, int]:
    return int(page.imagelength), int(page.imagewidth)


def _reader(path: Path, pages: list[tifffile.TiffPage]) -> Callable[[int], np.ndarray]:
    """Return the function that decodes one page."""
    shape = _size(pages[0])

    def read(number: int) -> np.ndarray:
        page = pages[number]
        check_streams(path, page)
        try:
            image = page.asarray().reshape(shape)
        except Exception as error:  # a damaged image can break the decoder in any way
            raise UserError(
                f"{path}: image {page.index + 1} is not readable ({one_line(error)}); copy the "
                "file or save it again"
            ) from None
        return image.astype(np.uint8) if image.dtype.kind == "b" else image

    return read


def _block(
    path: Path, tiff: tifffile.TiffFile, page: tifffile.TiffPage
) -> tuple[int, tuple[int, int, int]] | None:
    """Return start and shape of many images that one page stands for, without gaps.

    ImageJ writes stacks of more than 4 GB so, and MetaMorph all of them.
    """
    count = 1
    if tiff.is_imagej:
        count = int((tiff.imagej_metadata or {}).get("images", 1))
    else:
        try:
            count = int(np.prod(tiff.series[0].shape)) // (page.imagelength * page.imagewidth)
        except Exception:  # what the page itself says is enough
            return None
    if count <= 1:
        return None
    if page.dataoffsets and page.is_contiguous:
        check_stack_of(path, tiff, None, count)
        return int(page.dataoffsets[0]), (count, *_size(page))
    raise UserError(
        f"{path}: its metadata says {count} images, but it holds one; copy or save it again"
    )


def _as_seen(path: Path, images: ImageStack, bits: int) -> ImageStack:
    """Return images of which 0 is white with the greys that a viewer shows."""
    stored = images.read

    def read(number: int) -> np.ndarray:
        image = stored(number)
        if image.dtype.kind == "u":
            return np.array((1 << bits) - 1, image.dtype) - image
        return ~image if image.dtype.kind == "i" else -image

    note = f"{path}: 0 is white in it (WhiteIsZero), so greys are inverted to what is seen"
    return replace(images, read=read, notes=(*images.notes, note))


@contextmanager
def _open_set(path: Path, ome: OmeImages, as_stored: bool) -> Iterator[ImageStack]:
    """Open all images of a set of OME files, each of which describes the whole set."""
    places = ome.files(path)
    if sum(n > 1 for n in ome.sizes.values()) > 1 or ome.images > 1:
        raise UserError(f"{path}: found axes {ome.sizes}, expected one series of grey images")
    with ExitStack() as opened:
        stacks: dict[Path, ImageStack] = {}
        for file, page in places:
            if file not in stacks:
                stacks[file] = opened.enter_context(open_tiff_stack(file, as_stored, True))
            found, first = stacks[file], stacks[places[0][0]]
            if page >= found.shape[0]:
                raise UserError(f"{file}: holds {found.shape[0]} images, its set needs {page + 1}")
            if (found.shape[1:], found.dtype) != (first.shape[1:], first.dtype):
                raise UserError(f"{file}: differs from {places[0][0].name} in size or type")

        def read(number: int) -> np.ndarray:
            file, page = places[number]
            return stacks[file].read(page)

        yield replace(first, shape=(len(places), *first.shape[1:]), read=read)


@contextmanager
def _errors_logged_by(name: str) -> Iterator[list[str]]:
    """Collect the errors that a library logs instead of raising, and keep its log silent."""
    errors: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            errors.append(record.getMessage())

    handler, logger = Collector(logging.ERROR), logging.getLogger(name)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield errors
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
