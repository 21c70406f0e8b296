"""Pixels that were not measured: outside the frame, hidden by a shadow, or of a faulty detector.

They stay in the aligned images with a filling, and are marked beside them, so that whoever
compares or reconstructs can leave them out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from catomo.align.geometry import Geometry
from catomo.align.settings import Shadow
from catomo.errors import UserError


def shadows_of(
    shadows: Sequence[Shadow], tilt_deg: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray | None:
    """Return which pixels (tilt, y, x) shadows cover; None if there are no shadows.

    Raises
    ------
    UserError
        If a shadow covers nothing: no tilt lies in its range, or it lies outside the images.
    """
    if not shadows:
        return None
    covered = np.zeros(shape, bool)
    for number, shadow in enumerate(shadows):
        tilts = (tilt_deg >= shadow.from_deg) & (tilt_deg <= shadow.to_deg)
        part = covered[:, shadow.y : shadow.y + shadow.height, shadow.x : shadow.x + shadow.width]
        if not tilts.any() or not part.size:
            raise UserError(
                f"align.shadows[{number}]: covers nothing (tilts {shadow.from_deg:g}° to "
                f"{shadow.to_deg:g}°, x {shadow.x}, y {shadow.y}); the series has tilts from "
                f"{tilt_deg[0]:g}° to {tilt_deg[-1]:g}° and images of {shape[2]} x {shape[1]} "
                "pixels, x counted from the left and y from the top"
            )
        part[tilts] = True
    return covered


def fill(images: np.ndarray, unmeasured: np.ndarray) -> None:
    """Give pixels that were not measured the value of the nearest one that was, in place."""
    for image, missing in zip(images, unmeasured, strict=True):
        if missing.any() and not missing.all():
            nearest = ndimage.distance_transform_edt(
                missing, return_distances=False, return_indices=True
            )
            image[...] = image[tuple(nearest)]


def unmeasured_pixels(
    geometry: Geometry, t: int, shape: tuple[int, int], raw: np.ndarray | None, isolated: bool
) -> np.ndarray:
    """Return which pixels of aligned image `t` were not measured.

    Parameters
    ----------
    geometry : Geometry
    t : int
    shape : (int, int)
        Of the image.
    raw : ndarray of bool (y, x), optional
        Which pixels of the raw image were not measured.
    isolated : bool
        Whether the frame holds the whole specimen: then what lies outside is known to be empty.
    """
    missing = np.zeros(shape, bool) if isolated else geometry.outside(shape, t)
    if raw is not None and raw.any():
        missing |= geometry.hidden(raw, t)
    return missing
