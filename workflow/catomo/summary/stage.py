"""The summary: one page and one table with the numbers of all datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from catomo.files.tables import write_csv
from catomo.record.record import Record, committing
from catomo.summary.columns import columns_of
from catomo.summary.page import make_page
from catomo.summary.records import Results, Row, read_row
from catomo.summary.settings import Summary

_INTERVALS = ("low", "high", "sample_low", "sample_high")


def write_summary(
    output: Path | str, settings: Summary, reasons: Mapping[str, str] | None = None
) -> None:
    """Write ``summary.html``, ``summary.csv`` and the record ``summary.json``.

    Parameters
    ----------
    output : path
        The folder of results, which the records of all datasets lie in and the summary is written
        to; or the record in it.
    settings : Summary
        The datasets.
    reasons : mapping of str to str, optional
        Why stages have no record, by the path of the record below the folder of the workflow.
    """
    output = Path(output)
    results = Results(output.parent if output.suffix == ".json" else output)
    rows = [read_row(results, asked, reasons or {}) for asked in settings.datasets]
    rows.sort(key=lambda row: (not row.group, row.group, row.name))
    units = columns_of(rows)
    inputs: dict[str, Record | Path] = {
        f"{row.name}/{verb}": record for row in rows for verb, record in row.records.items()
    }
    with committing(output, "summary", settings, inputs) as out:
        header, cells = table_of(rows, list(units))
        write_csv(out.path("summary.csv"), header, cells)
        out.path("summary.html").write_text(make_page(rows, units), encoding="utf-8")
        out.record["units"] = units
        out.record["datasets"] = {
            row.name: {"state": row.state, "stage": row.stage, "line": row.line} for row in rows
        }


def table_of(rows: Sequence[Row], keys: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Return header and cells of the table, with the very numbers of the records.

    Unlike other tables it does not round: a person computes with it.
    """
    used = {
        f"{key}_{name}"
        for row in rows
        for key, value in row.values.items()
        for name in _INTERVALS
        if getattr(value, name) is not None
    }
    header = ["dataset", "title", "group", "state", "stage", "line", "verdict", "draft"]
    cells = [
        [r.name, r.title, r.group, r.state, r.stage, r.line, r.verdict, "yes" if r.draft else ""]
        for r in rows
    ]
    for key in keys:
        for name in ("value", *_INTERVALS):
            column = key if name == "value" else f"{key}_{name}"
            if name != "value" and column not in used:
                continue
            header.append(column)
            for row, of_row in zip(rows, cells, strict=True):
                number = getattr(row.values[key], name) if key in row.values else None
                of_row.append("" if number is None else repr(number))
    return header, cells
