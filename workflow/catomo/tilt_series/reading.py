"""A microscope's tilt series, checked and brought into catomo's form, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from catomo.files.image_stack import ImageStack
from catomo.files.readers import open_series
from catomo.files.series import TiltSeries
from catomo.projection.binning import binned
from catomo.tilt_series.inspection import Inspection, inspect_stack
from catomo.tilt_series.settings import ImportSeries
from catomo.tilt_series.sources import GivenAngles


def read_tilt_series(
    path: Path | str,
    angles: GivenAngles | None = None,
    pixel_size_nm: float | None = None,
    settings: ImportSeries | None = None,
) -> TiltSeries:
    """Read a tilt series into memory.

    Parameters
    ----------
    path : path
        A stack (MRC, TIFF, with ``catomo[formats]`` also others), or a folder of single images
        in the order of the numbers in their names; see `catomo.files.readers.open_series`.
    angles : path or sequence of float, optional
        Angle file (.rawtlt, .tlt, .mdoc), or the angles in degrees, in the order of the images;
        by default a file beside the series, else the header, else the names of single images.
        An image beyond ±90° is mirrored and taken for the opposite view.
    pixel_size_nm : float, optional
        Pixel size of the recorded images in nm, before binning; by default that of an .mdoc
        beside the series, else of the header.
    settings : ImportSeries, optional
        How the images are to be understood: binning, cropping, contrast, tilt axis.

    Returns
    -------
    TiltSeries
        Images in the order of their tilts.

    Raises
    ------
    UserError
        If anything about the series is broken, contradictory or unknown.

    Examples
    --------
    >>> series = read_tilt_series("needle.mrc", pixel_size_nm=0.5)  # doctest: +SKIP
    >>> series.images.shape, series.tilt_deg[:2]  # doctest: +SKIP
    """
    path, settings = Path(path), settings or ImportSeries()
    with open_series(path, settings.resample) as stack:
        seen = inspect_stack(path, stack, angles, pixel_size_nm, settings)
        images = np.empty(seen.shape, np.float32)
        for t, image in enumerate(prepared_images(stack, seen, settings)):
            images[t] = image
    return TiltSeries(images, np.array(seen.tilt_deg), seen.pixel_size_nm)


def prepared_images(
    stack: ImageStack, seen: Inspection, settings: ImportSeries
) -> Iterator[np.ndarray]:
    """Yield the images of an inspected series as they are imported, float32 (y, x).

    They come in the order of their tilts: turned so that the tilt axis lies near y, mirrored if
    recorded from behind, inverted if bright-field, cropped and binned.
    """
    for number, mirrored in zip(seen.order, seen.is_mirrored(), strict=True):
        yield _prepared(stack.read(number), seen, settings, mirrored)


def _prepared(
    image: np.ndarray, seen: Inspection, settings: ImportSeries, mirrored: bool
) -> np.ndarray:
    if settings.tilt_axis == "x":
        image = np.rot90(image, -1)  # +x becomes +y: a rotation, so the handedness stays
    if mirrored:
        image = image[:, ::-1]
    if settings.contrast == "bright_field":
        image = seen.level - image
    rows, columns = (size * settings.bin for size in seen.shape[1:])
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    image = image[top : top + rows, left : left + columns]
    return binned(image, settings.bin).astype(np.float32)
