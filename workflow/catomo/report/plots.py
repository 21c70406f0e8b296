"""Plots of the page: drawings that scale, each with its numbers as a table.

They are SVG inside the page, so they print sharply and take no file; the table is for those who
hear the page, and for whoever wants the numbers.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catomo import figures
from catomo.record.record import Record
from catomo.report.cells import significant
from catomo.settings.base import PhaseClass

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Pictures of the stages that a plot says better.
REPLACED = ("convergence.png", "rhd.png")

_SIZE = (6.4, 3.0)  # inches


@dataclass(frozen=True)
class Plot:
    """A drawing with its numbers.

    Attributes
    ----------
    title : str
        What it shows, in one sentence.
    svg : str
    header : list of str
    rows : list of list of str
    """

    title: str
    svg: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class _Lines:
    """Curves over common places: what is drawn, and what the table holds."""

    title: str
    across: str
    up: str
    places: Sequence[float]
    curves: Mapping[str, Sequence[float | None]]
    colours: Sequence[str] = (figures.AFTER, figures.ALERT)
    is_logarithmic: bool = False


def plots(record: Record, classes: Sequence[PhaseClass]) -> list[Plot]:
    """Return the plots of a stage, none for most."""
    drawn = _DRAWN.get(record.path.name)
    return drawn(record, classes) if drawn else []


def _shifts(record: Record, _: Sequence[PhaseClass]) -> list[Plot]:
    if "tilt_deg" not in record or "across_px" not in record:
        return []
    across = [shift + record.get("axis_offset_px", 0) for shift in record["across_px"]]
    lines = _Lines(
        "How far the specimen lay from the middle of each image, against the tilt.",
        "tilt / °", "distance / px", record["tilt_deg"],
        {"across the tilt axis": across, "along it": record["along_px"]},
    )  # fmt: skip
    return [_curves("shifts", lines)]


def _convergence(record: Record, _: Sequence[PhaseClass]) -> list[Plot]:
    passes = record.get("convergence", {})
    if not passes.get("residual"):
        return []
    count = len(passes["residual"])
    lines = _Lines(
        "What remains between projections and images (residual), and how much each pass changes "
        "the volume (change), as shares of the whole.",
        "pass", "share", range(1, count + 1),
        {"residual": passes["residual"], "change": passes.get("change") or [None] * count},
        is_logarithmic=True,
    )  # fmt: skip
    return [_curves("convergence", lines)]


def _hausdorff(record: Record, classes: Sequence[PhaseClass]) -> list[Plot]:
    """Return the paper's Figure 5: the robust Hausdorff distance against its percentile."""
    curves, colours, percentiles = {}, [], []
    for phase, colour in zip(classes, _line_colours(len(classes)), strict=True):
        distances = record.get("classes", {}).get(phase.name, {}).get("rhd_nm")
        if distances:
            percentiles = [float(percentile) for percentile in distances]
            curves[phase.title] = [entry["mean"] for entry in distances.values()]
            colours.append(colour)
    if not curves:
        return []
    lines = _Lines(
        "Robust Hausdorff distance (RHD) of boundaries against its percentile, mean of the images.",
        "percentile", "distance / nm", percentiles, curves, colours,
    )  # fmt: skip
    return [_curves("rhd", lines)]


def _diameters(record: Record, _: Sequence[PhaseClass]) -> list[Plot]:
    """Return how many particles there are of each size."""
    import numpy as np

    if "particles.csv" not in record.get("files", {}):
        return []
    with record.file("particles.csv").open(encoding="utf-8", newline="") as file:
        sizes = [float(row["diameter_nm"]) for row in csv.DictReader(file)]
    if len(sizes) < 2:
        return []
    counts, edges = np.histogram(sizes, "sturges")
    title = "How many particles there are of each diameter, those that the frame cuts included."
    figure, axes = figures.new_figure(1, 1, _SIZE)
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=figures.AFTER, edgecolor="w")
    axes.set_xlabel("diameter / nm")
    axes.set_ylabel("particles")
    rows = [
        [f"{significant(float(low))} to {significant(float(high))}", str(count)]
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    return [Plot(title, svg(figure, "diameters", title), ["diameter / nm", "particles"], rows)]


_DRAWN: dict[str, Callable[[Record, Sequence[PhaseClass]], list[Plot]]] = {
    "alignment.json": _shifts,
    "reconstruction.json": _convergence,
    "metrics.json": _hausdorff,
    "quantities.json": _diameters,
}


def _line_colours(count: int) -> list[str]:
    """Return colours of lines that differ; those of classes may be too pale for lines."""
    known = (figures.INK, figures.AFTER, figures.ALERT, "#8a5a00", "#6b4fa0", "#2e7d32")
    return [known[number % len(known)] for number in range(count)]


def _curves(name: str, lines: _Lines) -> Plot:
    figure, axes = figures.new_figure(1, 1, _SIZE)
    signs = ("o-", "s--", "^:", "d-.")
    for number, (words, values) in enumerate(lines.curves.items()):
        shown = [float("nan") if value is None else value for value in values]
        colour = lines.colours[number % len(lines.colours)]
        sign = signs[number % len(signs)]
        axes.plot(lines.places, shown, sign, color=colour, label=words, markersize=3, linewidth=1)
    axes.set_xlabel(lines.across)
    axes.set_ylabel(lines.up)
    if lines.is_logarithmic:
        axes.set_yscale("log")
    figure.legend(loc="outside upper right", ncols=len(lines.curves), frameon=False)
    columns = zip(*lines.curves.values(), strict=True)
    rows = [
        [f"{place:g}", *("–" if value is None else significant(value) for value in values)]
        for place, values in zip(lines.places, columns, strict=True)
    ]
    return Plot(lines.title, svg(figure, name, lines.title), [lines.across, *lines.curves], rows)


def svg(figure: Figure, name: str, title: str) -> str:
    """Return a figure as SVG for a page, and close it.

    Parameters
    ----------
    figure : Figure
    name : str
        A word before the ids in it: a page holds many drawings, and ids must differ.
    title : str
        What a screen reader says of it.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "catomo", "svg.fonttype": "none"}):
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(file, format="svg", metadata=metadata, transparent=True)
    plt.close(figure)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    label = html.escape(title, quote=True)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
