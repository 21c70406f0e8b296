"""Where raw images of a simulated series lie against aligned ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Misalignment:
    """How raw images differ from aligned ones; shifts in px, one per tilt.

    A point `u` across and `v` along the tilt axis, in px from the centre, is found in raw
    image t, `dx` and `dy` from its centre, at ::

        dx = cos a·(u + offset + across[t]) + sin a·(v + along[t])
        dy = cos a·(v + along[t]) − sin a·(u + offset + across[t])
    """

    axis_angle_deg: float = 0.0
    axis_offset_px: float = 0.0
    across_px: Sequence[float] | np.ndarray | None = None
    along_px: Sequence[float] | np.ndarray | None = None

    def to_raw(self, u: np.ndarray, v: np.ndarray | float, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where the aligned point (u, v) lies in raw image t, as (dx, dy)."""
        cos, sin, across, along = self._terms(t)
        return cos * (u + across) + sin * (v + along), cos * (v + along) - sin * (u + across)

    def to_aligned(self, dx: np.ndarray, dy: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Return which aligned point (u, v) raw image t shows at (dx, dy)."""
        cos, sin, across, along = self._terms(t)
        return cos * dx - sin * dy - across, sin * dx + cos * dy - along

    def _terms(self, t: int) -> tuple[float, float, float, float]:
        """Return cosine and sine of the axis angle, and the shifts across and along."""
        angle = np.deg2rad(self.axis_angle_deg)
        across = 0.0 if self.across_px is None else self.across_px[t]
        along = 0.0 if self.along_px is None else self.along_px[t]
        return np.cos(angle), np.sin(angle), self.axis_offset_px + across, along


ALIGNED = Misalignment()
