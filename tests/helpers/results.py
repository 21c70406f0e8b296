"""Folders of results as a run leaves them: records that name one another, without the big files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catomo.record.hashes import sha256_of
from catomo.stages import record_path
from helpers.records import rewrite

# What each stage reads, by the word in its record.
_READS = {
    "simulate": (),
    "align": ("simulate",),
    "reconstruct": ("align", "simulate"),
    "slices": ("reconstruct",),
    "predict": ("slices",),
    "evaluate": ("predict", "slices"),
    "surfaces": ("predict",),
    "report": ("align", "reconstruct", "slices", "predict", "evaluate", "surfaces"),
}
STAGES = " ".join(_READS)
CLASSES = [
    {"name": "background", "title": "vacuum", "colour": "#20303c"},
    {"name": "support", "title": "Ceria", "colour": "#c9ced2"},
    {"name": "gold", "title": "Au", "colour": "#d4a017"},
]


def quantity(value: float, half: float | None = None, sample: float | None = None) -> dict:
    """Return a quantity with intervals of these half widths."""
    return {
        "value": value,
        "low": None if half is None else value - half,
        "high": None if half is None else value + half,
        "sample_low": None if sample is None else value - sample,
        "sample_high": None if sample is None else value + sample,
        "unit": "nm",
        "method": "by hand",
    }


def write_record(root: Path, verb: str, name: str, **content: Any) -> Path:
    """Write the record of a stage below ``root/results``, made from those that lie there."""
    path = root / record_path(verb, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs = {}
    for before in _READS[verb]:
        source = root / record_path(before, name)
        if source.is_file():
            inputs[before] = {"stage": before, "sha256": sha256_of(source)}
    common = {"stage": verb, "catomo": "0", "code": "c", "settings": {}, "versions": {}}
    rewrite(path, {**common, "inputs": inputs, "files": {}, **content})
    return path


def write_dataset(
    root: Path, name: str, quantities: dict[str, dict], dsc: float = 0.9, stop_before: str = ""
) -> None:
    """Write the records of a dataset up to a stage, or all."""
    scores = {"mean": dsc, "low": dsc - 0.01, "high": dsc + 0.01}
    contents: dict[str, dict[str, Any]] = {
        "align": {"verdict": "pass"},
        "reconstruct": {"residual": 0.125 + dsc / 100},
        "evaluate": {"classes": {c["name"]: {"dsc": scores} for c in CLASSES}},
        "surfaces": {"quantities": quantities, "settings": {"classes": CLASSES}},
    }
    for verb in _READS:
        if verb == stop_before:
            return
        write_record(root, verb, name, **contents.get(verb, {}))
