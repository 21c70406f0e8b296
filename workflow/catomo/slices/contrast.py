"""From float volume to 8-bit greys by a rule that is written down and can be turned back.

Pt scatters about 20 times as strongly as γ-alumina, so on a linear scale alumina would be
left with a dozen greys. With the exponent 0.5 alumina comes to lie near 60 and Pt near 220,
as in published annotated slices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from catomo.errors import UserError

_MOST_SLICES = 64
_MOST_VALUES = 4_000_000


@dataclass(frozen=True)
class Contrast:
    """The rule ``grey = 255 · clip((value − low) / (high − low), 0, 1) ^ gamma``, rounded."""

    low: float
    high: float
    gamma: float
    rule: str

    def greys(self, values: np.ndarray) -> np.ndarray:
        """Return greys, uint8, of any array of values."""
        share = (values.astype(np.float32) - np.float32(self.low)) / np.float32(
            self.high - self.low
        )
        return np.rint(255 * np.clip(share, 0, 1) ** np.float32(self.gamma)).astype(np.uint8)

    def values(self, greys: np.ndarray) -> np.ndarray:
        """Return the values, float64, that the greys stand for."""
        return self.low + (self.high - self.low) * (np.asarray(greys) / 255.0) ** (1 / self.gamma)

    def record(self) -> dict:
        """Return the rule for a stage's record."""
        return asdict(self)


KEPT = Contrast(0.0, 255.0, 1.0, "kept: the images came as 8-bit greys")


def from_percentiles(read: Callable[[int], np.ndarray], count: int, settings, origin) -> Contrast:
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
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_SLICES)).round().astype(int))
    sample = []
    for index in chosen:
        values = read(index).ravel()
        sample.append(values[:: max(1, values.size * len(chosen) // _MOST_VALUES)])
    sample = np.concatenate(sample).astype(np.float64)
    if not np.isfinite(sample).all():
        raise UserError(f"{origin}: holds values that are not finite; export the volume again")
    low, high = np.percentile(sample, [settings.low_percentile, settings.high_percentile])
    if high <= low:  # less material than the high percentile leaves out
        high = sample.max()
    if high <= low:
        raise UserError(f"{origin}: all values are {low:g}; there is nothing to see in it")
    rule = f"percentiles {settings.low_percentile:g} and {settings.high_percentile:g} of the volume"
    return Contrast(float(low), float(high), settings.gamma, rule)
