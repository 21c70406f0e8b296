"""What the segmentation leaves open, carried into every quantity and every particle.

All quantities are measured anew on labels redrawn from the confidence. How their values go with
what each redraw has in common is the systematic part; how they scatter about that, the random one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from catomo.surfaces.particles import MeasuredParticles
from catomo.surfaces.quantity import UNKNOWN, told_of_skins, without_interval
from catomo.surfaces.redraw import Doubt, redrawn

_NORMAL = 1.96  # half the width of a 95 % interval in standard deviations
_LEAST_KNOWN = 0.9  # share of redraws that must hold a quantity

# What redraws were seen to hold: of 25 phantoms, 5 that tested the model and 20 that did not, 23 to
# 25 values of each. Areas towards one class, pores and widths they did not hold: a network that
# rounds rims and closes pores is sure of it. Of the loading they held 20, all of them too low. The
# rest has not been tested.
_HELD = (
    "_volume", "_area", "_count", "_diameter_d10", "_diameter_d32", "_diameter_d43",
    "_spacing_surface",
)  # fmt: skip
_NOT_HELD = ("_exposed_area", "_contact_area")

# How touching particles are split is no part of what is drawn anew.
_NOT_SPLIT_OTHERWISE = "touching particles split otherwise are not within them"
_SPLIT = {
    "_count": "touching particles not split, or split at half the depth, are within them",
    "_diameter_d10": _NOT_SPLIT_OTHERWISE,
    "_diameter_d32": _NOT_SPLIT_OTHERWISE,
    "_diameter_d43": _NOT_SPLIT_OTHERWISE,
    "_spacing_surface": _NOT_SPLIT_OTHERWISE,
}

_OF_OTHERS = (
    "none of its slices tested the model: how wrong its labels are was seen on {} other specimens, "
    "so low and high hold only if this one is like them"
)

# Takes labels and returns the values of their quantities.
Values = Callable[[np.ndarray], dict[str, dict]]


@dataclass(frozen=True)
class Redraws:
    """What redrawn labels tell.

    Attributes
    ----------
    values : dict of str to ndarray of float64, (redraws,)
        Values of each quantity; not a number where a redraw has none.
    together : ndarray of float64, (redraws,)
        What each redraw has in common.
    probability : ndarray of float64, (pieces,), or None
        In which share of the redraws at least half of the voxels of each piece are still of its
        class.
    others : int or None
        How many other specimens told how errors hang together; None if this one did.
    """

    values: dict[str, np.ndarray]
    together: np.ndarray
    probability: np.ndarray | None
    others: int | None = None

    def parts(self, name: str) -> tuple[float, float] | None:
        """Return the random and the systematic part of a quantity: half of 95 % intervals.

        None where too few redraws have the quantity.
        """
        values = self.values[name]
        known = np.isfinite(values)
        if known.mean() < _LEAST_KNOWN:
            return None
        values, together = values[known], self.together[known]
        square = ((together - together.mean()) ** 2).sum()
        slope = ((together - together.mean()) * values).sum() / square
        rest = values - values.mean() - slope * (together - together.mean())
        free = len(values) - 2
        spread = np.sqrt((rest**2).sum() / free)
        return float(stdtrit(free, 0.975) * spread), float(_NORMAL * abs(slope))


def measure_redraws(
    labels: np.ndarray,
    doubt: Doubt,
    measure: Values,
    particles: MeasuredParticles | None,
) -> Redraws:
    """Measure all quantities of redrawn labels.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    doubt : Doubt
    measure : callable
        Returns the quantities of labels.
    particles : MeasuredParticles or None
        The particles of `labels`.
    """
    every: list[dict[str, dict]] = []
    stays = np.zeros(0 if particles is None else particles.pieces.count)
    for new in redrawn(labels, doubt):
        every.append(measure(new))
        if particles is not None and len(stays):
            pieces = particles.pieces
            place = tuple(pieces.voxels.T)
            same = np.bincount(pieces.ids[new[place] == labels[place]], minlength=pieces.count)
            stays += 2 * same >= pieces.sizes()
    values = {
        name: np.array([np.nan if n[name]["value"] is None else n[name]["value"] for n in every])
        for name in every[0]
    }
    probability = None if particles is None else stays / len(every)
    return Redraws(values, doubt.together(), probability, doubt.others)


def with_segmentation(quantities: dict[str, dict], redraws: Redraws) -> dict[str, dict]:
    """Return quantities whose low and high hold what the segmentation leaves open."""
    result = {}
    for name, plain in quantities.items():
        entry = told_of_skins(name, plain)
        if (entry["low"], entry["high"]) == UNKNOWN or entry["value"] is None:
            result[name] = entry
            continue
        if not name.endswith(_HELD) or name.endswith(_NOT_HELD):
            why = "redraws have not been shown to hold what a network has wrong of it"
            result[name] = without_interval(entry, why)
            continue
        parts = redraws.parts(name)
        if parts is None:
            why = "the redrawn labels often have none"
            result[name] = without_interval(entry, why)
            continue
        widened = _widened(entry, parts, len(redraws.together))
        told = [f"; {words}" for end, words in _SPLIT.items() if name.endswith(end)]
        if redraws.others is not None:
            told.append(f"; {_OF_OTHERS.format(redraws.others)}")
        result[name] = {**widened, "method": "".join([widened["method"], *told])}
    return result


def _widened(entry: dict, parts: tuple[float, float], count: int) -> dict:
    value, low, high = entry["value"], entry["low"], entry["high"]
    off = float(np.hypot(*parts))
    below = None if low is None else max(value - float(np.hypot(value - low, off)), 0.0)
    above = None if high is None else value + float(np.hypot(high - value, off))
    if entry["unit"] == "1" and above is not None and high <= 1 and isinstance(value, float):
        above = min(above, 1.0)
    if isinstance(value, int) and below is not None and above is not None:
        below, above = float(np.floor(below + 1e-9)), float(np.ceil(above - 1e-9))
    words = without_interval(entry, "")["method"]
    random, systematic = parts
    return {
        **entry,
        "low": below,
        "high": above,
        "method": f"{words}; low and high: what voxels leave open, and the segmentation, from "
        f"{count} redraws of the labels by their confidence: ±{random:.3g} at random, "
        f"±{systematic:.3g} alike in all of the volume",
    }
