"""SIRT: weighted least squares without a noise model, for comparison with MLEM.

``x ← max(0, x + C A'R (y − Ax))`` with C = 1 / A'1 and R = 1 / A1 (Gilbert 1972; van der
Sluis & van der Vorst 1990). It is the most common algorithm in electron tomography.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from catomo.projection.iteration import FLOOR, Iteration, Measured
from catomo.projection.projector import Projector

_compile = {"cache": True, "nogil": True, "error_model": "numpy"}


class Sirt(Iteration):
    """SIRT with positivity and one subset; call it with sinograms like any `Iteration`.

    Parameters
    ----------
    projector, iterations, unit
        As for `Iteration`.
    """

    def __init__(self, projector: Projector, iterations: int, unit: float | None = None):
        super().__init__(projector, iterations, 1, unit)
        path = projector.forward(np.ones((1, *projector.shape), np.float32))[0]
        seen = path > FLOOR * projector.shape[0]
        self.weights = np.where(seen, 1 / np.where(seen, path, 1), 0).astype(np.float32)

    def _compare(self, measured: Measured, projected: np.ndarray) -> None:
        _subtract(measured.sinograms, projected, self.weights)

    def _correct(
        self, subset: int, images: np.ndarray, correction: np.ndarray, where: slice
    ) -> None:
        _add(images[where], correction[where], self.gains[subset])


@njit(**_compile)
def _subtract(measured: np.ndarray, projected: np.ndarray, weights: np.ndarray) -> None:
    """Replace the projection by the weighted difference from the measured values, in place.

    Where nothing was measured there is none.
    """
    for n in range(len(measured)):
        for t in range(measured.shape[1]):
            for pixel in range(measured.shape[2]):
                value = measured[n, t, pixel]
                left = value - projected[n, t, pixel]
                projected[n, t, pixel] = np.float32(0) if value < 0 else weights[t, pixel] * left


@njit(**_compile)
def _add(images: np.ndarray, correction: np.ndarray, gain: np.ndarray) -> None:
    """Replace the correction by the images plus correction per sensitivity, in place."""
    for n in range(len(images)):
        for z in range(images.shape[1]):
            for x in range(images.shape[2]):
                value = images[n, z, x] + correction[n, z, x] * gain[z, x]
                # Comparing with < lets NaN pass, so that the check for finite values finds it.
                nothing = value < 0 or gain[z, x] == 0
                correction[n, z, x] = np.float32(0) if nothing else value
