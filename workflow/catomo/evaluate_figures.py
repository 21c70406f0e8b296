"""Pictures of the stage `evaluate`: images side by side, distances, the confusion matrix."""

from __future__ import annotations

import numpy as np

from catomo.figures import AFTER, INK, new_figure, save, scale_bar
from catomo.metrics import NOT_ANNOTATED

_MISSED, _FALSE = AFTER, "#e69f00"  # told apart by colour-blind readers too


def comparison(path, rows, classes, pixel_size_nm: float) -> None:
    """Draw image, annotation, prediction and each class's errors (the paper's Figure 3).

    Parameters
    ----------
    path : path
    rows : list of (str, ndarray, ndarray, ndarray)
        Title, grey image, true and predicted labels (z, x).
    classes : list of PhaseClass
    pixel_size_nm : float
    """
    columns = 2 + len(classes)
    height, width = rows[0][1].shape
    size = (2.6 * columns, len(rows) * (2.6 * height / width + 0.35) + 0.4)
    figure, grid = new_figure(len(rows), columns, size, squeeze=False)
    for axes, (title, image, truth, predicted) in zip(grid, rows, strict=True):
        axes[0].imshow(image, cmap="gray", vmin=0, vmax=255)
        axes[0].set_title(title, loc="left")
        scale_bar(axes[0], pixel_size_nm, width)
        axes[1].imshow(_coloured(truth, classes))
        axes[1].set_title("annotation")
        axes[2].imshow(_coloured(predicted, classes))
        axes[2].set_title("prediction")
        for label, phase in enumerate(classes[1:], start=1):
            axes[2 + label].imshow(_errors(truth, predicted, label))
            axes[2 + label].set_title(f"errors in {phase.title}")
        for one in axes:
            one.set_axis_off()
    from matplotlib.patches import Patch

    handles = [Patch(color=phase.colour, label=phase.title) for phase in classes]
    handles += [Patch(color=_MISSED, label="missed"), Patch(color=_FALSE, label="false")]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    save(figure, path)


def rhd(path, summary: dict, classes, paper: dict) -> None:
    """Draw the robust Hausdorff distance against its percentile, the paper's beside it."""
    figure, axes = new_figure(size=(6, 4))
    for phase in classes[1:]:
        table = summary[phase.name]["rhd_nm"]
        percentiles = [int(p) for p in table]
        mean = np.array([entry["mean"] for entry in table.values()])
        error = np.array([entry["se"] for entry in table.values()])
        median = [entry["median"] for entry in table.values()]
        colour = _readable(phase.colour)
        axes.errorbar(
            percentiles, mean, error, color=colour, marker="o", capsize=3, label=phase.title
        )
        axes.plot(percentiles, median, color=colour, linestyle=":", label=f"{phase.title}, median")
        published = paper.get(phase.name, {}).get("rhd_nm", {})
        if published:
            value, half = np.array(list(published.values())).T
            axes.errorbar(
                list(published), value, half, color=colour, marker="s", linestyle="none",
                markerfacecolor="white", alpha=0.6, label=f"{phase.title}, Genc et al. 2022",
            )  # fmt: skip
    axes.set(xlabel="percentile of the edge distances", ylabel="distance / nm (mean ± SE)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    save(figure, path)


def confusion(path, matrix: np.ndarray, classes) -> None:
    """Draw the confusion matrix of all images together, each row in per cent of its class."""
    share = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    edge = 1.3 * len(classes) + 1.6
    figure, axes = new_figure(size=(edge + 0.6, edge))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(matrix.shape):
        axes.text(
            column,
            row,
            f"{share[row, column]:.2f} %\n{matrix[row, column]:,} px".replace(",", "\u202f"),
            ha="center",
            va="center",
            color="white" if share[row, column] > 55 else INK,
        )
    titles = [phase.title.replace(" and ", "\nand ") for phase in classes]
    ticks = range(len(classes))
    axes.set_xticks(ticks, titles)
    axes.set_yticks(ticks, titles, rotation=90, va="center", multialignment="center")
    axes.set(xlabel="prediction", ylabel="annotation")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    save(figure, path)


def _coloured(labels: np.ndarray, classes) -> np.ndarray:
    """Return labels as a colour image; what is not annotated is white."""
    palette = np.ones((256, 3))
    palette[: len(classes)] = [_rgb(phase.colour) for phase in classes]
    return palette[labels]


def _errors(truth: np.ndarray, predicted: np.ndarray, label: int) -> np.ndarray:
    """Return one class as a colour image: found in grey, missed and false in colour."""
    true, found = truth == label, predicted == label
    picture = np.full((*truth.shape, 3), 0.96)
    picture[truth == NOT_ANNOTATED] = 1
    picture[true & found] = 0.8
    picture[true & ~found] = _rgb(_MISSED)
    picture[~true & found & (truth != NOT_ANNOTATED)] = _rgb(_FALSE)
    return picture


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _readable(colour: str) -> tuple[float, ...]:
    """Return a class colour dark enough for a line on white paper."""
    rgb = _rgb(colour)
    return tuple(0.6 * part for part in rgb) if min(rgb) > 0.6 else rgb
