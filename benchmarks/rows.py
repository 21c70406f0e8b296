"""Rows of a benchmark that is taken up again: a file with one JSON object on each line."""

from __future__ import annotations

import json
from pathlib import Path


def read(path: Path) -> list[dict]:
    """Return the rows that are there; none without the file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def add(path: Path, rows: list[dict], row: dict) -> None:
    """Append a row to the file and to the list."""
    with path.open("a") as file:
        file.write(json.dumps(row, default=lambda value: value.tolist()) + "\n")
    rows.append(row)
