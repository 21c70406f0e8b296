"""A tilt series in memory: images with their angles and pixel size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TiltSeries:
    """Images of one specimen, each at another tilt.

    Attributes
    ----------
    images : ndarray of float32, (tilt, y, x)
        The tilt axis lies near y.
    tilt_deg : ndarray of float64, (tilt,)
        Tilt angles in degrees, ascending.
    pixel_size_nm : float
        Edge of a pixel in nm.
    """

    images: np.ndarray
    tilt_deg: np.ndarray
    pixel_size_nm: float
