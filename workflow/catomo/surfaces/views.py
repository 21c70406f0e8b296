"""Pictures of the surfaces; projections of the labels where there is no renderer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catomo.figures import new_figure, rgb, save, scale_bar
from catomo.surfaces.render import VIEWS, View

if TYPE_CHECKING:
    from catomo.settings.base import PhaseClass


def project_labels(
    labels: np.ndarray, pixel_size_nm: float, classes: Sequence[PhaseClass]
) -> dict[str, View]:
    """Return a projection of the labels for each of `VIEWS`, in the colours of the classes.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    pixel_size_nm : float
    classes : sequence of PhaseClass

    Returns
    -------
    dict of str to View
        The highest label along z, along x and along y; for ``view_opaque`` the first label
        along the beam that is not background.
    """
    palette = np.array([rgb(phase.colour) for phase in classes], np.uint8)
    # Seen along x, the volume is (y, z): y points down and z to the right.
    projections = {
        "view_front": labels.max(axis=1),
        "view_side": labels.max(axis=2),
        "view_top": labels.max(axis=0),
        "view_opaque": _first_seen(labels),
    }
    return {name: View(palette[projections[name]], pixel_size_nm) for name in VIEWS}


def save_view(path: Path, view: View, classes: Sequence[PhaseClass], note: str = "") -> None:
    """Save a view with a scale bar and a legend of the materials, on the background's colour.

    Parameters
    ----------
    path : Path
    view : View
    classes : sequence of PhaseClass
        Background first.
    note : str
        Title of the legend.
    """
    from matplotlib.patches import Patch

    rows, columns = view.picture.shape[:2]
    figure, axes = new_figure(size=(8.4, 8.4 * rows / columns + 0.3))
    figure.set_facecolor(classes[0].colour)
    axes.imshow(view.picture, interpolation="antialiased")
    scale_bar(axes, view.nm_per_px, columns)
    axes.set_axis_off()
    handles = [Patch(color=phase.colour, label=phase.title) for phase in classes[1:]]
    legend = figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
        title=note or None,
    )
    for text in (legend.get_title(), *legend.get_texts()):
        text.set_color("white")
    save(figure, path)


def _first_seen(labels: np.ndarray) -> np.ndarray:
    """Return the first label other than background along the beam, (y, x)."""
    first = (labels > 0).argmax(axis=1)
    return np.take_along_axis(labels, first[:, None, :], axis=1)[:, 0]
