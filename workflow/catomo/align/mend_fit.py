"""Fits of what a series suffered besides shifts: turns, growth, drift of the scan, wrong angles.

Steps of Gauss and Newton against what the other tilts predict of each image. Whether a fit helps is
found out in `catomo.align.mends`.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from catomo.align.axis_check import CHECK_REACH_DEG, by_reprojection
from catomo.align.distortion import affine_terms
from catomo.align.geometry import Geometry, rotation
from catomo.align.low_order import low_order_terms
from catomo.align.prediction import Reprojection
from catomo.align.reprojection import Reprojector
from catomo.align.settings import Mend
from catomo.align.tilt_angles import best_scale
from catomo.projection.iteration import UNMEASURED

FOLDS = 5
_POSES = 3  # steps to the best place of an image that was kept out
# Steps in one round: longer ones are not linear.
_LONGEST_PX, _LARGEST, _LONGEST_DEG = 2.0, 0.05, 3.0
_TURN_DEG = 1.0  # to both sides of a tilt, between which the change of a prediction is linear
_ANGLE_ROUNDS = 4


@dataclass(frozen=True)
class Pose:
    """Where the images of a series lie, and at which angles they were taken.

    Attributes
    ----------
    geometry : Geometry
    tilt_deg : ndarray (tilt,)
    axis_is_given : bool
        Whether the angle of the tilt axis stays as it is.
    """

    geometry: Geometry
    tilt_deg: np.ndarray
    axis_is_given: bool = False


class Fit(Reprojector):
    """Fits distortions to its images, and predicts every fifth from the others."""

    def of(self, kept: np.ndarray) -> Fit:
        """Return the same of some of its images."""
        part = copy(self)
        part.indices = self.indices[kept]
        part.images = [self.images[t] for t in np.flatnonzero(kept)]
        part.hidden = [self.hidden[t] for t in np.flatnonzero(kept)]
        return part

    def at(self, tilt_deg: np.ndarray) -> Fit:
        """Return the same of images that were taken at other angles."""
        other = copy(self)
        other.tilt_deg = tilt_deg
        return other

    def step(self, pose: Pose, kinds: Collection[Mend]) -> Pose:
        """Return the pose after a step of shifts and of some kinds of distortion.

        What no image can tell is left out of it: a movement of the specimen as a whole, its size,
        and a shear that is none of the images but of the specimen.
        """
        low_order = low_order_terms(pose.tilt_deg[self.indices])
        shifts, growths, _ = _steps(self(pose.geometry, FOLDS, pose.tilt_deg))
        growths = _of_kinds(growths, low_order, kinds)
        return replace(pose, geometry=self._moved(pose.geometry, _free(shifts, low_order), growths))

    def common(self, pose: Pose, kinds: Collection[Mend]) -> Pose:
        """Return the pose with what all images have in common, and with angles of single ones.

        Images that are turned spoil the search of the tilt axis. What all of them are still turned
        by would hardly show beside the predictions, because the volume follows it.
        """
        if "rotation" in kinds and not pose.axis_is_given:
            check = by_reprojection(self.at(pose.tilt_deg), pose.geometry, CHECK_REACH_DEG)
            turn_deg = 0.0 if check.doubt else check.angle_deg - pose.geometry.axis_angle_deg
            pose = replace(pose, geometry=pose.geometry.turned(turn_deg))
        if "angle_scale" in kinds:
            pose = replace(pose, tilt_deg=pose.tilt_deg * self._angle_scale(pose))
        for _ in range(_ANGLE_ROUNDS if "tilt_angles" in kinds else 0):
            pose = self._angle_step(pose)
        return pose

    def _angle_step(self, pose: Pose) -> Pose:
        """Return the pose after a step of the angle of each image.

        An offset and a scale of all angles are left as they are: single images do not tell them.
        """
        beside, change = self.at(pose.tilt_deg).by_angle(pose.geometry, FOLDS, _TURN_DEG)
        shifts, _, off_deg = _steps(beside, change)
        tilt_deg = pose.tilt_deg.copy()
        shared = np.stack([np.ones(len(off_deg)), tilt_deg[self.indices]], axis=1)
        tilt_deg[self.indices] += off_deg - _part(shared, off_deg)
        shifts = _free(shifts, low_order_terms(tilt_deg[self.indices]))
        still = np.zeros((len(shifts), 2, 2))
        return replace(pose, geometry=self._moved(pose.geometry, shifts, still), tilt_deg=tilt_deg)

    def _angle_scale(self, pose: Pose) -> float:
        """Return by what all angles must be multiplied for the tilts to predict each other best.

        Few tilts predict each other best at somewhat larger angles even where all is right. How
        much larger shows on the images of a reconstruction, whose angles are known.
        """
        mine = self.at(pose.tilt_deg)
        known = mine.of_reconstruction(pose.geometry)
        still = Geometry.still(len(pose.tilt_deg))
        return best_scale(mine, pose.geometry)[0] / best_scale(known, still)[0]

    def errors_of_held_out(self, pose: Pose) -> np.ndarray:
        """Return which share of every fifth image the others do not predict, wherever it lies."""
        geometry = pose.geometry
        images, missing = self._aligned(geometry), self._missing(geometry)
        given = images if missing is None else np.where(missing, UNMEASURED, images)
        turns = (0.0, -_TURN_DEG, _TURN_DEG)
        held, predictions = next(self._predictions(given, pose.tilt_deg, FOLDS, turns=turns))
        predicted, below, above = predictions.reshape(len(turns), len(held), *images.shape[1:])
        change = (self._band(above) - self._band(below)) / (2 * _TURN_DEG)
        part = self.of(np.isin(np.arange(len(images)), held))
        for _ in range(_POSES):
            shifts, growths, _ = _steps(part._beside(predicted, geometry), change)
            geometry = part._moved(geometry, shifts, growths)
        return _left(part._beside(predicted, geometry), change)

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
        steps = np.eye(2) + growths
        places = np.stack([geometry.along[used], geometry.across[used]], axis=1)
        places = np.linalg.solve(steps, (places + shifts * self.factor)[..., None])[..., 0]
        along, across = geometry.along.copy(), geometry.across.copy()
        along[used], across[used] = places.T
        moved = replace(geometry, across=across, along=along)
        if not growths.any():
            return moved
        distortion = np.tile(np.eye(2), (len(across), 1, 1))
        if geometry.distortion is not None:
            distortion[:] = geometry.distortion
        distortion[used] = distortion[used] @ (turn @ steps @ turn.T)
        return replace(moved, distortion=distortion)


def _terms(predicted: np.ndarray, change: np.ndarray | None) -> np.ndarray:
    terms = affine_terms(predicted)
    return terms if change is None else np.concatenate([terms, change.reshape(-1, 1)], axis=1)


def _steps(
    beside: Reprojection, change: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how far each image lies from its prediction, how it is stretched, and its angle.

    Parameters
    ----------
    beside : Reprojection
    change : ndarray (image, y, x), optional
        Of the predictions, per degree of tilt; without it the angles stay as they are.

    Returns
    -------
    shifts : ndarray (image, 2)
        Along and across the axis, in px.
    growths : ndarray (image, 2, 2)
        In the same axes.
    off_deg : ndarray (image,)
        By how much the image fits better at a larger angle.
    """
    images = len(beside.images)
    shifts, growths, off_deg = np.zeros((images, 2)), np.zeros((images, 2, 2)), np.zeros(images)
    for t, (image, predicted) in enumerate(zip(beside.images, beside.predicted, strict=True)):
        columns = _terms(predicted, None if change is None else change[t])
        factors = np.linalg.lstsq(columns, image.ravel(), rcond=None)[0]
        if factors[0] > 0:
            across, along, *growth = factors[1:7] / factors[0]
            shifts[t] = along, across
            growths[t] = np.reshape(growth[::-1], (2, 2))
            off_deg[t] = 0.0 if change is None else factors[7] / factors[0]
    return (
        np.clip(shifts, -_LONGEST_PX, _LONGEST_PX),
        np.clip(growths, -_LARGEST, _LARGEST),
        np.clip(off_deg, -_LONGEST_DEG, _LONGEST_DEG),
    )


def _left(beside: Reprojection, change: np.ndarray) -> np.ndarray:
    """Return which share of each image is left by the best of its places and angles."""
    shares = np.zeros(len(beside.images))
    triples = zip(beside.images, beside.predicted, change, strict=True)
    for t, (image, predicted, per_degree) in enumerate(triples):
        columns = _terms(predicted, per_degree)
        values = image.ravel().astype(float)
        residual = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
        shares[t] = np.sqrt(residual @ residual / max(float(values @ values), 1e-30))
    return shares


def _free(shifts: np.ndarray, low_order: np.ndarray) -> np.ndarray:
    """Return shifts (along, across) without a movement of the specimen as a whole."""
    along, across = shifts.T
    return np.stack([along - along.mean(), across - _part(low_order[:, :2], across)], axis=1)


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
