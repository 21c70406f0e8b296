"""Whether the slices of a volume look like those that taught a model, and if not, what differs.

Specimens of one kind differ in their shapes; a model is made for that. It is not made for slices
that are noisier, less sharp or of another contrast rule than any that it saw, and its
confidence says nothing then: a network can be sure of labels that are wrong.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from catomo.network.appearance import Appearance
from catomo.network.levels import Levels

# How far figures of other specimens of one kind lie from those of one dataset of training slices,
# as logarithms, with room to spare. Measured on phantoms of several kinds.
_GREY = 0.14
_TEXTURE = 0.75
_NOISE = math.log(2)
_EDGE, _EDGE_OF_ONE = 0.15, 0.25  # the mean over several classes differs less than that of one
_EDGE_ALONE = 0.3  # so much less steep are edges of alumina in phantoms without Pt beside it
# Wedges that are wider than in training: 16° cost alumina of phantoms 0.01 of its DSC, 26° 0.04 and
# 36° 0.09. Where no record knows them, edges tell, which become more blurred along the beam than
# across it. By how much depends on shapes, too: where enough datasets show the range of that, it
# widens the tolerance, and each class is compared alone as well. Edges count even where the wedges
# are known, because a drift or a bad axis blurs them, too, but less strictly.
_WIDER_DEG = 20.0
_WEDGE, _BEYOND_RANGE, _SHOW_RANGE = 0.35, 0.14, 4
# Where no other class is hidden in one, 99.9 % of its pixels are darker than its mean and so many
# standard deviations; of pure noise than 3.1.
_BARE = 4.0
# Matter is cut off where it is so much brighter than white, and lost for the model where its
# brightest was so much brighter than that.
_CUT_OFF, _LOST = 1.2, 2.0


@dataclass(frozen=True)
class Difference:
    """One way in which slices differ from those that taught a model.

    Attributes
    ----------
    what : str
        In a word or two.
    text : str
        A clause with the figures.
    """

    what: str
    text: str

    def record(self) -> dict[str, str]:
        """Return what a record says."""
        return asdict(self)


def differences(
    found: Appearance, learnt: Sequence[Appearance], names: Sequence[str]
) -> list[Difference]:
    """Return in which ways slices look other than those that taught a model.

    Parameters
    ----------
    found : Appearance
        Of the slices, with the model's labels.
    learnt : sequence of Appearance
        Of the training slices of each dataset.
    names : sequence of str
        Names of the classes, background first.
    """
    material = range(1, len(names))
    lines = []
    for figure, tolerance, what, clause in (
        ("grey", _GREY, "grey levels", "{} has the grey {:.3g}, in training {:.3g}"),
        ("noise", _NOISE, "noise", "the noise in {} is {:.3g} grey levels, in training {:.3g}"),
        ("texture", _TEXTURE, "texture", "greys in {} scatter by {:.3g}, in training by {:.3g}"),
    ):
        for k in material:
            here = getattr(found, figure)[k]
            there = [getattr(one, figure)[k] for one in learnt]
            way = _beyond(_log(here), [_log(value) for value in there])
            if abs(way) > tolerance * _room(there):
                nearest = here * math.exp(-way)
                lines.append(Difference(what, clause.format(names[k], here, nearest)))
    shows = [any(one.grey[k] is not None for k in material) for one in (found, *learnt)]
    if not shows[0] and all(shows[1:]):
        lines.append(Difference("matter", "the model finds nothing but background"))
    return [*lines, *_hidden(found, learnt, names), *_sharpness(found, learnt, names)]


def wedge_differences(
    found: Appearance,
    learnt: Sequence[Appearance],
    names: Sequence[str],
    wedge_deg: float | None,
    learnt_deg: float | None,
) -> list[Difference]:
    """Return whether more tilts are missing than in training, or edges look like that.

    Parameters
    ----------
    found, learnt, names
        See `differences`.
    wedge_deg, learnt_deg : float or None
        Missing wedge of the slices, and the widest of the training, where they are known.
    """
    is_known = wedge_deg is not None and learnt_deg is not None
    if (wedge_deg or 0.0) > (learnt_deg or math.inf) + _WIDER_DEG:
        text = f"the tilts leave out {wedge_deg:.3g}°, in training {learnt_deg:.3g}° at the most"
        return [Difference("missing wedge", text)]
    seen, shown = _shown_edges(found, learnt, names)
    if not seen:
        return []
    lean, mean = shown[..., 1], shown[..., 1].mean(axis=1)
    parts = [("edges", mean, _WEDGE if is_known else _WEDGE * _room(mean[1:]))]
    if len(lean[1:]) >= _SHOW_RANGE and not is_known:
        allowed = np.clip(_BEYOND_RANGE + np.ptp(mean[1:]), parts[0][2], _WEDGE)
        of_each = _BEYOND_RANGE + np.ptp(lean[1:], axis=0)
        parts = [("edges", mean, allowed)]
        parts += [(f"edges of {names[k]}", lean[:, i], of_each[i]) for i, k in enumerate(seen)]
    for edges, values, tolerance in parts:
        way = _beyond(values[0], values[1:].tolist())
        if way < -tolerance or way > _WEDGE:
            word = "more" if way < 0 else "less"
            text = (
                f"along the beam {edges} are {math.exp(abs(way)):.3g} times {word} blurred, "
                "against those across it, than in training"
            )
            return [Difference("sharpness" if is_known else "missing wedge", text)]
    return []


def contrast_differences(
    levels: Levels | None, learnt: Levels | None, factor: float | None
) -> list[Difference]:
    """Return in which ways a contrast rule differs from that of a model, beyond what is converted.

    Parameters
    ----------
    levels, learnt : Levels or None
        Of the slices and of the model.
    factor : float or None
        How many times the model's values these are, see `catomo.network.matching.Match`.
    """
    if levels is None or learnt is None:
        return []
    what = "contrast rule"
    if levels.contrast.is_kept != learnt.contrast.is_kept:
        own, other = "8-bit images whose rule nobody knows", "greys of a recorded rule"
        if learnt.contrast.is_kept:
            own, other = other, own
        return [Difference(what, f"these slices are {own}, the model learnt {other}")]
    if factor is None or levels.missing or learnt.missing:
        return []
    white = levels.above(levels.contrast.high) / factor
    most = levels.above(levels.brightest) / factor
    known = learnt.above(min(learnt.brightest, learnt.contrast.high))
    if most < _CUT_OFF * white or known < _LOST * white:
        return []
    support = learnt.above(learnt.peaks[0])
    return [
        Difference(
            what,
            f"these slices cut off what is brighter than {white / support:.3g} times the support, "
            f"in training matter reached {known / support:.3g} times",
        )
    ]


def _hidden(
    found: Appearance, learnt: Sequence[Appearance], names: Sequence[str]
) -> list[Difference]:
    """Return classes that are not found where a darker class holds greys too bright for it.

    A specimen may be without a class. But one that is less bright than in training is taken for
    a darker class, whose other figures hardly change by it.
    """
    lines = []
    figures = zip(found.grey, found.edge_z, found.edge_x, strict=True)
    missed = [k for k, of_class in enumerate(figures) if not any(of_class)]
    for k, j in itertools.product(missed, range(1, len(names))):
        bright, is_brighter, ends = found.bright[j], False, [0.0]
        for one in learnt:
            missing, grey, texture = one.grey[k], one.grey[j], one.texture[j]
            if not grey or not texture:
                continue
            ends.append(grey + _BARE * texture)
            is_brighter |= bool(missing and missing > grey)
            if missing is None:
                ends.append(one.bright[j] or 0.0)
        if bright is not None and is_brighter and bright > max(ends):
            text = (
                f"no {names[k]} is found, but what is labelled {names[j]} reaches the grey "
                f"{bright:.3g}, and without any it would end below {max(ends):.3g}"
            )
            lines.append(Difference("a class that is not found", text))
    return lines


def _sharpness(
    found: Appearance, learnt: Sequence[Appearance], names: Sequence[str]
) -> list[Difference]:
    """Compare how steep edges are, over all classes and of each."""
    seen, shown = _shown_edges(found, learnt, names)
    if not seen:
        return []
    steep = shown[..., 0]
    absent = [k for k in range(1, len(names)) if k not in seen]
    lacks_one = all(any(_edge_logs(one, k) for k in absent) for one in learnt)
    parts = [("", steep.mean(axis=1), _EDGE + _EDGE_OF_ONE / len(seen))]
    parts += [(f" of {names[k]}", steep[:, i], _EDGE + _EDGE_OF_ONE) for i, k in enumerate(seen)]
    for of_what, values, tolerance in parts:
        way = _beyond(values[0], values[1:].tolist())
        alone = _EDGE_ALONE if lacks_one and way < 0 else 0.0
        if abs(way) > tolerance * _room(values[1:]) + alone:
            word = "steeper" if way > 0 else "less steep"
            text = f"edges{of_what} are {math.exp(abs(way)):.3g} times {word} than in training"
            return [Difference("sharpness", text)]
    return []


def _shown_edges(
    found: Appearance, learnt: Sequence[Appearance], names: Sequence[str]
) -> tuple[list[int], np.ndarray]:
    """Return the classes whose edges can be compared, and how steep and how leaning these are.

    The second has the slices first and then each dataset that shows these classes, as `_edge_logs`;
    there are no classes where none does.
    """
    seen = [
        k
        for k in range(1, len(names))
        if _edge_logs(found, k) and any(_edge_logs(one, k) for one in learnt)
    ]
    logs = [[_edge_logs(one, k) for k in seen] for one in (found, *learnt)]
    shown = np.array([pairs for pairs in logs if None not in pairs], dtype=float)
    return ([], shown) if len(shown) < 2 else (seen, shown)


def _edge_logs(one: Appearance, label: int) -> tuple[float, float] | None:
    """Return the mean of the logarithms of both steps at an edge, and their difference."""
    z, x = one.edge_z[label], one.edge_x[label]
    return (math.log(z * x) / 2, math.log(z / x)) if z and x else None


def _log(value: float | None) -> float | None:
    return math.log(value) if value else None


def _room(learnt: Sequence[float | None] | np.ndarray) -> float:
    """Return the share of a tolerance that is left where several datasets show the range."""
    return (1 + 1 / max(sum(one is not None for one in learnt), 1)) / 2


def _beyond(value: float | None, learnt: Sequence[float | None]) -> float:
    """Return how far a value lies outside of the range of others; 0 where nothing is known."""
    known = [one for one in learnt if one is not None]
    if value is None or not known:
        return 0.0
    return value - min(max(value, min(known)), max(known))
