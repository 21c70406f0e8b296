"""The head of the page: the verdict and the few figures that matter most, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catomo.record.record import Record
from catomo.report.cells import decimals, lookup, number, span
from catomo.report.words import quantity_in_words
from catomo.settings.base import PhaseClass

# Quantities of a class that stand at the head, where a record has them.
_QUANTITIES = (
    "porosity",
    "count",
    "diameter_d10",
    "diameter_d32",
    "contact_fraction",
    "loading",
)

_VERDICTS = {
    "pass": "The alignment passed all checks.",
    "warn": "The alignment has something to look at:",
    "stop": "The alignment cannot be trusted:",
}


@dataclass(frozen=True)
class HeadFigure:
    """One of the few figures at the head of the page, with the key of its record.

    Attributes
    ----------
    words, text : str
        What it is, and the figure.
    interval : str
        Its interval; empty where none is known.
    record, key : str
        The record that holds it, and where.
    digits : int
        Decimals.
    """

    words: str
    text: str
    interval: str
    record: str
    key: str
    digits: int


@dataclass(frozen=True)
class Verdict:
    """What the checks of the alignment say: ``pass``, ``warn`` or ``stop``, and why."""

    word: str
    sentence: str
    reasons: list[str]


def verdict_of(records: Mapping[str, Record]) -> Verdict | None:
    """Return the verdict on the alignment; None where nothing was aligned."""
    record = records.get("alignment.json")
    if record is None or "verdict" not in record:
        return None
    word = record["verdict"]
    return Verdict(word, _VERDICTS.get(word, ""), [str(r) for r in record.get("reasons", [])])


def head_figures(records: Mapping[str, Record], classes: Sequence[PhaseClass]) -> list[HeadFigure]:
    """Return the figures at the head of the page; those that no record holds are left out."""
    chosen = [
        ("reconstruction.json", "residual", "reconstruction residual", 3),
        *(
            ("metrics.json", f"classes.{phase.name}.dsc.mean", f"DSC {phase.title}", 3)
            for phase in classes[1:]
        ),
        ("metrics.json", "particles.f1", "particle F1", 3),
    ]
    figures = []
    for name, key, words, digits in chosen:
        if name in records and (value := lookup(records[name], key)) is not None:
            interval = _half_width(records[name], key, digits)
            text = number(value, digits)
            figures.append(HeadFigure(words, text, interval, name, key, digits))
    return [*figures, *_quantities(records, classes)]


def _half_width(record: Record, key: str, digits: int) -> str:
    """Return the 95 % interval of a mean, as what is added and taken away."""
    error = lookup(record, f"{key.rpartition('.')[0]}.ci95") if key.endswith(".mean") else None
    return "" if error is None else f"± {number(error, digits)}"


def _interval(ends: Sequence[float | None], digits: int) -> str:
    """Return the interval of a quantity: for this specimen, or else for the material."""
    for words, (low, high) in (("", ends[:2]), ("material: ", ends[2:])):
        if low is not None and high is not None:
            return f"{words}{span(low, high, digits)}"
    return "no interval is known"


def _quantities(
    records: Mapping[str, Record], classes: Sequence[PhaseClass]
) -> Iterator[HeadFigure]:
    record = records.get("quantities.json")
    if record is None:
        return
    titles = {phase.name: phase.title for phase in classes}
    for phase in classes[1:]:
        for suffix in _QUANTITIES:
            entry = record["quantities"].get(f"{phase.name}_{suffix}")
            if not entry or entry["value"] is None:
                continue
            unit = "" if entry["unit"] == "1" else f" {entry['unit']}"
            ends = [entry.get(end) for end in ("low", "high", "sample_low", "sample_high")]
            digits = decimals(entry["value"], *ends)
            yield HeadFigure(
                quantity_in_words(f"{phase.name}_{suffix}", titles),
                f"{number(entry['value'], digits)}{unit}",
                _interval(ends, digits),
                record.path.name,
                f"quantities.{phase.name}_{suffix}.value",
                digits,
            )
