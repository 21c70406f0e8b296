"""The picture of an alignment: shifts, search of the axis, disagreement, sinograms."""

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
    found : catomo.align.Alignment
    sinograms : (ndarray, ndarray)
        Middle row of every image (tilt, x), raw and aligned.
    verdict, reasons : str, list of str
    """
    figure, axes = new_figure(2, 3, size=(12, 6.5))
    shifts, scan, residuals, raw, aligned, text = axes.flat
    tilt = columns["tilt_deg"]

    shifts.plot(tilt, columns["across_px"] + offset_px, color=AFTER, label="across")
    shifts.plot(tilt, columns["along_px"], color=INK, label="along")
    shifts.set(title="shift of the specimen", xlabel="tilt (°)", ylabel="px")
    shifts.legend(frameon=False)

    if found.axis is not None:
        scan.plot(found.axis.angles_deg, found.axis.disagreement, color=AFTER)
        scan.axvline(found.geometry.axis_angle_deg, color=ALERT, linewidth=1)
    scan.set(
        title=f"tilt axis: {found.geometry.axis_angle_deg:.2f}°",
        xlabel="angle from the vertical (°)",
        ylabel="disagreement of the tilts",
    )

    residuals.plot(tilt, columns["across_disagreement_px"], color=AFTER, label="across")
    residuals.plot(tilt, columns["along_disagreement_px"], color=INK, label="along")
    residuals.plot(tilt[~found.usable], np.zeros((~found.usable).sum()), "x", color=ALERT)
    residuals.set(title="two measures differ by", xlabel="tilt (°)", ylabel="px")
    residuals.legend(frameon=False)

    low, high = np.percentile(sinograms[1], [1, 99.5])
    for axis, sinogram, title in zip((raw, aligned), sinograms, ("before", "after"), strict=True):
        axis.imshow(
            sinogram,
            vmin=low,
            vmax=max(high, low + 1e-6),
            aspect="auto",
            extent=(0, sinogram.shape[1], len(tilt), 0),
            interpolation="nearest",
            cmap="gray",
        )
        axis.axvline(sinogram.shape[1] / 2, color=BEFORE, linewidth=0.5, linestyle=":")
        axis.set(title=f"sinogram of the middle row, {title}", xlabel="x (px)", ylabel="image")

    text.set_axis_off()
    colour = {"pass": AFTER, "warn": INK, "stop": ALERT}[verdict]
    text.text(0, 1, verdict, fontsize=16, color=colour, va="top", weight="bold")
    words = "\n".join(textwrap.fill("· " + reason, 52) for reason in reasons)
    text.text(0, 0.85, f"axis offset: {offset_px:.2f} px\n{words}", va="top")
    save(figure, path)
