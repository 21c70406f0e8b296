"""How far an alignment can be trusted: pass, warn or stop, with the reasons in words.

No truth is needed. The tilts must predict each other, and better under the given angles than
under any other reading of them. Shifts and tilt axes measured in independent ways must agree.
Neighbouring tilts must look alike, and distant ones less so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from catomo.align.brightness import Brightness
from catomo.align.reprojection import FEWEST_COMPARED, FEWEST_IMAGES
from catomo.align.settings import Verdict
from catomo.align.suspects import Misfits, Reading
from catomo.align.tilt_axis import AxisScan

_FEWEST_SHOWN = 3  # images that show something, below which nothing can be said
# Correlation of nearly all pairs of images, from which on all views look alike, and the least ratio
# of what the likest pairs lack of 1 to what the unlikest lack.
_ALIKE = ((0.7, 0.3), (0.95, 0.15))
_CLEARLY_BETTER = 0.8  # of the error about the axis found; about the true one it is a third
_HARD_SPECIMENS = "crystals and round or sparse specimens"  # whose tilt axis is hard to find
_COMPARED_PX = 1024  # larger images are compared binned, and lie so much less well
_MOST_NAMED = 6  # tilts that get a reason of their own
_WIDER_DEG = 5  # steps in which a wider search for the tilt axis is advised
_WIDEST_DEG = 45  # search that the settings allow


@dataclass(frozen=True)
class Measures:
    """All that the verdict depends on; NaN where a step was switched off.

    Attributes
    ----------
    images, blank_deg : int, ndarray
        Number of images; tilts of those that show nothing.
    likeness : float
        Median correlation of neighbouring aligned tilts.
    order : float
        Share of the tilts that resemble the next more than a distant one; 0.5 is chance.
    across_disagreement_px, along_disagreement_px : float
        RMS difference of two independent measures of the shifts.
    axis : AxisScan or None
        None if the angle was given.
    axis_difference_deg : float
        Between the tilt axes found by two methods, or between the one given and one found.
    reprojection_error : float
        Median share of an image that the other tilts do not predict.
    residual_across_px, residual_along_px : float
        RMS distance of the images from their predictions.
    misfits : list of (float, float or None)
        Tilts that the others do not predict, and which tilt each resembles.
    reading : Reading or None
        The other reading of the angles that fits best; None if it was not searched.
    outside_frame : float
        Largest share of an aligned image that was never recorded.
    axis_doubt : str
        Why the second method finds no tilt axis; empty where it finds one.
    all_alike : bool
        Whether all views look alike, so that they tell nothing of their order.
    elsewhere_ratio : float
        How badly the tilts predict each other about the best direction outside the range, as a
        part of how badly they do about the axis found; NaN if that was not tried.
    brightness : Brightness or None
        Images brighter or darker than others; None if that was not looked at.
    told, mentioned : tuple of str
        What was found in the images before they were aligned; the latter without any doubt.
    size_px : int
        The larger edge of the images.
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
    misfits: Misfits
    reading: Reading | None
    outside_frame: float
    axis_doubt: str = ""
    all_alike: bool = False
    elsewhere_ratio: float = np.nan
    brightness: Brightness | None = None
    told: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    size_px: int = 0

    def record(self) -> dict[str, Any]:
        """Return the numbers that `judge` compares with the limits."""
        keys = (
            *("likeness", "order", "across_disagreement_px", "along_disagreement_px"),
            *("axis_difference_deg", "reprojection_error", "residual_across_px"),
            *("residual_along_px", "outside_frame"),
        )
        return {key: getattr(self, key) for key in keys} | {
            "reading": self.reading.words if self.reading else "",
            "reading_ratio": self.reading.ratio if self.reading else None,
            "axis_contrast": self.axis.contrast if self.axis else None,
        }

    def better_reading(self, limits: Verdict) -> Reading | None:
        """Return the other reading of the angles if it fits clearly better than the given one."""
        reading = self.reading
        return reading if reading and reading.ratio < limits.stop_other_reading else None

    def suggested_exclusions(self) -> list[float]:
        """Return the tilts better left out: blank, in the wrong place, of quite another dose."""
        named = {*map(float, self.blank_deg), *(tilt for tilt, _ in self.misfits)}
        return sorted(named | (self.brightness.harmful_deg() if self.brightness else set()))


