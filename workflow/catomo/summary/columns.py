"""One number over all datasets: its name in words, its groups, its plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catomo.report.words import quantity_in_words
from catomo.summary.plots import plot
from catomo.summary.records import Row
from catomo.summary.statistics import (
    Difference,
    Group,
    Spread,
    differences_of,
    group_of,
    spread_of,
    standard_error,
)

NO_GROUP = "without a group"


@dataclass(frozen=True)
class Column:
    """What the page shows of one number over all datasets.

    Attributes
    ----------
    key : str
        Its name in the table, and in the record of its stage.
    words, unit : str
    methods : list of str
        How its values were made; several where that differs between datasets.
    plot : str
        An SVG element.
    groups : list of Group
        One, without a name, where the datasets are in no groups.
    spread : Spread, optional
    differences : list of Difference
    without : int
        Number of pairs of groups of which both have one crystal, so that nothing can be said.
    left_out : list of str
        Names of datasets that are in no group though others are.
    """

    key: str
    words: str
    unit: str
    methods: list[str]
    plot: str
    groups: list[Group]
    spread: Spread | None
    differences: list[Difference]
    without: int
    left_out: list[str]


def columns_of(rows: Sequence[Row]) -> dict[str, str]:
    """Return the unit of each column that any dataset has, in the order of the stages."""
    units: dict[str, str] = {}
    for row in rows:
        for key, value in row.values.items():
            units[key] = units.get(key) or value.unit
    order = {key: (_place(key), number) for number, key in enumerate(units)}
    return {key: units[key] for key in sorted(units, key=order.__getitem__)}


def _place(key: str) -> int:
    """Return the place of scores before quantities: a dataset without labels has none."""
    return 0 if key == "residual" else 1 if key.startswith("dsc_") else 2


def column_of(rows: Sequence[Row], key: str, unit: str) -> Column | None:
    """Return what the page shows of a column; None if no dataset has a number there."""
    there = [row for row in rows if key in row.values and row.values[key].value is not None]
    if not there:
        return None
    shown = sorted(there, key=lambda row: (not row.group, row.group, row.values[key].value))
    names = list(dict.fromkeys(row.group for row in shown))
    grouped = [name for name in names if name] or [""]
    values: dict[str, list[float]] = {}
    groups = []
    for name in grouped:
        members = [row.values[key] for row in shown if row.group == name]
        values[name] = [value.value for value in members]
        errors = [standard_error(value.sample_low, value.sample_high) for value in members]
        groups.append(group_of(name, values[name], errors))
    words = in_words(key, rows)
    return Column(
        key=key,
        words=words,
        unit=unit,
        methods=list(dict.fromkeys(m for row in shown if (m := row.values[key].method))),
        plot=plot(shown, key, groups, f"{words} ({unit})" if unit not in ("", "1") else words),
        groups=groups,
        spread=spread_of(values),
        differences=differences_of(values),
        without=math.comb(sum(group.n == 1 for group in groups), 2),
        left_out=[row.name for row in shown if row.group not in grouped],
    )


def in_words(key: str, rows: Sequence[Row]) -> str:
    """Return a column's name in words: with the title of its class where all datasets agree on it.

    A dataset that stopped before its titles were recorded has a say in none.
    """
    if key == "residual":
        return "residual of the reconstruction"
    told = {_with_title(key, row.titles) for row in rows if key in row.values and row.titles}
    if len(told) == 1:
        return told.pop()
    return _with_title(key, {})


def _with_title(key: str, titles: Mapping[str, str]) -> str:
    """Return a column's name in words with the titles of one dataset's classes."""
    if key.startswith("dsc_"):
        name = key.removeprefix("dsc_")
        return f"DSC {titles.get(name, name)}"
    return quantity_in_words(key, titles)
