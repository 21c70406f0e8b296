"""Slices chosen so that all that is to be learnt lies near to one of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def ranked(
    need: Sequence[float] | np.ndarray,
    known: list[int],
    count: int,
    left_out: Sequence[int] = (),
) -> list[tuple[int, int | None, float]]:
    """Choose slices one by one so that all need lies as near as possible to a chosen slice.

    Parameters
    ----------
    need : sequence of float, (n,)
        How much each slice holds of what is to be learnt, such as pixels of material.
    known : list of int
        Slices that are annotated already; they count as chosen.
    count : int
    left_out : sequence of int
        Slices that are not chosen: too few tilts recorded them.

    Returns
    -------
    list of (int, int or None, float)
        Index; distance to the nearest slice annotated or chosen before (None if there is
        none); fraction of all need that is nearer to it than to those.
    """
    weight = np.asarray(need, np.float64)
    weight = weight / weight.sum() if weight.any() else np.full(len(weight), 1 / len(weight))
    place = np.arange(len(weight))
    apart = np.abs(place[:, None] - place)
    far = apart[list(known)].min(axis=0) if known else np.full(len(weight), np.inf)
    chosen: list[tuple[int, int | None, float]] = []
    barred = {*known, *left_out}
    count = min(count, len(weight) - len(barred))
    while len(chosen) < count:
        free = np.array([i for i in place if i not in barred])
        cost = np.minimum(apart[free], far) @ weight
        best = int(free[cost.argmin()])
        nearer = apart[best] < far
        distance = int(far[best]) if np.isfinite(far[best]) else None
        chosen.append((best, distance, float(weight[nearer].sum())))
        far = np.minimum(far, apart[best])
        barred.add(best)
    return chosen
