"""The particles of a dataset for its page: a table to sort, and what a review needs to know."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catomo.record.record import Record
from catomo.report.cells import decimals, number

# Columns of ``particles.csv`` that the page shows where they are there, with their headings.
_SHOWN = {
    "id": "particle",
    "diameter_nm": "diameter / nm",
    "volume_nm3": "volume / nm³",
    "location": "place",
    "contact_fraction": "surface in contact",
    "spacing_nm": "gap to the nearest / nm",
    "whole": "in the frame",
    "probability": "probability",
    "review": "reviewed",
}


@dataclass(frozen=True)
class Value:
    """What stands in a cell, and the number by which it is sorted."""

    text: str
    sorted_by: str


@dataclass(frozen=True)
class Row:
    """A particle.

    Attributes
    ----------
    id : str
        Its number in ``particles.csv``.
    cells : list of Value
    words : str
        What is said beside its pictures.
    where : str
        Centre and diameter in nm as a list in JSON, by which a review finds it again.
    """

    id: str
    cells: list[Value]
    words: str
    where: str


@dataclass(frozen=True)
class ParticleTable:
    """The table of the page, and what its script needs.

    Attributes
    ----------
    header : list of str
    rows : list of Row
    earlier : list of str
        Decisions of the review that the table was made with, as lists in JSON.
    data : dict
    """

    header: list[str]
    rows: list[Row]
    earlier: list[str]
    data: dict[str, Any]


def particle_table(records: Mapping[str, Record], dataset: str) -> ParticleTable | None:
    """Return the particles of a dataset; None if its surfaces were not made or hold none.

    Parameters
    ----------
    records : mapping of str to Record
        The records of the stages by their file names.
    dataset : str
    """
    surfaces = records.get("quantities.json")
    labelled = records.get("prediction.json") or records.get("segmentation.json")
    if surfaces is None or not surfaces.has("particles.csv"):
        return None
    with surfaces.file("particles.csv").open(encoding="utf-8", newline="") as file:
        particles = list(csv.DictReader(file))
    if not particles:
        return None
    shown = {name: words for name, words in _SHOWN.items() if any(p.get(name) for p in particles)}
    size = surfaces["pixel_size_nm"]
    labels = labelled["files"].get("labels.tif", {}) if labelled else {}
    return ParticleTable(
        header=list(shown.values()),
        rows=[_row(particle, shown) for particle in particles],
        earlier=[json.dumps(row) for row in surfaces.get("review", {}).get("rows", [])],
        data={
            "dataset": dataset,
            "pixelSizeNm": size,
            "labelsSha256": labels.get("sha256", ""),
            "boxes": {particle["id"]: _box(particle, size) for particle in particles},
        },
    )


def _row(particle: Mapping[str, str], shown: Mapping[str, str]) -> Row:
    sure = particle.get("probability")
    words = (
        f"Diameter {_rounded(particle['diameter_nm'])} nm, volume "
        f"{_rounded(particle['volume_nm3'])} nm³, centre at x {_rounded(particle['x_nm'])}, "
        f"y {_rounded(particle['y_nm'])}, z {_rounded(particle['z_nm'])} nm. "
        + (
            f"Probability that it is one: {_rounded(sure)}."
            if sure
            else "Labels alone do not tell how probable it is."
        )
    )
    where = [particle[name] for name in ("x_nm", "y_nm", "z_nm", "diameter_nm")]
    cells = [Value(_rounded(particle[name]), particle[name]) for name in shown]
    return Row(particle["id"], cells, words, json.dumps(where))


def _rounded(text: str) -> str:
    """Return a number with three significant digits; words stay as they are."""
    try:
        return text if text.isdigit() else number(float(text), decimals(float(text)))
    except ValueError:
        return text or "–"


def _box(particle: Mapping[str, str], pixel_size_nm: float) -> dict[str, Sequence[int]]:
    """Return the first and the last voxel of a particle along x, y and z."""
    low, high = (
        ([int(particle[f"{axis}_{end}_px"]) for axis in "xyz"] for end in ("from", "to"))
        if "x_from_px" in particle
        else _about(particle, pixel_size_nm)
    )
    return {"low": low, "high": high}


def _about(particle: Mapping[str, str], pixel_size_nm: float) -> tuple[list[int], list[int]]:
    """Return the box around a ball of the same volume, for tables without boxes."""
    radius = float(particle["diameter_nm"]) / 2
    centre = [float(particle[f"{axis}_nm"]) for axis in "xyz"]
    low, high = (
        [round((place + sign * radius) / pixel_size_nm) for place in centre] for sign in (-1, 1)
    )
    return low, high
