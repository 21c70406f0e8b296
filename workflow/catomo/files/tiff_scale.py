"""The pixel size that a TIFF was meant to have."""

from __future__ import annotations

from xml.etree import ElementTree

NM = {"nm": 1.0, "m": 1e9, "cm": 1e7, "mm": 1e6, "µm": 1e3, "μm": 1e3, "um": 1e3, "micron": 1e3,
      "å": 0.1, "a": 0.1, "angstrom": 0.1, "ångström": 0.1, "pm": 1e-3}  # fmt: skip


def pixel_size_nm(tiff) -> float | None:
    """Return a pixel size that was meant: from OME or ImageJ, never a printer's resolution.

    Parameters
    ----------
    tiff : tifffile.TiffFile
    """
    if tiff.is_ome:
        try:
            pixels = ElementTree.fromstring(tiff.ome_metadata).find(".//{*}Pixels")
        except ElementTree.ParseError:
            return None
        size = None if pixels is None else pixels.get("PhysicalSizeX")
        factor = NM.get((pixels.get("PhysicalSizeXUnit", "µm") if size else "").lower())
        return float(size) * factor if size and factor else None
    if tiff.is_imagej and "XResolution" in tiff.pages[0].tags:
        unit = str(tiff.imagej_metadata.get("unit", "")).replace("\\u00B5", "µ").lower()
        pixels, length = tiff.pages[0].tags["XResolution"].value
        if unit in NM and pixels > 0:
            return length / pixels * NM[unit]
    return None
