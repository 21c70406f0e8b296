"""Turned or stretched images and wrong tilt angles are mended on request, if that is shown to help.

Each image is compared with what the other tilts predict of it, as in projection matching, and takes
the turn, growth, shear or angle that fits best (`catomo.align.mend_fit`). That always makes the
images fit each other better, and so proves nothing. Therefore every fifth image is first kept out
of fit and reconstruction: a kind is mended only if a volume of the other images predicts those kept
out clearly better with it than without. They may lie, turn and stretch as suits them best both
times, so that only the volume decides.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from catomo.align.axis_check import by_reprojection
from catomo.align.chain import Solution
from catomo.align.known import Known
from catomo.align.mend_fit import FOLDS, Fit, Pose
from catomo.align.preprocess import CleanSeries
from catomo.align.reprojection import judging_reprojector
from catomo.align.settings import Align, Mend
from catomo.progress import progress

_COARSE, _FINE = 64, 128  # px: larger images are binned, more so for the first steps
_COARSE_ROUNDS, _FINE_ROUNDS = 4, 3
_FEWEST = 20  # images, of which four are kept out
# Part of the error by which images kept out are to be predicted better, and standard errors of it.
# What few tilts predict is a little better with angles on a larger scale even where all is right.
_LEAST_GAIN: dict[Mend, float] = {"angle_scale": 0.08, "tilt_angles": 0.05}
_LEAST_GAIN_ELSE, _SIGMAS = 0.02, 2.0
_NAMES: dict[Mend, str] = {
    "rotation": "the rotation of single images",
    "magnification": "the magnification of single images",
    "scan_drift": "the drift of the scan in single images",
    "angle_scale": "the scale of the tilt angles",
    "tilt_angles": "the tilt angles of single images",
}


@dataclass(frozen=True)
class _Trial:
    """How well images kept out are predicted with a kind of distortion mended, and without.

    Attributes
    ----------
    kind : str
    without, mended : ndarray (image,)
        Share of each image that is not predicted.
    """

    kind: Mend
    without: np.ndarray
    mended: np.ndarray

    @property
    def helps(self) -> bool:
        """Whether the images are predicted better by more than chance."""
        gains = 1 - self.mended / np.maximum(self.without, 1e-12)
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        least = _LEAST_GAIN.get(self.kind, _LEAST_GAIN_ELSE)
        return bool(gains.mean() > max(least, _SIGMAS * error))

    def record(self) -> dict[str, Any]:
        """Return what stands in the record."""
        return {
            "held_out_error_without": float(self.without.mean()),
            "held_out_error": float(self.mended.mean()),
            "applied": self.helps,
        }

    def words(self) -> str:
        """Return what was done, in a sentence."""
        left, without = f"{self.mended.mean():.1%}", f"{self.without.mean():.1%}"
        if self.helps:
            return (
                f"mended: {_NAMES[self.kind]}; that leaves {left} of images kept out unpredicted, "
                f"without it {without}"
            )
        return (
            f"not mended: {_NAMES[self.kind]}; that would leave {left} of images kept out "
            f"unpredicted, without it {without}"
        )


def mended(
    series: CleanSeries, solution: Solution, settings: Align, known: Known | None = None
) -> tuple[CleanSeries, Solution]:
    """Mend what images suffered besides shifts, as far as that is shown to help.

    Parameters
    ----------
    series : CleanSeries
    solution : Solution
        With the images in their places.
    settings : Align
        What is to be mended stands in `mend`.
    known : Known, optional
        One that is used as it is stays so.

    Returns
    -------
    CleanSeries
        With what the verdict has to say of it, and with the angles that were found.
    Solution
        With the distortion in its geometry, and what was tried in its steps.
    """
    if known and known.tilt_deg is not None:
        return replace(series, tilt_deg=known.tilt_deg), solution
    kinds = [kind for kind in get_args(Mend) if kind in settings.mend]
    if not kinds or (known and not known.is_start):
        return series, solution
    rounds = [*[Fit(series, _COARSE)] * _COARSE_ROUNDS, *[Fit(series, _FINE)] * _FINE_ROUNDS]
    images = len(rounds[-1].indices)
    if images < _FEWEST:
        told = f"{images} images are too few to tell whether mending helps (align.mend)"
        return replace(series, mentioned=(*series.mentioned, told)), solution
    axis_is_given = settings.tilt_axis_angle_deg != "auto"
    pose = Pose(solution.geometry, series.tilt_deg, axis_is_given)
    trials, chosen = _tried(rounds, pose, kinds)
    solution = replace(
        solution, steps=solution.steps | {"mends": {t.kind: t.record() for t in trials}}
    )
    if chosen:
        pose = _fitted(rounds, pose, chosen)
        solution.steps["mends"]["per_tilt"] = _per_tilt(pose, series.tilt_deg)
        series = replace(series, tilt_deg=pose.tilt_deg)
        solution = _checked(series, replace(solution, geometry=pose.geometry), settings)
    words = tuple(trial.words() for trial in trials)
    return replace(series, mentioned=(*series.mentioned, *words)), solution


def _checked(series: CleanSeries, solution: Solution, settings: Align) -> Solution:
    """Return a solution whose tilt axis was checked on the mended images."""
    reproject, geometry = judging_reprojector(series), solution.geometry
    if reproject is None or solution.axis is None:
        return solution
    axis = replace(solution.axis, angle_deg=geometry.axis_angle_deg)
    check = by_reprojection(reproject, geometry, settings.axis_search_deg)
    return replace(solution, axis=axis, axis_check=check)


def _per_tilt(pose: Pose, recorded_deg: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the record says of what was undone in each image."""
    distortion = pose.geometry.distortion
    if distortion is None:
        distortion = np.tile(np.eye(2), (len(recorded_deg), 1, 1))
    (y_by_y, y_by_x), (x_by_y, x_by_x) = np.moveaxis(distortion, 0, 2)
    return {
        "recorded_tilt_deg": recorded_deg,
        "rotation_deg": np.degrees(np.arctan2(-y_by_x, x_by_x)),
        "magnification": np.sqrt(x_by_x * y_by_y - x_by_y * y_by_x),
        "shear": (x_by_y + y_by_x) / (x_by_x + y_by_y),
    }


def _tried(
    rounds: Sequence[Fit], pose: Pose, kinds: Collection[Mend]
) -> tuple[list[_Trial], list[Mend]]:
    """Try kinds one after the other, each beside those that helped."""
    others = [fit.of(np.arange(len(fit.indices)) % FOLDS != 0) for fit in rounds]
    judge = rounds[-1]
    trials: list[_Trial] = []
    chosen: list[Mend] = []
    without = judge.errors_of_held_out(_fitted(others, pose, ()))
    for kind in kinds:
        trial = _Trial(
            kind, without, judge.errors_of_held_out(_fitted(others, pose, (*chosen, kind)))
        )
        trials.append(trial)
        if trial.helps:
            chosen.append(kind)
            without = trial.mended
    return trials, chosen


def _fitted(rounds: Sequence[Fit], pose: Pose, kinds: Collection[Mend]) -> Pose:
    """Return the pose with some kinds mended, and with shifts that suit them."""
    for number, fit in enumerate(progress(rounds, "mend"), 1):
        pose = fit.step(pose, kinds)
        if number == _COARSE_ROUNDS:
            pose = fit.common(pose, kinds)
    return pose
