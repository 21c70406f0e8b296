"""Label files of any program, read as values: TIFF and PNG, with a palette, alpha or grey as RGB.

Only what an image holds is read here; what its values mean is in `catomo.labels.values`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files import png
from catomo.files.folders import TIFF
from catomo.files.image_stack import one_line
from catomo.files.limits import check_compression, check_memory
from catomo.files.readers import open_images
from catomo.files.tiff import open_tiff
from catomo.files.tiff_streams import check_streams

_MOST_CLASSES = 16
_COLOURS_NAMED = 4


def label_pages(path: Path) -> Iterator[np.ndarray]:
    """Yield the images (rows, columns) of a label file one by one, as the values it stores.

    The value of a pixel with a palette is its index: Fiji, napari and ilastik use the palette
    to show classes in colours. Colours are only read if they are greys throughout.

    Parameters
    ----------
    path : Path

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
            return file.read(len(png.FIRST_BYTES)) == png.FIRST_BYTES
    except OSError as error:
        raise UserError(f"{path}: is not readable ({error.strerror})") from None


def _tiff_images(path: Path) -> Iterator[np.ndarray]:
    """Yield images (rows, columns) or (rows, columns, samples), of pages or of one block."""
    with open_tiff(path) as tiff:
        try:
            if len(tiff.pages) == 1 and tiff.pages[0].samplesperpixel == 1:
                check_streams(path, tiff.pages[0])
                unpacked = tiff.series[0].size * tiff.series[0].dtype.itemsize
                check_compression(path, unpacked)
                check_memory(path, unpacked)
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
    image, palette = png.read_stored(path)
    if palette is not None:
        _check_palette(image, palette, path)
    return image


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
    else:
        return grey
    raise UserError(
        f"{path}: is a colour image or has an alpha channel ({why}); save it in 8-bit greys, "
        "whose values are the labels: 0, 1, … for the classes and 255 for not annotated"
    )
