"""Pixels that were not measured: outside the frame, hidden by a shadow, or of a faulty detector.

They stay in the aligned images with a filling, and are marked beside them, so that whoever
compares or reconstructs can leave them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import ndimage

from catomo.align.edge import strips_of
from catomo.align.geometry import NO_SIDES, Geometry, Sides
from catomo.align.noise import half_differences, likeness, part_kept
from catomo.align.settings import Shadow
from catomo.errors import UserError

# Matter at a side of the images, as part of the brightness of the specimen, from which on that
# side is open: vacuum gives up to 0.004, a thin even film 0.011, a specimen that is cut 0.04.
_OPEN_FROM = 0.006
_SMOOTH_PX = 2.0
_SIGMAS = 2.0  # by which the median over the images must lie above it
_MEDIAN_ERROR = 1.4826 * 1.2533  # standard error of a median, times sqrt(n), by the absolute spread
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
    sides = [found for image in images if (found := _sides_of(image))]
    if not sides:
        return NO_SIDES
    noise, alike = likeness(side.differences for found in sides for side in found)
    powers = np.array([[side.matter(noise, alike) for side in found] for found in sides])
    # Noise alone gives powers about zero, of either sign.
    middle = np.median(powers, axis=0)
    error = _MEDIAN_ERROR * np.median(np.abs(powers - middle), axis=0) / np.sqrt(len(powers))
    top, bottom, left, right = (middle - _SIGMAS * error > _OPEN_FROM**2).tolist()
    return top, bottom, left, right


@dataclass(frozen=True)
class _Side:
    """A strip along one side of an image.

    Attributes
    ----------
    shape : (int, int)
        Across and along the side.
    power : float
        Mean square of the smoothed strip, by the square of the specimen's brightness.
    differences : ndarray (LAGS,)
        `half_differences` along the side, by the same.
    """

    shape: tuple[int, int]
    power: float
    differences: np.ndarray

    def matter(self, noise: float, alike: np.ndarray) -> float:
        """Return the power without that of noise, which is as `likeness` tells."""
        kept = np.prod([part_kept(_smoothing(pixels), alike) for pixels in self.shape])
        return self.power - float(noise * self.differences[0] * kept)


def _sides_of(image: np.ndarray) -> list[_Side] | None:
    """Return the four sides of an image; None if it shows nothing.

    The brightness of the specimen is the mean weighted with itself, in which vacuum around it
    does not count.
    """
    image = image.astype(np.float64)
    total = image.sum()
    if total <= 0:
        return None
    square = (np.sum(image**2) / total) ** 2
    deep = max(4, min(image.shape) // 16)
    sides = []
    for strip in strips_of(image, deep):
        power = np.mean(ndimage.gaussian_filter(strip, _SMOOTH_PX, mode="mirror") ** 2)
        sides.append(_Side(strip.shape, float(power / square), half_differences(strip) / square))
    return sides


@cache
def _smoothing(pixels: int) -> np.ndarray:
    """Return the weights (smoothed pixel, pixel) of smoothing along so many pixels.

    In a narrow strip it leaves more noise, because the mirrored pixels are the same ones again.
    """
    return ndimage.gaussian_filter1d(np.eye(pixels), _SMOOTH_PX, axis=0, mode="mirror")


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
