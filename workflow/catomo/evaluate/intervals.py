"""Means and how sure one may be of them: the paper's interval, and two that ask for less.

Neighbouring slices repeat each other, so n images are fewer than n observations. The
bootstrap draws whole blocks of neighbours and so does not take them for independent.
"""

from __future__ import annotations

import numpy as np

_RESAMPLES = 10_000


def mean_ci(values, interval: str = "normal", blocks=None) -> dict:
    """Return the mean of the values that are numbers, with its 95 % interval.

    Parameters
    ----------
    values : sequence of float
        NaN is left out.
    interval : str
        ``normal``: 1.96·s/√n with s from n - 1, as Genc et al. 2022 computed it.
        ``student``: the same with Student's t of n - 1 degrees of freedom.
        ``bootstrap``: percentiles of the mean over blocks drawn with replacement; the same
        values give the same interval.
    blocks : sequence of int, optional
        The block of each value, for the bootstrap (default: each value is its own).

    Returns
    -------
    dict
        ``mean``, ``ci95`` (half width), ``low``, ``high``, ``median`` and ``n``. There is
        no interval for less than two values or, bootstrapped, less than two blocks.
    """
    values, kept = _numbers(values)
    n = len(values)
    mean = values.mean() if n else np.nan
    if interval == "bootstrap":
        blocks = np.arange(len(kept)) if blocks is None else np.asarray(blocks)
        low, high = _bootstrap(values, blocks[kept])
        half = (high - low) / 2
    elif interval in ("normal", "student"):
        half = (1.96 if interval == "normal" else _student(n)) * _standard_error(values)
        low, high = mean - half, mean + half
    else:
        raise ValueError(f"interval is '{interval}', expected normal, student or bootstrap")
    median = np.median(values) if n else np.nan
    return {"mean": mean, "ci95": half, "low": low, "high": high, "median": median, "n": n}


def mean_se(values) -> dict:
    """Return mean, standard error s/√n, median and n of the values that are numbers."""
    values, _ = _numbers(values)
    return {
        "mean": values.mean() if len(values) else np.nan,
        "se": _standard_error(values),
        "median": np.median(values) if len(values) else np.nan,
        "n": len(values),
    }


def _numbers(values) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(values, dtype=np.float64)
    kept = np.isfinite(values)
    return values[kept], kept


def _standard_error(values: np.ndarray) -> float:
    if len(values) < 2:
        return np.nan
    if np.ptp(values) == 0:  # rounding would leave 1e-17
        return 0.0
    return values.std(ddof=1) / np.sqrt(len(values))


def _student(n: int) -> float:
    from scipy.special import stdtrit

    return stdtrit(n - 1, 0.975) if n > 1 else np.nan


def _bootstrap(values: np.ndarray, blocks: np.ndarray) -> tuple[float, float]:
    _, block = np.unique(blocks, return_inverse=True)
    total, size = np.bincount(block, weights=values), np.bincount(block)
    if len(total) < 2:
        return np.nan, np.nan
    drawn = np.random.default_rng(0).integers(len(total), size=(_RESAMPLES, len(total)))
    means = total[drawn].sum(axis=1) / size[drawn].sum(axis=1)
    return tuple(np.percentile(means, (2.5, 97.5)))
