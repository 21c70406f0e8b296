"""The page of all datasets: a row for each, then each number with its groups."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from catomo.report.cells import significant
from catomo.summary.columns import column_of, in_words
from catomo.summary.records import Row


def make_page(rows: Sequence[Row], units: Mapping[str, str]) -> str:
    """Return the page as HTML, with all plots inside.

    Parameters
    ----------
    rows : sequence of Row
        The datasets, in the order of the table.
    units : mapping of str to str
        The unit of each column.
    """
    import jinja2

    shown = [column_of(rows, key, unit) for key, unit in units.items()]
    columns = [column for column in shown if column]
    template = Path(__file__).with_name("summary.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": significant, "span": _span}
    return environment.from_string(template).render(
        rows=rows,
        columns=columns,
        heads={column.key: in_words(column.key, rows) for column in columns},
        incomplete=[row for row in rows if row.state != "complete"],
        groups=sorted({row.group for row in rows if row.group}),
        alike=_alike(rows),
        noted=_noted(rows),
        comparisons=sum(bool(not d.why) for c in columns for d in c.differences),
    )


def _span(low: float | None, high: float | None) -> str:
    """Return an interval in words, with as many digits as its ends need to differ."""
    if low is None or high is None:
        return ""
    digits = next((n for n in range(4, 10) if f"{low:.{n}g}" != f"{high:.{n}g}"), 4)
    return f"{low:.{digits}g} … {high:.{digits}g}"


def _alike(rows: Sequence[Row]) -> list[str]:
    """Return the names of groups that differ in capitals, spaces and hyphens alone."""
    same: dict[str, set[str]] = {}
    for row in rows:
        plain = re.sub(r"[\s_-]", "", row.group.casefold())
        same.setdefault(plain, set()).add(row.group)
    return [", ".join(sorted(names)) for names in same.values() if len(names) > 1]


def _noted(rows: Sequence[Row]) -> list[str]:
    """Return what a person should know of datasets whose numbers enter the statistics."""
    noted = []
    for row in rows:
        if not row.values:
            continue
        notes = [f"alignment {row.verdict}"] if row.verdict not in ("", "pass") else []
        notes += ["draft model"] if row.draft else []
        surfaces = row.records.get("surfaces")
        notes += ["doubtful areas of particles"] if surfaces and surfaces.get("doubts") else []
        notes += [row.state] if row.state != "complete" else []
        if notes:
            noted.append(f"{row.name} ({', '.join(notes)})")
    return noted
