"""Pictures that look alike and whose bytes depend on nothing but their content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# One colour for each purpose in all pictures. Colours of classes come from the configuration.
INK = "#20303c"
BEFORE = "#b0b7bd"
AFTER = "#0b6e99"
ALERT = "#c0392b"


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue (0 to 255) of a colour written as ``#rrggbb``."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def new_figure(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (8, 4.5), **kwargs: Any
) -> tuple[Figure, Any]:
    """Return a figure and its axes in catomo's style, drawn without a display.

    Parameters
    ----------
    rows, columns : int
        Number of axes.
    size : (float, float)
        Width and height in inches.
    **kwargs
        Passed to `matplotlib.pyplot.subplots`.

    Returns
    -------
    figure : Figure
    axes : Axes or array of Axes
        As `matplotlib.pyplot.subplots` returns them.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "font.size": 9,
            "axes.edgecolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "image.cmap": "gray",
        }
    )
    return plt.subplots(rows, columns, figsize=size, layout="constrained", **kwargs)


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` as PNG without time or software version, and close it."""
    import matplotlib.pyplot as plt

    figure.savefig(path, format="png", dpi=130, metadata={"Software": None})
    plt.close(figure)


def scale_bar(axes: Axes, pixel_size_nm: float, width_px: int) -> None:
    """Draw a scale bar of 1, 2 or 5 times a power of ten nm, at most a quarter of the width."""
    target = width_px * pixel_size_nm / 4
    power = 10.0 ** int(f"{target:e}".split("e")[1])
    length = max(step * power for step in (1, 2, 5) if step * power <= target)
    pixels = length / pixel_size_nm
    bottom, top = sorted(axes.get_ylim())
    y = top - 0.06 * (top - bottom)
    x = 0.04 * width_px
    axes.plot([x, x + pixels], [y, y], color="white", linewidth=3, solid_capstyle="butt")
    axes.text(
        x + pixels / 2, y - 0.02 * (top - bottom), f"{length:g} nm", color="white", ha="center"
    )
