"""Pixel sizes: their units, when two are the same, and the one that a TIFF was meant to have."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    import tifffile

NM_PER_UNIT = {
    "nm": 1.0, "m": 1e9, "cm": 1e7, "mm": 1e6, "µm": 1e3, "μm": 1e3, "um": 1e3, "micron": 1e3,
    "å": 0.1, "a": 0.1, "angstrom": 0.1, "ångström": 0.1, "pm": 1e-3,
}  # fmt: skip

# Two pixel sizes this close count as one: rounding a scale changes it less, binning far more.
TOLERANCE = 0.05


def is_same_size(one_nm: float, other_nm: float, tolerance: float = TOLERANCE) -> bool:
    """Return whether two pixel sizes differ by at most `tolerance`, a part of `other_nm`."""
    return abs(one_nm / other_nm - 1) <= tolerance


def tiff_pixel_size_nm(tiff: tifffile.TiffFile) -> float | None:
    """Return the pixel size in nm from OME or ImageJ metadata, None where there is none.

    The resolution tags alone do not count: most programs put a printer's resolution there.
    """
    if tiff.is_ome:
        try:
            pixels = ElementTree.fromstring(tiff.ome_metadata or "").find(".//{*}Pixels")
        except ElementTree.ParseError:
            return None
        size = None if pixels is None else pixels.get("PhysicalSizeX")
        if pixels is None or not size:
            return None
        factor = NM_PER_UNIT.get(pixels.get("PhysicalSizeXUnit", "µm").lower())
        return float(size) * factor if factor else None
    if tiff.is_imagej and "XResolution" in tiff.pages[0].tags:
        unit = str((tiff.imagej_metadata or {}).get("unit", "")).replace("\\u00B5", "µ").lower()
        pixels_per_length, length = tiff.pages[0].tags["XResolution"].value
        if unit in NM_PER_UNIT and pixels_per_length > 0:
            return length / pixels_per_length * NM_PER_UNIT[unit]
    return None
