"""One quantity of ``quantities.json``, and the interval of particles as a sample.

Two intervals stand beside a value. `low` and `high` are about this specimen alone: how far
the value may be off because the labels are made of voxels. `sample_low` and `sample_high`
take the particles for a sample of many more: how far another field of the same material would
be off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import stdtrit

SAMPLE = "sample_low and sample_high: 95 % interval of 2000 resamplings of the particles"
SAMPLE_OF_SHARE = "sample_low and sample_high: 95 % interval of a share (Wilson)"

# Where the grey of a particle fades into that of the background it passes that of the support.
# Share of the surface that would be free without a skin, from which on a skin is told. Of true
# labels of phantoms, up to 45 % of their particles half sunk in, it is 0.01 to 0.06; of those of
# models taught briefly about 0.5; of balls sunk in to 5 % of their diameter, each under a rim, 0.4.
SKIN_FROM = 0.15
_SPOILT_BY_SKIN = ("_exposed_area", "_contact_area", "_contact_fraction", "_share_embedded")
_SKIN = (
    "a model may put a skin of support around particles, which turns exposed area into contact; "
    f"less than {100 * SKIN_FROM:.0f} % of the surface has one here"
)

# A model taught by five phantoms, on 20 others of 128 px: 20 of 20 volumes of Pt and 19 of alumina.
_ASSUMED = "which is assumed (it held in 39 of 40 volumes of phantoms)"

_RESAMPLES = 2000
_LEAST = 5  # particles; resamplings of fewer tell too little
_NORMAL = 1.96  # half the width of a 95 % interval in standard deviations
_SEED = 1
_MOST_NUMBERS = 4_000_000  # of particles drawn at once, so that memory stays bounded

# A low and a high end, either or both not known.
Interval = tuple[float | None, float | None]
UNKNOWN: Interval = (None, None)

# Takes the numbers of the particles drawn, (draws, n), and returns a value for each draw.
Statistic = Callable[[np.ndarray], np.ndarray]


def quantity(
    value: float | None,
    unit: str,
    method: str,
    interval: Interval = UNKNOWN,
    sample: Interval = UNKNOWN,
) -> dict[str, Any]:
    """Return one quantity in the form of ``quantities.json``.

    Parameters
    ----------
    value : float or None
        None where there is nothing to measure; `method` says why.
    unit : str
    method : str
    interval : (float or None, float or None)
        Between which values it lies for this specimen.
    sample : (float or None, float or None)
        Between which values it lies for the material that the particles are a sample of.
    """
    low, high = interval
    sample_low, sample_high = sample
    return {
        "value": value,
        "low": low,
        "high": high,
        "sample_low": sample_low,
        "sample_high": sample_high,
        "unit": unit,
        "method": method,
    }


def without_interval(entry: dict, why: str) -> dict:
    """Return a quantity without low and high, whose method says why if there is a reason."""
    words = [
        word
        for word in entry["method"].split("; ")
        if not word.startswith(("low and high", "low:"))
    ]
    words += [f"no low and high: {why}"] if why else []
    return {**entry, "low": None, "high": None, "method": "; ".join(words)}


def told_of_skins(name: str, entry: dict) -> dict:
    """Return a quantity of a model's labels that says if a skin around particles may spoil it."""
    if not name.endswith(_SPOILT_BY_SKIN) or entry["value"] is None or "skin" in entry["method"]:
        return entry
    return {**entry, "method": f"{entry['method']}; {_SKIN}"}


def of_a_model(quantities: dict[str, dict], why: str) -> dict[str, dict]:
    """Return the quantities of labels that a model predicted: without most low and high.

    Where it is not known how wrong the labels of a model are, an interval of digitisation alone
    would be too narrow. Volumes keep theirs, a boundary moved by half a voxel, and say that this
    is assumed.

    Parameters
    ----------
    quantities : dict of str to dict
    why : str
        Why that is not known.
    """
    unknown = f"how wrong the labels of the model are is not known, {why}"
    result = {}
    for name, entry in quantities.items():
        if (entry["low"], entry["high"]) == UNKNOWN:
            result[name] = told_of_skins(name, entry)
        elif name.endswith("_volume") and entry["high"] is not None:
            result[name] = {**entry, "method": f"{entry['method']}, {_ASSUMED}: {unknown}"}
        else:
            result[name] = told_of_skins(name, without_interval(entry, unknown))
    return result


def resampled(statistic: Statistic, count: int) -> Interval:
    """Return the 95 % bootstrap interval of a statistic of particles; none for fewer than five.

    Parameters
    ----------
    statistic : callable
        Takes the numbers of the drawn particles, int64 (draws, count); returns (draws,).
    count : int
        Number of particles.

    Notes
    -----
    Resamplings of n particles spread less than samples of n do. Their interval is made wider by
    what Student's distribution and the n - 1 degrees of freedom ask for. The statistics are
    never below zero.
    """
    if count < _LEAST:
        return UNKNOWN
    rng = np.random.default_rng(_SEED)
    at_once = max(_MOST_NUMBERS // count, 1)
    many = [
        statistic(rng.integers(count, size=(min(at_once, _RESAMPLES - start), count)))
        for start in range(0, _RESAMPLES, at_once)
    ]
    values = np.concatenate(many)
    values = values[np.isfinite(values)]
    if not len(values):
        return UNKNOWN
    (middle,) = statistic(np.arange(count)[None])
    wider = stdtrit(count - 1, 0.975) / _NORMAL * np.sqrt(count / (count - 1))
    low, high = middle + wider * (np.percentile(values, [2.5, 97.5]) - middle)
    return float(max(low, 0.0)), float(high)


def of_share(weights: np.ndarray, is_counted: np.ndarray) -> Interval:
    """Return the 95 % interval (Wilson) of a share of particles; none for fewer than two.

    Resamplings would not do: of particles of which none is counted they never hold one.

    Parameters
    ----------
    weights : ndarray of float64, (n,)
        As how many particles each counts.
    is_counted : ndarray of bool, (n,)
    """
    if len(weights) < 2:
        return UNKNOWN
    number = weights.sum() ** 2 / (weights**2).sum()
    share = weights[is_counted].sum() / weights.sum()
    square = _NORMAL**2 / number
    middle = (share + square / 2) / (1 + square)
    half = np.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


def ratio_of(top: np.ndarray, bottom: np.ndarray) -> Statistic:
    """Return the statistic: a sum over particles divided by another one."""

    def statistic(drawn: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return top[drawn].sum(axis=1) / bottom[drawn].sum(axis=1)

    return statistic
