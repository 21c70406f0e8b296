"""Shifts between tilts, measured in three independent ways.

Pairwise registration follows the specimen from tilt to tilt. Film does not bias it, but its
errors add up to a slow drift. The centre of mass does not drift, but film and noise disturb it.
Common lines hold for any specimen and any pair of tilts, but only along the axis.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from catomo.align.geometry import Geometry
from catomo.align.preprocess import CleanSeries
from catomo.progress import progress
from catomo.projection.binning import binned

_REGISTRATION_SIZE = 512  # px: larger images are binned for the pairwise registration
_ROUNDS = 6  # of aligning all profiles to the mean of the others; three suffice
_FILM_PERCENTILE = 60  # what film and other surroundings of an extended specimen stay below


def pairwise(series: CleanSeries) -> np.ndarray:
    """Register each image to its neighbour, from the tilt nearest 0° outwards.

    Cross-correlation finds the whole pixels, least squares the fraction (translation only;
    Thévenaz et al., IEEE Trans. Image Process. 7, 27 (1998), as in pystackreg). Least squares
    alone can end in a neighbouring minimum.

    Parameters
    ----------
    series : CleanSeries
        Blank tilts are skipped; their shifts are interpolated.

    Returns
    -------
    ndarray (tilt, 2)
        How far the specimen lies from its place in the 0° image, raw (y, x) in px.
    """
    from pystackreg import StackReg

    register = StackReg(StackReg.TRANSLATION).register
    images = series.images
    factor = -(-max(images.shape[1:]) // _REGISTRATION_SIZE)
    indices = np.flatnonzero(series.usable)
    start = int(np.argmin(np.abs(series.tilt_deg[indices])))
    order = [(k, k + 1) for k in range(start, len(indices) - 1)]
    order += [(k, k - 1) for k in range(start, 0, -1)]
    shifts = np.zeros((len(images), 2))
    for k, following in progress(order, "register neighbours"):
        here, there = indices[k], indices[following]
        one, other = binned(images[here], factor), binned(images[there], factor)
        whole = _correlation_peak(one, other)
        matrix = register(_overlap(one, -whole), _overlap(other, whole))
        shifts[there] = shifts[here] + (whole + matrix[[1, 0], [2, 2]]) * factor
    return series.filled(shifts)


def centres_of_mass(series: CleanSeries) -> np.ndarray:
    """Return the centre of mass of each image from the frame's centre.

    All of an isolated specimen counts, which is free of bias on a background of zero. Of an
    extended specimen only what exceeds a percentile of the image counts, to keep film out.

    Parameters
    ----------
    series : CleanSeries
        Blank tilts are skipped; their centres are interpolated.

    Returns
    -------
    ndarray (tilt, 2)
        Raw (y, x) in px.
    """
    middle = (np.array(series.images.shape[1:]) - 1) / 2
    centres = np.zeros((len(series.images), 2))
    for t, image in enumerate(series.images):
        image = image.astype(np.float64)
        if not series.isolated:
            image = np.maximum(image - np.percentile(image, _FILM_PERCENTILE), 0)
        mass = image.sum()
        if mass > 0:
            rows, columns = image.sum(axis=1), image.sum(axis=0)
            centres[t] = rows @ np.arange(len(rows)), columns @ np.arange(len(columns))
            centres[t] = centres[t] / mass - middle
    return series.filled(centres)


def common_line(profiles: np.ndarray, smooth_px: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return how far profiles along the tilt axis lie from their common place, in px.

    Summed across the axis, a specimen looks the same at every tilt. Each profile is shifted
    and scaled onto the mean of the others by least squares until nothing moves.

    Parameters
    ----------
    profiles : ndarray (tilt, y)
    smooth_px : float or None
        Structure wider than this is removed first (film grows with tilt); None keeps it.

    Returns
    -------
    shifts : ndarray (tilt,)
        Mean zero.
    disagreement : ndarray (tilt,)
        1 - correlation of the shifted profile with the mean of the others.
    """
    profiles = np.asarray(profiles, dtype=np.float64)
    if smooth_px is not None:
        taper = np.hanning(profiles.shape[1] + 2)[1:-1]
        profiles = profiles - ndimage.gaussian_filter1d(profiles, smooth_px, axis=1)
        profiles = profiles * np.minimum(1, 4 * taper)
    n, length = profiles.shape
    frequency = 2j * np.pi * np.fft.rfftfreq(2 * length)
    spectra = np.fft.rfft(profiles, 2 * length, axis=1)
    shifts = np.zeros(n)
    for _ in range(_ROUNDS):
        moved = np.fft.irfft(spectra * np.exp(shifts[:, None] * frequency), axis=1)
        others = (moved.sum(axis=0) - moved) / max(n - 1, 1)
        slope = np.fft.irfft(np.fft.rfft(others, axis=1) * frequency, axis=1)
        power = (others**2).sum(axis=1)
        gain = np.divide((moved * others).sum(axis=1), power, where=power > 0, out=np.ones(n))
        steep = gain * (slope**2).sum(axis=1)
        error = (slope * (moved - gain[:, None] * others)).sum(axis=1)
        step = np.divide(error, steep, where=steep > 0, out=np.zeros(n))
        shifts -= np.clip(step, -2, 2)
        shifts -= shifts.mean()
    alike = (moved * others).sum(axis=1)
    norm = np.sqrt((moved**2).sum(axis=1) * power)
    return shifts, 1 - np.divide(alike, norm, where=norm > 0, out=np.zeros(n))


