"""How the specimen moved from image to image while a tilt series was recorded.

Along the tilt axis every part of a specimen moves alike, even one that lies on the axis. So what
stays in place while the images move along it belongs to the detector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from catomo.projection.binning import binned

_LARGEST = 512  # px: larger images are binned for the search
_SMOOTH, _COARSE = 1.0, 6.0  # px: what is finer is noise, what is coarser has no place
_CLOSED = 1.0  # px: two steps and the leap over both agree within this
_SHARE_CLOSED = 0.7  # of the leaps that have to agree
_BESIDE = 2.0  # px from what has no say, from which on a pixel counts in full
_SEPARATE = 1.5  # px between the images of the one third and those of the other
_FEWEST = 5  # images


@dataclass(frozen=True)
class Thirds:
    """Two parts of the images, between which the specimen has moved for certain."""

    low: np.ndarray
    high: np.ndarray


def moved(
    images: Iterable[np.ndarray], tilt_deg: np.ndarray, still: np.ndarray | None = None
) -> tuple[Thirds | None, Thirds | None]:
    """Return images between which the specimen moved along y, and such between which along x.

    What a tilt changes smoothly is no proof: a specimen beside the tilt axis moves as the
    cosine and the sine of the tilt, and a part of it on the axis stays. So only what is left
    beside both counts.

    Parameters
    ----------
    images : iterable of ndarray (y, x)
        One by one, what stays in place filled from its surroundings.
    tilt_deg : ndarray (tilt,)
    still : ndarray of bool (y, x), optional
        What is too wide to be filled well. It has no say, because it stays in place.

    Returns
    -------
    along, across : Thirds or None
        None if the images do not move or do not tell how.
    """
    if len(tilt_deg) < _FEWEST:
        return None, None
    places = places_of(images, still)
    if places is None:
        return None, None
    tilt = np.deg2rad(tilt_deg)
    smooth = np.stack([np.ones_like(tilt), np.cos(tilt), np.sin(tilt)], axis=1)
    left = places - smooth @ np.linalg.lstsq(smooth, places, rcond=None)[0]
    along, across = (_thirds(column) for column in left.T)
    return along, across


def _thirds(places: np.ndarray) -> Thirds | None:
    order = np.argsort(places, kind="stable")
    third = max(2, len(order) // 3)
    low, high = order[:third], order[-third:]
    apart = np.median(places[high]) - np.median(places[low])
    return Thirds(np.sort(low), np.sort(high)) if apart >= _SEPARATE else None


def places_of(images: Iterable[np.ndarray], still: np.ndarray | None = None) -> np.ndarray | None:
    """Return how far each image lies from the first, (tilt, [y, x]); None if that is not certain.

    The arguments are those of `moved`, but for five images at the least.
    """
    weight = None
    if still is not None and still.any():
        weight = np.minimum(ndimage.distance_transform_edt(~still) / _BESIDE, 1)
    steps, leaps = steps_of(images, weight)
    agree = np.abs(steps[:-1] + steps[1:] - leaps).max(axis=1) <= _CLOSED
    if agree.mean() < _SHARE_CLOSED:
        return None
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def steps_of(
    images: Iterable[np.ndarray], weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each image lies from the one before, and from the one before that: (y, x).

    `weight` (y, x), from 0 to 1, is what each pixel counts; None: all count.
    """
    steps, leaps, factor = [], [], 1
    before: list[np.ndarray] = []
    for image in images:
        factor = max(1, -(-max(image.shape) // _LARGEST))
        spectrum = _spectrum(image, factor, weight)
        shape = (image.shape[0] // factor, image.shape[1] // factor)
        if before:
            steps.append(_shift(spectrum, before[-1], shape))
        if len(before) == 2:
            leaps.append(_shift(spectrum, before[0], shape))
        before = [*before[-1:], spectrum]
    return np.array(steps) * factor, np.array(leaps) * factor


def _spectrum(image: np.ndarray, factor: int, weight: np.ndarray | None) -> np.ndarray:
    rows, columns = (side // factor for side in image.shape)
    small = binned(image, factor).astype(np.float32)
    fine = ndimage.gaussian_filter(small, _SMOOTH) - ndimage.gaussian_filter(small, _COARSE)
    window = np.outer(np.hanning(rows + 2)[1:-1], np.hanning(columns + 2)[1:-1])
    if weight is not None:
        window *= binned(weight, factor)
    return np.asarray(fft.rfft2(fine * window.astype(np.float32)))


def _shift(spectrum: np.ndarray, before: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return how far an image lies from another, (y, x), to a part of a pixel."""
    likeness = fft.irfft2(spectrum * before.conj(), s=shape)
    far = [side // 3 for side in shape]
    rows, columns = (
        np.abs(fft.fftfreq(side, 1 / side)) <= f for side, f in zip(shape, far, strict=True)
    )
    likeness[~np.outer(rows, columns)] = -np.inf
    peak = np.unravel_index(np.argmax(likeness), shape)
    place = []
    for axis, side in enumerate(shape):
        line = np.moveaxis(likeness, axis, 0)[:, peak[1 - axis]]
        left, top, right = (float(line[(peak[axis] + step) % side]) for step in (-1, 0, 1))
        whole = (int(peak[axis]) + side // 2) % side - side // 2
        place.append(whole + _vertex(left, top, right))
    return np.array(place)


def _vertex(left: float, top: float, right: float) -> float:
    """Return where the parabola through three neighbouring values is highest, from the middle."""
    bend = left - 2 * top + right
    return 0.5 * (left - right) / bend if np.isfinite(bend) and bend < 0 else 0.0
