"""What a reconstruction needs, from numbers alone: known before any image is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import cos, radians
from typing import Any

# Image widths: what lies farther out is seen by the steepest tilts alone, and costs as much.
WIDEST = 2.7

_LIBRARIES = 0.3e9  # bytes, with Python itself

# Eight slices are judged: kept, put together, and reconstructed from both halves of the tilts.
_JUDGED = 4 * 8


def matter_goes_on(alignment: Mapping[str, Any]) -> bool:
    """Return whether the record of an alignment found matter beyond the left and the right."""
    return {"left", "right"} <= set(alignment.get("steps", {}).get("open_sides", []))


def seen_width(tilt_deg: Iterable[float]) -> float:
    """Return the width of what the steepest tilt shows, in image widths, and `WIDEST` at most."""
    steepest = radians(max(abs(tilt) for tilt in tilt_deg))
    return min(WIDEST, 1 / max(cos(steepest), 1 / WIDEST))


def peak_bytes(
    sinogram: tuple[int, int],
    image: tuple[int, int],
    slices: int,
    workers: int,
    subsets: int,
    slabs: int = 2,
) -> float:
    """Return the peak memory: libraries, the slab, what is judged, what each thread works on.

    Parameters
    ----------
    sinogram : (int, int)
        Tilts and pixels of the detector.
    image : (int, int)
        Depth and width of a slice while it is reconstructed.
    slices : int
        In a slab.
    workers, subsets : int
    slabs : int
        Those in work, and those not written yet.
    """
    of_image = 4.0 * image[0] * image[1]
    of_sinogram = 4.0 * sinogram[0] * sinogram[1]
    slab = slices * (slabs * of_image + 5 * of_sinogram)
    work = (2 * workers + subsets) * of_image + 8 * workers * of_sinogram
    return _LIBRARIES + slab + _JUDGED * of_image + work
