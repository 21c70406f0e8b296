"""The grey levels at which a model learnt, and how the greys of other slices come to them.

White of a dataset depends on what it holds: a support without particles is stretched until it
is white. What every specimen of a kind has is a background and a support, so slices are brought
to a model's levels by these two: the support gets the grey that it had in training, and
particles lie above it as they did there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_KEPT = "kept"
# The scale of 8-bit images is unknown. Supports less far apart than this may be one scale.
_SAME_SCALE = 1.25
_SAME_BACKGROUND = 0.1  # of the difference between support and background
_TOLD_FACTOR = 1.05  # estimated supports of one scale differ by up to a few percent
_CLIPPED = 1.2  # matter is lost where it is so much brighter than white
_UNLIKE = 1.5  # and was never learnt where it is so much brighter than the model's white


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
    background, support : float or None
        Values that most of the empty space and most of the support have; None if the values
        show no such thing.
    brightest : float
        Value of the brightest matter.
    """

    contrast: Contrast
    background: float | None
    support: float | None
    brightest: float

    @property
    def missing(self) -> str:
        """What the values do not show, in words; empty if they show all."""
        lacks = [
            name
            for name, value in (("background", self.background), ("support", self.support))
            if value is None
        ]
        return " and ".join(lacks)

    def times_support(self, value: float) -> float:
        """Return how many times as bright as the support a value is, above the background."""
        assert self.background is not None
        assert self.support is not None
        return (value - self.background) / (self.support - self.background)

    def record(self) -> dict[str, Any]:
        """Return the levels for a stage's record and a model."""
        return asdict(self)

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
        modes = (record["background"], record["support"])
        numbers = (contrast.low, contrast.high, contrast.gamma, record["brightest"])
        if not isinstance(contrast.rule, str):
            raise TypeError("levels: the rule must be a text")
        for number in (*numbers, *(mode for mode in modes if mode is not None)):
            if type(number) not in (int, float) or not math.isfinite(number):
                raise ValueError("levels: must be finite numbers")
        if contrast.high <= contrast.low or contrast.gamma <= 0:
            raise ValueError("levels: white must be above black, and gamma above 0")
        if None not in modes and modes[1] <= modes[0]:
            raise ValueError("levels: the support must be brighter than the background")
        return cls(contrast, *modes, record["brightest"])


@dataclass(frozen=True)
class Match:
    """How the greys of a dataset come to the levels of a model.

    Attributes
    ----------
    table : ndarray of uint8, (256,), or None
        The new value of each grey; None where greys stay as they are.
    factor : float or None
        How many times the values of the model's training data these values are, as far as the
        supports tell; None if unknown.
    notes : tuple of str
        What a person must be told, one line each.
    """

    table: np.ndarray | None = None
    factor: float | None = None
    notes: tuple[str, ...] = ()

    def apply(self, greys: np.ndarray) -> np.ndarray:
        """Return greys (uint8) at the levels of the model."""
        return greys if self.table is None else self.table[greys]

    def record(self) -> dict[str, Any]:
        """Return what a stage's record says of the match."""
        table = None if self.table is None else self.table.tolist()
        return {"factor": self.factor, "grey_table": table, "notes": list(self.notes)}

    @classmethod
    def of(cls, record: Mapping[str, Any] | None) -> Match:
        """Return the match that a stage recorded; one that changes nothing if it did not."""
        if record is None:
            return cls()
        table = record["grey_table"]
        table = None if table is None else np.array(table, np.uint8)
        return cls(table, record["factor"], tuple(record["notes"]))


def match(levels: Levels | None, learnt: Levels | None) -> Match:
    """Return how greys of slices come to the levels at which a model learnt.

    Parameters
    ----------
    levels : Levels or None
        Of the slices.
    learnt : Levels or None
        Of the model.
    """
    if levels is not None and levels == learnt:
        return Match(factor=1.0)
    as_they_are = "so the greys are taken as they are"
    if learnt is None:
        return Match(
            notes=(f"the model does not say at which grey levels it learnt, {as_they_are}",)
        )
    if levels is None:
        return Match(
            notes=(f"the slices do not say their grey levels, {as_they_are}; make them again",)
        )
    for whose, place in ((levels, "these slices"), (learnt, "the slices that the model learnt")):
        if whose.missing:
            note = (
                f"the greys of {place} show no {whose.missing}, so their scale cannot be compared "
                f"with the model's and they are taken as they are; set slices.background and "
                "slices.support to the values that these have"
            )
            return Match(notes=(note,))
    if levels.contrast.is_kept != learnt.contrast.is_kept:
        return _by_greys(levels, learnt)
    return _by_values(levels, learnt)


