"""From a volume to 8-bit grey values, by a rule that is recorded and can be inverted.

Pt scatters about 20 times as strongly as γ-alumina, so on a linear scale only a dozen grey
values would be left for alumina. With the exponent 0.5 alumina comes to lie near 60 and Pt
near 220, as in published annotated slices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, minimum_filter

from catomo.errors import UserError
from catomo.network.levels import KEPT, Contrast, Levels
from catomo.network.matching import match
from catomo.progress import say
from catomo.slices.modes import fit_modes
from catomo.slices.settings import Slices

# How much of a volume is looked at for its percentiles and modes.
_MAX_SLICES = 64
_MAX_VALUES = 4_000_000

_WHITE_PERCENTILE = 99.9
# Where particles fill less than the percentile leaves out, it is a value of their support. White
# then follows the brightest matter, but not an artefact that is brighter than any particle.
_PERCENTILE_SUITS = 1.5
_MOST_OVER_PERCENTILE = 30.0


def export_slices(
    volume: np.ndarray,
    low_percentile: float = 0.5,
    high_percentile: float | None = None,
    gamma: float = 0.5,
    *,
    like: np.ndarray | None = None,
) -> np.ndarray:
    """Turn a volume into 8-bit slices, as the stage `slices` does.

    Parameters
    ----------
    volume : ndarray (y, z, x)
        A volume of uint8 is returned as it is.
    low_percentile, high_percentile : float
        Percentiles of the volume, in %, that become black and white. They are computed on at
        most 64 slices, spread evenly. By default white is the percentile 99.9, or the brightest
        matter where it is far brighter than that.
    gamma : float
        Exponent of the grey values; below 1 it brightens dark values.
    like : ndarray (y, z, x), optional
        Another volume of the same kind, such as that whose slices taught a model: background
        and support get the greys that they have in its slices, exported in the same way.
        Without it a support without particles is stretched to white.

    Returns
    -------
    ndarray of uint8, (y, z, x)
        ``255 · clip((value − low) / (high − low), 0, 1) ^ gamma``, rounded; with `like` brought
        to the levels of its slices.

    Raises
    ------
    ValueError
        If a volume does not have three axes, or a percentile or `gamma` is out of range.
    UserError
        If the volume holds NaN or infinity, or nothing but one value; or if its values do not
        tell which of several peaks is the support of `like`.
    """
    settings = Slices(low_percentile=low_percentile, high_percentile=high_percentile, gamma=gamma)
    volume = np.asarray(volume)
    if volume.ndim != 3:
        raise ValueError(f"volume: found {volume.ndim} axes, expected three (y, z, x)")
    if volume.dtype == np.uint8 and like is None:
        return volume
    levels = levels_of(volume.__getitem__, volume.shape, volume.dtype, settings, "volume")
    greys = np.stack([levels.contrast.greys(image) for image in volume])
    if like is None:
        return greys
    like = np.asarray(like)
    if like.ndim != 3:
        raise ValueError(f"like: found {like.ndim} axes, expected three (y, z, x)")
    matched = match(levels, levels_of(like.__getitem__, like.shape, like.dtype, settings, "like"))
    if matched.is_undecided:
        raise UserError(f"volume: {matched.notes[0]}")
    for note in matched.notes:
        say(f"export_slices: {note}")
    return matched.apply(greys)


def levels_of(
    read: Callable[[int], np.ndarray],
    shape: Sequence[int],
    dtype: np.dtype,
    settings: Slices,
    origin: Path | str,
    *,
    background: float | None = None,
) -> Levels:
    """Return the contrast rule for a stack, and what its values show.

    Parameters
    ----------
    read : callable
        Returns slice i (z, x).
    shape : (int, int, int)
        Of the stack (n, z, x).
    dtype : dtype
        Images of uint8 keep their greys.
    settings : Slices
    origin : path
        Named in errors.
    background : float, optional
        Value of the background, where it is known.

    Raises
    ------
    UserError
        If values are not finite, or all the same.
    """
    count = shape[0]
    if dtype == np.uint8:
        contrast, brightest = KEPT, 255.0
    else:
        contrast, brightest = _from_percentiles(read, count, settings, origin)
    if settings.background is not None:
        background = settings.background
    blurred = _sample(lambda i: gaussian_filter(read(i).astype(np.float32), 1), count)
    background, peaks, matter = fit_modes(blurred, contrast.low, contrast.high, background)
    if settings.support is not None:
        peaks = (settings.support,)
        if background is not None and settings.support <= background:
            raise UserError(
                f"{origin}: slices.support is {settings.support:g}, not above the background "
                f"{background:g}; give both, as values of the volume"
            )
    return Levels(contrast, background, peaks, brightest, matter)


def _from_percentiles(
    read: Callable[[int], np.ndarray], count: int, settings: Slices, origin: Path | str
) -> tuple[Contrast, float]:
    """Return the contrast rule for a stack, and the value of its brightest matter."""
    brightest = max(_brightest(read(index), origin) for index in range(count))
    sample = _sample(read, count).astype(np.float64)
    percentile = settings.high_percentile or _WHITE_PERCENTILE
    low, high = (float(p) for p in np.percentile(sample, [settings.low_percentile, percentile]))
    if high <= low:  # there is less material than the high percentile leaves out
        high = float(sample.max())
    if high <= low:
        raise UserError(f"{origin}: all values are {low:g}; nothing could be seen in its slices")
    rule = f"percentiles {settings.low_percentile:g} and {percentile:g} of the volume"
    over = (brightest - low) / (high - low)
    if settings.high_percentile is None and over > _PERCENTILE_SUITS:
        high = low + min(over, _MOST_OVER_PERCENTILE) * (high - low)
        rule = (
            f"percentile {settings.low_percentile:g} of the volume, and its brightest matter, "
            f"which is far above percentile {percentile:g}"
        )
    return Contrast(low, high, settings.gamma, rule), brightest


def _brightest(image: np.ndarray, origin: Path | str) -> float:
    """Return the value of the brightest matter in a slice, all of whose values must be finite."""
    if not np.isfinite(image).all():
        raise UserError(f"{origin}: holds values that are not finite; export the volume again")
    # Matter is brighter than noise in more than one pixel.
    return float(minimum_filter(image, 2).max())


def _sample(read: Callable[[int], np.ndarray], count: int) -> np.ndarray:
    """Return values of slices that are spread evenly."""
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MAX_SLICES)).round().astype(int))
    parts = []
    for index in chosen:
        values = read(index).ravel()
        parts.append(values[:: max(1, values.size * len(chosen) // _MAX_VALUES)])
    return np.concatenate(parts)
