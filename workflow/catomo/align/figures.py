"""The picture of an alignment: shifts, search of the axis, what the tilts predict, sinograms."""

from __future__ import annotations

import textwrap

import numpy as np

from catomo.figures import AFTER, ALERT, BEFORE, INK, new_figure, save


def draw(path, columns: dict, offset_px: float, found, sinograms, verdict, reasons) -> None:
    """Draw ``alignment.png``.

    Parameters
    ----------
    path : path
    columns : dict
        The columns of ``alignment.csv``.
    offset_px : float
        Offset of the tilt axis from the image's centre.
    found : catomo.align.chain.Alignment
    sinograms : (list of int, ndarray, ndarray)
        Three rows, and these rows of every image (tilt, row, x), raw and aligned.
    verdict, reasons : str, list of str
    """
    figure, axes = new_figure(3, 4, size=(14, 9))
    shifts, scan, residuals, errors = axes[0]
    tilt = columns["tilt_deg"]

    shifts.plot(tilt, columns["across_px"] + offset_px, color=AFTER, label="across")
    shifts.plot(tilt, columns["along_px"], color=INK, label="along")
    shifts.set(title="shift of the specimen", xlabel="tilt (°)", ylabel="px")
    shifts.legend(frameon=False)

    if found.axis is not None:
        scan.plot(found.axis.angles_deg, found.axis.disagreement, color=AFTER)
        scan.axvline(found.geometry.axis_angle_deg, color=ALERT, linewidth=1)
        if np.isfinite(found.axis_check_deg):
            scan.axvline(found.axis_check_deg, color=BEFORE, linewidth=1, linestyle=":")
    scan.set(
        title=f"tilt axis: {found.geometry.axis_angle_deg:.2f}°",
        xlabel="angle from the vertical (°)",
        ylabel="disagreement of the tilts",
    )

    residuals.plot(tilt, columns["residual_across_px"], color=AFTER, label="across")
    residuals.plot(tilt, columns["residual_along_px"], color=INK, label="along")
    residuals.plot(tilt[~found.usable], np.zeros((~found.usable).sum()), "x", color=ALERT)
    residuals.set(title="distance from the prediction", xlabel="tilt (°)", ylabel="px")
    residuals.legend(frameon=False)

    errors.plot(tilt, columns["reprojection_error_unaligned"], color=BEFORE, label="before")
    errors.plot(tilt, columns["reprojection_error"], color=AFTER, label="after")
    errors.set(title="not predicted by the other tilts", xlabel="tilt (°)", ylabel="share")
    errors.set_ylim(bottom=0)
    errors.legend(frameon=False)

    rows, before, after = sinograms
    for k, row in enumerate(rows):
        low, high = np.percentile(after[:, k], [1, 99.5])
        for axis, image, title in zip(
            axes[1:, k], (before[:, k], after[:, k]), ("before", "after"), strict=True
        ):
            axis.imshow(
                image,
                vmin=low,
                vmax=max(high, low + 1e-6),
                aspect="auto",
                extent=(0, image.shape[1], len(tilt), 0),
                interpolation="nearest",
                cmap="gray",
            )
            axis.axvline(image.shape[1] / 2, color=BEFORE, linewidth=0.5, linestyle=":")
            axis.set(title=f"sinogram of row {row}, {title}", xlabel="x (px)", ylabel="image")

    text = axes[1, 3]
    for axis in axes[1:, 3]:
        axis.set_axis_off()
    colour = {"pass": AFTER, "warn": INK, "stop": ALERT}[verdict]
    text.text(0, 1, verdict, fontsize=16, color=colour, va="top", weight="bold")
    words = "\n".join(textwrap.fill("· " + reason, 44) for reason in reasons)
    text.text(0, 0.85, f"axis offset: {offset_px:.2f} px\n{words}", va="top")
    save(figure, path)
