"""The chain of alignment: from clean images to one geometry, each refinement on trial.

Tilt axis from pairwise registration or centre of mass → low-order terms → common line →
check of the axis → projection matching. A refinement stays only if the tilts predict each
other better with it (`catomo.align.reprojection`); what each one did is noted. The tilt axis alone
is taken untried where one of two methods is far surer, and in the middle of both on crystals.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from catomo.align.axis_check import CHECK_REACH_DEG, TURN_FROM_DEG, AxisCheck, by_reprojection
from catomo.align.geometry import Geometry, in_axis_frame, rotation
from catomo.align.low_order import fit_low_order
from catomo.align.preprocess import CleanSeries
from catomo.align.projection_matching import SIZE as MATCHING_SIZE
from catomo.align.projection_matching import match
from catomo.align.registration import centres_of_mass, common_line_of, pairwise
from catomo.align.reprojection import JUDGE_FOLDS, Reprojector, folds_of, judging_reprojector
from catomo.align.settings import Align
from catomo.align.tilt_axis import AxisScan, find_axis
from catomo.progress import say

_FEWEST_SHOWN = 3  # images that show something, below which nothing is aligned
# On crystals, where fine structures mislead the second method, both err by as much (0.2° RMS), and
# independently of each other, so that the middle between them errs less than either.
_MIDDLE_WITHIN_DEG = 1.0
_LOST_PX = 3.0  # between two measures along the axis, of which one has lost the specimen
_LOST_GAIN = 0.2  # film pulls at a centre of mass; a registration that is lost is far worse
_MATCHED_AGAIN = 3  # times at the most, with few images, which start far from their places
# Few images move onto the errors of what the others predict, and look 2 % better at wrong places.
_MATCHED_GAIN = 0.03
_TURN_GAIN = 0.005  # on weak or round specimens noise alone makes other axes this much better


@dataclass(frozen=True)
class Solution:
    """The geometry of a series, and what was measured on the way to it.

    Attributes
    ----------
    geometry : Geometry
    axis : AxisScan or None
        The search of the tilt axis; None if its angle was given.
    axis_check : AxisCheck or None
        The tilt axis by a second method; None if it was not tried.
    across_disagreement, along_disagreement : ndarray (tilt,) or None
        Differences in px of two independent measures of the shifts.
    line_disagreement : ndarray (tilt,) or None
        1 - correlation of the profile along the axis with that of the other tilts.
    steps : dict
        What each step contributed; shifts as RMS in px.
    """

    geometry: Geometry
    axis: AxisScan | None = None
    axis_check: AxisCheck | None = None
    across_disagreement: np.ndarray | None = None
    along_disagreement: np.ndarray | None = None
    line_disagreement: np.ndarray | None = None
    steps: dict[str, Any] = field(default_factory=dict)


def solve(series: CleanSeries, settings: Align, begin: Geometry | None = None) -> Solution:
    """Find the geometry of a series.

    Parameters
    ----------
    series : CleanSeries
    settings : Align
    begin : Geometry, optional
        Where a person left the images; what is left to do is projection matching.
    """
    angle = settings.tilt_axis_angle_deg
    if series.usable.sum() < _FEWEST_SHOWN:
        still = np.zeros(len(series.images))
        return Solution(Geometry(0.0 if angle == "auto" else angle, still, still))
    reproject = judging_reprojector(series)
    if begin is not None:
        trials = _Trials(reproject, begin)
        _offer_matching(series, settings, trials, keep_offset=True)
        return Solution(trials.geometry, steps=trials.steps)
    start = _FirstShifts.of(series, settings)
    if reproject is not None and settings.centre_of_mass:
        start = start.found_along(reproject, 0.0 if angle == "auto" else angle)
    axis = None
    if angle == "auto":
        axis = find_axis(series, start.shifts, settings.axis_search_deg)
        angle = axis.angle_deg
    trials = _Trials(reproject, start.geometry(angle))
    if axis is not None:
        trials.steps["tilt_axis"] = {
            "angle_deg": angle,
            "contrast": axis.contrast,
            "error_deg": axis.error_deg,
            "best_elsewhere_deg": axis.elsewhere_deg,
        }
    across_disagreement = _across(series, start, trials, settings.centre_of_mass)
    line_disagreement = _common_line(series, trials) if settings.common_line else None
    axis_check = None
    if axis is not None:
        # Drift along the axis would disturb this check, so it comes after the common line.
        axis_check = _checked_axis(trials, axis, series.isolated, settings.axis_search_deg)
        turned_deg = trials.geometry.axis_angle_deg
        if abs(turned_deg - angle) > CHECK_REACH_DEG:
            # What was measured along and across an axis so far off is worth nothing.
            trials.geometry = start.geometry(turned_deg)
            across_disagreement = _across(series, start, trials, settings.centre_of_mass)
            if settings.common_line:
                line_disagreement = _common_line(series, trials)
    _offer_matching(series, settings, trials, series.isolated and settings.centre_of_mass)
    return Solution(
        geometry=trials.geometry,
        axis=axis,
        axis_check=axis_check,
        across_disagreement=across_disagreement,
        along_disagreement=None
        if start.lost
        else _along_disagreement(series, start, trials.geometry),
        line_disagreement=line_disagreement,
        steps=trials.steps,
    )


@dataclass(frozen=True)
class _FirstShifts:
    """Where the specimen lies in each image, measured in two ways; raw (y, x) in px.

    Attributes
    ----------
    mass : ndarray (tilt, 2)
        Its centre of mass.
    path : ndarray (tilt, 2) or None
        By pairwise registration; None if that is switched off.
    by_mass : bool
        Whether the chain starts from the centre of mass, else from the path or from nothing.
    lost : bool
        Whether the registration lost the specimen along the axis; the path has its mass there.
    """

    mass: np.ndarray
    path: np.ndarray | None
    by_mass: bool
    lost: bool = False

    @classmethod
    def of(cls, series: CleanSeries, settings: Align) -> _FirstShifts:
        mass = centres_of_mass(series)
        path = pairwise(series) if settings.pairwise else None
        return cls(mass, path, settings.centre_of_mass and (series.isolated or path is None))

    def found_along(self, reproject: Reprojector, angle_deg: float) -> _FirstShifts:
        """Return the shifts with the mass in place of a registration lost along the axis.

        A rod along the tilt axis looks the same however far it moves along it.
        """
        if self.by_mass or self.path is None:
            return self
        across, along = in_axis_frame(self.path, angle_deg)
        mass = in_axis_frame(self.mass, angle_deg)[1]
        mass = mass - np.median(mass) + np.median(along)
        if _rms(mass - along) < _LOST_PX:
            return self
        # A lost registration moves the specimen out of the frame, where nothing is compared.
        reproject = reproject.with_closed_sides()
        kept, by_mass = (
            float(reproject(Geometry(angle_deg, across, y), JUDGE_FOLDS).error().mean())
            for y in (along, mass)
        )
        if by_mass > (1 - _LOST_GAIN) * kept:
            return self
        path = (rotation(angle_deg) @ np.stack([mass, across])).T
        return replace(self, path=path, lost=True)

    @property
    def shifts(self) -> np.ndarray:
        if self.by_mass:
            return self.mass
        return np.zeros_like(self.mass) if self.path is None else self.path

    def geometry(self, angle_deg: float) -> Geometry:
        across, along = in_axis_frame(self.shifts, angle_deg)
        if not self.by_mass:
            along = along - np.median(along)  # the specimen keeps its place in the frame
        return Geometry(angle_deg, across, along)


class _Trials:
    """A geometry, and refinements that stay if the tilts predict each other better with them.

    Attributes
    ----------
    geometry : Geometry
        The best so far.
    steps : dict
        What each refinement did.
    reproject : Reprojector or None
        None with too few images to judge by; then every refinement stays.
    few : bool
        Whether they are so few that smaller folds are left out at a time.
    """

    def __init__(self, reproject: Reprojector | None, geometry: Geometry):
        images = 0 if reproject is None else len(reproject.indices)
        self.few = folds_of(images, JUDGE_FOLDS) > JUDGE_FOLDS
        self.geometry = geometry
        self.steps: dict[str, Any] = {}
        self.reproject = reproject
        self._known: list[tuple[Geometry, float]] = []  # errors by the own judge

    def error(self, geometry: Geometry, judge: Reprojector | None = None) -> float:
        """Return how badly the tilts predict each other under a geometry; NaN if there is no way.

        It is the mean share of an image that is not predicted, of the images themselves or of
        those of another `judge`.
        """
        if judge is not None:
            return float(judge(geometry, JUDGE_FOLDS).error().mean())
        if self.reproject is None:
            return np.nan
        # Every trial but the first begins where the last one ended.
        for known, error in self._known:
            if known is geometry:
                return error
        error = self.error(geometry, self.reproject)
        self._known.append((geometry, error))
        return error

    def offer(
        self,
        name: str,
        new: Geometry,
        least_gain: float = 0.0,
        judge: Reprojector | None = None,
    ) -> None:
        """Take the new geometry if it lowers the error by more than a share `least_gain`."""
        old = self.geometry
        moved = [_rms(new.across - old.across), _rms(new.along - old.along)]
        self.steps[name] = {"rms_px": moved}
        if self.reproject is None:
            self.geometry = new
            return
        before, after = self.error(old, judge), self.error(new, judge)
        accepted = after < (1 - least_gain) * before
        self.steps[name] |= {"error_before": before, "error_after": after, "accepted": accepted}
        if accepted:
            self.geometry = new
        else:
            say(f"align: {name} does not make the tilts predict each other better; not used")


def _across(
    series: CleanSeries, start: _FirstShifts, trials: _Trials, use_mass: bool
) -> np.ndarray | None:
    """Combine both measures across the axis; return their disagreement, None with one only.

    The drift of a pairwise registration looks like the low-order terms of a moved specimen, so
    only what is left without them is a disagreement. Of an extended specimen the path is kept,
    corrected by the low-order terms of the centre of mass. With few images, which are far from
    their neighbours, the path may be worse than the mass alone, which then is on trial too.
    """
    geometry = trials.geometry
    angle = geometry.axis_angle_deg
    if start.by_mass:
        trials.steps["centre_of_mass"] = {"rms_px": [_rms(geometry.across), _rms(geometry.along)]}
    if start.path is None:
        return None
    across, along = in_axis_frame(start.path, angle)
    trials.steps["pairwise"] = {"rms_px": [_rms(across), _rms(along)]}
    mass = in_axis_frame(start.mass, angle)[0]
    drift = fit_low_order(series.tilt_deg, mass - across, series.usable)
    if use_mass and not series.isolated:
        trials.offer("centre_of_mass", Geometry(angle, across + drift, geometry.along))
        if trials.few:
            trials.offer("centre_of_mass_alone", Geometry(angle, mass, geometry.along))
    return np.where(series.usable, mass - across - drift, np.nan)


def _offer_matching(
    series: CleanSeries, settings: Align, trials: _Trials, keep_offset: bool
) -> None:
    if settings.projection_matching and trials.reproject is not None:
        least = _MATCHED_GAIN if trials.few else 0.0
        trials.offer("projection_matching", _matched(series, trials, keep_offset), least)


def _matched(series: CleanSeries, trials: _Trials, keep_offset: bool) -> Geometry:
    """Return the geometry after projection matching, with few images after some more of it.

    Few images are registered worse to each other and lie farther from their places at first. Each
    further matching counts only if the tilts then predict each other better.
    """
    reproject = Reprojector(series, MATCHING_SIZE)
    geometry = match(reproject, trials.reproject or reproject, trials.geometry, keep_offset)
    if not trials.few:
        return geometry
    error = trials.error(geometry)
    for _ in range(_MATCHED_AGAIN):
        further = match(reproject, reproject, geometry, keep_offset)
        before, error = error, trials.error(further)
        if not error < before:
            break
        geometry = further
    return geometry


def _common_line(series: CleanSeries, trials: _Trials) -> np.ndarray:
    """Offer the shifts along the axis by the common line; return its disagreement."""
    old = trials.geometry
    shifts, disagreement = common_line_of(series, old)
    trials.offer("common_line", Geometry(old.axis_angle_deg, old.across, old.along + shifts))
    return disagreement


def _checked_axis(
    trials: _Trials, axis: AxisScan, isolated: bool, search_deg: float
) -> AxisCheck | None:
    """Return the tilt axis by reprojection, and turn the geometry if it lies elsewhere."""
    if trials.reproject is None:
        return None
    check = by_reprojection(trials.reproject, trials.geometry, search_deg)
    trials.steps["tilt_axis"] |= check.record()
    turn = check.angle_deg - trials.geometry.axis_angle_deg
    kind = "isolated" if isolated else "extended in few images" if trials.few else "extended"
    if check.is_coarse and not check.doubt and abs(turn) < _MIDDLE_WITHIN_DEG:
        trials.geometry = trials.geometry.turned(turn / 2)
    elif check.is_surer_than(axis, kind):
        trials.geometry = trials.geometry.turned(turn)
    elif not check.doubt and abs(turn) > TURN_FROM_DEG[kind]:
        trials.offer("turned_axis", trials.geometry.turned(turn), _TURN_GAIN, check.judge)
    return check


def _along_disagreement(
    series: CleanSeries, start: _FirstShifts, geometry: Geometry
) -> np.ndarray | None:
    """Return how far the path lies from the geometry along the axis, low-order terms left out."""
    if start.path is None:
        return None
    difference = in_axis_frame(start.path, geometry.axis_angle_deg)[1] - geometry.along
    drift = fit_low_order(series.tilt_deg, difference, series.usable)
    return np.where(series.usable, difference - drift, np.nan)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
