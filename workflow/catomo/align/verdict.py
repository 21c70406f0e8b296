"""How far an alignment can be trusted: pass, warn or stop, with the reasons in words.

Nothing here needs a truth. The tilts must predict each other, better under the given angles
than under any other reading of them; shifts and tilt axes measured in independent ways must
agree; neighbouring tilts must look alike, and far ones less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catomo.align.tilt_axis import AxisScan

_FEWEST = 3  # images that show something, below which nothing can be said
_NAMED = 6  # tilts named one by one in a reason


@dataclass(frozen=True)
class Measures:
    """All that the verdict rests on; not-a-number where a step was switched off.

    Attributes
    ----------
    images, blank_deg : int, ndarray
        Number of images; tilts of those that show nothing.
    likeness : float
        Median correlation of neighbouring aligned tilts.
    order : float
        Share of the tilts that resemble the next more than a far one; 0.5 is chance.
    across_disagreement_px, along_disagreement_px : float
        RMS difference of two independent measures of the shifts.
    axis : AxisScan or None
        None if the angle was given.
    axis_difference_deg : float
        Between the tilt axes found by two methods, or the one given and one found.
    reprojection_error : float
        Median share of an image that the other tilts do not predict.
    residual_across_px, residual_along_px : float
        RMS distance of the images from their predictions.
    misfits : list of (float, float or None)
        Tilts that the others do not predict, and which tilt each resembles.
    reading, reading_ratio : str, float
        The reading of the angles that fits best but for the given one, and its error by
        that of the given one.
    outside_frame : float
        Largest fraction of an aligned image that was never recorded.
    """

    images: int
    blank_deg: np.ndarray
    likeness: float
    order: float
    across_disagreement_px: float
    along_disagreement_px: float
    axis: AxisScan | None
    axis_difference_deg: float
    reprojection_error: float
    residual_across_px: float
    residual_along_px: float
    misfits: list
    reading: str
    reading_ratio: float
    outside_frame: float

    def record(self) -> dict:
        """Return the figures that `judge` compares with the limits."""
        keys = (
            *("likeness", "order", "across_disagreement_px", "along_disagreement_px"),
            *("axis_difference_deg", "reprojection_error", "residual_across_px"),
            *("residual_along_px", "reading", "reading_ratio", "outside_frame"),
        )
        contrast = self.axis.contrast if self.axis else None
        return {key: getattr(self, key) for key in keys} | {"axis_contrast": contrast}

    def suggested_exclusions(self) -> list[float]:
        """Return the tilts better left out: blank ones and those in the wrong place."""
        return sorted({*map(float, self.blank_deg), *(tilt for tilt, _ in self.misfits)})


def likeness(images: list[np.ndarray], usable: np.ndarray) -> tuple[np.ndarray, float]:
    """Correlate aligned images with their neighbours and with images far off.

    Parameters
    ----------
    images : list of ndarray
        Aligned, and small or smooth enough that noise does not matter.
    usable : ndarray (tilt,), bool

    Returns
    -------
    next : ndarray (tilt,)
        Correlation with the next usable image (the last: with the one before).
    order : float
        Share of the tilts that resemble the next more than one a quarter of the series away.
    """
    indices = np.flatnonzero(usable)
    n, far = len(indices), max(2, len(indices) // 4)
    unit = [_normalised(images[t]) for t in indices]

    def with_one(k: int, step: int) -> float:
        return float(np.vdot(unit[k], unit[k + step if k + step < n else k - step]))

    after = np.full(len(images), np.nan)
    if n <= far:
        return after, np.nan
    after[indices] = [with_one(k, 1) for k in range(n)]
    far_off = np.array([with_one(k, far) for k in range(n)])
    return after, float(np.mean(after[indices] > far_off))


def judge(measures: Measures, limits) -> tuple[str, list[str]]:
    """Return ``("pass" | "warn" | "stop", reasons)``, the gravest reasons first.

    Parameters
    ----------
    measures : Measures
    limits : catomo.align.settings.Verdict
    """
    shown = measures.images - len(measures.blank_deg)
    if shown < _FEWEST:
        return "stop", [f"only {shown} of {measures.images} images show anything"]
    stops, warnings = [], []

    def check(doubtful: bool, useless: bool, reason: str) -> None:
        if doubtful or useless:
            (stops if useless else warnings).append(reason)

    if measures.axis is not None:
        _judge_axis(measures, limits, check)
    said = (
        "two methods find tilt axes" if measures.axis else "the tilt axis given and that found lie"
    )
    check(
        measures.axis_difference_deg > limits.warn_axis_check_deg,
        False,
        f"{said} {measures.axis_difference_deg:.1f}° apart",
    )
    _judge_angles(measures, limits, check)
    _judge_shifts(measures, limits, check)
    few = np.isnan(measures.reprojection_error)
    check(few, False, f"{shown} images are too few to predict each other: nothing vouches for them")
    blank = _listed(measures.blank_deg)
    check(bool(blank), False, f"the images at {blank} show nothing; their shifts are interpolated")
    return "stop" if stops else "warn" if warnings else "pass", stops + warnings


def _judge_axis(measures: Measures, limits, check) -> None:
    axis = measures.axis
    check(
        False,
        axis.elsewhere_disagreement < limits.stop_axis_elsewhere * axis.least,
        f"the images agree better along {axis.elsewhere_deg:.0f}° than near the vertical: "
        "does the tilt axis lie along x (then import with tilt_axis: x)?",
    )
    check(
        axis.contrast < limits.warn_axis_contrast,
        False,
        f"the tilt axis is uncertain (contrast {axis.contrast:.2f}); "
        "give tilt_axis_angle_deg if you know it",
    )
    check(
        axis.at_the_end,
        False,
        f"the tilt axis found, {axis.angle_deg:.1f}°, is an end of the range searched; "
        "raise axis_search_deg",
    )


def _judge_angles(measures: Measures, limits, check) -> None:
    check(
        False,
        measures.reading_ratio < limits.stop_other_reading,
        f"the tilts would predict each other {1 / max(measures.reading_ratio, 1e-3):.1f} times "
        f"better if {measures.reading}; check the angles",
    )
    check(
        measures.order < limits.warn_order,
        measures.order < limits.stop_order,
        f"only {measures.order:.0%} of the tilts resemble the next more than a far one: "
        "are the angles in the order of the images?",
    )
    for tilt, resembles in measures.misfits[:_NAMED]:
        like = "" if resembles is None else f"; it resembles {resembles:g}°, is it in its place?"
        check(True, False, f"the image at {tilt:g}° is not what the other tilts predict{like}")
    more = _listed([tilt for tilt, _ in measures.misfits[_NAMED:]])
    check(bool(more), False, f"nor are the images at {more}")


def _judge_shifts(measures: Measures, limits, check) -> None:
    check(
        measures.likeness < limits.warn_likeness,
        measures.likeness < limits.stop_likeness,
        f"neighbouring tilts correlate by {measures.likeness:.2f} only",
    )
    check(
        measures.reprojection_error > limits.warn_reprojection_error,
        measures.reprojection_error > limits.stop_reprojection_error,
        f"the other tilts leave {measures.reprojection_error:.0%} of an image unpredicted",
    )
    for way in ("across", "along"):
        residual = getattr(measures, f"residual_{way}_px")
        check(
            residual > limits.warn_residual_px,
            False,
            f"images lie {residual:.1f} px RMS {way} the axis from what the other tilts predict",
        )
        value = getattr(measures, f"{way}_disagreement_px")
        check(
            value > limits.warn_disagreement_px,
            value > limits.stop_disagreement_px,
            f"two independent measures of the shifts {way} the axis differ by {value:.1f} px RMS",
        )
    check(
        measures.outside_frame > limits.warn_outside_frame,
        False,
        f"up to {measures.outside_frame:.0%} of an aligned image lies outside the recorded frame",
    )


def _listed(tilts) -> str:
    return ", ".join(f"{tilt:g}°" for tilt in tilts)


def _normalised(image: np.ndarray) -> np.ndarray:
    centred = image - image.mean()
    norm = np.linalg.norm(centred)
    return centred / norm if norm > 0 else centred
