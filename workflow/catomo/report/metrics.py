"""The section of the stage `evaluate`: its scores as tables, the paper's beside them."""

from __future__ import annotations

from collections.abc import Sequence

from catomo.record.record import Record
from catomo.report.cells import Cell, Table, cell, lookup, span
from catomo.settings.base import PhaseClass

_OVERLAP = {"dsc": "DSC", "precision": "precision", "recall": "recall", "iou": "IoU"}


def metrics(record: Record, classes: Sequence[PhaseClass]) -> tuple[list[str], list[Table]]:
    """Return the words and the tables of ``metrics.json``."""
    words = [record["scope"]] + ([record["lacks"]] if "lacks" in record else [])
    words += [
        f"{title}: {record[part]['scope']}."
        for part, title in (("volume", "Volume"), ("particles", "Particles"))
        if part in record
    ]
    if "expected" in record:
        scope = record["expected"]["scope"]
        words.append(f"DSC to expect from the confidence, beside the measured: {scope}.")
    tables = [
        _score_table(record, classes),
        _expected_table(record, classes),
        _volume_table(record, classes),
        _particle_table(record),
        _confidence_table(record, classes),
    ]
    return words, tables


def _score_table(record: Record, classes: Sequence[PhaseClass]) -> Table:
    """Return the paper's Table 1 for this run, with the paper's own values where it has them."""
    rows = []
    for phase in classes:
        for measure, words in _OVERLAP.items():
            rows.append(_score_row(record, phase, measure, words))
        for percentile in record["classes"][phase.name].get("rhd_nm", ()):
            rows.append(_score_row(record, phase, f"rhd_nm.{percentile}", f"RHD {percentile} / nm"))
    header = ["class", "measure", "mean", "± 95 % CI (RHD: SE)", "median", "n", "two thresholds"]
    return Table([*header, "paper's catalyst"] if record["paper"] else header, rows)


def _score_row(record: Record, phase: PhaseClass, measure: str, words: str) -> list[Cell]:
    error, digits = ("se", 2) if measure.startswith("rhd_nm") else ("ci95", 3)
    key = f"classes.{phase.name}.{measure}"
    paper = f"paper.{phase.name}.{measure}"
    row = [
        Cell(phase.title),
        Cell(words),
        *(cell(record, f"{key}.{part}", digits) for part in ("mean", error, "median")),
        cell(record, f"{key}.n", 0),
        cell(record, f"baseline.thresholds.{phase.name}.{measure}", digits),
    ]
    if record["paper"]:
        row.append(cell(record, f"{paper}.mean", digits, error=f"{paper}.{error}"))
    return row


def _volume_table(record: Record, classes: Sequence[PhaseClass]) -> Table:
    """Return the scores of the whole volume, if its truth is known."""
    if "volume" not in record:
        return Table()
    percentiles = ("100", "95", "90")
    header = ["class, whole volume", *_OVERLAP.values(), *(f"RHD {p} / nm" for p in percentiles)]
    rows = []
    for phase in classes:
        key = f"volume.classes.{phase.name}"
        row = [cell(record, f"{key}.{score}", 3) for score in _OVERLAP]
        row += [cell(record, f"{key}.rhd_nm.{percentile}", 2) for percentile in percentiles]
        rows.append([Cell(phase.title), *row])
    return Table(header, rows)


def _expected_table(record: Record, classes: Sequence[PhaseClass]) -> Table:
    """Return the DSC that the confidence foretold beside the measured one."""
    parts = [("mean of the scored images", "expected.classes", "classes.{}.dsc.mean")]
    if "volume" in record:
        parts.append(("whole volume", "expected.volume", "volume.classes.{}.dsc"))
    rows = []
    for words, foretold, measured in parts:
        for phase in classes:
            one = lookup(record, f"{foretold}.{phase.name}")
            if one:
                dsc = cell(record, f"{foretold}.{phase.name}.dsc", 3)
                interval = Cell(span(one["low"], one["high"], 3))
                score = cell(record, measured.format(phase.name), 3)
                rows.append([Cell(f"{phase.title}, {words}"), dsc, interval, score])
    return Table(["class", "expected DSC", "95 % interval", "measured DSC"], rows)


def _particle_table(record: Record) -> Table:
    """Return how many particles were detected, in all and by size, if a class has particles."""
    if "particles" not in record:
        return Table()
    keys = [("particles", "all")]
    for k, size in enumerate(record["particles"]["by_size"]):
        low, high = size["from_nm"], size["to_nm"]
        words = f"{low:g} to {high:g} nm" if high is not None else f"{low:g} nm and more"
        keys.append((f"particles.by_size.{k}", words))
    counts = {"matched": 0, "missed": 0, "false": 0, "f1": 3}
    rows = []
    for key, words in keys:
        bias = f"{key}.size_bias_nm"
        row = [cell(record, f"{key}.{count}", digits) for count, digits in counts.items()]
        rows.append([Cell(words), *row, cell(record, f"{bias}.mean", 3, error=f"{bias}.ci95")])
    header = ["particles", "matched", "missed", "false", "F1", "error of the diameter / nm"]
    return Table(header, rows)


def _confidence_table(record: Record, classes: Sequence[PhaseClass]) -> Table:
    """Return the calibration error near boundaries and everywhere, with and without temperature."""
    if "confidence" not in record:
        return Table()
    places = {"near_boundary": "near boundaries", "everywhere": "everywhere"}
    parts = [("all classes", "")] + [(p.title, f".classes.{p.name}") for p in classes]
    rows = []
    for title, part in parts:
        keys = [f"confidence.{place}{part}" for place in places]
        cells = [
            cell(record, f"{key}.{error}", 3)
            for key in keys
            for error in ("ece", "ece_uncalibrated")
        ]
        rows.append([Cell(title), *cells])
    header = ["calibration error"]
    for words in places.values():
        header += [words, "without temperature"]
    return Table(header, rows)
