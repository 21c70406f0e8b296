"""Pictures of the stage `evaluate`: annotation, prediction and errors side by side."""

from __future__ import annotations

import numpy as np

from catomo.figures import new_figure, save, scale_bar
from catomo.labels.files import IGNORE

FALSE = "#e69f00"  # told apart from the others by colour-blind readers too
_WORDS = ("annotation", "prediction", "false negatives", "false positives")
_DOTS = 300  # at least, in which a picture of `comparison` is drawn


def comparison(path, rows, classes, pixel_size_nm: float, words=_WORDS) -> None:
    """Draw image, annotation, prediction, false negatives and positives (the paper's Figure 3).

    A wrong pixel is a false negative of its true class and a false positive of the class
    predicted; either map shows it in that class's colour, background left out, as a mark
    large enough to be seen.

    Parameters
    ----------
    path : path
    rows : list of (str, ndarray, ndarray, ndarray)
        Title (name, a line more), grey image, true and predicted labels (z, x).
    classes : list of PhaseClass
    pixel_size_nm : float
    words : sequence of str
        Titles of the four pictures beside the image.
    """
    height, width = rows[0][1].shape
    size = (13, len(rows) * (2.6 * height / width + 0.5) + 0.4)
    figure, grid = new_figure(len(rows), 5, size, squeeze=False)
    for axes, (title, image, truth, predicted) in zip(grid, rows, strict=True):
        axes[0].imshow(image, cmap="gray", vmin=0, vmax=255)
        axes[0].set_title(title, loc="left")
        scale_bar(axes[0], pixel_size_nm, width)
        wrong = (truth != predicted) & (truth != IGNORE)
        pictures = [
            _coloured(truth, classes),
            _coloured(predicted, classes),
            _errors(truth, wrong, classes),
            _errors(predicted, wrong, classes),
        ]
        for one, picture, word in zip(axes[1:], pictures, words, strict=True):
            one.imshow(picture, interpolation="nearest")
            one.set_title(word)
        for one in axes:
            one.set_axis_off()
    _legend(figure, classes)
    save(figure, path)


def unseen(path, columns, classes, pixel_size_nm: float) -> None:
    """Draw slices that nobody annotated above what was found in them (the paper's Figure 5).

    Parameters
    ----------
    path : path
    columns : list of (str, ndarray, ndarray)
        Name, grey image, predicted labels (z, x).
    classes : list of PhaseClass
    pixel_size_nm : float
    """
    height, width = columns[0][1].shape
    size = (3.2 * len(columns), 6.4 * height / width + 0.7)
    figure, grid = new_figure(2, len(columns), size, squeeze=False)
    for axes, (name, image, predicted) in zip(grid.T, columns, strict=True):
        axes[0].imshow(image, cmap="gray", vmin=0, vmax=255)
        axes[0].set_title(name)
        scale_bar(axes[0], pixel_size_nm, width)
        axes[1].imshow(_coloured(predicted, classes), interpolation="nearest")
        for one in axes:
            one.set_axis_off()
    _legend(figure, classes)
    save(figure, path)


def readable(colour: str) -> tuple[float, ...]:
    """Return a class colour dark enough for a line on white paper."""
    rgb = _rgb(colour)
    return tuple(0.6 * part for part in rgb) if min(rgb) > 0.6 else rgb


def _legend(figure, classes) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=phase.colour, label=phase.title) for phase in classes]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)


def _coloured(labels: np.ndarray, classes) -> np.ndarray:
    """Return labels as a colour image; what is not annotated is white."""
    palette = np.ones((256, 3))
    palette[: len(classes)] = [_rgb(phase.colour) for phase in classes]
    return palette[labels]


def _errors(labels: np.ndarray, wrong: np.ndarray, classes) -> np.ndarray:
    """Return wrong pixels in the readable colour of their material, all else nearly white.

    Made as coarse as the picture is drawn, a square taking the last class that is wrong in
    it: drawn in fewer dots than it has pixels, an image would lose single ones.
    """
    palette = np.full((256, 3), 0.96)
    palette[1 : len(classes)] = [readable(phase.colour) for phase in classes[1:]]
    shown = np.where(wrong, labels, 0)
    edge = -(-max(shown.shape) // _DOTS)
    shown = np.pad(shown, [(0, -n % edge) for n in shown.shape])
    rows, columns = (n // edge for n in shown.shape)
    return palette[shown.reshape(rows, edge, columns, edge).max(axis=(1, 3))]


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
