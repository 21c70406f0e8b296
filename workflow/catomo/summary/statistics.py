"""Spread and differences of a number over datasets. The unit is the dataset, not the particle.

A dataset counts as one crystal. Thousands of particles of one crystal say how that crystal is,
and nothing of how much crystals differ; so a group of n crystals has n values.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_ROUNDING = 1e-12  # a smaller part of the values is no difference
_NORMAL = 1.959964  # half width of a 95 % interval in standard deviations


@dataclass(frozen=True)
class Group:
    """The values of a group of crystals.

    Attributes
    ----------
    name : str
    n : int
        Number of crystals that have a value.
    mean : float
    sd : float, optional
        Standard deviation of the crystals' values (n - 1); None for one crystal.
    low, high : float, optional
        95 % interval of the mean by Student's t; None for one crystal and for equal values.
    inside : float, optional
        Spread within a crystal: root mean square of the standard errors that the crystals' own
        particles leave; None where no crystal has such an interval.
    n_inside : int
        Number of crystals that have one.
    apart : float, optional
        Spread between crystals, without what the particles within each leave open:
        √(sd² - inside²), 0 where that is negative. None unless all crystals have an interval.
    """

    name: str
    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    inside: float | None
    n_inside: int
    apart: float | None


@dataclass(frozen=True)
class Spread:
    """Spread of crystals within groups and between groups, by analysis of variance.

    Attributes
    ----------
    groups, n : int
        Number of groups and of all crystals in them.
    within : float
        Standard deviation of crystals about the mean of their group, all groups pooled.
    between : float
        Standard deviation of the groups' true means: the mean square between groups, less what
        the spread within them explains; 0 where that is negative.
    """

    groups: int
    n: int
    within: float
    between: float


@dataclass(frozen=True)
class Difference:
    """The mean of one group less that of another.

    Attributes
    ----------
    one, other : str
    value : float
    low, high : float, optional
        95 % interval by Welch; None where it cannot be had.
    why : str
        Why it cannot; empty if it can.
    """

    one: str
    other: str
    value: float
    low: float | None
    high: float | None
    why: str


def group_of(name: str, values: Sequence[float], errors: Sequence[float | None]) -> Group:
    """Return what is known of a group.

    Parameters
    ----------
    name : str
    values : sequence of float
        One of each crystal.
    errors : sequence of float
        The standard error that each crystal's own particles leave, None where it is not known.
    """
    numbers = np.asarray(values, float)
    known = [error for error in errors if error is not None]
    inside = float(np.sqrt(np.mean(np.square(known)))) if known else None
    n = len(numbers)
    sd = low = high = apart = None
    mean = float(numbers.mean())
    if n > 1:
        sd = float(numbers.std(ddof=1))
        if not _are_equal(numbers):
            half = _student(n - 1) * sd / np.sqrt(n)
            low, high = float(mean - half), float(mean + half)
        if inside is not None and len(known) == n:
            apart = float(np.sqrt(max(sd**2 - inside**2, 0.0)))
    return Group(name, n, mean, sd, low, high, inside, len(known), apart)


def standard_error(low: float | None, high: float | None) -> float | None:
    """Return the standard error of a number with a 95 % interval; None if it has none."""
    return None if low is None or high is None else (high - low) / (2 * _NORMAL)


def spread_of(groups: Mapping[str, Sequence[float]]) -> Spread | None:
    """Return the spread within and between groups; None unless one of several has two crystals."""
    values = [np.asarray(numbers, float) for numbers in groups.values()]
    sizes = np.array([len(numbers) for numbers in values])
    k, n = len(sizes), int(sizes.sum())
    if k < 2 or n <= k:
        return None
    grand = np.concatenate(values).mean()
    inner = sum(float(np.square(numbers - numbers.mean()).sum()) for numbers in values)
    outer = sum(len(numbers) * float(numbers.mean() - grand) ** 2 for numbers in values)
    within = inner / (n - k)
    # Of groups of unlike sizes, the size that counts (Sokal and Rohlf, Biometry, 3rd ed., 9.2).
    size = (n - float(np.square(sizes).sum()) / n) / (k - 1)
    between = max((outer / (k - 1) - within) / size, 0.0)
    return Spread(k, n, float(np.sqrt(within)), float(np.sqrt(between)))


def differences_of(groups: Mapping[str, Sequence[float]]) -> list[Difference]:
    """Return the differences of all pairs of groups, in the order of the groups.

    Pairs of which both groups have one crystal are left out: nothing can be said of them.
    """
    return [
        _difference(one, other, groups)
        for one, other in itertools.combinations(groups, 2)
        if max(len(groups[one]), len(groups[other])) > 1
    ]


def _difference(one: str, other: str, groups: Mapping[str, Sequence[float]]) -> Difference:
    from scipy.stats import ttest_ind

    a, b = (np.asarray(groups[name], float) for name in (one, other))
    value = float(a.mean() - b.mean())
    if abs(value) < _ROUNDING * max(abs(a).max(), abs(b).max()):
        value = 0.0
    alone = [name for name, numbers in ((one, a), (other, b)) if len(numbers) == 1]
    if alone:
        why = f"no interval: {alone[0]} has one crystal"
        return Difference(one, other, value, None, None, why)
    if _are_equal(a) and _are_equal(b):
        return Difference(one, other, value, None, None, "no interval: all values are equal")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # one group may have equal values
        found = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return Difference(one, other, value, float(found.low), float(found.high), "")


def _are_equal(numbers: np.ndarray) -> bool:
    """Return whether numbers differ by rounding at most."""
    return bool(np.ptp(numbers) <= _ROUNDING * abs(numbers).max())


def _student(degrees: int) -> float:
    """Return the 97.5th percentile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))
