"""Pictures of a reconstruction: its three middle sections, and how it converged."""

from __future__ import annotations

import numpy as np

from catomo.figures import AFTER, ALERT, new_figure, save, scale_bar


class Sections:
    """The three middle sections of a volume (y, z, x), gathered while slabs pass by."""

    def __init__(self, shape):
        self.middle = [n // 2 for n in shape]
        self.zx = None
        self.yx = np.empty((shape[0], shape[2]), np.float32)
        self.zy = np.empty((shape[1], shape[0]), np.float32)

    def add(self, start: int, slab: np.ndarray) -> None:
        """Take in the slices from `start` on."""
        y, z, x = self.middle
        if start <= y < start + len(slab):
            self.zx = slab[y - start].copy()
        self.yx[start : start + len(slab)] = slab[:, z]
        self.zy[:, start : start + len(slab)] = slab[:, :, x].T


def draw_sections(path, sections: Sections, pixel_size_nm: float) -> None:
    """Draw the three sections on one grey scale, with the tilt axis y named on each."""
    y, z, x = sections.middle
    panels = [
        (sections.zx, f"slice y = {y}, seen along the tilt axis", "x", "z (beam)"),
        (sections.yx, f"z = {z}, seen along the beam", "x", "y (tilt axis)"),
        (sections.zy, f"x = {x}, seen from the side", "y (tilt axis)", "z (beam)"),
    ]
    # The square root shows alumina beside Pt, 20 times as bright.
    top = np.sqrt(np.percentile(np.concatenate([p[0].ravel() for p in panels]), 99.8))
    figure, axes = new_figure(1, 3, size=(12, 4.4))
    for ax, (image, title, across, down) in zip(axes, panels, strict=True):
        ax.imshow(np.sqrt(image), vmin=0, vmax=top or 1, cmap="gray", interpolation="nearest")
        ax.set(title=title, xlabel=across, ylabel=down, xticks=[], yticks=[])
        scale_bar(ax, pixel_size_nm, image.shape[1])
    save(figure, path)


def draw_convergence(path, watched, settings) -> None:
    """Draw the curves of a `Convergence` over the passes, with the limit that ended it.

    Parameters
    ----------
    path : path
    watched : Convergence
    settings : Reconstruct
    """
    titles = {
        "change": "relative change of a pass",
        "residual": "residual ‖Ax − y‖ / ‖y‖",
        "log_likelihood": "log-likelihood per pixel",
        "chi2": "χ² per pixel",
    }
    limits = {"change": settings.stop_change, "chi2": 1.0}
    figure, axes = new_figure(1, len(watched.curves), size=(4 * len(watched.curves), 3.2))
    passes = np.arange(1, watched.passes + 1)
    for ax, (name, curve) in zip(axes, watched.curves.items(), strict=True):
        ax.plot(passes, curve, color=AFTER, marker="o", markersize=3)
        if name == settings.stop:
            ax.axhline(limits[name], color=ALERT, linewidth=1)
        ax.set(title=titles[name], xlabel="pass over the tilts")
        if name != "log_likelihood":
            ax.set_ylim(bottom=0)
    reason = {"iterations": "the set count"}.get(watched.reason, watched.reason)
    figure.suptitle(f"stopped after {watched.passes} passes, by {reason}")
    save(figure, path)
