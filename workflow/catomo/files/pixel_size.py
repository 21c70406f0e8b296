"""Pixel sizes: their units, when two are the same, and the one that a TIFF was meant to have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from catomo.files.image_stack import UNKNOWN, Voxel

if TYPE_CHECKING:
    import tifffile

NM_PER_UNIT = {
    "nm": 1.0, "m": 1e9, "cm": 1e7, "mm": 1e6, "µm": 1e3, "μm": 1e3, "um": 1e3, "micron": 1e3,
    "å": 0.1, "a": 0.1, "angstrom": 0.1, "ångström": 0.1, "pm": 1e-3,
    "nanometer": 1.0, "nanometre": 1.0, "micrometer": 1e3, "micrometre": 1e3, "meter": 1e9,
}  # fmt: skip

# Two pixel sizes this close count as one: rounding a scale changes it less, binning far more.
TOLERANCE = 0.05

_PRINTER_NM = 1e4  # 10 µm: larger "pixels" are the dots of a screen or printer


def is_same_size(one_nm: float, other_nm: float, tolerance: float = TOLERANCE) -> bool:
    """Return whether two pixel sizes differ by at most `tolerance`, a part of `other_nm`."""
    return abs(one_nm / other_nm - 1) <= tolerance


def length_nm(value: object, unit: object) -> float | None:
    """Return a length in nm; None if it is no number above 0, or the unit is not known."""
    factor = NM_PER_UNIT.get(str(unit).strip().lower())
    try:
        length = float(value) * factor if factor else 0.0  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return length if math.isfinite(length) and length > 0 else None


def tiff_pixel_size_nm(tiff: tifffile.TiffFile) -> float | None:
    """Return the distance between columns from `tiff_voxel_nm`."""
    return tiff_voxel_nm(tiff)[2]


def tiff_voxel_nm(tiff: tifffile.TiffFile) -> Voxel:
    """Return the distances of images, rows and columns from OME or ImageJ metadata.

    The resolution tags alone do not count: most programs put a printer's resolution there.
    """
    sizes = UNKNOWN
    if tiff.is_ome:
        sizes = _of_ome(tiff.ome_metadata or "")
    elif tiff.is_imagej:
        sizes = _of_imagej(tiff)
    images, rows, columns = (size if size and size < _PRINTER_NM else None for size in sizes)
    return images, rows, columns


def _of_ome(metadata: str) -> Voxel:
    try:
        pixels = ElementTree.fromstring(metadata).find(".//{*}Pixels")
    except ElementTree.ParseError:
        return UNKNOWN
    if pixels is None:
        return UNKNOWN
    images, rows, columns = (
        length_nm(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        for axis in "ZYX"
    )
    # Images along another axis (time, channels) have no distance, though a file may name one.
    return (images if pixels.get("SizeZ", "1") != "1" else None), rows, columns


def _of_imagej(tiff: tifffile.TiffFile) -> Voxel:
    metadata = tiff.imagej_metadata or {}
    unit = str(metadata.get("unit", "")).replace("\\u00B5", "µ")
    tags = tiff.pages[0].tags
    is_volume = metadata.get("frames", 1) == metadata.get("channels", 1) == 1
    sizes: list[float | None] = [length_nm(metadata.get("spacing"), unit) if is_volume else None]
    for name in ("YResolution", "XResolution"):
        pixels, length = tags[name].value if name in tags else (0, 0)
        sizes.append(length_nm(length / pixels, unit) if pixels > 0 else None)
    return sizes[0], sizes[1], sizes[2]
