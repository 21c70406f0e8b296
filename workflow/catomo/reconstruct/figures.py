"""Pictures of a reconstruction: its three middle sections, and how it converged."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catomo.figures import AFTER, ALERT, new_figure, save, scale_bar
from catomo.files.tables import runs
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stopping import Convergence

_HATCHED = {"facecolor": "none", "edgecolor": ALERT, "hatch": "///", "linewidth": 0.5}


class Sections:
    """The three middle sections of a volume, gathered slab by slab.

    Parameters
    ----------
    shape : (int, int, int)
        Shape (y, z, x) of the volume.

    Attributes
    ----------
    zx, yx, zy : ndarray of float32
        The sections, each named by its rows and columns.
    hatched : list of int
        Slices that are drawn so, because too few tilts recorded them.
    """

    def __init__(self, shape: tuple[int, int, int]):
        self.middle = [n // 2 for n in shape]
        self.hatched: list[int] = []
        self.zx = np.empty((shape[1], shape[2]), np.float32)
        self.yx = np.empty((shape[0], shape[2]), np.float32)
        self.zy = np.empty((shape[1], shape[0]), np.float32)

    def add(self, start: int, slab: np.ndarray) -> None:
        """Take in a slab of slices whose first has the index `start`."""
        y, z, x = self.middle
        if start <= y < start + len(slab):
            self.zx[:] = slab[y - start]
        self.yx[start : start + len(slab)] = slab[:, z]
        self.zy[:, start : start + len(slab)] = slab[:, :, x].T


def draw_sections(path: Path | str, sections: Sections, pixel_size_nm: float) -> None:
    """Draw the three sections on one grey scale, with the tilt axis y named on each."""
    y, z, x = sections.middle
    panels = [
        (sections.zx, f"slice y = {y}, seen along the tilt axis", "x", "z (beam)"),
        (sections.yx, f"z = {z}, seen along the beam", "x", "y (tilt axis)"),
        (sections.zy, f"x = {x}, seen from the side", "y (tilt axis)", "z (beam)"),
    ]
    # The square root shows the support beside particles that are 20 times as bright.
    top = np.sqrt(np.percentile(np.concatenate([p[0].ravel() for p in panels]), 99.8))
    figure, axes = new_figure(1, 3, size=(12, 4.4))
    for ax, (image, title, across, down) in zip(axes, panels, strict=True):
        ax.imshow(np.sqrt(image), vmin=0, vmax=top or 1, cmap="gray", interpolation="nearest")
        ax.set(title=title, xlabel=across, ylabel=down, xticks=[], yticks=[])
        scale_bar(ax, pixel_size_nm, image.shape[1])
    for first, last in runs(sections.hatched):
        axes[1].axhspan(first - 0.5, last + 0.5, **_HATCHED)
        axes[2].axvspan(first - 0.5, last + 0.5, **_HATCHED)
        if first <= y <= last:
            axes[0].axhspan(-0.5, len(sections.zx) - 0.5, **_HATCHED)
    save(figure, path)


def draw_convergence(path: Path | str, convergence: Convergence, settings: Reconstruct) -> None:
    """Draw the curves of convergence over the iterations, with the limit that ended them."""
    titles = {
        "change": "relative change of an iteration",
        "residual": "residual ‖Ax − y‖ / ‖y‖",
        "log_likelihood": "log-likelihood per pixel",
        "chi2": "χ² per pixel",
    }
    limits = {"change": settings.stop_change, "chi2": 1.0}
    curves = convergence.curves
    figure, axes = new_figure(1, len(curves), size=(4 * len(curves), 3.2))
    iterations = np.arange(1, convergence.iterations + 1)
    for ax, (name, curve) in zip(axes, curves.items(), strict=True):
        ax.plot(iterations, curve, color=AFTER, marker="o", markersize=3)
        if name == settings.stop:
            ax.axhline(limits[name], color=ALERT, linewidth=1)
        ax.set(title=titles[name], xlabel="iteration")
        if name != "log_likelihood":
            ax.set_ylim(bottom=0)
    reason = {"iterations": "the set count"}.get(convergence.reason, convergence.reason)
    figure.suptitle(f"stopped after {convergence.iterations} iterations, by {reason}")
    save(figure, path)
