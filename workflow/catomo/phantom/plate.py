"""The plate of a phantom in its own axes: its planes, its ridges, and places on its surface."""

from __future__ import annotations

import numpy as np

from catomo.phantom.settings import Plate

# Crystal directions in the frame of the unrotated plate, as (x, y, z): x along the ridges
# [-110], y across them [001] (the long diagonal), z out of the broad face [110].
SIDES = np.array([[-(2**0.5), 1, 0], [2**0.5, 1, 0]]) / 3**0.5  # (1-11) and (-111)
RIDGES = np.array([[0, 1, 2**0.5], [0, -1, 2**0.5]]) / 3**0.5  # (111) and (11-1)
SLOPE = 0.5**0.5  # of the ridges' {111} planes against {110}: tan 35.3°
SINE = 8**0.5 / 3  # of the rhombus angle, 70.5°


def half_width(plate: Plate) -> float:
    """Return the distance of the plate's sides from its centre in nm."""
    return plate.edge_nm * SINE / 2


def ridge_middles(plate: Plate, face: int) -> np.ndarray:
    """Return where the ridges of the upper (1) or lower (-1) face lie across them, in nm.

    The lower face is half a period out of step, so the plate is no mirror image of itself.
    """
    diagonal = half_width(plate) * 3**0.5  # half of the long diagonal
    number = int(diagonal / plate.corrugation_period_nm) + 1
    steps = np.arange(-number, number + 1) + (0.5 if face < 0 else 0.0)
    middles = steps * plate.corrugation_period_nm
    return middles[np.abs(middles) < diagonal]


def drop(plate: Plate, across: np.ndarray, face: int) -> np.ndarray:
    """Return how far below the ridge tops a broad face lies at places across the ridges."""
    steps = across / plate.corrugation_period_nm - (0.0 if face > 0 else 0.5)
    away = np.abs(steps - np.round(steps)) * plate.corrugation_period_nm
    return np.minimum(away * SLOPE, plate.corrugation_depth_nm)