def common_line_of(series: CleanSeries, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Return `common_line` of a series under a geometry; blank tilts do not move.

    Returns
    -------
    shifts : ndarray (tilt,)
        Along the axis in px, 0 for blank tilts.
    disagreement : ndarray (tilt,)
        NaN for blank tilts.
    """
    usable = series.usable
    profiles = [
        geometry.warp(series.images[t], t, order=1).sum(axis=1, dtype=np.float64)
        for t in np.flatnonzero(usable).tolist()
    ]
    wide = None if series.isolated else series.images.shape[1] / 16
    shifts, disagreement = np.zeros(len(usable)), np.full(len(usable), np.nan)
    shifts[usable], disagreement[usable] = common_line(np.array(profiles), wide)
    return shifts, disagreement


def along_from_neighbours(images: np.ndarray) -> np.ndarray:
    """Register images along the axis, each to its neighbour, without any start.

    It is coarser than `pairwise`, and quick enough to be repeated for other orders of the images.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        In the order of tilt, the axis along y; small, and dark at their edges.

    Returns
    -------
    ndarray (tilt,)
        How far the specimen lies from its usual place, along y in px.
    """
    spectra = np.fft.rfft2(images - images.mean(axis=(1, 2), keepdims=True))
    rows = images.shape[1]
    steps = np.zeros(len(images))
    for k in range(1, len(images)):
        correlation = np.fft.irfft2(spectra[k] * spectra[k - 1].conj(), images.shape[1:])
        row, column = np.unravel_index(correlation.argmax(), correlation.shape)
        before, peak, after = correlation[(row + np.arange(-1, 2)) % rows, column]
        bend = 2 * peak - before - after
        vertex = (after - before) / (2 * bend) if bend > 0 else 0.0
        steps[k] = (row + rows // 2) % rows - rows // 2 + vertex
    along = np.cumsum(steps)
    return along - np.median(along)


def _correlation_peak(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return by how many whole pixels (y, x) `other` is shifted against `one`."""
    product = np.fft.rfft2(other - other.mean()) * np.fft.rfft2(one - one.mean()).conj()
    correlation = np.fft.irfft2(product, one.shape)
    peak = np.array(np.unravel_index(correlation.argmax(), one.shape))
    half = np.array(one.shape) // 2
    return (peak + half) % np.array(one.shape) - half


def _overlap(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the part of an image that is also in the other one, shifted against it."""
    rows, columns = (
        slice(max(0, s), n + min(0, s)) for s, n in zip(shift, image.shape, strict=True)
    )
    return np.ascontiguousarray(image[rows, columns])
