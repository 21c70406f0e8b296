"""Turns, magnifications and scan drift of single images, fitted on request beside their shifts.

Each image is compared with what the other tilts predict of it, as in projection matching, and takes
the turn, growth or shear that fits best. That always makes the images fit each other better, and so
proves nothing. Therefore every fifth image is first kept out of fit and reconstruction: a kind of
distortion is mended only if a volume of the other images predicts those kept out clearly better
with it than without. They may lie, turn and stretch as suits them best both times, so that only the
volume decides.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from catomo.align.axis_check import CHECK_REACH_DEG, by_reprojection
from catomo.align.chain import Solution
from catomo.align.distortion import affine_terms
from catomo.align.geometry import Geometry, rotation
from catomo.align.known import Known
from catomo.align.low_order import low_order_terms
from catomo.align.prediction import Reprojection
from catomo.align.preprocess import CleanSeries
from catomo.align.reprojection import Reprojector, judging_reprojector
from catomo.align.settings import Align, Mend
from catomo.progress import progress
from catomo.projection.iteration import UNMEASURED

_COARSE, _FINE = 64, 128  # px: larger images are binned, more so for the first steps
_COARSE_ROUNDS, _FINE_ROUNDS = 4, 3
_FOLDS = 5
_POSES = 3  # steps to the best place of an image that was kept out
_FEWEST = 20  # images, of which four are kept out
_LEAST_GAIN = 0.02  # part of the error by which images kept out are to be predicted better,
_SIGMAS = 2.0  # and so many standard errors
_LONGEST_PX, _LARGEST = (
    2.0,
    0.05,
)  # steps of shift and matrix in a round: longer ones are not linear


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
        return bool(gains.mean() > max(_LEAST_GAIN, _SIGMAS * error))

    def record(self) -> dict[str, Any]:
        """Return what stands in the record."""
        return {
            "held_out_error_without": float(self.without.mean()),
            "held_out_error": float(self.mended.mean()),
            "applied": self.helps,
        }

    def words(self) -> str:
        """Return what was done, in a sentence."""
        name = self.kind.replace("_", " ")
        errors = f"{self.mended.mean():.1%} of images kept out unpredicted"
        if self.helps:
            return (
                f"{name} of single images is mended: that leaves {errors}, without it "
                f"{self.without.mean():.1%}"
            )
        return (
            f"{name} of single images was to be mended, and is not: that would leave {errors}, "
            f"without it {self.without.mean():.1%}"
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
        With what the verdict has to say of it.
    Solution
        With the distortion in its geometry, and what was tried in its steps.
    """
    kinds = [kind for kind in get_args(Mend) if kind in settings.mend]
    if not kinds or (known and not known.is_start):
        return series, solution
    rounds = [*[_Fit(series, _COARSE)] * _COARSE_ROUNDS, *[_Fit(series, _FINE)] * _FINE_ROUNDS]
    images = len(rounds[-1].indices)
    if images < _FEWEST:
        told = f"{images} images are too few to tell whether mending helps (align.mend)"
        return replace(series, mentioned=(*series.mentioned, told)), solution
    trials, chosen = _tried(rounds, solution.geometry, kinds)
    solution = replace(
        solution, steps=solution.steps | {"mends": {t.kind: t.record() for t in trials}}
    )
    if chosen:
        geometry = _fitted(rounds, solution.geometry, chosen)
        solution.steps["mends"]["per_tilt"] = _per_tilt(geometry)
        solution = _checked(series, replace(solution, geometry=geometry), settings)
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


def _per_tilt(geometry: Geometry) -> dict[str, np.ndarray]:
    """Return what the record says of what was undone in each image."""
    distortion = np.zeros((0, 2, 2)) if geometry.distortion is None else geometry.distortion
    (y_by_y, y_by_x), (x_by_y, x_by_x) = np.moveaxis(distortion, 0, 2)
    return {
        "rotation_deg": np.degrees(np.arctan2(-y_by_x, x_by_x)),
        "magnification": np.sqrt(x_by_x * y_by_y - x_by_y * y_by_x),
        "shear": (x_by_y + y_by_x) / (x_by_x + y_by_y),
    }


def _tried(
    rounds: Sequence[_Fit], geometry: Geometry, kinds: Collection[Mend]
) -> tuple[list[_Trial], list[Mend]]:
    """Try kinds of distortion one after the other, each beside those that helped."""
    others = [fit.of(np.arange(len(fit.indices)) % _FOLDS != 0) for fit in rounds]
    judge = rounds[-1]
    trials: list[_Trial] = []
    chosen: list[Mend] = []
    without = judge.errors_of_held_out(_fitted(others, geometry, ()))
    for kind in kinds:
        fitted = _fitted(others, geometry, (*chosen, kind))
        trial = _Trial(kind, without, judge.errors_of_held_out(fitted))
        trials.append(trial)
        if trial.helps:
            chosen.append(kind)
            without = trial.mended
    return trials, chosen


def _fitted(rounds: Sequence[_Fit], geometry: Geometry, kinds: Collection[Mend]) -> Geometry:
    """Return the geometry with distortions of some kinds, and with shifts that suit them.

    Images that are turned spoil the search of the tilt axis. What all of them are still turned by
    would hardly show beside the predictions, because the volume follows it.
    """
    for number, fit in enumerate(progress(rounds, "mend"), 1):
        geometry = fit.step(geometry, kinds)
        if number == _COARSE_ROUNDS and "rotation" in kinds:
            check = by_reprojection(fit, geometry, CHECK_REACH_DEG)
            turn_deg = check.angle_deg - geometry.axis_angle_deg
            geometry = geometry if check.doubt else geometry.turned(turn_deg)
    return geometry


