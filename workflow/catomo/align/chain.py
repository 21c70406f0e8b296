"""The chain of alignment: from mended images to one geometry, each refinement on trial.

Tilt axis from pairwise registration or centre of mass → low-order terms → common line →
check of the axis → projection matching. A refinement stays only if the tilts predict each
other better with it (`catomo.align.reprojection`); what each one did is noted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from catomo.align import registration as reg
from catomo.align.geometry import Geometry, in_axis_frame, rotation
from catomo.align.projection_matching import SIZE as MATCHING_SIZE
from catomo.align.projection_matching import match
from catomo.align.reprojection import Reprojection, Reprojector
from catomo.align.suspects import misfits, other_reading
from catomo.align.tilt_axis import AxisScan, by_reprojection, find_axis
from catomo.progress import say

_FILM_PERCENTILE = 60  # for the centre of mass of an extended specimen
_BLANK_CONTRAST = 0.1  # of the median tilt: below this an image shows nothing
_FEWEST = 10  # images below which reprojection says nothing
_JUDGE_SIZE, _JUDGE_FOLDS = 128, 4  # folds other than those of the matching
_SUSPECT_SIZE = 64
# The Fourier search is the more exact of the two if they differ by less; a specimen cut by the
# frame disturbs it more than a reconstruction.
_TURN_FROM_DEG = {"isolated": 0.5, "extended": 0.25}
_TURN_GAIN = 0.005  # noise alone makes other axes this much better on weak or round specimens


@dataclass
class Alignment:
    """What is known of an alignment; shifts in px, one value per tilt where it says so.

    Attributes
    ----------
    geometry : Geometry
    usable : ndarray (tilt,), bool
        False for images that show nothing.
    axis : AxisScan or None
        None if the angle was given.
    axis_check_deg : float
        The tilt axis by a second method.
    across_disagreement, along_disagreement : ndarray (tilt,)
        Differences of two independent measures of the shifts.
    line_disagreement : ndarray (tilt,)
        1 - correlation of the profile along the axis with that of the other tilts.
    error, error_unaligned : ndarray (tilt,)
        Share of each image that the other tilts do not predict, at the end and for the
        images as they were recorded.
    residual_across, residual_along : ndarray (tilt,)
        How far each image lies from its prediction.
    misfits : list of (float, float or None)
        Tilts of images that the others do not predict, and which tilt they resemble.
    reading, reading_ratio : str, float
        Another reading of the angles, and its error by that of the given one.
    steps : dict
        What each step contributed; shifts as RMS.
    """

    geometry: Geometry
    usable: np.ndarray
    axis: AxisScan | None = None
    axis_check_deg: float = np.nan
    across_disagreement: np.ndarray = field(init=False)
    along_disagreement: np.ndarray = field(init=False)
    line_disagreement: np.ndarray = field(init=False)
    error: np.ndarray = field(init=False)
    error_unaligned: np.ndarray = field(init=False)
    residual_across: np.ndarray = field(init=False)
    residual_along: np.ndarray = field(init=False)
    misfits: list = field(default_factory=list)
    reading: str = ""
    reading_ratio: float = np.nan
    steps: dict = field(default_factory=dict)

    def __post_init__(self):
        for name in (
            *("across_disagreement", "along_disagreement", "line_disagreement"),
            *("error", "error_unaligned", "residual_across", "residual_along"),
        ):
            setattr(self, name, np.full(len(self.usable), np.nan))


def solve(images: np.ndarray, tilt_deg: np.ndarray, isolated: bool, settings) -> Alignment:
    """Find the geometry of mended images without background.

    Parameters
    ----------
    images : ndarray (tilt, y, x), float32
    tilt_deg : ndarray (tilt,)
        Ascending.
    isolated : bool
        Whether all of the specimen, and nothing else, is in the frame.
    settings : catomo.align.settings.Align
    """
    n, usable = len(images), usable_images(images)
    angle = settings.tilt_axis_angle_deg
    if usable.sum() < 3:
        angle = 0.0 if angle == "auto" else angle
        return Alignment(Geometry(angle, np.zeros(n), np.zeros(n)), usable)

    mass = _centre_of_mass(images, tilt_deg, usable, isolated)
    path = reg.pairwise(images, tilt_deg, usable) if settings.pairwise else None
    by_mass = settings.centre_of_mass and (isolated or path is None)
    start = mass if by_mass else path if path is not None else np.zeros((n, 2))

    judge = _Judge(images, tilt_deg, usable, isolated)
    axis, steps = None, {}
    if angle == "auto":
        axis = find_axis(images, start, usable, isolated, settings.axis_search_deg)
        angle = axis.angle_deg
        steps["tilt_axis"] = {
            "angle_deg": angle,
            "contrast": axis.contrast,
            "best_elsewhere_deg": axis.elsewhere_deg,
        }
    across, along = in_axis_frame(start, angle)
    if not by_mass:
        along = along - np.median(along)  # the specimen keeps its place in the frame
    geometry = Geometry(angle, across, along)
    found = Alignment(geometry, usable, axis, steps=steps)

    low = reg.low_order(tilt_deg)
    if by_mass:
        steps["centre_of_mass"] = {"rms_px": [_rms(across), _rms(along)]}
    if path is not None:
        # Drift looks like a moved specimen: only what is left is a disagreement.
        followed = in_axis_frame(path, angle)[0]
        steps["pairwise"] = {"rms_px": [_rms(shifts) for shifts in in_axis_frame(path, angle)]}
        apart = in_axis_frame(mass, angle)[0] - followed
        drift = reg.fitted(low, apart, usable)
        found.across_disagreement = np.where(usable, apart - drift, np.nan)
        if settings.centre_of_mass and not isolated:
            drifted = Geometry(angle, followed + drift, geometry.along)
            geometry = judge.better(geometry, drifted, steps, "centre_of_mass")
    if settings.common_line:
        move, found.line_disagreement = _common_line(images, geometry, usable, isolated)
        moved = Geometry(angle, geometry.across, geometry.along + move)
        geometry = judge.better(geometry, moved, steps, "common_line")
    if axis is not None and judge.able:
        # After the common line: drift along the axis draws the best reprojection away from it.
        found.axis_check_deg = by_reprojection(judge.reproject, tilt_deg, geometry)
        steps["tilt_axis"]["by_reprojection_deg"] = found.axis_check_deg
        apart = found.axis_check_deg - angle
        if abs(apart) > _TURN_FROM_DEG["isolated" if isolated else "extended"]:
            turned = geometry.turned(apart)
            geometry = judge.better(geometry, turned, steps, "turned_axis", _TURN_GAIN)
            angle = geometry.axis_angle_deg
    if settings.projection_matching and judge.able:
        reproject = Reprojector(images, usable, isolated, MATCHING_SIZE)
        keep_offset = isolated and settings.centre_of_mass
        matched = match(reproject, tilt_deg, geometry, keep_offset)
        geometry = judge.better(geometry, matched, steps, "projection_matching")
    if path is not None:
        apart = in_axis_frame(path, angle)[1] - geometry.along
        found.along_disagreement = np.where(usable, apart - reg.fitted(low, apart, usable), np.nan)
    found.geometry = geometry
    examine(found, images, tilt_deg, isolated, settings)
    return found


def examine(found: Alignment, images, tilt_deg, isolated: bool, settings) -> None:
    """Note in `found` how well the tilts predict each other, and which do not.

    Parameters
    ----------
    found : Alignment
    images, tilt_deg, isolated, settings
        As for `solve`.
    """
    judge = _Judge(images, tilt_deg, found.usable, isolated)
    if not judge.able:
        return
    used = judge.reproject.indices
    last = judge.of(found.geometry)
    found.error[used] = last.error()
    found.residual_across[used], found.residual_along[used] = last.shifts()
    nothing = np.zeros(len(images))
    found.error_unaligned[used] = judge.of(Geometry(0.0, nothing, nothing)).error()
    small = Reprojector(images, found.usable, isolated, _SUSPECT_SIZE)
    rough = small(found.geometry, tilt_deg, _JUDGE_FOLDS).error()
    likeness = small.likeness(found.geometry, tilt_deg, _JUDGE_FOLDS)
    found.misfits = misfits(rough, likeness, tilt_deg[used], settings.verdict.warn_misfit)
    angle = found.geometry.axis_angle_deg
    if found.axis is None and abs(angle) < settings.axis_search_deg:  # given: is it plausible?
        shifts = (rotation(angle) @ np.stack([found.geometry.along, found.geometry.across])).T
        scan = find_axis(images, shifts, found.usable, isolated, settings.axis_search_deg)
        if scan.contrast > settings.verdict.warn_axis_contrast:
            found.axis_check_deg = scan.angle_deg
    # The centre of mass serves any reading of the angles: it was found without them.
    mass = in_axis_frame(_centre_of_mass(images, tilt_deg, found.usable, isolated), angle)[0]
    by_mass = Geometry(angle, mass, found.geometry.along)
    found.reading, found.reading_ratio = other_reading(small, by_mass, tilt_deg)


class _Judge:
    """Tells which of two geometries lets the tilts predict each other better."""

    def __init__(self, images, tilt_deg, usable, isolated):
        self.able = usable.sum() >= _FEWEST
        self.tilt_deg = tilt_deg
        if self.able:
            self.reproject = Reprojector(images, usable, isolated, _JUDGE_SIZE)

    def of(self, geometry: Geometry) -> Reprojection:
        return self.reproject(geometry, self.tilt_deg, _JUDGE_FOLDS)

    def better(
        self, old: Geometry, new: Geometry, steps: dict, name: str, least_gain: float = 0.0
    ) -> Geometry:
        """Return the better geometry, the new one if none can be told, and note the step."""
        moved = [_rms(new.across - old.across), _rms(new.along - old.along)]
        steps[name] = {"rms_px": moved}
        if not self.able:
            return new
        before, after = (float(self.of(geometry).error().mean()) for geometry in (old, new))
        accepted = after < (1 - least_gain) * before
        steps[name] |= {"error_before": before, "error_after": after, "accepted": accepted}
        if not accepted:
            say(f"align: {name} does not make the tilts predict each other better; not used")
        return new if accepted else old


def usable_images(images: np.ndarray) -> np.ndarray:
    """Return which images show something: contrast not far below that of the others."""
    contrast = np.array([ndimage.gaussian_filter(image, 2).std() for image in images])
    least = 1e-6 * max(images.max(), -images.min())  # below it is rounding
    return contrast > max(_BLANK_CONTRAST * np.median(contrast), least)


def _centre_of_mass(images, tilt_deg, usable, isolated: bool) -> np.ndarray:
    """Return the centres of mass, raw (y, x); blank tilts between their neighbours'."""
    mass = reg.centre_of_mass(images, None if isolated else _FILM_PERCENTILE)
    return reg.filled(mass, tilt_deg, usable)


def _common_line(images, geometry: Geometry, usable, isolated: bool):
    """Return shift and disagreement of the profiles along the axis; blank tilts do not move."""
    profiles = [
        geometry.warp(images[t], t, order=1).sum(axis=1, dtype=np.float64)
        for t in np.flatnonzero(usable)
    ]
    wide = None if isolated else images.shape[1] / 16
    shift, disagreement = np.zeros(len(images)), np.full(len(images), np.nan)
    shift[usable], disagreement[usable] = reg.common_line(np.array(profiles), wide)
    return shift, disagreement


def _rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
