"""Global envelope test: whether a curve is as a null model makes them, everywhere along it.

After Myllymäki et al., J. R. Stat. Soc. B 79 (2017) 381: curves are ordered by extreme rank
length, so one p-value holds for the whole curve, and an envelope shows where it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

_LEVEL = 0.95


@dataclass(frozen=True)
class Envelope:
    """What the test says of a curve.

    Attributes
    ----------
    p : float
        Share of all curves, the one tested included, that are as extreme as it.
    low, high : ndarray of float64, (places,)
        Between which values the 95 % least extreme curves of the null model run.
    middle : ndarray of float64, (places,)
        Their mean.
    """

    p: float
    low: np.ndarray
    high: np.ndarray
    middle: np.ndarray


def envelope_test(observed: np.ndarray, drawn: np.ndarray) -> Envelope:
    """Test a curve against curves of a null model, on both sides.

    Parameters
    ----------
    observed : ndarray of float64, (places,)
    drawn : ndarray of float64, (draws, places)
    """
    curves = np.vstack([observed, drawn])
    upward = rankdata(curves, axis=0)
    ranks = np.sort(np.minimum(upward, len(curves) + 1 - upward), axis=1)
    # Curves compare by their lowest rank, those that tie by the next one, and so on.
    _, order = np.unique(ranks, axis=0, return_inverse=True)
    order = order.ravel()
    inner = np.sort(order)[int(np.floor((1 - _LEVEL) * len(curves)))]
    kept = curves[order >= inner]
    p = float((order <= order[0]).mean())
    return Envelope(p, kept.min(axis=0), kept.max(axis=0), drawn.mean(axis=0))
