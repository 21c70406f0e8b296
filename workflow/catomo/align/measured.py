"""What an alignment is judged by: a row of numbers for each tilt, and a few for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from catomo.align.chain import Solution
from catomo.align.examination import Examination
from catomo.align.preprocess import CleanSeries
from catomo.align.verdict import Measures


def per_tilt_of(
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


def measures_of(
    series: CleanSeries,
    solution: Solution,
    examination: Examination,
    per_tilt: dict[str, np.ndarray],
    order_share: float,
    all_alike: bool,
) -> Measures:
    """Return the numbers that the verdict depends on.

    Parameters
    ----------
    series : CleanSeries
    solution : Solution
    examination : Examination
    per_tilt : dict of str to ndarray (tilt,)
        `per_tilt_of` the same.
    order_share : float
    all_alike : bool
        As `catomo.align.verdict.likeness` returns them.
    """
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
        axis_difference_deg=abs(other_axis_deg(solution, examination) - axis_used_deg),
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


def other_axis_deg(solution: Solution, examination: Examination) -> float:
    """Return the angle that the tilt axis is compared with: by another method, or found."""
    if solution.axis is None:
        return examination.axis_found_deg
    return solution.axis_check.angle_deg if solution.axis_check else np.nan


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _over_known(statistic: Callable[[np.ndarray], Any], values: np.ndarray) -> float:
    """Return a statistic of the values that are not NaN; NaN if there is none."""
    values = values[np.isfinite(values)]
    return float(statistic(values)) if values.size else np.nan
