"""What every projector offers, whoever computes it."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Projector(Protocol):
    """Forward projection of slices perpendicular to the tilt axis, and its adjoint.

    `catomo.projection.shear.ShearProjector`, `catomo.reconstruct.astra.AstraProjector` and
    `catomo.reconstruct.resident.DeviceProjector` satisfy it.

    Attributes
    ----------
    tilt_deg : ndarray (tilt,)
        Tilt angles in degrees.
    shape : (int, int)
        Depth and width of a slice (z, x) in pixels.
    detector : int
        Detector pixels across the tilt axis.
    centre : float
        Where the tilt axis lies on the detector, in pixels.
    """

    tilt_deg: np.ndarray
    shape: tuple[int, int]
    detector: int
    centre: float

    def subset(self, start: int, step: int) -> Projector:
        """Return the projector of the tilts ``start::step``."""

    def forward(self, images: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Project slices (n, depth, width) to sinograms (n, tilt, detector), float32."""

    def backward(self, sinograms: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Spread sinograms (n, tilt, detector) over slices (n, depth, width), float32."""
