"""Pictures of the stage `evaluate`: annotation, prediction and errors side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catomo.figures import new_figure, rgb, save, scale_bar
from catomo.labels.values import IGNORE

if TYPE_CHECKING:
    from catomo.settings.base import PhaseClass

FALSE = "#e69f00"  # differs from the other colours for colour-blind readers too
_TITLES = ("annotation", "prediction", "false negatives", "false positives")
_SMALLEST_DOTS = 300  # a picture of `comparison` is drawn with at least so many dots across


def comparison(
    path: Path,
    rows: list[tuple[str, np.ndarray | None, np.ndarray, np.ndarray]],
    classes: Sequence[PhaseClass],
    pixel_size_nm: float,
    titles: Sequence[str] = _TITLES,
) -> None:
    """Draw image, annotation, prediction, false negatives and positives (the paper's Figure 3).

    A wrong pixel is a false negative of its true class and a false positive of the class
    predicted. Each of the two maps shows it in the colour of that class, as a mark large
    enough to be seen; background is left out.

    Parameters
    ----------
    path : Path
    rows : list of (str, ndarray, ndarray, ndarray)
        Title (of two lines), grey image (None where there is none), true and predicted labels
        (z, x).
    classes : sequence of PhaseClass
    pixel_size_nm : float
    titles : sequence of str
        Titles of the four pictures beside the image.
    """
    height, width = rows[0][2].shape
    columns, above = (5, 0.5) if rows[0][1] is not None else (4, 1.0)
    size = (2.6 * columns, len(rows) * (2.6 * height / width + above) + 0.55)
    figure, grid = new_figure(len(rows), columns, size, squeeze=False)
    for axes, (title, image, truth, predicted) in zip(grid, rows, strict=True):
        headings = list(titles)
        if image is not None:
            axes[0].imshow(image, cmap="gray", vmin=0, vmax=255)
            axes[0].set_title(title, loc="left")
        else:
            headings[0] = f"{title}\n{headings[0]}"
        wrong = (truth != predicted) & (truth != IGNORE)
        pictures = [
            _coloured(truth, classes),
            _coloured(predicted, classes),
            _errors(truth, wrong, classes),
            _errors(predicted, wrong, classes),
        ]
        for one, picture, heading in zip(axes[-4:], pictures, headings, strict=True):
            one.imshow(picture, interpolation="nearest")
            one.set_title(heading)
        scale_bar(axes[0], pixel_size_nm, width)
        for one in axes:
            one.set_axis_off()
    _legend(figure, classes)
    save(figure, path)


def unseen(
    path: Path,
    columns: list[tuple[str, np.ndarray | None, np.ndarray]],
    classes: Sequence[PhaseClass],
    pixel_size_nm: float,
) -> None:
    """Draw slices that nobody annotated above their predicted labels (the paper's Figure 5).

    Parameters
    ----------
    path : Path
    columns : list of (str, ndarray, ndarray)
        Name, grey image (None where there is none), predicted labels (z, x).
    classes : sequence of PhaseClass
    pixel_size_nm : float
    """
    height, width = columns[0][2].shape
    rows = 2 if columns[0][1] is not None else 1
    size = (3.2 * len(columns), 3.2 * rows * height / width + 0.7)
    figure, grid = new_figure(rows, len(columns), size, squeeze=False)
    for axes, (name, image, predicted) in zip(grid.T, columns, strict=True):
        if image is not None:
            axes[0].imshow(image, cmap="gray", vmin=0, vmax=255)
        axes[-1].imshow(_coloured(predicted, classes), interpolation="nearest")
        axes[0].set_title(name)
        scale_bar(axes[0], pixel_size_nm, width)
        for one in axes:
            one.set_axis_off()
    _legend(figure, classes)
    save(figure, path)


def readable(colour: str) -> tuple[float, ...]:
    """Return a class colour dark enough for a line on white paper (parts from 0 to 1)."""
    parts = _parts(colour)
    return tuple(0.6 * part for part in parts) if min(parts) > 0.6 else parts


def _legend(figure: Any, classes: Sequence[PhaseClass]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=phase.colour, label=phase.title) for phase in classes]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)


def _coloured(labels: np.ndarray, classes: Sequence[PhaseClass]) -> np.ndarray:
    """Return labels as a colour image; pixels that are not annotated are white."""
    palette = np.ones((256, 3))
    palette[: len(classes)] = [_parts(phase.colour) for phase in classes]
    return palette[labels]


def _errors(labels: np.ndarray, wrong: np.ndarray, classes: Sequence[PhaseClass]) -> np.ndarray:
    """Return wrong pixels in the readable colour of their material, all else nearly white.

    A large image is made coarser first, because single pixels are lost when an image is drawn
    in fewer dots than it has pixels: a square of pixels gets the highest label that is wrong
    in it.
    """
    palette = np.full((256, 3), 0.96)
    palette[1 : len(classes)] = [readable(phase.colour) for phase in classes[1:]]
    shown = np.where(wrong, labels, 0)
    edge = -(-max(shown.shape) // _SMALLEST_DOTS)
    shown = np.pad(shown, [(0, -n % edge) for n in shown.shape])
    rows, columns = (n // edge for n in shown.shape)
    return palette[shown.reshape(rows, edge, columns, edge).max(axis=(1, 3))]


def _parts(colour: str) -> tuple[float, ...]:
    """Return red, green and blue (0 to 1) of a colour ``#rrggbb``."""
    return tuple(value / 255 for value in rgb(colour))
