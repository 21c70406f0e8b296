"""A second opinion on the tilt axis: the angle at which the tilts predict each other best.

It uses whole images and a reconstruction, not one line of their Fourier transforms, and so is
independent of `catomo.align.tilt_axis.find_axis`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catomo.align.geometry import Geometry
from catomo.align.reprojection import Reprojector

CHECK_REACH_DEG = 3.0  # of the angles tried about the one found
_TURNS_DEG = CHECK_REACH_DEG * np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
_FOLDS = 3
_LEAST_EXPLAINED = 0.8  # of the errors at these angles, by the parabola whose vertex counts
# The lattice of a crystal is too fine for the other tilts to predict, and each turn takes another
# part of it away by interpolation, the least where the axis is upright. The errors then tell of
# the interpolation: without a clear minimum, images are compared without their fine structures.
COARSER_PX = 2.0  # sigma, in px of the binned images
_NO_MINIMUM = "the tilts predict each other clearly best under no angle of the tilt axis"
_AT_AN_END = "the tilts predict each other best at an end of the angles tried for the tilt axis"


@dataclass(frozen=True)
class AxisCheck:
    """The tilt axis by prediction.

    Attributes
    ----------
    angle_deg : float
        The best angle, from the vertical.
    judge : Reprojector
        What geometries turned there are to be judged by.
    doubt : str
        Why this is no clear minimum; empty where it is one.
    is_coarse : bool
        Whether it was found without the fine structures of the images.
    """

    angle_deg: float
    judge: Reprojector
    doubt: str = ""
    is_coarse: bool = False


def by_reprojection(reproject: Reprojector, geometry: Geometry, search_deg: float) -> AxisCheck:
    """Find the angle near that of a geometry at which the tilts predict each other best.

    Parameters
    ----------
    reproject : Reprojector
    geometry : Geometry
    search_deg : float
        As far from the vertical a minimum of the errors is followed that lies beyond the angles
        tried first.
    """
    turn, explained = _vertex(_Errors(reproject, geometry).about(0.0))
    if explained >= _LEAST_EXPLAINED and abs(turn) < CHECK_REACH_DEG:
        return AxisCheck(geometry.axis_angle_deg + turn, reproject)
    coarse = reproject.smoothed(COARSER_PX)
    errors = _Errors(coarse, geometry)
    centre, walked = 0.0, 0.0
    while True:
        turn, explained = _vertex(errors.about(centre))
        angle_deg = geometry.axis_angle_deg + centre + turn
        if abs(turn) < CHECK_REACH_DEG:
            clear = explained >= _LEAST_EXPLAINED
            return AxisCheck(angle_deg, coarse, "" if clear else _NO_MINIMUM, is_coarse=True)
        if turn == -walked:
            return AxisCheck(angle_deg, coarse, _NO_MINIMUM, is_coarse=True)
        if abs(angle_deg) > search_deg:
            return AxisCheck(angle_deg, coarse, _AT_AN_END, is_coarse=True)
        centre, walked = centre + turn, turn


class _Errors:
    """How badly the tilts predict each other at turns from a geometry, each computed once."""

    def __init__(self, reproject: Reprojector, geometry: Geometry):
        self.reproject, self.geometry = reproject, geometry
        self.known: dict[float, float] = {}

    def about(self, centre_deg: float) -> np.ndarray:
        """Return the errors at the turns tried about one of them."""
        return np.array([self._at(centre_deg + turn) for turn in _TURNS_DEG.tolist()])

    def _at(self, turn_deg: float) -> float:
        if turn_deg not in self.known:
            turned = self.geometry.turned(turn_deg)
            self.known[turn_deg] = float(np.mean(self.reproject(turned, _FOLDS).error() ** 2))
        return self.known[turn_deg]


def _vertex(errors: np.ndarray) -> tuple[float, float]:
    """Return the turn of least error, and the share of the errors' variance a parabola explains.

    The share is 0 where the parabola has no minimum.
    """
    bend, slope, level = np.polyfit(_TURNS_DEG, errors, 2)
    if bend <= 0:
        return float(_TURNS_DEG[errors.argmin()]), 0.0
    left = np.var(errors - np.polyval([bend, slope, level], _TURNS_DEG))
    explained = float(1 - left / np.var(errors))
    return float(np.clip(-slope / (2 * bend), -CHECK_REACH_DEG, CHECK_REACH_DEG)), explained
