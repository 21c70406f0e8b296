"""The grey levels of slices: the rule by which values became greys, and what the values show.

They stand in the record of the slices and in each model, so that `catomo.network.matching` can
bring the slices of one to the levels of the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.record.forms import AGAIN
from catomo.record.record import Record

# The distribution of the logarithms of matter, from white down to an 1800th of it.
MATTER_STEP = 0.05
MATTER_BINS = 150

_KEPT = "kept"


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

    def grey(self, value: float) -> float:
        """Return the grey value of one value, not rounded."""
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return float(255 * share**self.gamma)

    @property
    def is_kept(self) -> bool:
        """Whether the images came as 8-bit greys, so that their scale is unknown."""
        return self.rule.startswith(_KEPT)

    def record(self) -> dict[str, Any]:
        """Return the rule for a stage's record."""
        return asdict(self)


KEPT = Contrast(0.0, 255.0, 1.0, f"{_KEPT}: the images came as 8-bit greys")


@dataclass(frozen=True)
class Levels:
    """The grey levels of the slices of a dataset.

    Attributes
    ----------
    contrast : Contrast
        How values became greys.
    background : float or None
        Value that most of the empty space has; None if the values show no such thing.
    peaks : tuple of float
        Values that most of the matter has, the most frequent first: the support, but also a
        film or plenty of particles.
    brightest : float
        Value of the brightest matter.
    matter : tuple of float
        Share of values in steps of `MATTER_STEP` of the logarithm above the background; the
        last step ends at white.
    """

    contrast: Contrast
    background: float | None
    peaks: tuple[float, ...]
    brightest: float
    matter: tuple[float, ...] = ()

    @property
    def support(self) -> float | None:
        """Value that most of the matter has."""
        return self.peaks[0] if self.peaks else None

    @property
    def missing(self) -> str:
        """What the values do not show, in words; empty if they show all."""
        lacks = [
            name
            for name, value in (("background", self.background), ("support", self.support))
            if value is None
        ]
        return " and ".join(lacks)

    def above(self, value: float) -> float:
        """Return how far a value lies above the background."""
        assert self.background is not None
        return value - self.background

    def record(self) -> dict[str, Any]:
        """Return the levels for a stage's record and a model."""
        return {"support": self.support, **asdict(self)}

    @classmethod
    def of(cls, record: Mapping[str, Any] | None) -> Levels | None:
        """Return the levels that a record or model holds; None if it holds none.

        Raises
        ------
        KeyError, TypeError, ValueError
            If they are not possible.
        """
        if record is None:
            return None
        contrast = Contrast(**record["contrast"])
        background, peaks, matter = record["background"], record["peaks"], record["matter"]
        numbers = [contrast.low, contrast.high, contrast.gamma, record["brightest"]]
        numbers += [*peaks, *matter, *([] if background is None else [background])]
        if not isinstance(contrast.rule, str):
            raise TypeError("levels: the rule must be a text")
        for number in numbers:
            if type(number) not in (int, float) or not math.isfinite(number):
                raise ValueError("levels: must be finite numbers")
        if contrast.high <= contrast.low or contrast.gamma <= 0:
            raise ValueError("levels: white must be above black, and gamma above 0")
        if background is not None and min(peaks, default=math.inf) <= background:
            raise ValueError("levels: matter must be brighter than the background")
        if matter and len(matter) != MATTER_BINS:
            raise ValueError(f"levels: matter must have {MATTER_BINS} steps")
        return cls(contrast, background, tuple(peaks), record["brightest"], tuple(matter))


def recorded_levels(record: Record) -> Levels | None:
    """Return the levels that a stage recorded; None if it recorded none.

    Raises
    ------
    UserError
        If they are damaged.
    """
    try:
        return Levels.of(record.get("levels"))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise UserError(f"{record.path}: 'levels' is damaged; {AGAIN}") from None
