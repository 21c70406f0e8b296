"""MLEM and OSEM: maximum-likelihood reconstruction of Poisson data, with total variation.

``x ← x / A'1 · A'(y / Ax)`` (Shepp & Vardi 1982; Lange & Carson 1984), over ordered subsets
of the tilts (Hudson & Larkin 1994); with a prior, divided by ``1 + β ∂TV(x)`` besides: the
one-step-late rule (Green 1990) with total variation (Panin, Zeng & Gullberg 1999).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from catomo.projection.iteration import Iteration
from catomo.projection.total_variation import one_step_late

# Empty space fades by a factor per update; below this beside the mean it is zero, before it
# gets so small that processors slow down.
_NOTHING = np.float32(1e-20)

_compile = {"cache": True, "nogil": True, "error_model": "numpy"}


class MaximumLikelihood(Iteration):
    """MLEM (one subset) or OSEM (several), plain or with a total-variation prior.

    Parameters
    ----------
    projector, iterations, subsets, unit
        As for `Iteration`.
    tv : float
        Strength β of the total variation: the part by which a slope of TV 1 lowers a value in
        every update. 0 is none, 0.01 to 0.02 is safe. Needs `unit`.
    across : bool
        Whether the total variation also counts steps between neighbouring slices. All slices
        must then be given at once.

    Notes
    -----
    The TV gradient is taken anew before every subset: once per pass is markedly worse.
    """

    def __init__(self, projector, iterations, subsets=1, unit=None, tv=0.0, across=False):
        if tv and unit is None:
            raise ValueError("total variation needs the unit of the data")
        super().__init__(projector, iterations, subsets, unit)
        self.tv = np.float32(tv)
        self.across = across

    def _compare(self, measured, projected, floors) -> None:
        _divide(measured, projected, floors)

    def _correct(self, subset, images, correction, where) -> None:
        gain = self.gains[subset]
        _multiply(images[where], correction[where], gain)
        if self.tv:
            for i in range(*where.indices(len(images))):
                before, after = images[max(i - 1, 0)], images[min(i + 1, len(images) - 1)]
                one_step_late(before, images[i], after, self.across, self.tv, correction[i])


@njit(**_compile)
def _divide(measured, projected, floors):
    """Replace the projection by the ratio of measured to projected values, in place."""
    for n in range(len(measured)):
        for t in range(measured.shape[1]):
            for pixel in range(measured.shape[2]):
                floored = max(projected[n, t, pixel], floors[n])
                projected[n, t, pixel] = measured[n, t, pixel] / floored


@njit(**_compile)
def _multiply(images, correction, gain):
    """Replace the correction by the images times correction per sensitivity, in place."""
    for n in range(len(images)):
        for z in range(images.shape[1]):
            for x in range(images.shape[2]):
                value = images[n, z, x] * (correction[n, z, x] * gain[z, x])
                # Asked this way round, what is not a number stays one, and is found out.
                correction[n, z, x] = np.float32(0) if value < _NOTHING else value
