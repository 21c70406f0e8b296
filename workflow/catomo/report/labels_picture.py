"""The picture of a segmentation from elsewhere: some slices, each class in its colour.

There are no grey values beside such labels to lay them over.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catomo import figures
from catomo.files.store import read_pages
from catomo.record.record import Record
from catomo.settings.base import PhaseClass

_SHOWN = (0.3, 0.5, 0.7)  # places in the stack of the slices that are drawn


def draw_labels(record: Record, classes: Sequence[PhaseClass], path: Path) -> None:
    """Draw some slices of a segmentation from elsewhere.

    Parameters
    ----------
    record : Record
        ``segmentation.json``.
    classes : sequence of PhaseClass
        All classes, background first.
    path : path
        The PNG file to write.
    """
    names = record["names"]
    stack = record.file("labels.tif")
    shown = sorted({round(part * (len(names) - 1)) for part in _SHOWN})
    pages = [(names[i], read_pages(stack, i, i + 1)[0]) for i in shown]
    draw(pages, classes, record["pixel_size_nm"], path)


def draw(
    pages: Sequence[tuple[str, np.ndarray]],
    classes: Sequence[PhaseClass],
    pixel_size_nm: float,
    path: Path,
) -> None:
    """Draw slices side by side.

    Parameters
    ----------
    pages : sequence of (str, ndarray)
        Name and labels (z, x) of each slice.
    classes : sequence of PhaseClass
        Background first.
    pixel_size_nm : float
    path : path
        The PNG file to write.
    """
    from matplotlib.patches import Patch

    rows, columns = pages[0][1].shape
    size = (3 * len(pages) + 0.9, 3 * rows / columns + 0.9)
    figure, axes = figures.new_figure(1, len(pages), size, squeeze=False)
    palette = np.array([figures.rgb(phase.colour) for phase in classes], np.uint8)
    for one, (name, labels) in zip(axes[0], pages, strict=True):
        one.imshow(palette[labels], interpolation="nearest")
        one.set_title(name)
        one.set_axis_off()
        figures.scale_bar(one, pixel_size_nm, columns)
    handles = [Patch(color=phase.colour, label=phase.title) for phase in classes]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figures.save(figure, path)
