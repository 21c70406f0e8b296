"""Cells of the report's tables: a rounded number with the key of the record it comes from."""

from __future__ import annotations


def cell(record: dict, key: str, digits: int = 3, unit: str = "", error: str = "") -> dict:
    """Return a table cell for the dotted `key` of a record, with an uncertainty at `error`."""
    text = number(lookup(record, key), digits)
    if error and lookup(record, error) is not None:
        text += f" ± {number(lookup(record, error), digits)}"
    return {"text": f"{text} {unit}".strip(), "key": key, "digits": digits}


def lookup(record: dict, key: str):
    """Return the value at a dotted key, or None if there is none; a number is a list's index."""
    value = record
    for part in key.split("."):
        if isinstance(value, list):
            value = dict(enumerate(value)).get(int(part))
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def number(value, digits: int = 3) -> str:
    """Return a number as the page prints it: `digits` decimals, – for none."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    if value and abs(value) < 10**-digits:
        return f"{value:.2g}"
    return f"{value:.{digits}f}"


def plain_table(record: dict, rows: list[tuple]) -> dict:
    """Return a two-column table from (words, key, digits, unit); absent keys are left out."""
    return {
        "header": [],
        "rows": [
            [{"text": words}, cell(record, key, digits, unit)]
            for words, key, digits, unit in rows
            if lookup(record, key) is not None
        ],
    }
