"""The section of the stage `predict`: whether the model fits, and what accuracy to expect."""

from __future__ import annotations

from collections.abc import Sequence

from catomo.record.record import Record
from catomo.report.cells import Cell, Table, cell, lookup, number, span
from catomo.settings.base import PhaseClass

_FIGURES = {
    "grey": "mean grey",
    "bright": "grey that one pixel of a thousand exceeds",
    "noise": "noise, from pixel to pixel",
    "texture": "scatter of greys",
    "edge_z": "step of grey at edges along the beam",
    "edge_x": "step of grey at edges across the beam",
}
_HOW_EXPECTED = (
    "DSC to expect of all slices together, from the confidence and from how right it was on "
    "{images} {part} images that did not teach the network (specimens: {specimens}), with a 95 % "
    "interval for another specimen of the same kind."
)


def prediction(record: Record, classes: Sequence[PhaseClass]) -> tuple[list[str], list[Table]]:
    """Return the words and the tables of ``prediction.json``."""
    words = [shares(record, classes)]
    words += [f"Grey levels: {note}." for note in lookup(record, "levels.notes") or []]
    words += [text for text in (fit_warning(record), _fits(record)) if text]
    expected = _expected_table(record, classes)
    if expected.rows:
        part = {"validate": "validation", "test": "test"}[record["accuracy"]["part"]]
        words.append(_HOW_EXPECTED.format(**{**record["accuracy"], "part": part}))
    return words, [expected, _looks(record, classes)]


def shares(record: Record, classes: Sequence[PhaseClass]) -> str:
    """Return which share of all voxels each class has, in a sentence."""
    fractions = record["fractions"]
    parts = ", ".join(f"{p.title} {100 * fractions[p.name]:.2f} %" for p in classes)
    return f"Share of all voxels: {parts}."


def fit_warning(record: Record) -> str:
    """Return what is wrong between model and slices, and what to do; empty if nothing is."""
    warning = lookup(record, "fit.warning") or ""
    if named := record.get("annotate_next"):
        warning += f" Annotate {', '.join(named)} next, and train the model further."
    return warning


def _fits(record: Record) -> str:
    if lookup(record, "fit.judged") and not lookup(record, "fit.warning"):
        return "The slices look like those that taught the model."
    return ""


def _expected_table(record: Record, classes: Sequence[PhaseClass]) -> Table:
    """Return the DSC to expect of each class; empty where nothing is foretold."""
    rows = []
    for phase in classes:
        if one := lookup(record, f"expected_dsc.{phase.name}"):
            dsc = cell(record, f"expected_dsc.{phase.name}.dsc", 3)
            rows.append([Cell(phase.title), dsc, Cell(span(one["low"], one["high"], 3))])
    return Table(["class", "expected DSC", "95 % interval"], rows)


def _looks(record: Record, classes: Sequence[PhaseClass]) -> Table:
    """Return how each class looks here, and in the training slices of each dataset."""
    rows = []
    learnt = lookup(record, "fit.learnt") or []
    for figure, words in _FIGURES.items():
        for k, phase in enumerate(classes):
            # Predictions of before lack figures that came later.
            known = [one[figure][k] for one in learnt if figure in one]
            there = [value for value in known if value is not None]
            if (lookup(record, f"fit.appearance.{figure}") or [])[k:] and there:
                ends = sorted({number(min(there), 2), number(max(there), 2)}, key=float)
                rows.append(
                    [
                        Cell(f"{words}, {phase.title}"),
                        cell(record, f"fit.appearance.{figure}.{k}", 2),
                        Cell(" … ".join(ends)),
                    ]
                )
    if lookup(record, "fit.missing_wedge_deg") is not None:
        keys = "fit.missing_wedge_deg", "fit.learnt_missing_wedge_deg"
        rows.append([Cell("missing wedge / °"), *(cell(record, key, 1) for key in keys)])
    header = ["in grey levels", "these slices", "training slices"]
    return Table(header, rows, "How the slices look, beside those that taught the model")
