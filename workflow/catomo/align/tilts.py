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
    per_tilt, offset = _per_tilt(series, solution, examination, next_likeness)
    measures = _measures(series, solution, examination, per_tilt, order_share, all_alike)
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
        axis_check_deg=_axis_check(solution, examination),
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
    doubts, mentions = examination.reasons(settings.verdict, FEW_COUNTS in series.told)
    return (*told, *doubts), (*series.mentioned, *mentions)


def _unmeasured(series: CleanSeries, geometry: Geometry, t: int) -> np.ndarray:
    """Return which pixels of an aligned image were not measured."""
    raw = None if series.unmeasured is None else series.unmeasured[t]
    rows, columns = series.images.shape[1:]
    return unmeasured_pixels(geometry, t, (rows, columns), raw, series.open_sides)


def _per_tilt(
    series: CleanSeries, solution: Solution, examination: Examination, next_likeness: np.ndarray
) -> tuple[dict[str, np.ndarray], float]:
    """Return the columns of the table, and the axis offset in px."""
    geometry, usable = solution.geometry, series.usable
    offset = float(geometry.across[usable].mean()) if usable.any() else 0.0
    rows, columns = series.images.shape[1:]
    unknown = np.full(len(usable), np.nan)

    def measured(values: np.ndarray | None) -> np.ndarray:
        return unknown if values is None else values

    return {
        "tilt_deg": series.tilt_deg,
        "across_px": geometry.across - offset,
        "along_px": geometry.along,
        "reprojection_error": examination.error,
        "reprojection_error_unaligned": examination.error_unaligned,
        "residual_across_px": examination.residual_across,
        "residual_along_px": examination.residual_along,
        "across_disagreement_px": measured(solution.across_disagreement),
        "along_disagreement_px": measured(solution.along_disagreement),
        "common_line_disagreement": measured(solution.line_disagreement),
        "likeness_to_next": next_likeness,
        "outside_frame": np.array(
            [geometry.outside((rows, columns), t).mean() for t in range(len(usable))]
        ),
        "usable": usable.astype(int),
    }, offset


def _measures(
    series: CleanSeries,
    solution: Solution,
    examination: Examination,
    per_tilt: dict[str, np.ndarray],
    order_share: float,
    all_alike: bool,
) -> Measures:
    axis, geometry = solution.axis, solution.geometry
    axis_used_deg = axis.angle_deg if axis else geometry.axis_angle_deg
    return Measures(
        images=int((series.usable | series.blank).sum()),
        blank_deg=series.tilt_deg[series.blank],
        likeness=_over_known(np.median, per_tilt["likeness_to_next"]),
        order=order_share,
        across_disagreement_px=_over_known(_rms, per_tilt["across_disagreement_px"]),
        along_disagreement_px=_over_known(_rms, per_tilt["along_disagreement_px"]),
        axis=axis,
        axis_difference_deg=abs(_axis_check(solution, examination) - axis_used_deg),
        reprojection_error=_over_known(np.median, examination.error),
        residual_across_px=_over_known(_rms, examination.residual_across),
        residual_along_px=_over_known(_rms, examination.residual_along),
        misfits=examination.misfits,
        reading=examination.reading,
        outside_frame=float(per_tilt["outside_frame"].max()),
        axis_doubt=solution.axis_check.doubt if solution.axis_check else "",
        all_alike=all_alike,
        elsewhere_ratio=examination.elsewhere_ratio,
        size_px=max(series.images.shape[1:]),
    )


def _axis_check(solution: Solution, examination: Examination) -> float:
    """Return the angle that the tilt axis is compared with: by another method, or found."""
    if solution.axis is None:
        return examination.axis_found_deg
    return solution.axis_check.angle_deg if solution.axis_check else np.nan


def _thumbnail(image: np.ndarray) -> np.ndarray:
    """Return an image of about 64 px for judging likeness: smooth enough to survive noise."""
    factor = max(1, min(image.shape) // _THUMBNAIL_PX)
    return binned(ndimage.gaussian_filter(image, 1), factor)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _over_known(statistic: Callable[[np.ndarray], Any], values: np.ndarray) -> float:
    """Return a statistic of the values that are not NaN; NaN if there is none."""
    values = values[np.isfinite(values)]
    return float(statistic(values)) if values.size else np.nan
