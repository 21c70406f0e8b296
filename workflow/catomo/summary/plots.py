"""The plot of a number over all datasets, as SVG whose bytes depend on nothing but its content."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from catomo.figures import AFTER, BEFORE, INK, new_figure
from catomo.summary.records import Row, Value
from catomo.summary.statistics import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NAMES = 40  # more datasets than these get no names beside their points
_WIDTH = 5.2  # inches
_OF_ROW = 0.22
_OF_ROW_WITHOUT_NAME = 0.06
_LONGEST_NAME = 28


def plot(rows: Sequence[Row], column: str, groups: Sequence[Group], axis: str) -> str:
    """Return the plot of a column as an SVG element.

    Each dataset is a point with its two intervals; a group has the line of its mean, and a band
    for its 95 % interval where it has one.

    Parameters
    ----------
    rows : sequence of Row
        Datasets that have a value in the column, from top to bottom.
    column : str
    groups : sequence of Group
    axis : str
        Label of the axis.
    """
    import matplotlib

    # Text stays text: it can be searched, and read aloud; a dollar sign in a name is no formula.
    # The salt makes the names of parts the same each time.
    style = {"svg.fonttype": "none", "svg.hashsalt": "catomo", "text.parse_math": False}
    with matplotlib.rc_context(style):
        figure = _figure(rows, column, groups, axis)
        written = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    matplotlib.pyplot.close(figure)
    text = written.getvalue()
    return text[text.index("<svg") :]


def _figure(rows: Sequence[Row], column: str, groups: Sequence[Group], axis: str) -> Figure:
    named = len(rows) <= _MOST_NAMES
    height = 0.75 + (_OF_ROW if named else _OF_ROW_WITHOUT_NAME) * max(len(rows), 2)
    figure, axes = new_figure(size=(_WIDTH, height))
    _draw_values(axes, [row.values[column] for row in rows])
    for group in groups:
        _draw_group(axes, group, [n for n, row in enumerate(rows) if row.group == group.name])
    axes.set_xlim(_limits([row.values[column] for row in rows], groups))
    labels = [_short(row.name) for row in rows] if named else []
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(axis)
    axes.tick_params(axis="y", length=0)
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.locator_params(axis="x", nbins=6)
    return figure


def _draw_values(axes: Axes, values: Sequence[Value]) -> None:
    """Draw the values, each with its two intervals, one below the other."""
    for names, width, colour in (
        (("sample_low", "sample_high"), 1.0, INK),
        (("low", "high"), 4.0, BEFORE),
    ):
        ends = [[getattr(value, name) for name in names] for value in values]
        known = [(number, *pair) for number, pair in enumerate(ends) if None not in pair]
        if known:
            axes.hlines(*zip(*known, strict=True), color=colour, linewidth=width, zorder=2)
    places = range(len(values))
    axes.plot([v.value for v in values], places, "o", color=INK, markersize=4, zorder=3)


def _draw_group(axes: Axes, group: Group, numbers: Sequence[int]) -> None:
    top, bottom = min(numbers) - 0.4, max(numbers) + 0.4
    axes.vlines(group.mean, top, bottom, color=AFTER, linewidth=1.5, zorder=1)
    if group.low is not None and group.high is not None:
        axes.fill_betweenx(
            [top, bottom], group.low, group.high, color=AFTER, alpha=0.15, linewidth=0, zorder=0
        )
    beside = axes.get_yaxis_transform()
    middle = (top + bottom) / 2
    axes.text(1.01, middle, _short(group.name), transform=beside, va="center", color=AFTER)


def _limits(values: Sequence[Value], groups: Sequence[Group]) -> tuple[float, float]:
    """Return the ends of the axis: all datasets, and as much of the bands as leaves room for them.

    The interval of two crystals may be twenty times as wide as all values together.
    """
    ends = [
        end
        for v in values
        for end in (v.value, v.low, v.high, v.sample_low, v.sample_high)
        if end is not None
    ]
    low, high = min(ends), max(ends)
    room = 0.5 * (high - low) or 0.05 * abs(high) or 1.0
    lows = [group.low for group in groups if group.low is not None]
    highs = [group.high for group in groups if group.high is not None]
    left = max(min([low, *lows]), low - room)
    right = min(max([high, *highs]), high + room)
    margin = 0.05 * (right - left) or room
    return left - margin, right + margin


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
