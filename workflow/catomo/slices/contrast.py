"""From a volume to 8-bit grey values, by a rule that is recorded and can be inverted.

Pt scatters about 20 times as strongly as γ-alumina, so on a linear scale only a dozen grey
values would be left for alumina. With the exponent 0.5 alumina comes to lie near 60 and Pt
near 220, as in published annotated slices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.slices.settings import Slices

# How much of a volume is looked at for its percentiles.
_MAX_SLICES = 64
_MAX_VALUES = 4_000_000


@dataclass(frozen=True)
class Contrast:
    """The rule ``grey = 255 · clip((value − low) / (high − low), 0, 1) ^ gamma``, rounded.

    Attributes
    ----------
    low, high : float
        Values that become black and white.
    gamma : float
        Exponent; below 1 it brightens dark values.
    rule : str
        Where `low` and `high` come from, in words.
    """

    low: float
    high: float
    gamma: float
    rule: str

    def greys(self, values: np.ndarray) -> np.ndarray:
        """Return the grey values (uint8) of an array of any shape."""
        share = (values.astype(np.float32) - np.float32(self.low)) / np.float32(
            self.high - self.low
        )
        return np.rint(255 * np.clip(share, 0, 1) ** np.float32(self.gamma)).astype(np.uint8)

    def values(self, greys: np.ndarray) -> np.ndarray:
        """Return the values (float64) that grey values stand for: the inverse of `greys`."""
        return self.low + (self.high - self.low) * (np.asarray(greys) / 255.0) ** (1 / self.gamma)

    def record(self) -> dict:
        """Return the rule for a stage's record."""
        return asdict(self)


KEPT = Contrast(0.0, 255.0, 1.0, "kept: the images came as 8-bit greys")


def export_slices(
    volume: np.ndarray,
    low_percentile: float = 0.5,
    high_percentile: float = 99.9,
    gamma: float = 0.5,
) -> np.ndarray:
    """Turn a volume into 8-bit slices, as the stage `slices` does.

    Parameters
    ----------
    volume : ndarray (y, z, x)
        A volume of uint8 is returned as it is.
    low_percentile, high_percentile : float
        Percentiles of the volume, in %, that become black and white. They are computed on at
        most 64 slices, spread evenly.
    gamma : float
        Exponent of the grey values; below 1 it brightens dark values.

    Returns
    -------
    ndarray of uint8, (y, z, x)
        ``255 · clip((value − low) / (high − low), 0, 1) ^ gamma``, rounded.

    Raises
    ------
    ValueError
        If the volume does not have three axes, or a percentile or `gamma` is out of range.
    UserError
        If the volume holds NaN or infinity, or nothing but one value.
    """
    volume = np.asarray(volume)
    if volume.ndim != 3:
        raise ValueError(f"volume: found {volume.ndim} axes, expected three (y, z, x)")
    settings = Slices(low_percentile=low_percentile, high_percentile=high_percentile, gamma=gamma)
    if volume.dtype == np.uint8:
        return volume
    rule = from_percentiles(lambda index: volume[index], len(volume), settings, "volume")
    return np.stack([rule.greys(image) for image in volume])


def from_percentiles(
    read: Callable[[int], np.ndarray], count: int, settings: Slices, origin: Path | str
) -> Contrast:
    """Return the contrast rule for a stack, from percentiles of a sample of its values.

    Parameters
    ----------
    read : callable
        Returns slice i (z, x).
    count : int
        Number of slices; at most 64, spread evenly, are looked at.
    settings : Slices
    origin : path
        Named in errors.

    Raises
    ------
    UserError
        If values are not finite, or all the same.
    """
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MAX_SLICES)).round().astype(int))
    parts = []
    for index in chosen:
        values = read(index).ravel()
        parts.append(values[:: max(1, values.size * len(chosen) // _MAX_VALUES)])
    sample = np.concatenate(parts).astype(np.float64)
    if not np.isfinite(sample).all():
        raise UserError(f"{origin}: holds values that are not finite; export the volume again")
    low, high = np.percentile(sample, [settings.low_percentile, settings.high_percentile])
    if high <= low:  # there is less material than the high percentile leaves out
        high = sample.max()
    if high <= low:
        raise UserError(f"{origin}: all values are {low:g}; nothing could be seen in its slices")
    rule = f"percentiles {settings.low_percentile:g} and {settings.high_percentile:g} of the volume"
    return Contrast(float(low), float(high), settings.gamma, rule)
