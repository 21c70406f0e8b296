"""Means over images with their 95 % intervals.

The paper's interval assumes that n images are n independent, normally distributed
observations. Neighbouring slices resemble each other, so they are not independent; the
bootstrap draws whole blocks of neighbours and does not assume it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_RESAMPLES = 10_000


def mean_ci(
    values: Sequence[float] | np.ndarray,
    interval: str = "normal",
    blocks: Sequence[int] | np.ndarray | None = None,
) -> dict:
    """Return the mean of the finite values with its 95 % interval.

    Parameters
    ----------
    values : sequence of float
        NaN and infinity are left out.
    interval : str
        ``normal``: 1.96·s/√n with s from n - 1, as Genc et al. 2022 computed it.
        ``student``: the same with Student's t of n - 1 degrees of freedom.
        ``bootstrap``: percentiles of the mean over blocks drawn with replacement, with a
        fixed seed: the same values give the same interval.
    blocks : sequence of int, optional
        The number of the block of each value, for the bootstrap (default: each value is a
        block of its own).

    Returns
    -------
    dict
        ``mean``, ``ci95`` (half width), ``low``, ``high``, ``median`` and ``n``. The
        interval is NaN for fewer than two values or, bootstrapped, fewer than two blocks.
    """
    numbers, finite = _finite(values)
    n = len(numbers)
    mean = numbers.mean() if n else np.nan
    if interval == "bootstrap":
        blocks = np.arange(len(finite)) if blocks is None else np.asarray(blocks)
        low, high = _bootstrap(numbers, blocks[finite])
        half = (high - low) / 2
    elif interval in ("normal", "student"):
        half = (1.96 if interval == "normal" else _student(n)) * _standard_error(numbers)
        low, high = mean - half, mean + half
    else:
        raise ValueError(f"interval is '{interval}', expected normal, student or bootstrap")
    median = np.median(numbers) if n else np.nan
    return {"mean": mean, "ci95": half, "low": low, "high": high, "median": median, "n": n}


def mean_se(values: Sequence[float] | np.ndarray) -> dict:
    """Return mean, standard error s/√n, median and n of the finite values."""
    numbers, _ = _finite(values)
    return {
        "mean": numbers.mean() if len(numbers) else np.nan,
        "se": _standard_error(numbers),
        "median": np.median(numbers) if len(numbers) else np.nan,
        "n": len(numbers),
    }


def _finite(values: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the finite values, and which of all values are finite."""
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers)
    return numbers[finite], finite


def _standard_error(values: np.ndarray) -> float:
    if len(values) < 2:
        return np.nan
    if np.ptp(values) == 0:  # the formula would give 1e-17 by rounding
        return 0.0
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _student(n: int) -> float:
    """Return the 97.5th percentile of Student's t with n - 1 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 0.975)) if n > 1 else np.nan


def _bootstrap(values: np.ndarray, blocks: np.ndarray) -> tuple[float, float]:
    _, block = np.unique(blocks, return_inverse=True)
    total, size = np.bincount(block, weights=values), np.bincount(block)
    if len(total) < 2:
        return np.nan, np.nan
    drawn = np.random.default_rng(0).integers(len(total), size=(_RESAMPLES, len(total)))
    means = total[drawn].sum(axis=1) / size[drawn].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return low, high
