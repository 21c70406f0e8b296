"""MLEM and OSEM: maximum-likelihood reconstruction of Poisson data, with total variation.

``x ← x / A'1 · A'(y / Ax)`` (Shepp & Vardi 1982; Lange & Carson 1984), over ordered subsets
of the tilts (Hudson & Larkin 1994). With a prior the result is also divided by
``1 + β ∂TV(x)``: the one-step-late rule (Green 1990) with total variation (Panin, Zeng &
Gullberg 1999).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from catomo.projection.iteration import Iteration, Measured
from catomo.projection.projector import Projector
from catomo.projection.total_variation import one_step_late

# Values in empty space shrink by a factor per update. Below this share of the mean they are
# set to zero, before they become denormal numbers, which slow processors down.
_NEGLIGIBLE = np.float32(1e-20)

_compile = {"cache": True, "nogil": True, "error_model": "numpy"}


class MaximumLikelihood(Iteration):
    """MLEM (one subset) or OSEM (several), plain or with a total-variation prior.

    Parameters
    ----------
    projector, iterations, subsets, unit
        As for `Iteration`.
    tv : float
        Strength β of the total variation: the relative decrease of a value per update where
        the TV gradient is 1. 0 turns it off, 0.01 to 0.02 is safe. Needs `unit`.
    across : bool
        Whether the total variation also counts steps between neighbouring slices. All slices
        must then be given at once.

    Raises
    ------
    ValueError
        If `tv` is given without `unit`.

    Notes
    -----
    The TV gradient is computed anew before every subset: once per iteration is markedly worse.
    """

    def __init__(
        self,
        projector: Projector,
        iterations: int,
        subsets: int = 1,
        unit: float | None = None,
        tv: float = 0.0,
        across: bool = False,
    ):
        if tv and unit is None:
            raise ValueError("total variation needs the unit of the data")
        super().__init__(projector, iterations, subsets, unit)
        self.tv = np.float32(tv)
        self.coupled = across

    def _compare(self, measured: Measured, projected: np.ndarray) -> None:
        _divide(measured.sinograms, projected, measured.floors)

    def _correct(
        self, subset: int, images: np.ndarray, correction: np.ndarray, where: slice
    ) -> None:
        gain = self.gains[subset]
        _multiply(images[where], correction[where], gain)
        if self.tv:
            for i in range(*where.indices(len(images))):
                before, after = images[max(i - 1, 0)], images[min(i + 1, len(images) - 1)]
                one_step_late(before, images[i], after, self.coupled, self.tv, correction[i])


@njit(**_compile)
def _divide(measured: np.ndarray, projected: np.ndarray, floors: np.ndarray) -> None:
    """Replace the projection by the ratio of measured to projected values, in place.

    Where nothing was measured the ratio is 1: the projection stands for the data.
    """
    for n in range(len(measured)):
        for t in range(measured.shape[1]):
            for pixel in range(measured.shape[2]):
                floored = max(projected[n, t, pixel], floors[n])
                value = measured[n, t, pixel]
                projected[n, t, pixel] = np.float32(1) if value < 0 else value / floored


@njit(**_compile)
def _multiply(images: np.ndarray, correction: np.ndarray, gain: np.ndarray) -> None:
    """Replace the correction by the images times correction per sensitivity, in place."""
    for n in range(len(images)):
        for z in range(images.shape[1]):
            for x in range(images.shape[2]):
                value = images[n, z, x] * (correction[n, z, x] * gain[z, x])
                # Comparing with < lets NaN pass, so that the check for finite values finds it.
                correction[n, z, x] = np.float32(0) if value < _NEGLIGIBLE else value
