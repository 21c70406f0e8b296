"""Shifts between tilts, measured in three independent ways.

Pairwise registration follows the specimen from tilt to tilt and is free of bias by film, but
errors add up to a slow drift. The centre of mass does not drift, but film and noise
disturb it. Common lines hold for any specimen and any pair of tilts, but only along the axis.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from catomo.progress import progress

_REGISTRATION_SIZE = 512  # px: larger images are binned for the pairwise registration
_ROUNDS = 6  # of aligning all profiles to the mean of the others; three suffice


def pairwise(images: np.ndarray, tilt_deg: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Register each image to its neighbour, from the tilt nearest 0° outwards.

    Cross-correlation finds the whole pixels, least squares the fraction (translation only;
    Thévenaz et al., IEEE Trans. Image Process. 7, 27 (1998), as in pystackreg). Without the
    first the second can end in a neighbouring minimum.

    Parameters
    ----------
    images : ndarray (tilt, y, x), float32
    tilt_deg : ndarray (tilt,)
        Ascending.
    usable : ndarray (tilt,), bool
        Others are skipped; their shifts are interpolated.

    Returns
    -------
    ndarray (tilt, 2)
        How far the specimen lies from its place in the 0° image, raw (y, x) in px.
    """
    from pystackreg import StackReg

    register = StackReg(StackReg.TRANSLATION).register
    factor = -(-max(images.shape[1:]) // _REGISTRATION_SIZE)
    indices = np.flatnonzero(usable)
    start = int(np.argmin(np.abs(tilt_deg[indices])))
    order = [(k, k + 1) for k in range(start, len(indices) - 1)]
    order += [(k, k - 1) for k in range(start, 0, -1)]
    shifts = np.zeros((len(images), 2))
    for k, following in progress(order, "register neighbours"):
        here, there = indices[k], indices[following]
        one, other = binned(images[here], factor), binned(images[there], factor)
        whole = _correlation_peak(one, other)
        matrix = register(_overlap(one, -whole), _overlap(other, whole))
        shifts[there] = shifts[here] + (whole + matrix[[1, 0], [2, 2]]) * factor
    return filled(shifts, tilt_deg, usable)


def centre_of_mass(images: np.ndarray, floor_percentile: float | None = None) -> np.ndarray:
    """Return the centre of mass of each image from the frame's centre, raw (y, x) in px.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
    floor_percentile : float or None
        Count only what exceeds this percentile of the image: it keeps film out. None counts
        everything, which is unbiased for an isolated specimen on a background of zero.
    """
    middle = (np.array(images.shape[1:]) - 1) / 2
    centres = np.zeros((len(images), 2))
    for t, image in enumerate(images):
        image = image.astype(np.float64)
        if floor_percentile is not None:
            image = np.maximum(image - np.percentile(image, floor_percentile), 0)
        mass = image.sum()
        if mass > 0:
            rows, columns = image.sum(axis=1), image.sum(axis=0)
            centres[t] = rows @ np.arange(len(rows)), columns @ np.arange(len(columns))
            centres[t] = centres[t] / mass - middle
    return centres


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


def low_order(tilt_deg: np.ndarray) -> np.ndarray:
    """Return the columns cos θ, sin θ, 1: how a moved specimen and the axis offset show."""
    theta = np.deg2rad(tilt_deg)
    return np.stack([np.cos(theta), np.sin(theta), np.ones_like(theta)], axis=1)


def fitted(columns: np.ndarray, values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return the combination of `columns` nearest to `values`, outliers counting less."""
    weights = usable.astype(float)
    for _ in range(10):
        root = np.sqrt(weights)[:, None]
        solution = np.linalg.lstsq(columns * root, values * root[:, 0], rcond=None)[0]
        residual = np.abs(values - columns @ solution)
        limit = 2 * max(np.median(residual[usable]), 1e-6)
        weights = usable * np.minimum(1, limit / np.maximum(residual, 1e-12))
    return columns @ solution


def filled(shifts: np.ndarray, tilt_deg: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return shifts with those of unusable tilts interpolated between their neighbours."""
    columns = [np.interp(tilt_deg, tilt_deg[usable], column[usable]) for column in shifts.T]
    return np.stack(columns, axis=1)


def binned(image: np.ndarray, factor: int) -> np.ndarray:
    """Return the image with blocks of `factor` pixels averaged; what is left over is cut."""
    rows, columns = (n // factor * factor for n in image.shape)
    blocks = image[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float64)


def _correlation_peak(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return by how many whole pixels (y, x) `other` is shifted against `one`."""
    product = np.fft.rfft2(other - other.mean()) * np.fft.rfft2(one - one.mean()).conj()
    correlation = np.fft.irfft2(product, one.shape)
    peak = np.array(np.unravel_index(correlation.argmax(), one.shape))
    half = np.array(one.shape) // 2
    return (peak + half) % np.array(one.shape) - half


def _overlap(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the part of an image that the other one, shifted against it, shows too."""
    rows, columns = (
        slice(max(0, s), n + min(0, s)) for s, n in zip(shift, image.shape, strict=True)
    )
    return np.ascontiguousarray(image[rows, columns])
