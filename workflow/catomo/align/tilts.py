"""Alignment as a function of arrays: raw images in, aligned images and a verdict out.

Clean images → their brightness → the chain of `catomo.align.chain`, or a known alignment →
examination → one resampling of the clean images → verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage

from catomo.align.axis_check import uncertain_axis
from catomo.align.bad_pixels import FEW_COUNTS
from catomo.align.brightness import brightness_of
from catomo.align.chain import Solution, solve
from catomo.align.examination import Examination, contradicts, examine
from catomo.align.geometry import Geometry, SplineOrder
from catomo.align.known import Known
from catomo.align.measured import measures_of, other_axis_deg, per_tilt_of
from catomo.align.mends import mended
from catomo.align.preprocess import CleanSeries, clean
from catomo.align.readings import Recording
from catomo.align.settings import Align
from catomo.align.tilt_axis import AxisScan
from catomo.align.unmeasured import unmeasured_pixels
from catomo.align.verdict import Measures, judge, likeness
from catomo.errors import UserError
from catomo.progress import progress
from catomo.projection.binning import binned

_SPLINE_ORDERS: dict[str, SplineOrder] = {"cubic": 3, "linear": 1}
_THUMBNAIL_PX = 64


@dataclass(frozen=True)
class Alignment:
    """An alignment, and how far it can be trusted.

    Attributes
    ----------
    geometry : Geometry
        Where the aligned images lie in the raw ones.
    usable : ndarray of bool, (tilt,)
        False for blank images, whose shifts are interpolated.
    axis_offset_px : float
        Distance of the tilt axis from the centre of the raw images.
    verdict : str
        ``pass``, ``warn`` or ``stop``.
    reasons : list of str
        Why it is no pass, the gravest first.
    measures : Measures
        All that the verdict depends on.
    per_tilt : dict of ndarray (tilt,)
        Shifts and measures of each tilt; the columns of ``alignment.csv``. Its ``tilt_deg`` are
        those to reconstruct with, where `Align.mend` found other angles.
    axis : AxisScan or None
        The search of the tilt axis; None if its angle was given.
    axis_check_deg : float
        The tilt axis by a second method.
    steps : dict
        What each step did.
    """

    geometry: Geometry
    usable: np.ndarray
    axis_offset_px: float
    verdict: str
    reasons: list[str]
    measures: Measures
    per_tilt: dict[str, np.ndarray]
    axis: AxisScan | None
    axis_check_deg: float
    steps: dict[str, Any]

    @property
    def axis_angle_deg(self) -> float:
        """Angle of the tilt axis from the image's vertical."""
        return self.geometry.axis_angle_deg

    @property
    def across_px(self) -> np.ndarray:
        """Shift of each image across the tilt axis, without the axis offset."""
        return self.per_tilt["across_px"]

    @property
    def along_px(self) -> np.ndarray:
        """Shift of each image along the tilt axis."""
        return self.per_tilt["along_px"]


@dataclass(frozen=True)
class AlignedTilts(Alignment):
    """An alignment with its images.

    Attributes
    ----------
    images : ndarray of float32, (tilt, y, x)
        The tilt axis lies along y through the centre; the background is zero.
    unmeasured : ndarray of bool, (tilt, y, x), or None
        Which of their pixels were not measured; None if all were. `reconstruct_volume` takes it.
    """

    images: np.ndarray
    unmeasured: np.ndarray | None = None


def align_tilts(
    images: np.ndarray,
    tilt_deg: np.ndarray,
    settings: Align | None = None,
    known: Geometry | None = None,
    unmeasured: np.ndarray | None = None,
) -> AlignedTilts:
    """Align a tilt series: find shifts, angle and offset of the tilt axis, and resample.

    It always returns an alignment; look at its ``verdict`` before using it.

    Parameters
    ----------
    images : array_like (tilt, y, x)
        Raw images, the tilt axis near y. They are not changed.
    tilt_deg : array_like (tilt,)
        Tilt angles in degrees, ascending.
    settings : Align, optional
        How the series is aligned; the defaults suit most. ``apply`` does not count here.
    known : Geometry, optional
        A known alignment to use as it is, for instance from
        `catomo.align.known.known_geometry`; by default one is found.
    unmeasured : array_like of bool (tilt, y, x), optional
        Raw pixels that were not measured, beside those that `settings.shadows` names.

    Returns
    -------
    AlignedTilts

    Raises
    ------
    UserError
        If images, angles and masks do not fit each other, or the angles do not ascend.

    Examples
    --------
    >>> aligned = align_tilts(series.images, series.tilt_deg)  # doctest: +SKIP
    >>> aligned.verdict, aligned.reasons  # doctest: +SKIP
    ('pass', [])
    """
    images, tilt_deg = np.array(images, np.float32), np.asarray(tilt_deg, float)
    if images.ndim != 3 or tilt_deg.shape != images.shape[:1]:
        raise UserError(
            f"images: found shape {images.shape} and {tilt_deg.size} angles; give images "
            "(tilt, y, x) and one angle per image"
        )
    if not (np.diff(tilt_deg) > 0).all():
        raise UserError("tilt_deg: angles must ascend; sort images and angles by tilt")
    settings = settings or Align()
    aligned, missing = np.empty_like(images), np.zeros(images.shape, bool)
    series = clean(images, tilt_deg, settings, _mask(unmeasured, images.shape))

    def write(t: int, image: np.ndarray, gaps: np.ndarray) -> None:
        aligned[t], missing[t] = image, gaps

    alignment = align_series(series, settings, write, Known(known) if known else None)
    gaps = missing if missing.any() else None
    return AlignedTilts(**vars(alignment), images=aligned, unmeasured=gaps)


