"""Label files of any program, read as values: TIFF and PNG, with a palette, alpha or grey as RGB.

Only what an image holds is read here; what its values mean is in `catomo.labels.values`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.folders import TIFF
from catomo.files.image_stack import one_line
from catomo.files.limits import check_compression, check_memory
from catomo.files.readers import open_images
from catomo.files.tiff import open_tiff
from catomo.files.tiff_streams import check_streams

_PNG = b"\x89PNG\r\n\x1a\n"  # the first bytes of the file
_GREY, _PALETTE = 0, 3  # the colour types of PNG
_SAMPLES = {2: 3, 4: 2, 6: 4}  # values per pixel of colour types that have more than one
_MOST_CLASSES = 16
_COLOURS_NAMED = 4


def label_pages(path: Path) -> Iterator[np.ndarray]:
    """Yield the images (rows, columns) of a label file one by one, as the values it stores.

    The value of a pixel with a palette is its index: Fiji, napari and ilastik use the palette
    to show classes in colours. Colours are only read if they are greys throughout.

    Raises
    ------
    UserError
        If the file is damaged or neither TIFF nor PNG, or its pixels are colours.
    """
    if is_png(path):
        images: Iterable[np.ndarray] = [_png_image(path)]
    elif path.suffix.lower() in TIFF:
        images = _tiff_images(path)
    else:
        images = _images_of_others(path)
    for image in images:
        if image.ndim not in (2, 3) or not image.size or image.dtype.kind not in "biuf":
            raise UserError(
                f"{path}: holds an image of the shape {image.shape} and the type {image.dtype}, "
                "expected whole numbers (rows, columns); save it again"
            )
        yield image if image.ndim == 2 else _grey(image, path)


def is_png(path: Path) -> bool:
    """Return whether a file is a PNG; its first bytes decide, not its name."""
    if not path.exists():
        return False  # the name of an array inside a file
    try:
        with open(path, "rb") as file:
            return file.read(len(_PNG)) == _PNG
    except OSError as error:
        raise UserError(f"{path}: is not readable ({error.strerror})") from None


def _tiff_images(path: Path) -> Iterator[np.ndarray]:
    """Yield images (rows, columns) or (rows, columns, samples), of pages or of one block."""
    with open_tiff(path) as tiff:
        try:
            if len(tiff.pages) == 1 and tiff.pages[0].samplesperpixel == 1:
                check_streams(path, tiff.pages[0])
                _check_size(path, tiff.series[0].size * tiff.series[0].dtype.itemsize)
                block = tiff.series[0].asarray()
                yield from block.reshape(-1, *block.shape[-2:])
                return
            for page in tiff.pages:
                check_streams(path, page)
                image = page.asarray()
                yield np.moveaxis(image, 0, -1) if page.axes.startswith("S") else image
        except UserError:
            raise
        except Exception as error:  # a damaged image can break the decoder in any way
            raise UserError(
                f"{path}: is damaged ({one_line(error)}); copy it or save it again"
            ) from None


def _images_of_others(path: Path) -> Iterator[np.ndarray]:
    """Yield the images of a stack of any other format that `catomo.files` reads."""
    with open_images(path, as_stored=True) as images:
        for number in range(images.shape[0]):
            yield images.read(number)


def _png_image(path: Path) -> np.ndarray:
    """Return the image (rows, columns) or (rows, columns, samples) of a PNG."""
    import imagecodecs

    try:
        chunks = _png_chunks(path.read_bytes())
        header = dict(chunks)[b"IHDR"]
        depth, colour = header[8], header[9]
        palette = np.frombuffer(dict(chunks).get(b"PLTE", b""), np.uint8).reshape(-1, 3)
        if colour == _PALETTE:  # a grey image with the same bytes has the indices as values
            header = header[:9] + bytes([_GREY]) + header[10:]
            rest = [(kind, data) for kind, data in chunks[1:] if kind in (b"IDAT", b"IEND")]
            chunks = [(b"IHDR", header), *rest]
        columns, rows = struct.unpack_from(">2I", header)
        _check_size(path, columns * rows * max(depth // 8, 1) * _SAMPLES.get(colour, 1))
        image = imagecodecs.png_decode(_PNG + b"".join(_png_chunk(*chunk) for chunk in chunks))
    except UserError:
        raise
    except Exception as error:  # a damaged image can break the decoder in any way
        raise UserError(
            f"{path}: is damaged or no PNG ({one_line(error)}); copy it or save it again"
        ) from None
    if depth < 8 and image.ndim == 2:  # the decoder stretches few bits to 0 to 255
        image = image // (255 // (2**depth - 1))
    if colour == _PALETTE:
        _check_palette(image, palette, path)
    return image


def _check_size(path: Path, unpacked: int) -> None:
    """Check that an image of so many bytes can be that of a file, and fits into memory."""
    check_compression(path, unpacked)
    check_memory(path, unpacked)


def _png_chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return kind and data of each chunk of a PNG."""
    chunks, place = [], len(_PNG)
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        data = content[place + 8 : place + 8 + length]
        if struct.unpack_from(">I", content, place + 8 + length)[0] != zlib.crc32(kind + data):
            raise ValueError(f"its part {kind.decode('ascii', 'replace')} is not as written")
        chunks.append((kind, data))
        place += 12 + length
        if kind == b"IEND":
            break
    return chunks


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _check_palette(image: np.ndarray, palette: np.ndarray, path: Path) -> None:
    """Check that a short palette of greys does not show other labels than the indices.

    Programs that shrink PNG files number the greys that occur anew: 0, 2, 255 become the
    indices 0, 1, 2.
    """
    used = np.unique(image)
    if len(palette) == 256 or used[-1] >= len(palette):
        return
    greys = palette[used]
    label_like = (greys < _MOST_CLASSES) | (greys == 255)
    if np.ptp(greys, axis=1).any() or not label_like.all() or (greys[:, 0] == used).all():
        return
    pairs = ", ".join(f"{index} as {grey}" for index, grey in zip(used, greys[:, 0], strict=True))
    raise UserError(
        f"{path}: its palette shows the values {pairs}, so either can be the label; save it in "
        "8-bit greys without a palette"
    )


def _grey(image: np.ndarray, path: Path) -> np.ndarray:
    """Return the grey values of an image (rows, columns, samples) with colours or alpha."""
    samples = image.shape[-1]
    has_alpha = samples in (2, 4)
    colours = image[..., : samples - has_alpha]
    grey = colours[..., 0]
    full = np.iinfo(image.dtype).max if image.dtype.kind in "iu" else 1
    if has_alpha and (image[..., -1] != full).any():
        why = "some pixels are transparent"
    elif (colours != grey[..., None]).any():
        found = np.unique(colours.reshape(-1, colours.shape[-1]), axis=0)
        named = ["/".join(f"{value:g}" for value in one) for one in found[:_COLOURS_NAMED]]
        why = f"{len(found)} colours, such as {', '.join(named)}"
    elif samples > 2 and not grey.any():
        # What an editor exports of an overlay on which nothing is painted.
        why = "black all over, which an overlay is where nothing is painted"
    else:
        return grey
    raise UserError(
        f"{path}: is a colour image or has an alpha channel ({why}); save it in 8-bit greys, "
        "whose values are the labels: 0, 1, … for the classes and 255 for not annotated"
    )
