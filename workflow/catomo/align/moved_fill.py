"""What a wide fault of the detector hides, from the images in which the specimen lies beside it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from catomo.align.detector import wide_parts
from catomo.align.drift import places_of
from catomo.align.surroundings import fill

_FEWEST = 5  # images
_REACH = 6  # images before and after, in which the specimen looks nearly the same
_RIM_PX = 2  # around what is filled, where the brightness is compared


def fill_from_moved(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill the wide parts of faults from the nearest images that show them, in place.

    The rim of a wide fault tells little of its midst. Neighbouring images show it, if the
    specimen moved by more than the fault is wide.

    Parameters
    ----------
    images : ndarray of float32, (tilt, y, x)
        As the detector recorded them, one after another.
    mask : ndarray of bool (y, x)
        Faults, the same in all images.

    Returns
    -------
    ndarray of bool (y, x)
        What was filled in all images.
    """
    wide = wide_parts(mask)
    filled = np.zeros_like(mask)
    if not wide.any() or len(images) < _FEWEST:
        return filled
    places = places_of((fill(image, mask) for image in images), wide)
    if places is None:
        return filled
    groups, number = ndimage.label(wide, np.ones((3, 3)))
    for label in range(1, number + 1):
        filled |= _filled(images, mask | wide, groups == label, places)
    return filled


def _filled(
    images: np.ndarray, mask: np.ndarray, part: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """Fill one part in all images, in place; return its pixels if that was possible, else none."""
    rim = ndimage.binary_dilation(part, np.ones((3, 3), bool), iterations=_RIM_PX) & ~mask
    inside, around = np.argwhere(part), np.argwhere(rim)
    values = np.full((len(images), len(inside)), np.nan, np.float32)
    for t in range(len(images)):
        for distance in range(1, _REACH + 1):
            seen = [
                _seen(images, mask, other, np.rint(places[other] - places[t]), (inside, around))
                for other in (t - distance, t + distance)
                if 0 <= other < len(images)
            ]
            own = images[t][tuple(around.T)]
            found = [there + _mean(own - beside) for there, beside in seen]
            missing = np.isnan(values[t])
            values[t, missing] = _mean(np.array(found), axis=0)[missing] if found else np.nan
            if not np.isnan(values[t]).any():
                break
    if np.isnan(values).any():
        return np.zeros_like(part)
    images[:, part] = values
    return part


def _seen(
    images: np.ndarray,
    mask: np.ndarray,
    other: int,
    shift: np.ndarray,
    points: tuple[np.ndarray, np.ndarray],
) -> list[np.ndarray]:
    """Return what another image shows at points of the specimen; NaN where it does not."""
    found = []
    for point in points:
        there = point + shift.astype(int)
        last = np.array(mask.shape) - 1
        valid = ((there >= 0) & (there <= last)).all(axis=1)
        place = tuple(np.clip(there, 0, last).T)
        found.append(np.where(valid & ~mask[place], images[other][place], np.nan))
    return found


def _mean(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Return the mean of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    total, count = np.where(known, values, 0).sum(axis=axis), known.sum(axis=axis)
    unknown = np.full(np.shape(total), np.nan)
    mean: np.ndarray = np.divide(total, count, where=count > 0, out=unknown)
    return mean
