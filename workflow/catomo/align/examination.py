"""The examination of an alignment: how well the tilts predict each other, and which do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from catomo.align.axis_check import COARSER_PX, by_reprojection
from catomo.align.chain import Solution
from catomo.align.distortion import Distortion, distortion_of
from catomo.align.flyback import Flyback, flyback
from catomo.align.geometry import Geometry, in_axis_frame, rotation
from catomo.align.local_changes import FEWEST_PX, LocalChanges, by_itself, local_changes
from catomo.align.preprocess import CleanSeries
from catomo.align.readings import Recording
from catomo.align.registration import centres_of_mass
from catomo.align.reprojection import (
    FEWEST_IMAGES,
    JUDGE_FOLDS,
    Reprojector,
    judging_reprojector,
)
from catomo.align.settings import Align, Verdict
from catomo.align.suspects import Misfits, Reading, misfits, other_reading
from catomo.align.tilt_angles import TiltAngles, tilt_angles
from catomo.align.tilt_axis import find_axis
from catomo.progress import say

# Parts of the error by which another geometry contradicts a known one: shifts fitted to noise
# alone gain 4 %, a turn 0.1 %.
_GAIN_BY_SHIFTS, _GAIN_BY_TURN = 0.08, 0.002
_EVEN = 0.25  # of what warns: angles that are off by less move nothing
_SUSPECT_SIZE = 64  # px: coarse enough that misplaced images cost little time to find


@dataclass(frozen=True)
class Examination:
    """How well the tilts predict each other; NaN where it was not measured.

    Attributes
    ----------
    error, error_unaligned : ndarray (tilt,)
        Share of each image that the other tilts do not predict, aligned and as recorded.
    residual_across, residual_along : ndarray (tilt,)
        How far each image lies from its prediction, in px.
    misfits : list of (float, float or None)
        Tilts of images that the others do not predict, and which tilt each resembles.
    reading : Reading or None
        The other reading of the angles that fits best; None if it was not searched.
    axis_found_deg : float
        Where the angle of the tilt axis was given: the one that a search finds.
    elsewhere_ratio : float
        Where the images agree better along a direction outside the range searched: the error with
        which they predict each other about it, as a part of that about the axis found.
    distortion : Distortion or None
        What else than shifts sets the images apart from their predictions.
    angles : TiltAngles or None
        How the true angles differ from those recorded.
    local : LocalChanges or None
        Parts of the images that differ from their predictions.
    flyback : Flyback or None
        A pull from an edge of the frame.
    """

    error: np.ndarray
    error_unaligned: np.ndarray
    residual_across: np.ndarray
    residual_along: np.ndarray
    misfits: Misfits
    reading: Reading | None
    axis_found_deg: float
    elsewhere_ratio: float = np.nan
    distortion: Distortion | None = None
    angles: TiltAngles | None = None
    local: LocalChanges | None = None
    flyback: Flyback | None = None

    def notes(self) -> dict[str, Any]:
        """Return what the record says of it among the steps."""
        parts = {
            "distortion": self.distortion,
            "angles": self.angles,
            "local": self.local,
            "flyback": self.flyback,
        }
        return {name: part.record() for name, part in parts.items() if part}

    def reasons(self, limits: Verdict, few_counts: bool) -> tuple[list[str], list[str]]:
        """Return what in the images makes the alignment doubtful, and what is only mentioned.

        Where angles are wrong, or images distorted or misplaced, parts of them are out of place for
        that reason, so it is not said that parts moved. If such a fault is only mentioned, it is
        said all the same where parts moved farther than what warns. Few counts make parts of
        single images bright, dark or moved by chance alone.
        """
        doubts: list[str] = []
        mentions: list[str] = []
        for part in (None if few_counts else self.angles, self.distortion):
            if part:
                found = part.reasons(limits)
                doubts += found[0]
                mentions += found[1]
        if self.flyback and not (few_counts or doubts or mentions):
            found = self.flyback.reasons(limits)
            doubts += found[0]
            mentions += found[1]
        if self.local and not few_counts:
            jitter = self.angles.jitter_deg() if self.angles else 0.0
            even = jitter <= _EVEN * limits.warn_angle_jitter_deg
            far = self.local.moved_px > limits.warn_local_shift_px
            moved = even and not (doubts or self.misfits or (mentions and not far))
            found = self.local.reasons(limits, tell_moved=moved)
            doubts += found[0]
            mentions += found[1]
        return doubts, mentions


def examine(
    series: CleanSeries, solution: Solution, settings: Align, recording: Recording
) -> Examination:
    """Examine a geometry, found or given.

    Parameters
    ----------
    series : CleanSeries
    solution : Solution
    settings : Align
    recording : Recording
        Of the same tilts.
    """
    error, unaligned, across, along = np.full((4, len(series.images)), np.nan)
    reproject = judging_reprojector(series)
    if reproject is None:
        return Examination(error, unaligned, across, along, [], None, np.nan)
    say("examine the alignment: images beside what the others predict")
    geometry, used = solution.geometry, reproject.indices
    aligned = reproject(geometry, JUDGE_FOLDS)
    error[used] = aligned.error()
    across[used], along[used] = aligned.shifts()
    still = Geometry.still(len(series.images))
    unaligned[used] = reproject(still, JUDGE_FOLDS).error()
    if len(used) < FEWEST_IMAGES:  # too few to tell which images or angles are wrong
        return Examination(error, unaligned, across, along, [], None, np.nan)
    tilt_deg = series.tilt_deg[used]
    coarse = Reprojector(series, _SUSPECT_SIZE)
    beside = coarse(geometry, JUDGE_FOLDS)
    likeness = coarse.likeness(geometry, JUDGE_FOLDS)
    named = misfits(beside.error(), likeness, tilt_deg, settings.verdict.warn_misfit)
    # An image that shows something else is no measure of what happens to all of them.
    fitting = ~np.isin(tilt_deg, [tilt for tilt, _ in named])
    fitting_deg, aligned = tilt_deg[fitting], aligned.chosen(fitting)
    distortion = distortion_of(aligned, fitting_deg)
    del aligned
    found = _found_without_angles(series, solution)
    reading = other_reading(coarse, found, recording)
    axis_found_deg = np.nan if solution.axis else _axis_found(series, geometry, settings)
    elsewhere = _elsewhere_ratio(series, solution, reproject, settings)
    known = coarse.of_reconstruction(geometry)
    of_known = known(still, JUDGE_FOLDS)
    pulled = beside.chosen(fitting), of_known.chosen(fitting)
    local = None
    if min(beside.images.shape[1:]) >= FEWEST_PX:
        noisy = known.with_noise_of(coarse, geometry)(still, JUDGE_FOLDS)
        three = (it.chosen(fitting) for it in (beside, of_known, noisy))
        local, *without_changes = (local_changes(it, fitting_deg) for it in three)
        local = replace(local, by_itself=by_itself(*without_changes))
    return Examination(
        *(error, unaligned, across, along, named, reading, axis_found_deg, elsewhere),
        distortion=distortion,
        angles=tilt_angles(coarse, geometry, known),
        local=local,
        flyback=flyback(*pulled, geometry.across[used][fitting]),
    )


def contradicts(series: CleanSeries, geometry: Geometry, search_deg: float) -> bool:
    """Tell whether other shifts or another axis clearly make the tilts predict each other better.

    Noise makes predictions and measured shifts bad, but it makes hardly another geometry better.

    Parameters
    ----------
    series : CleanSeries
    geometry : Geometry
        A known one.
    search_deg : float
        Of the tilt axis.
    """
    reproject = judging_reprojector(series)
    if reproject is None:
        return False
    coarse = reproject.smoothed(COARSER_PX)  # leaves the less noise
    aligned = coarse(geometry, JUDGE_FOLDS)
    across, along = geometry.across.copy(), geometry.along.copy()
    for shifts, step in zip((across, along), aligned.shifts(), strict=True):
        shifts[coarse.indices] += step
    angle = geometry.axis_angle_deg
    turn = by_reprojection(coarse, geometry, search_deg).angle_deg - angle
    error = aligned.error().mean()
    moved = coarse(Geometry(angle, across, along), JUDGE_FOLDS).error().mean()
    turned = coarse(geometry.turned(turn), JUDGE_FOLDS).error().mean()
    return bool(moved < (1 - _GAIN_BY_SHIFTS) * error or turned < (1 - _GAIN_BY_TURN) * error)


def _axis_found(series: CleanSeries, geometry: Geometry, settings: Align) -> float:
    """Return the tilt axis (deg) that a search finds in place of a given one, NaN if uncertain."""
    angle = geometry.axis_angle_deg
    if abs(angle) >= settings.axis_search_deg:
        return np.nan
    shifts = (rotation(angle) @ np.stack([geometry.along, geometry.across])).T
    scan = find_axis(series, shifts, settings.axis_search_deg)
    return scan.angle_deg if scan.contrast > settings.verdict.warn_axis_contrast else np.nan


def _elsewhere_ratio(
    series: CleanSeries, solution: Solution, reproject: Reprojector, settings: Align
) -> float:
    """Return how badly the tilts predict each other about a direction that looks better.

    All views of a round rod agree in the direction across it, whatever the tilts.
    """
    axis, geometry = solution.axis, solution.geometry
    if axis is None or not axis.better_elsewhere(settings.verdict.stop_axis_elsewhere):
        return np.nan
    angle = axis.elsewhere_deg
    trials = [
        geometry,
        geometry.turned(angle - geometry.axis_angle_deg),
        Geometry(angle, *in_axis_frame(centres_of_mass(series), angle)),
    ]
    coarse = reproject.smoothed(COARSER_PX)
    here, *there = (np.mean(coarse(trial, JUDGE_FOLDS).error()) for trial in trials)
    return float(min(there) / here) if here > 0 else np.nan


def _found_without_angles(series: CleanSeries, solution: Solution) -> Geometry:
    """Return a geometry that suits any reading of the angles.

    The first search of the tilt axis and the centre of mass do not use the angles. All that
    follows does, and under wrong ones turns the axis away. The shifts along the axis remain from
    it; `other_reading` finds those of an extended specimen anew.
    """
    angle = solution.axis.angle_deg if solution.axis else solution.geometry.axis_angle_deg
    along = solution.geometry.turned(angle - solution.geometry.axis_angle_deg).along
    return Geometry(angle, in_axis_frame(centres_of_mass(series), angle)[0], along)