def common_levels(levels: Sequence[Levels | None]) -> Levels | None:
    """Return the levels for a model of several datasets, those that leave most room at the top.

    There white is the largest multiple of the support. Levels without a background or support
    serve only if there are no others.
    """
    known = [one for one in levels if one is not None]
    complete = [one for one in known if not one.missing]
    if complete:
        return max(complete, key=lambda one: one.times_support(one.contrast.high))
    return known[0] if known else None


def _by_values(levels: Levels, learnt: Levels) -> Match:
    """Match values: support on support, and background on background."""
    factor = _step(levels) / _step(learnt)
    kept = levels.contrast.is_kept
    if kept and max(factor, 1 / factor) < _SAME_SCALE and _is_same_background(levels, learnt):
        return Match(factor=factor)
    values = levels.contrast.values(np.arange(256))
    assert levels.background is not None
    assert learnt.background is not None
    greys = learnt.contrast.greys(learnt.background + (values - levels.background) / factor)
    notes = []
    if max(factor, 1 / factor) > _TOLD_FACTOR:
        notes.append(
            f"the values are {factor:.3g} times those of the slices that the model learnt, as "
            f"estimated from the supports ({levels.support:.4g} and {learnt.support:.4g}), and "
            "are brought to its levels" + ("; 8-bit images do not tell their scale" * kept)
        )
    return Match(greys, factor, (*notes, *_unlike(levels, learnt)))


def _by_greys(levels: Levels, learnt: Levels) -> Match:
    """Match greys, where one side came as 8-bit images and nobody knows how they were made."""
    dark, bright = _greys(levels)
    learnt_dark, learnt_bright = _greys(learnt)
    if bright - dark < 1 or learnt_bright - learnt_dark < 1:
        return Match(notes=("the grey of the support is that of the background, so greys stay",))
    scale = (learnt_bright - learnt_dark) / (bright - dark)
    table = np.clip(np.rint(learnt_dark + scale * (np.arange(256) - dark)), 0, 255)
    own, other = "8-bit images as given", "greys of a recorded rule"
    if levels.contrast.is_kept:
        own, other = other, own
    note = (
        f"the model learnt {own}, these slices are {other}: they are matched by background "
        f"and support alone (grey {bright:.0f} becomes {learnt_bright:.0f}), which holds if both "
        "were made with like gamma"
    )
    return Match(table.astype(np.uint8), None, (note,))


def _unlike(levels: Levels, learnt: Levels) -> list[str]:
    """Return a line for each way in which levels do not suit those of the model."""
    notes = []
    white = levels.times_support(levels.contrast.high)
    most = levels.times_support(levels.brightest)
    learnt_white = learnt.times_support(learnt.contrast.high)
    if most > _UNLIKE * learnt_white:
        notes.append(
            f"the brightest matter is {most:.3g} times as bright as the support, but white was "
            f"{learnt_white:.3g} times where the model learnt, so brighter matter is new to it"
        )
    if min(most, learnt_white) > _CLIPPED * white:
        notes.append(
            f"the slices cut off what is brighter than {white:.3g} times the support, matter "
            f"reaches {most:.3g} times; leave slices.high_percentile empty"
        )
    gamma, learnt_gamma = levels.contrast.gamma, learnt.contrast.gamma
    if gamma != learnt_gamma:
        notes.append(
            f"the slices have gamma {gamma:g}, the model learnt {learnt_gamma:g}: they are "
            f"converted, but with fewer greys than slices.gamma: {learnt_gamma:g} gives"
        )
    return notes


def _step(levels: Levels) -> float:
    """Return how far the support lies above the background."""
    assert levels.background is not None
    assert levels.support is not None
    return levels.support - levels.background


def _is_same_background(levels: Levels, learnt: Levels) -> bool:
    assert levels.background is not None
    assert learnt.background is not None
    apart = abs(levels.background - learnt.background)
    return apart < _SAME_BACKGROUND * _step(learnt)


def _greys(levels: Levels) -> tuple[float, float]:
    """Return the greys of background and support."""
    assert levels.background is not None
    assert levels.support is not None
    return levels.contrast.grey(levels.background), levels.contrast.grey(levels.support)
