"""How far an alignment can be trusted: pass, warn or stop, with the reasons in words.

Nothing here needs a truth: shifts measured in independent ways must agree, neighbouring
tilts must look alike and far ones less, and the tilts must share a line along one axis only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catomo.tilt_axis import AxisScan

_FEWEST = 3  # images that show something, below which nothing can be said


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
    outside_frame: float

    def record(self) -> dict:
        """Return the figures that `judge` compares with the limits."""
        keys = (
            "likeness",
            "order",
            "across_disagreement_px",
            "along_disagreement_px",
            "outside_frame",
        )
        contrast = self.axis.contrast if self.axis else None
        return {key: getattr(self, key) for key in keys} | {"axis_contrast": contrast}


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
    limits : catomo.settings.align.Verdict
    """
    shown = measures.images - len(measures.blank_deg)
    if shown < _FEWEST:
        return "stop", [f"only {shown} of {measures.images} images show anything"]
    stops, warnings = [], []

    def check(doubtful: bool, useless: bool, reason: str) -> None:
        if doubtful or useless:
            (stops if useless else warnings).append(reason)

    check(
        measures.likeness < limits.warn_likeness,
        measures.likeness < limits.stop_likeness,
        f"neighbouring tilts correlate by {measures.likeness:.2f} only",
    )
    check(
        measures.order < limits.warn_order,
        measures.order < limits.stop_order,
        f"only {measures.order:.0%} of the tilts resemble the next more than a far one: "
        "are the angles in the order of the images?",
    )
    for way in ("across", "along"):
        value = getattr(measures, f"{way}_disagreement_px")
        check(
            value > limits.warn_disagreement_px,
            value > limits.stop_disagreement_px,
            f"two independent measures of the shifts {way} the axis differ by {value:.1f} px RMS",
        )
    if measures.axis is not None:
        _judge_axis(measures.axis, limits, check)
    check(
        measures.outside_frame > limits.warn_outside_frame,
        False,
        f"up to {measures.outside_frame:.0%} of an aligned image lies outside the recorded frame",
    )
    blank = ", ".join(f"{angle:g}°" for angle in measures.blank_deg)
    check(bool(blank), False, f"the images at {blank} show nothing; their shifts are interpolated")
    return "stop" if stops else "warn" if warnings else "pass", stops + warnings


def _judge_axis(axis: AxisScan, limits, check) -> None:
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


def _normalised(image: np.ndarray) -> np.ndarray:
    centred = image - image.mean()
    norm = np.linalg.norm(centred)
    return centred / norm if norm > 0 else centred
