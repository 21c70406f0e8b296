"""What the detector and single X-rays put into images, and no specimen does: found and mended.

Faults that stay in place over the series are the task of `detector`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from catomo.align.detector import Faults, find_faults
from catomo.align.gain import find_gain
from catomo.align.moved_fill import fill_from_moved
from catomo.align.surroundings import fill
from catomo.progress import progress

_NOISE_GROUPS = 16  # groups of equal brightness, in each of which the noise is measured
_LARGEST_HIT = 4  # pixels that one X-ray sets
_HIT_RIM = 0.1  # part of a hit seen beside it: a beam 0.6 px wide gives 0.25
_HIT_ABOVE = 2.0  # times the sharpest that a usual image of the series shows
_FEWEST = 5  # images that tell what is usual
_EMPTY = 0.5  # part of the pixels that hold no count where counts are few
_ALONE = 0.3  # part of the others that stand alone there
_FEW_HELD = 0.015  # part of the pixels that hold a count, below which they have to be alike
_ALIKE = 20.0  # times the least, what they hold at most then
_LOOKED_AT = 8  # images in which it is seen whether counts are few
_FEW_FAULTS = 0.01  # of the frame; where 0.3 % were wrong, the error of a volume grew by 6 %

FEW_COUNTS = (
    "most pixels hold no count: counts are too few to tell hot pixels from the signal; "
    "bin the images (import with bin) for a surer alignment"
)


def mend_series(
    images: np.ndarray, tilt_deg: np.ndarray, sigmas: float, mirrored: np.ndarray | None = None
) -> tuple[dict[str, Any], Faults, tuple[str, ...]]:
    """Mend bad pixels and the faults of the detector, but for an uneven gain.

    Parameters
    ----------
    images : ndarray of float32, (tilt, y, x)
        Changed in place.
    tilt_deg : ndarray (tilt,)
    sigmas : float
        As in `mend`; 0 mends only what is not finite.
    mirrored : ndarray of bool (tilt,), optional
        Images that were mirrored at the vertical after the detector recorded them.

    Returns
    -------
    notes : dict
        What is recorded of it.
    faults : Faults
        What is wrong in all images, before some were mirrored.
    told : tuple of str
        What makes doubtful; faults that are `few` are left to be mentioned.
    """
    mended = 0
    for t, image in enumerate(images):
        if not np.isfinite(image).all():
            images[t], bad = mend(image, 0)
            mended += bad
    if sigmas == 0:
        return {"mended_fraction": mended / images.size}, Faults.none(images), ()
    told = []
    count = _single_count(images)
    if count:
        told.append(FEW_COUNTS)
    mirror(images, mirrored)
    faults = find_faults(images, tilt_deg, mirrored)
    if faults.names:
        told += [] if few(faults) else [faults.words()]
        mended += len(images) * int(faults.mask.sum())
    narrow = faults.mask
    if mirrored is None or not mirrored.any():
        narrow = narrow & ~fill_from_moved(images, faults.mask)
    for t in progress(range(len(images)), "mend pixels"):
        images[t], bad = mend(fill(images[t], narrow), sigmas, count)
        mended += bad
    mirror(images, mirrored)
    return {"mended_fraction": mended / images.size} | faults.notes(), faults, tuple(told)


def even_out(
    images: np.ndarray, sigmas: float, mirrored: np.ndarray | None, notes: dict[str, Any]
) -> tuple[str, ...]:
    """Divide by the gain pattern of the detector, and mend what single X-rays left.

    Parameters
    ----------
    images : ndarray of float32, (tilt, y, x)
        With their bad pixels mended, and counts that are not few; changed in place.
    sigmas, mirrored
        As for `mend_series`; with 0 nothing is done.
    notes : dict
        What that recorded; what is done here is added.

    Returns
    -------
    tuple of str
        What the verdict has to say of it.
    """
    if sigmas == 0:
        return ()
    mirror(images, mirrored)
    pattern = find_gain(images)
    if pattern:
        pattern.divide(images)
        notes["gain_pattern_sigma"] = pattern.sigma
    mirror(images, mirrored)
    notes["mended_fraction"] += _mend_hits(images, sigmas) / images.size
    return (pattern.words(),) if pattern else ()


def few(faults: Faults) -> bool:
    """Tell whether there are faults, but so few that mended ones do no harm."""
    share = faults.mask.mean()
    return bool(0 < share < _FEW_FAULTS and not faults.unmeasured.any())


def mirror(images: np.ndarray, mirrored: np.ndarray | None) -> None:
    """Mirror some images or masks (tilt, y, x) at the vertical, in place."""
    for t in [] if mirrored is None else np.flatnonzero(mirrored).tolist():
        images[t] = images[t, :, ::-1].copy()


def mend(image: np.ndarray, sigmas: float, count: float = 0.0) -> tuple[np.ndarray, int]:
    """Replace bad pixels by the median of their surroundings.

    A pixel is bad if it is not finite, or if it lies beyond its eight neighbours by more
    than `sigmas` times the noise at its brightness (counting noise grows with the signal).

    Parameters
    ----------
    image : ndarray (y, x)
    sigmas : float
        0 mends only what is not finite.
    count : float
        Where counts are few, the size of a single one: the noise is this at least.

    Returns
    -------
    mended : ndarray (y, x), float32
    bad : int
        Number of pixels replaced.
    """
    image = np.array(image, dtype=np.float32)
    bad = ~np.isfinite(image)
    if bad.any():
        image[bad] = np.median(image[~bad]) if not bad.all() else 0.0
    median = ndimage.median_filter(image, 3, mode="mirror")
    if sigmas > 0:
        around = np.ones((3, 3), bool)
        around[1, 1] = False
        highest = ndimage.maximum_filter(image, footprint=around, mode="mirror")
        lowest = ndimage.minimum_filter(image, footprint=around, mode="mirror")
        beyond = np.maximum(image - highest, lowest - image)
        bad |= beyond > sigmas * np.maximum(_noise(image - median, median), count)
    image[bad] = median[bad]
    return image, int(bad.sum())


def _single_count(images: np.ndarray) -> float:
    """Return the size of a single count where most pixels hold none; 0 where counts are many."""
    chosen = np.linspace(0, len(images) - 1, min(len(images), _LOOKED_AT)).astype(int)
    counts = [_sparse_count(images[t]) for t in chosen]
    few = [count for count in counts if count > 0]
    return float(np.median(few)) if len(few) > len(counts) / 2 else 0.0


def _sparse_count(image: np.ndarray) -> float:
    """Return the size of a count if most pixels hold none and many others stand alone, else 0."""
    image = np.where(np.isfinite(image), image, np.nanmedian(image))
    empty = np.median(image)
    held = image > empty
    if (image < empty).any() or (image == empty).mean() < _EMPTY or not held.any():
        return 0.0
    heights = image[held] - empty
    count = float(np.percentile(heights, 10))
    if held.mean() < _FEW_HELD:  # single counts, or an empty image with a few hot pixels
        return count if heights.max() < _ALIKE * count else 0.0
    alone = ndimage.median_filter(image, 3, mode="mirror")[held] <= empty
    return count if alone.mean() > _ALONE else 0.0


def _mend_hits(images: np.ndarray, sigmas: float) -> int:
    """Mend what X-rays left in single images, in place; return the number of pixels."""
    if len(images) < _FEWEST:
        return 0
    usual, highest = np.empty((2, len(images)))
    for t, image in enumerate(images):
        excess = image - ndimage.median_filter(image, 5, mode="mirror")
        usual[t], highest[t] = np.percentile(excess, 99), excess.max()
    known = usual > 0
    if not known.any():
        return 0
    limit = _HIT_ABOVE * np.median(highest[known] / usual[known])
    mended = 0
    for t in map(int, np.flatnonzero(known & (highest > limit * usual))):
        hits = _hits(images[t], sigmas, limit * usual[t])
        images[t] = fill(images[t], hits)
        mended += int(hits.sum())
    return mended


def _hits(image: np.ndarray, sigmas: float, least: float) -> np.ndarray:
    """Return where up to four pixels side by side rise above `least` and end at once."""
    median = ndimage.median_filter(image, 5, mode="mirror")
    excess = image - median
    noise = _noise(excess, median)
    groups, _ = ndimage.label(excess > np.maximum(least / 2, sigmas * noise), np.ones((3, 3)))
    sizes = np.bincount(groups.ravel())
    hits = np.zeros(image.shape, bool)
    for label, box in enumerate(ndimage.find_objects(groups), start=1):
        if sizes[label] > _LARGEST_HIT:
            continue
        grown = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        inside = groups[grown] == label
        rim = ndimage.binary_dilation(inside, np.ones((3, 3), bool)) & ~inside
        beside = excess[grown][rim]
        lowest, highest = excess[grown][inside].min(), excess[grown][inside].max()
        if highest > least and np.abs(beside).mean() < _HIT_RIM * lowest:
            hits[grown] |= inside
    return hits


def _noise(residual: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Return the noise sigma of each pixel, measured in groups of equal brightness."""
    order = np.argsort(brightness, axis=None, kind="stable")
    groups = np.array_split(order, _NOISE_GROUPS)
    sigma = np.array([sigma_of(residual.flat[group]) for group in groups])
    middle = np.array([np.median(brightness.flat[group]) for group in groups])
    return np.interp(brightness, middle, sigma)


def sigma_of(residual: np.ndarray) -> float:
    """Return the noise sigma from the 95th percentile, which works where most counts are 0."""
    return float(np.percentile(np.abs(residual), 95) / 1.96)
