"""When to stop iterating, decided once for the whole volume on a sample of its slices.

One number of iterations for all slices keeps the volume equally sharp and equally noisy
throughout: slices that each stopped by themselves would differ from their neighbours by more
than the specimen does. The sample depends on the data alone, so neither slabs nor threads
have an influence.
"""

from __future__ import annotations

import numpy as np

from catomo.projection.iteration import UNMEASURED
from catomo.projection.projector import Projector


class Convergence:
    """Watch a reconstruction iteration by iteration, keep its curves, and say when to stop.

    Parameters
    ----------
    projector : Projector
    sinograms : ndarray (n, tilt, detector)
        The data of the slices watched, `UNMEASURED` where nothing was measured.
    rule : str
        ``count``: never before the set number of iterations; ``change``: when an iteration
        changes the images by less than `limit` of their norm; ``chi2``: when the data are
        explained to within their noise.
    limit : float
        For ``change``.
    counts_per_unit : float, optional
        Electrons or counts per unit of intensity: the gain. Without it χ² is not computed.
    read_noise : float
        Standard deviation of the detector's own noise, in counts per pixel.

    Attributes
    ----------
    curves : dict of lists
        ``change`` ‖xₖ−xₖ₋₁‖/‖xₖ‖, ``residual`` ‖Ax−y‖/‖y‖, ``log_likelihood`` of Poisson data per
        unit of intensity, and ``chi2``: the mean of (Ax−y)² / variance over the pixels where
        at least one count is expected. One value per iteration.
    reason : str
        ``iterations``, ``change`` or ``chi2``.
    """

    def __init__(
        self,
        projector: Projector,
        sinograms: np.ndarray,
        rule: str = "count",
        limit: float = 0.01,
        counts_per_unit: float | None = None,
        read_noise: float = 0.0,
    ):
        self.projector = projector
        self._missing = sinograms == UNMEASURED
        self.measured = np.maximum(sinograms, 0).astype(np.float64)
        self.pixels = self._missing.size - np.count_nonzero(self._missing)
        self.rule, self.limit = rule, limit
        self.gain, self.read_noise = counts_per_unit, read_noise
        self.curves: dict[str, list[float]] = {"change": [], "residual": [], "log_likelihood": []}
        if counts_per_unit is not None:
            self.curves["chi2"] = []
        self.reason = "iterations"
        self._last: np.ndarray | None = None

    @property
    def iterations(self) -> int:
        """The number of iterations seen."""
        return len(self.curves["residual"])

    def __call__(self, images: np.ndarray) -> bool:
        """Take in the images (n, depth, width) after an iteration; return whether to stop."""
        y, mean = self.measured, self.projector.forward(images).astype(np.float64)
        mean[self._missing] = 0  # adds nothing to any of the figures
        norm = np.linalg.norm(y) or 1.0
        logs = np.log(np.maximum(mean, self.floor))
        figures = {
            "residual": float(np.linalg.norm(mean - y) / norm),
            "log_likelihood": float(np.sum(y * logs - mean) / max(self.pixels, 1)),
            "change": self._change(images),
        }
        if self.gain is not None:
            figures["chi2"] = self._chi2(mean, self.gain)
        return self.take(figures)

    @property
    def floor(self) -> float:
        """The least value of which the log-likelihood takes a logarithm."""
        # The floor matters only where MLEM expects nothing, and there nothing was measured:
        # otherwise MLEM would have put matter there.
        return 1e-6 * (self.measured.mean() or 1.0)

    def take(self, figures: dict[str, float]) -> bool:
        """Take in the figures of an iteration, one per curve; return whether to stop."""
        for name, value in figures.items():
            self.curves[name].append(value)
        stop = {
            "count": False,
            "change": self.iterations > 1 and self.curves["change"][-1] < self.limit,
            "chi2": self.gain is not None and self.curves["chi2"][-1] <= 1,
        }[self.rule]
        if stop:
            self.reason = self.rule
        return stop

    def _change(self, images: np.ndarray) -> float:
        last, self._last = self._last, images.copy()
        if last is None:
            return float("nan")
        return float(np.linalg.norm(images - last) / (np.linalg.norm(images) or 1.0))

    def _chi2(self, mean: np.ndarray, gain: float) -> float:
        expected = gain * mean
        counted = expected >= 1
        left = gain * (mean - self.measured)
        chi2 = left[counted] ** 2 / (expected[counted] + self.read_noise**2)
        return float(chi2.mean()) if counted.any() else float("nan")
