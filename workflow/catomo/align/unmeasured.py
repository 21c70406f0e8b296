"""Pixels that were not measured: outside the frame, hidden by a shadow, or of a faulty detector.

They stay in the aligned images with a filling, and are marked beside them, so that whoever
compares or reconstructs can leave them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from scipy import ndimage

from catomo.align.geometry import NO_SIDES, Geometry, Sides
from catomo.align.settings import Shadow
from catomo.errors import UserError

# Matter at a side of the images, as part of the brightness of the specimen, from which on that
# side is open: vacuum gives up to 0.004, a thin even film 0.011, a specimen that is cut 0.04.
_OPEN_FROM = 0.006
_SMOOTH_PX = 2.0
_SAME_TILT_DEG = 0.05  # angles are written with few digits, and computed from radians

SIDES = ("top", "bottom", "left", "right")  # in the order of `Sides`


def open_sides(images: Iterable[np.ndarray]) -> Sides:
    """Return at which sides of raw images matter goes on, so that what lies beyond is unknown.

    Beyond the others the images show empty space, and zero there is right.

    Parameters
    ----------
    images : iterable of ndarray (y, x)
        Clean, with the background at zero.
    """
    powers = np.array([_matter_at_sides(image) for image in images]).reshape(-1, 4)
    if not len(powers):
        return NO_SIDES
    # Noise alone gives powers about zero, of either sign.
    top, bottom, left, right = (np.median(powers, axis=0) > _OPEN_FROM**2).tolist()
    return top, bottom, left, right


def _matter_at_sides(image: np.ndarray) -> list[float]:
    """Return the mean square along each side, smoothed and without noise, by the specimen's.

    The brightness of the specimen is the mean weighted with itself, in which vacuum around it
    does not count.
    """
    image = image.astype(np.float64)
    total = image.sum()
    if total <= 0:
        return [0.0] * 4
    brightness = np.sum(image**2) / total
    deep = max(4, min(image.shape) // 16)
    powers = []
    for strip in (image[:deep], image[-deep:], image[:, :deep].T, image[:, -deep:].T):
        noise = np.var(np.diff(strip, axis=1)) / 2
        power = np.mean(ndimage.gaussian_filter(strip, _SMOOTH_PX, mode="mirror") ** 2)
        left = power - noise * np.prod([_noise_kept(side) for side in strip.shape])
        powers.append(float(left / brightness**2))
    return powers


@cache
def _noise_kept(pixels: int) -> float:
    """Return which part of the variance of noise smoothing leaves along so many pixels.

    In a narrow strip it leaves more, because the mirrored pixels are the same ones again.
    """
    weights = ndimage.gaussian_filter1d(np.eye(pixels), _SMOOTH_PX, axis=0, mode="mirror")
    return float(np.mean(np.sum(weights**2, axis=1)))


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
        tilts = tilt_deg >= shadow.from_deg - _SAME_TILT_DEG
        tilts &= tilt_deg <= shadow.to_deg + _SAME_TILT_DEG
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


def hide(
    images: np.ndarray,
    tilt_deg: np.ndarray,
    shadows: Sequence[Shadow],
    unmeasured: np.ndarray | None,
) -> np.ndarray | None:
    """Fill what was not measured, in place, and return which pixels that is; None if all were.

    Parameters
    ----------
    images : ndarray of float32, (tilt, y, x)
    tilt_deg : ndarray (tilt,)
    shadows : sequence of Shadow
    unmeasured : ndarray of bool (tilt, y, x), optional
        Pixels beside those that shadows cover.
    """
    covered = shadows_of(shadows, tilt_deg, images.shape)
    if covered is None and unmeasured is None:
        return None
    everything = np.zeros(images.shape, bool)
    for mask in (covered, unmeasured):
        everything |= False if mask is None else mask
    left = everything if covered is None else _fill_from_tilts(images, covered, everything)
    fill_from_nearest(images, left)
    return everything


def _fill_from_tilts(images: np.ndarray, covered: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Fill what shadows cover from the nearest tilt that shows it, in place.

    Shadows are wide, and neighbouring tilts are more alike than the two sides of a shadow.

    Returns
    -------
    ndarray of bool (tilt, y, x)
        What is still missing.
    """
    left = missing.copy()
    for t in np.flatnonzero(covered.any(axis=(1, 2))).tolist():
        for other in np.argsort(np.abs(np.arange(len(images)) - t), kind="stable").tolist():
            found = left[t] & covered[t] & ~missing[other]
            images[t][found] = images[other][found]
            left[t] &= ~found
    return left


def fill_from_nearest(images: np.ndarray, unmeasured: np.ndarray) -> None:
    """Give pixels that were not measured the value of the nearest one that was, in place."""
    for image, missing in zip(images, unmeasured, strict=True):
        if missing.any() and not missing.all():
            nearest = ndimage.distance_transform_edt(
                missing, return_distances=False, return_indices=True
            )
            image[...] = image[tuple(nearest)]


def unmeasured_pixels(
    geometry: Geometry, t: int, shape: tuple[int, int], raw: np.ndarray | None, sides: Sides
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
    sides : Sides
        At which sides of the raw image matter goes on: beyond the others there is nothing.
    """
    missing = geometry.outside(shape, t, sides)
    if raw is not None and raw.any():
        missing |= geometry.hidden(raw, t)
    return missing
