"""The picture of an alignment: shifts, search of the axis, what the tilts predict, sinograms."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catomo.align.tilts import Alignment
from catomo.figures import AFTER, ALERT, BEFORE, INK, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PARTS = (1, 2, 3)  # quarters of the height at which sinograms are shown


@dataclass(frozen=True)
class Sinograms:
    """Some rows of every image, raw and aligned.

    Attributes
    ----------
    rows : list of int
    before, after : ndarray of float32, (tilt, row, x)
    """

    rows: list[int]
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray) -> Sinograms:
        """Return the sinograms of raw images; those of aligned images are still to be added."""
        rows = [images.shape[1] * part // 4 for part in _PARTS]
        before = images[:, rows].copy()
        return cls(rows, before, np.empty_like(before))

    def add(self, t: int, aligned: np.ndarray) -> None:
        """Keep the rows of aligned image `t`."""
        self.after[t] = aligned[self.rows]


def draw(path: Path | str, alignment: Alignment, sinograms: Sinograms) -> None:
    """Draw ``alignment.png``.

    Parameters
    ----------
    path : path
    alignment : Alignment
    sinograms : Sinograms
    """
    figure, axes = new_figure(3, 4, size=(14, 9))
    shifts, scan, residuals, errors = axes[0]
    _draw_shifts(shifts, alignment)
    _draw_scan(scan, alignment)
    _draw_residuals(residuals, alignment)
    _draw_errors(errors, alignment)
    for k in range(len(sinograms.rows)):
        _draw_sinograms(axes[1, k], axes[2, k], sinograms, k)
    for blank in axes[1:, 3]:
        blank.set_axis_off()
    _write_verdict(axes[1, 3], alignment)
    save(figure, path)


def _draw_shifts(axes: Axes, alignment: Alignment) -> None:
    columns = alignment.per_tilt
    across = columns["across_px"] + alignment.axis_offset_px
    axes.plot(columns["tilt_deg"], across, color=AFTER, label="across")
    axes.plot(columns["tilt_deg"], columns["along_px"], color=INK, label="along")
    axes.set(title="shift of the specimen", xlabel="tilt (°)", ylabel="px")
    axes.legend(frameon=False)


def _draw_scan(axes: Axes, alignment: Alignment) -> None:
    if alignment.axis is not None:
        axes.plot(alignment.axis.angles_deg, alignment.axis.disagreement, color=AFTER)
        axes.axvline(alignment.axis_angle_deg, color=ALERT, linewidth=1)
        if np.isfinite(alignment.axis_check_deg):
            axes.axvline(alignment.axis_check_deg, color=BEFORE, linewidth=1, linestyle=":")
    axes.set(
        title=f"tilt axis: {alignment.axis_angle_deg:.2f}°",
        xlabel="angle from the vertical (°)",
        ylabel="disagreement of the tilts",
    )


def _draw_residuals(axes: Axes, alignment: Alignment) -> None:
    columns, blank = alignment.per_tilt, ~alignment.usable
    tilt = columns["tilt_deg"]
    axes.plot(tilt, columns["residual_across_px"], color=AFTER, label="across")
    axes.plot(tilt, columns["residual_along_px"], color=INK, label="along")
    axes.plot(tilt[blank], np.zeros(blank.sum()), "x", color=ALERT)
    axes.set(title="distance from the prediction", xlabel="tilt (°)", ylabel="px")
    axes.legend(frameon=False)


def _draw_errors(axes: Axes, alignment: Alignment) -> None:
    columns = alignment.per_tilt
    tilt = columns["tilt_deg"]
    axes.plot(tilt, columns["reprojection_error_unaligned"], color=BEFORE, label="before")
    axes.plot(tilt, columns["reprojection_error"], color=AFTER, label="after")
    axes.set(title="not predicted by the other tilts", xlabel="tilt (°)", ylabel="share")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def _draw_sinograms(upper: Axes, lower: Axes, sinograms: Sinograms, k: int) -> None:
    before, after = sinograms.before[:, k], sinograms.after[:, k]
    low, high = np.percentile(after, [1, 99.5])
    for axes, image, title in ((upper, before, "before"), (lower, after, "after")):
        tilts, width = image.shape
        axes.imshow(
            image,
            vmin=low,
            vmax=max(high, low + 1e-6),
            aspect="auto",
            extent=(0, width, tilts, 0),
            interpolation="nearest",
            cmap="gray",
        )
        axes.axvline(width / 2, color=BEFORE, linewidth=0.5, linestyle=":")
        axes.set(
            title=f"sinogram of row {sinograms.rows[k]}, {title}", xlabel="x (px)", ylabel="image"
        )


def _write_verdict(axes: Axes, alignment: Alignment) -> None:
    verdict = alignment.verdict
    colour = {"pass": AFTER, "warn": INK, "stop": ALERT}[verdict]
    axes.text(0, 1, verdict, fontsize=16, color=colour, va="top", weight="bold")
    words = "\n".join(textwrap.fill("· " + reason, 44) for reason in alignment.reasons)
    axes.text(0, 0.85, f"axis offset: {alignment.axis_offset_px:.2f} px\n{words}", va="top")
