"""How the greys of slices come to the levels at which a model learnt.

White of a dataset depends on what it holds: a support without particles is stretched until it
is white. What every specimen of a kind has is a background and a support, so slices are brought
to a model's levels by these two: the support gets the grey that it had in training, and
particles lie above it as they did there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catomo.network.levels import MATTER_BINS, MATTER_STEP, Levels

# The scale of 8-bit images is unknown. Supports less far apart than this may be one scale.
_SAME_SCALE = 1.25
_SAME_BACKGROUND = 0.1  # of the difference between support and background
_TOLD_FACTOR = 1.05  # estimated supports of one scale differ by up to a few percent
_NEARLY = 0.7  # of the most matter in common: another support is as likely
_LIKE_DOSES = 3.5  # datasets of one batch are recorded with doses less far apart
_CLEARLY = 1.5  # times as far from one scale is the factor that another support means
_CLIPPED = 1.2  # matter is lost where it is so much brighter than white
_UNLIKE = 1.5  # and was never learnt where it is so much brighter than the model's white


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
    is_undecided : bool
        Whether several supports are as likely, so that labels would be wrong as likely as right.
    """

    table: np.ndarray | None = None
    factor: float | None = None
    notes: tuple[str, ...] = ()
    is_undecided: bool = False

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
        return max(
            complete, key=lambda one: one.above(one.contrast.high) / _factor(one, complete[0])
        )
    return known[0] if known else None


def _factor(levels: Levels, learnt: Levels) -> float:
    """Return how many times the values of the model's training data these values most likely are.

    Of all ways to lay a peak on a peak it is that in which most of the matter is alike.
    """
    likely = _likely(levels, learnt)
    one_scale = _nearest_to_one(likely)
    return likely[0] if one_scale is None else one_scale


def _likely(levels: Levels, learnt: Levels) -> list[float]:
    """Return the factors that the matter does not exclude, the likeliest first."""
    factors = [levels.above(o) / learnt.above(t) for o in levels.peaks for t in learnt.peaks]
    shared = [_shared(levels, learnt, factor) for factor in factors]
    order = np.argsort(-np.array(shared), kind="stable")
    return [factors[at] for at in order if shared[at] >= _NEARLY * max(shared)]


def _others(factor: float, likely: Sequence[float]) -> list[float]:
    """Return the factors that mean another support than `factor` does."""
    return [other for other in likely if max(other / factor, factor / other) > _UNLIKE]


def _nearest_to_one(likely: Sequence[float]) -> float | None:
    """Return the factor by which values are nearly on one scale; None if none or two may be.

    Datasets of one batch are, apart from their dose. It decides where the matter does not.
    """
    if not _others(likely[0], likely):
        return likely[0]
    nearest = min(likely, key=lambda factor: abs(math.log(factor)))
    far = min(abs(math.log(other)) for other in _others(nearest, likely))
    apart = abs(math.log(nearest))
    return nearest if apart < math.log(_LIKE_DOSES) and far > _CLEARLY * apart else None


def _shared(levels: Levels, learnt: Levels, factor: float) -> float:
    """Return the share of all values that matter of both has in common, at a factor."""
    if not (levels.matter and learnt.matter):
        return 1.0  # nothing tells one factor from another
    white = levels.above(levels.contrast.high) / factor
    shift = math.log(white / learnt.above(learnt.contrast.high)) / MATTER_STEP
    steps = np.arange(MATTER_BINS)
    moved = np.interp(steps - shift, steps, np.array(levels.matter), left=0, right=0)
    return float(np.minimum(moved, learnt.matter).sum())


def _undecided(levels: Levels, learnt: Levels, likely: Sequence[float]) -> Match:
    """Return that the support is one of several peaks, and nothing tells which."""
    peaks = [likely[0], *_others(likely[0], likely)]
    found = " or ".join(
        f"{_support_by(factor, levels, learnt):.4g} (factor {factor:.3g})" for factor in peaks
    )
    note = (
        f"the support has the value {found}, the greys do not tell which, so they cannot be "
        "brought to the levels of the model: set slices.background and slices.support to the "
        "values that these have"
    )
    return Match(notes=(note,), is_undecided=True)


