"""Resolution from the Fourier ring correlation of two half-reconstructions."""

from __future__ import annotations

import numpy as np
from scipy import fft

_CONE_DEG = 30.0  # a frequency this near to an axis counts as along it
_MAX_RINGS = 64  # finer rings hold too few values to tell signal from noise
_TAPER = 0.1  # part of a slice's size at either end: an abrupt border correlates with itself

HALVES_NOTE = (
    "even and odd tilts share the missing wedge and the constraint that nothing is negative: "
    "what both lack looks alike in both, so along z the figure is a limit, not a resolution"
)


def half_correlation(even: np.ndarray, odd: np.ndarray, pixel_size_nm: float) -> dict:
    """Return the Fourier ring correlation of slices from even and from odd tilts.

    Parameters
    ----------
    even, odd : ndarray (n, depth, width)
        The same slices, reconstructed from every second tilt.
    pixel_size_nm : float

    Returns
    -------
    dict
        ``frequency_per_nm``: middles of the rings. ``all``, ``x`` and ``z``: whole rings, and
        the parts of them within 30° of either axis; each with ``curve`` and ``resolution_nm``,
        the period at which the curve first falls below 0.5 and 0.143 (two pixels if it never
        does). ``note``: the limits of these figures.

    Notes
    -----
    Saxton & Baumeister (1982); halves by tilts as in Cardone et al. (2005). Cross and power
    spectra are summed over the slices first, so that slices are weighted by their content.
    0.143 between halves corresponds to 0.5 of the whole against the truth (Rosenthal &
    Henderson 2003).
    """
    depth, width = even.shape[1:]
    sums = _spectra(even, odd)
    kz, kx = fft.fftfreq(depth)[:, None], fft.rfftfreq(width)[None]
    rings = min(_MAX_RINGS, min(depth, width) // 4)
    ring = (np.hypot(kz, kx) * 2 * rings).astype(int)
    ring[0, 0] = rings  # the mean is not signal; beyond the last ring nothing is counted
    # Only one of each pair of opposite frequencies is stored, except where kx is 0 or largest.
    twice = np.full(width // 2 + 1, 2.0)
    twice[0] = twice[width // 2 if width % 2 == 0 else 0] = 1
    angle = np.degrees(np.arctan2(np.abs(kz), kx))
    regions = {"all": angle >= 0, "x": angle <= _CONE_DEG, "z": angle >= 90 - _CONE_DEG}
    frequency = (np.arange(rings) + 0.5) / (2 * rings * pixel_size_nm)
    result: dict = {"frequency_per_nm": frequency.tolist()}
    for name, region in regions.items():
        cross, first, second = (
            np.bincount(ring[region], (twice * s)[region], rings + 1)[:rings] for s in sums
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            curve = cross / np.sqrt(first * second)
        result[name] = {
            "curve": curve.tolist(),
            "resolution_nm": {
                str(level): _resolution(curve, frequency, level, pixel_size_nm)
                for level in (0.5, 0.143)
            },
        }
    return {**result, "note": HALVES_NOTE}


def _spectra(even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Return the cross spectrum and both power spectra, summed over the slices."""
    depth, width = even.shape[1:]
    window = np.outer(_taper(depth), _taper(width))
    sums = np.zeros((3, depth, width // 2 + 1))
    for one, other in zip(even, odd, strict=True):
        a, b = (fft.rfft2(window * (image - image.mean())) for image in (one, other))
        sums += [(a * b.conj()).real, np.abs(a) ** 2, np.abs(b) ** 2]
    return sums


def _taper(size: int) -> np.ndarray:
    """Return a window that falls to zero over a tenth of the size at either end."""
    distance = (np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5) / (_TAPER * size)
    return np.sin(np.pi / 2 * np.minimum(distance, 1)) ** 2


def _resolution(
    curve: np.ndarray, frequency: np.ndarray, level: float, pixel_size_nm: float
) -> float:
    """Return the period at which the curve first falls below a level."""
    known = np.isfinite(curve)
    curve, frequency = curve[known], frequency[known]
    below = np.flatnonzero(curve < level)
    if not len(curve) or (len(below) and below[0] == 0):
        return float("nan")
    if not len(below):
        return 2 * pixel_size_nm
    i = below[0]
    step = (curve[i - 1] - level) / (curve[i - 1] - curve[i])
    return float(1 / (frequency[i - 1] + step * (frequency[i] - frequency[i - 1])))