def likeness(images: list[np.ndarray], usable: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """Correlate aligned images with their neighbours and with distant ones.

    Parameters
    ----------
    images : list of ndarray
        Aligned, and small or smooth enough that noise does not matter.
    usable : ndarray (tilt,), bool

    Returns
    -------
    next : ndarray (tilt,)
        Correlation with the next usable image (of the last with the one before); NaN for
        blank tilts, and for all where there are too few.
    order : float
        Share of the tilts that resemble the next more than one a quarter of the series away;
        NaN where there are too few.
    all_alike : bool
        Whether all look alike, as the views of a round rod along the tilt axis do.
    """
    indices = np.flatnonzero(usable)
    n, far = len(indices), max(2, len(indices) // 4)  # of three, the middle one has no distant one
    unit = [_normalised(images[t]) for t in indices]

    def with_one(k: int, step: int) -> float:
        return float(np.vdot(unit[k], unit[k + step if k + step < n else k - step]))

    after = np.full(len(images), np.nan)
    if n < 4:
        return after, np.nan, False
    after[indices] = [with_one(k, 1) for k in range(n)]
    far_off = np.array([with_one(k, far) for k in range(n)])
    correlation = np.array([[np.vdot(one, other) for other in unit] for one in unit])
    return after, float(np.mean(after[indices] > far_off)), _all_alike(correlation)


def _all_alike(correlation: np.ndarray) -> bool:
    """Tell whether all views look alike.

    Of images in a wrong order some still resemble each other far more than others do.
    """
    pairs = correlation[np.triu_indices(len(correlation), 1)]
    least, most = np.quantile(pairs, [0.1, 0.9])
    return any(least > alike and 1 - most > part * (1 - least) for alike, part in _ALIKE)


@dataclass(frozen=True)
class _Findings:
    """Reasons to stop and to warn, in the order in which they were found."""

    stops: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def check(self, reason: str, warn: bool = False, stop: bool = False) -> None:
        if warn or stop:
            (self.stops if stop else self.warnings).append(reason)


def judge(
    measures: Measures, limits: Verdict, accepted: list[str] | None = None
) -> tuple[str, list[str]]:
    """Return ``("pass" | "warn" | "stop", reasons)``, the gravest reasons first.

    Parameters
    ----------
    measures : Measures
    limits : Verdict
    accepted : list of str, optional
        With which reasons the alignment was accepted on another channel. What this channel shows
        of it is then not judged, because noise alone can make it look bad.
    """
    shown = measures.images - len(measures.blank_deg)
    if shown < _FEWEST_SHOWN:
        return "stop", [f"only {shown} of {measures.images} images show anything"]
    findings = _Findings()
    few = shown < FEWEST_IMAGES
    if accepted is None:
        _judge_axis(measures, limits, findings)
        _judge_angles(measures, limits, findings)
        _judge_misfits(measures, findings)
        _judge_shifts(measures, limits, findings, few)
    else:
        _judge_misfits(measures, findings)
        findings.warnings.extend(
            f"on the channel that the alignment was found on: {reason}" for reason in accepted
        )
    findings.check(
        f"up to {measures.outside_frame:.0%} of an aligned image lies outside the recorded frame",
        warn=measures.outside_frame > limits.warn_outside_frame,
    )
    findings.check(
        f"{shown} images are too few to predict each other: nothing confirms the shifts, the tilt "
        "axis and the order of the angles",
        warn=accepted is None and shown < FEWEST_COMPARED,
    )
    findings.check(
        f"{shown} images are too few to confirm the tilt axis and the order of the angles; only "
        "the shifts are tested, by what the other images predict",
        warn=accepted is None and FEWEST_COMPARED <= shown < FEWEST_IMAGES,
    )
    blank = _listed(measures.blank_deg)
    findings.check(
        f"the images at {blank} show nothing; their shifts are interpolated", warn=bool(blank)
    )
    doubts, mentions = measures.brightness.reasons() if measures.brightness else ([], [])
    findings.warnings.extend([*doubts, *measures.told])
    verdict = "stop" if findings.stops else "warn" if findings.warnings else "pass"
    return verdict, [*findings.stops, *findings.warnings, *mentions, *measures.mentioned]


def _judge_axis(measures: Measures, limits: Verdict, findings: _Findings) -> None:
    if measures.axis is not None:
        _judge_scan(measures.axis, measures, limits, findings)
    elsewhere = measures.axis_difference_deg > limits.warn_axis_check_deg
    findings.check(
        f"the tilt axis given and that found lie {measures.axis_difference_deg:.1f}° apart",
        warn=measures.axis is None and elsewhere,
    )
    doubt = measures.axis_doubt
    if not doubt and elsewhere:
        doubt = f"two methods find tilt axes {measures.axis_difference_deg:.1f}° apart"
    findings.check(
        f"{doubt}, as with {_HARD_SPECIMENS}; give tilt_axis_angle_deg if you know it",
        warn=measures.axis is not None and bool(doubt),
    )


def _judge_scan(axis: AxisScan, measures: Measures, limits: Verdict, findings: _Findings) -> None:
    ratio = measures.elsewhere_ratio
    better_elsewhere = axis.better_elsewhere(limits.stop_axis_elsewhere) and not ratio > 1
    findings.check(
        f"the images agree better along {axis.elsewhere_deg:.0f}° than near the vertical"
        f"{_way(axis)}",
        warn=better_elsewhere,
        stop=better_elsewhere and not (measures.all_alike or ratio > _CLEARLY_BETTER),
    )
    findings.check(
        f"the tilt axis is uncertain (contrast {axis.contrast:.2f}); "
        "give tilt_axis_angle_deg if you know it",
        warn=axis.contrast < limits.warn_axis_contrast,
    )
    findings.check(
        f"the tilt axis found, {axis.angle_deg:.1f}°, is an end of the range searched; "
        "raise axis_search_deg",
        warn=axis.at_the_end,
    )


def _way(axis: AxisScan) -> str:
    """Return what to do if the tilt axis lies outside the range that was searched."""
    found, searched = axis.elsewhere_deg, float(axis.angles_deg[-1])
    if abs(found) >= 90 - searched:
        return ": does the tilt axis lie along x (then import with tilt_axis: x)?"
    wider = _WIDER_DEG * np.ceil((abs(found) + 2) / _WIDER_DEG)
    raised = f", or raise axis_search_deg to {wider:g}" if wider <= _WIDEST_DEG else ""
    return f"; if the tilt axis lies there, give tilt_axis_angle_deg: {found:.0f}{raised}"


def _judge_angles(measures: Measures, limits: Verdict, findings: _Findings) -> None:
    reading = measures.better_reading(limits)
    if reading:
        findings.stops.append(
            f"the tilts would predict each other {1 / max(reading.ratio, 1e-3):.1f} times better "
            f"if {reading.words}; {reading.way_out}"
        )
    if measures.all_alike and measures.order < limits.warn_order:
        findings.warnings.append(
            "all views look alike, as those of a round rod along the tilt axis do: whether the "
            "angles are in the order of the images cannot be judged"
        )
    else:
        _judge_order(measures, limits, findings)


def _judge_order(measures: Measures, limits: Verdict, findings: _Findings) -> None:
    findings.check(
        f"only {measures.order:.0%} of the tilts resemble the next more than a distant one: "
        "are the angles in the order of the images?",
        warn=measures.order < limits.warn_order,
        stop=measures.order < limits.stop_order,
    )


def _judge_misfits(measures: Measures, findings: _Findings) -> None:
    for tilt, resembles in measures.misfits[:_MOST_NAMED]:
        like = "" if resembles is None else f"; it resembles {resembles:g}°, is it in its place?"
        findings.check(
            f"the image at {tilt:g}° is not what the other tilts predict{like}",
            warn=True,
        )
    more = _listed([tilt for tilt, _ in measures.misfits[_MOST_NAMED:]])
    findings.check(f"nor are the images at {more}", warn=bool(more))


def _judge_shifts(measures: Measures, limits: Verdict, findings: _Findings, few: bool) -> None:
    findings.check(
        f"neighbouring tilts correlate by {measures.likeness:.2f} only",
        warn=measures.likeness < limits.warn_likeness,
        stop=measures.likeness < limits.stop_likeness,
    )
    findings.check(
        f"the other tilts leave {measures.reprojection_error:.0%} of an image unpredicted",
        warn=measures.reprojection_error > limits.warn_reprojection_error,
        # Few tilts predict each other badly even where they are in their places.
        stop=not few and measures.reprojection_error > limits.stop_reprojection_error,
    )
    for way in ("across", "along"):
        residual = getattr(measures, f"residual_{way}_px")
        findings.check(
            f"images lie {residual:.1f} px RMS {way} the axis from what the other tilts predict",
            warn=residual > limits.warn_residual_px * max(1, measures.size_px / _COMPARED_PX),
        )
        value = getattr(measures, f"{way}_disagreement_px")
        findings.check(
            f"two independent measures of the shifts {way} the axis differ by {value:.1f} px RMS",
            warn=value > limits.warn_disagreement_px,
            stop=value > limits.stop_disagreement_px,
        )


def _listed(tilts: Iterable[float]) -> str:
    return ", ".join(f"{tilt:g}°" for tilt in tilts)


def _normalised(image: np.ndarray) -> np.ndarray:
    centred = image - image.mean()
    norm = np.linalg.norm(centred)
    return centred / norm if norm > 0 else centred
