"""A second opinion on the tilt axis: the angle at which the tilts predict each other best.

It uses whole images and a reconstruction, not one line of their Fourier transforms, and so is
independent of `catomo.align.tilt_axis.find_axis`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catomo.align.geometry import Geometry
from catomo.align.reprojection import Reprojector
from catomo.align.settings import Verdict
from catomo.align.tilt_axis import AxisScan, jackknife
from catomo.progress import progress

CHECK_REACH_DEG = 3.0  # of the angles tried about the one found
_TURNS_DEG = CHECK_REACH_DEG * np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
_FOLDS = 3
_NEAR_DEG = 0.25  # a smaller turn has no consequences, so that its bias does not matter
_LEAST_EXPLAINED = 0.8  # of the errors at these angles, by the parabola whose vertex counts
# The lattice of a crystal is too fine for the other tilts to predict, and each turn takes another
# part of it away by interpolation, the least where the axis is upright. The errors then tell of
# the interpolation: without a clear minimum, images are compared without their fine structures.
COARSER_PX = 2.0  # sigma, in px of the binned images
# The Fourier search is the more exact of the two methods if they differ by less. A specimen cut
# by the frame disturbs it more than a reconstruction, most of all in a few images.
TURN_FROM_DEG = {"isolated": 0.5, "extended": 0.25, "extended in few images": 0.15}
# A search on which parts of the tilts disagree by more (standard error) is not believed against a
# check on which they agree at least twice as well: round rods leave the search no minimum, and of
# a film the frame shows another part in each image. Of a few images parts always disagree more.
_UNSURE_DEG = {"isolated": 1.0, "extended": 0.15, "extended in few images": 1.0}
_SURER = 2.0
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
    error_deg : float
        Standard error of the angle, from parts of the tilts; NaN where it is no clear minimum.
    """

    angle_deg: float
    judge: Reprojector
    doubt: str = ""
    is_coarse: bool = False
    error_deg: float = np.nan

    def is_surer_than(self, axis: AxisScan, kind: str) -> bool:
        """Tell whether parts of the tilts agree on this angle far better than on that of a search.

        Parameters
        ----------
        axis : AxisScan
        kind : str
            Of the specimen: `isolated`, or cut by the frame: `extended`, `extended in few images`.
        """
        is_unsure = axis.error_deg > _UNSURE_DEG[kind]
        return not self.doubt and is_unsure and axis.error_deg > _SURER * self.error_deg

    def record(self) -> dict[str, float | None]:
        """Return what the record says of it among the steps."""
        known = bool(np.isfinite(self.error_deg))
        return {
            "by_reprojection_deg": self.angle_deg,
            "by_reprojection_error_deg": self.error_deg if known else None,
        }


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
    by_image = _Errors(reproject, geometry).about(0.0)
    turn, explained = _vertex(by_image.mean(axis=1))
    if explained >= _LEAST_EXPLAINED and abs(turn) < CHECK_REACH_DEG:
        bias = _bias_deg(reproject, geometry) if abs(turn) > _NEAR_DEG else 0.0
        angle_deg = geometry.axis_angle_deg + turn - bias
        return AxisCheck(angle_deg, reproject, error_deg=_error_deg(by_image))
    coarse = reproject.smoothed(COARSER_PX)
    errors = _Errors(coarse, geometry)
    centre, walked = 0.0, 0.0
    while True:
        by_image = errors.about(centre)
        turn, explained = _vertex(by_image.mean(axis=1))
        angle_deg = geometry.axis_angle_deg + centre + turn
        if abs(turn) < CHECK_REACH_DEG and explained >= _LEAST_EXPLAINED:
            angle_deg -= _bias_deg(coarse, geometry.turned(centre + turn))
            error_deg = _error_deg(by_image)
            return AxisCheck(angle_deg, coarse, is_coarse=True, error_deg=error_deg)
        if abs(turn) < CHECK_REACH_DEG:
            return AxisCheck(angle_deg, coarse, _NO_MINIMUM, is_coarse=True)
        if turn == -walked:
            return AxisCheck(angle_deg, coarse, _NO_MINIMUM, is_coarse=True)
        if abs(angle_deg) > search_deg:
            return AxisCheck(angle_deg, coarse, _AT_AN_END, is_coarse=True)
        centre, walked = centre + turn, turn


def uncertain_axis(
    axis: AxisScan | None, check: AxisCheck | None, used_deg: float, limits: Verdict
) -> tuple[str, ...]:
    """Return a sentence about a tilt axis on which parts of the tilts do not agree well.

    Nothing is said where the angle was given, or where two methods contradict each other, which
    the verdict tells.

    Parameters
    ----------
    axis : AxisScan or None
        By the first method.
    check : AxisCheck or None
        By the second.
    used_deg : float
        The angle used: that of one of them, or the middle.
    limits : Verdict
    """
    if axis is None:
        return ()
    error = axis.error_deg
    if check is not None and used_deg != axis.angle_deg:
        error = np.hypot(error, check.error_deg) / 2 if check.is_coarse else check.error_deg
    apart = 0.0 if check is None else abs(check.angle_deg - axis.angle_deg)
    if not error > limits.warn_axis_check_deg or apart > limits.warn_axis_check_deg:
        return ()
    return (
        f"the tilt axis is known to about ±{error:.1f}° only, as parts of the tilts tell it; give "
        "tilt_axis_angle_deg if you know it",
    )


class _Errors:
    """How badly the tilts predict each other at turns from a geometry, each computed once."""

    def __init__(self, reproject: Reprojector, geometry: Geometry):
        self.reproject, self.geometry = reproject, geometry
        self.known: dict[float, np.ndarray] = {}

    def about(self, centre_deg: float) -> np.ndarray:
        """Return the errors (turn, image) at the turns tried about one of them."""
        turns = progress(_TURNS_DEG.tolist(), "check the tilt axis")
        return np.array([self._at(centre_deg + turn) for turn in turns])

    def _at(self, turn_deg: float) -> np.ndarray:
        if turn_deg not in self.known:
            turned = self.geometry.turned(turn_deg)
            self.known[turn_deg] = self.reproject(turned, _FOLDS).error() ** 2
        return self.known[turn_deg]


def _bias_deg(reproject: Reprojector, geometry: Geometry) -> float:
    """Return the turn of least error of a reconstruction, whose own axis is upright.

    What the tilts of a plate do not show makes a turn of half a degree seem better even without
    noise. Half of that is seen in a reconstruction, which has the same gaps.
    """
    still = Geometry.still(len(geometry.across))
    known = _Errors(reproject.of_reconstruction(geometry), still)
    turn, explained = _vertex(known.about(0.0).mean(axis=1))
    return turn if explained >= _LEAST_EXPLAINED else 0.0


def _error_deg(by_image: np.ndarray) -> float:
    """Return the standard error of the turn of least error; errors (turn, image)."""
    return jackknife(
        by_image.shape[1],
        lambda left_out: _vertex(np.delete(by_image, left_out, axis=1).mean(axis=1))[0],
    )


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