def _mask(unmeasured: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return a mask of raw pixels as booleans."""
    if unmeasured is None:
        return None
    mask = np.array(unmeasured, bool)
    if mask.shape != shape:
        raise UserError(f"unmeasured: found shape {mask.shape}; give that of the images, {shape}")
    return mask


def align_series(
    series: CleanSeries,
    settings: Align,
    write: Callable[[int, np.ndarray, np.ndarray], None],
    known: Known | None = None,
    recording: Recording | None = None,
) -> Alignment:
    """Align a clean series, and give away its aligned images one by one.

    Parameters
    ----------
    series : CleanSeries
    settings : Align
    write : callable
        Takes the number of a tilt, its aligned image, float32 (y, x), and which of its pixels
        were not measured.
    known : Known, optional
        An alignment that is given.
    recording : Recording, optional
        How images and angles were recorded, where that is known.
    """
    brightness = brightness_of(series) if settings.brightness else None
    if brightness:
        brightness.divide(series.images)
    series, solution = mended(series, _solution(series, settings, known), settings, known)
    accepted = known.accepted if known else None
    recording = recording or Recording.sorted(series.tilt_deg)
    examination = examine(series, solution, settings, recording)
    if accepted is not None and contradicts(series, solution.geometry, settings.axis_search_deg):
        accepted = None
    if brightness:
        brightness.undo(series.images)
    order = _SPLINE_ORDERS[settings.interpolation]
    thumbnails = []
    for t in progress(range(len(series.images)), "resample"):
        image = solution.geometry.warp(series.images[t], t, order)
        thumbnails.append(_thumbnail(image))
        if series.film is not None:
            image[~solution.geometry.outside((image.shape[0], image.shape[1]), t)] += series.film[t]
        write(t, image, _unmeasured(series, solution.geometry, t))
    next_likeness, order_share, all_alike = likeness(thumbnails, series.usable)
    per_tilt, offset = per_tilt_of(series, solution, examination, next_likeness)
    measures = measures_of(series, solution, examination, per_tilt, order_share, all_alike)
    told, mentioned = _told(series, examination, settings, accepted)
    angle_deg = solution.geometry.axis_angle_deg
    mentioned += uncertain_axis(solution.axis, solution.axis_check, angle_deg, settings.verdict)
    measures = replace(measures, brightness=brightness, told=told, mentioned=mentioned)
    verdict, reasons = judge(measures, settings.verdict, accepted)
    return Alignment(
        geometry=solution.geometry,
        usable=series.usable,
        axis_offset_px=offset,
        verdict=verdict,
        reasons=reasons,
        measures=measures,
        per_tilt=per_tilt,
        axis=solution.axis,
        axis_check_deg=other_axis_deg(solution, examination),
        steps=series.notes | solution.steps | examination.notes(),
    )


def _solution(series: CleanSeries, settings: Align, known: Known | None) -> Solution:
    if known is None:
        return solve(series, settings)
    return solve(series, settings, known.geometry) if known.is_start else Solution(known.geometry)


def _told(
    series: CleanSeries,
    examination: Examination,
    settings: Align,
    accepted: list[str] | None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what was found in the images: what makes doubtful, and what is only mentioned.

    Few counts are no matter to a known alignment.
    """
    told = [word for word in series.told if accepted is None or word != FEW_COUNTS]
    limits = settings.verdict.for_images(max(series.images.shape[1:]))
    doubts, mentions = examination.reasons(limits, FEW_COUNTS in series.told)
    return (*told, *doubts), (*series.mentioned, *mentions)


def _unmeasured(series: CleanSeries, geometry: Geometry, t: int) -> np.ndarray:
    """Return which pixels of an aligned image were not measured."""
    raw = None if series.unmeasured is None else series.unmeasured[t]
    rows, columns = series.images.shape[1:]
    return unmeasured_pixels(geometry, t, (rows, columns), raw, series.open_sides)


def _thumbnail(image: np.ndarray) -> np.ndarray:
    """Return an image of about 64 px for judging likeness: smooth enough to survive noise."""
    factor = max(1, min(image.shape) // _THUMBNAIL_PX)
    return binned(ndimage.gaussian_filter(image, 1), factor)