class _Fit(Reprojector):
    """Fits distortions to its images, and predicts every fifth from the others."""

    def of(self, kept: np.ndarray) -> _Fit:
        """Return the same of some of its images."""
        part = copy(self)
        part.indices = self.indices[kept]
        part.images = [self.images[t] for t in np.flatnonzero(kept)]
        part.hidden = [self.hidden[t] for t in np.flatnonzero(kept)]
        return part

    def step(self, geometry: Geometry, kinds: Collection[Mend]) -> Geometry:
        """Return the geometry after a step of shifts and of some kinds of distortion.

        What no image can tell is left out of it: a movement of the specimen as a whole, its size,
        and a shear that is none of the images but of the specimen.
        """
        low_order = low_order_terms(self.tilt_deg[self.indices])
        shifts, growths = _steps(self(geometry, _FOLDS))
        shifts[:, 0] -= shifts[:, 0].mean()
        shifts[:, 1] -= _part(low_order[:, :2], shifts[:, 1])
        return self._moved(geometry, shifts, _of_kinds(growths, low_order, kinds))

    def errors_of_held_out(self, geometry: Geometry) -> np.ndarray:
        """Return which share of every fifth image the others do not predict, wherever it lies."""
        images, missing = self._aligned(geometry), self._missing(geometry)
        given = images if missing is None else np.where(missing, UNMEASURED, images)
        held, predicted = next(self._predictions(given, self.tilt_deg, _FOLDS))
        part = self.of(np.isin(np.arange(len(images)), held))
        for _ in range(_POSES):
            geometry = part._moved(geometry, *_steps(part._beside(predicted, geometry)))
        return part._beside(predicted, geometry).error()

    def _beside(self, predicted: np.ndarray, geometry: Geometry) -> Reprojection:
        """Return its images beside what others predict of them."""
        images, missing = self._aligned(geometry), self._missing(geometry)
        if missing is not None:
            np.copyto(images, predicted, where=missing)
        ours, theirs = self._band(images), self._band(predicted)
        if missing is not None:
            ours[missing] = theirs[missing] = 0
        return Reprojection(ours, theirs, self.factor)

    def _moved(self, geometry: Geometry, shifts: np.ndarray, growths: np.ndarray) -> Geometry:
        """Return a geometry for images whose points lie at r + shift + growth · r.

        Parameters
        ----------
        geometry : Geometry
        shifts : ndarray (image, 2)
            Along and across the axis, in px of the images as binned.
        growths : ndarray (image, 2, 2)
            In the same axes.
        """
        used, turn = self.indices, rotation(geometry.axis_angle_deg)
        distortion = np.tile(np.eye(2), (len(geometry.across), 1, 1))
        if geometry.distortion is not None:
            distortion = geometry.distortion.copy()
        steps = np.eye(2) + growths
        places = np.stack([geometry.along[used], geometry.across[used]], axis=1)
        places = np.linalg.solve(steps, (places + shifts * self.factor)[..., None])[..., 0]
        along, across = geometry.along.copy(), geometry.across.copy()
        along[used], across[used] = places.T
        distortion[used] = distortion[used] @ (turn @ steps @ turn.T)
        return Geometry(geometry.axis_angle_deg, across, along, distortion)


def _steps(beside: Reprojection) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each image lies from its prediction, and how it is turned and stretched.

    The shifts (image, 2) and matrices (image, 2, 2) are in (along, across), and in px.
    """
    shifts, growths = np.zeros((len(beside.images), 2)), np.zeros((len(beside.images), 2, 2))
    for t, (image, predicted) in enumerate(zip(beside.images, beside.predicted, strict=True)):
        factors = np.linalg.lstsq(affine_terms(predicted), image.ravel(), rcond=None)[0]
        if factors[0] > 0:
            across, along, *growth = factors[1:] / factors[0]
            shifts[t] = along, across
            growths[t] = np.reshape(growth[::-1], (2, 2))
    return np.clip(shifts, -_LONGEST_PX, _LONGEST_PX), np.clip(growths, -_LARGEST, _LARGEST)


def _of_kinds(growths: np.ndarray, low_order: np.ndarray, kinds: Collection[Mend]) -> np.ndarray:
    """Return the part of matrices (image, 2, 2) that is due to some kinds of distortion.

    The growth across the axis tells nothing, because predictions from few or missing tilts are
    wider there by themselves. Rows that move across the axis with cos θ and sin θ are no turn
    either: so looks a specimen that is sheared. With a drift of the scan, all of that belongs to
    the drift, and so does the growth along the axis.
    """
    growth, down, right = growths[:, 0, 0], growths[:, 0, 1], growths[:, 1, 0]
    found = np.zeros_like(growths)
    if "scan_drift" in kinds:
        found[:, 0, 0] = growth - growth.mean()
        found[:, 1, 0] = right - _part(low_order[:, :2], right)
    if "rotation" in kinds:
        turn = (down - right) / 2
        turn += _part(low_order, down - turn)
        turn, down = turn - turn.mean(), down - down.mean()
        found[:, 0, 1] = down if "scan_drift" in kinds else turn
        found[:, 1, 0] -= 0 if "scan_drift" in kinds else turn
    if "magnification" in kinds:
        found[:, 0, 0] = found[:, 1, 1] = growth - growth.mean()
    return found


def _part(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the part of values that is a combination of columns."""
    return columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