def _ambiguous(levels: Levels, learnt: Levels, factor: float, likely: Sequence[float]) -> list[str]:
    """Return a line if another factor is nearly as likely."""
    return [
        f"the support is taken to have the value {_support_by(factor, levels, learnt):.4g} (factor "
        f"{factor:.3g}), the nearest to one scale, but may also be what has "
        f"{_support_by(other, levels, learnt):.4g} (factor {other:.3g}): set slices.background "
        "and slices.support if it is"
        for other in _others(factor, likely)[:1]
    ]


def _by_values(levels: Levels, learnt: Levels) -> Match:
    """Match values: support on support, and background on background."""
    likely = _likely(levels, learnt)
    one_scale = _nearest_to_one(likely)
    if one_scale is None:
        return _undecided(levels, learnt, likely)
    factor = one_scale
    kept = levels.contrast.is_kept
    if kept and max(factor, 1 / factor) < _SAME_SCALE and _is_same_background(levels, learnt):
        return Match(factor=factor)
    assert levels.background is not None
    assert learnt.background is not None
    above = levels.contrast.values(np.arange(256)) - levels.background
    greys = learnt.contrast.greys(learnt.background + above / factor)
    notes = []
    if max(factor, 1 / factor) > _TOLD_FACTOR:
        notes.append(
            f"the values are {factor:.3g} times those of the slices that the model learnt, as "
            f"estimated from the supports ({_support_by(factor, levels, learnt):.4g} and "
            f"{learnt.support:.4g}), and are brought to its levels"
            + ("; 8-bit images do not tell their scale" * kept)
        )
    notes += [*_ambiguous(levels, learnt, factor, likely), *_unlike(levels, learnt, factor)]
    is_same = np.array_equal(greys, np.arange(256))
    return Match(None if is_same else greys, factor, tuple(notes))


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


def _unlike(levels: Levels, learnt: Levels, factor: float) -> list[str]:
    """Return a line for each way in which levels do not suit those of the model."""
    notes = []
    assert learnt.support is not None
    unit = learnt.above(learnt.support)  # white and the rest are told as multiples of the support
    white = levels.above(levels.contrast.high) / factor / unit
    most = levels.above(levels.brightest) / factor / unit
    learnt_white = learnt.above(learnt.contrast.high) / unit
    if most > _UNLIKE * learnt_white:
        notes.append(
            f"the brightest matter is {most:.3g} times as bright as the support, but white was "
            f"{learnt_white:.3g} times where the model learnt, so brighter matter is new to it"
        )
    if min(most, learnt_white) > _CLIPPED * white:
        notes.append(
            f"the slices cut off what is brighter than {white:.3g} times the support, matter "
            f"reaches {most:.3g} times: slices.high_percentile: 100 keeps all of it"
        )
    gamma, learnt_gamma = levels.contrast.gamma, learnt.contrast.gamma
    if gamma != learnt_gamma:
        notes.append(
            f"the slices have gamma {gamma:g}, the model learnt {learnt_gamma:g}: they are "
            f"converted, but with fewer greys than slices.gamma: {learnt_gamma:g} gives"
        )
    return notes


def _support_by(factor: float, levels: Levels, learnt: Levels) -> float:
    """Return the value that corresponds to the support of the model's slices."""
    assert levels.background is not None
    assert learnt.support is not None
    return levels.background + factor * learnt.above(learnt.support)


def _is_same_background(levels: Levels, learnt: Levels) -> bool:
    assert levels.background is not None
    assert learnt.background is not None
    assert learnt.support is not None
    apart = abs(levels.background - learnt.background)
    return apart < _SAME_BACKGROUND * learnt.above(learnt.support)


def _greys(levels: Levels) -> tuple[float, float]:
    """Return the greys of background and support."""
    assert levels.background is not None
    assert levels.support is not None
    return levels.contrast.grey(levels.background), levels.contrast.grey(levels.support)
