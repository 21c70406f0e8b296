"""A person's decisions on particles, one by one, as the page of a dataset exports them.

A decision names its particle by where it is and how large, and the labels by their sha256: it can
never meet another particle than the one that was looked at.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError, printable
from catomo.labels.particles import Instances
from catomo.labels.settings import Particles
from catomo.progress import say
from catomo.surfaces.divide import divided
from catomo.surfaces.particles import find_pieces

ACCEPT, SPLIT, REJECT = "accept", "split", "reject"
_WORDS = (ACCEPT, SPLIT, REJECT)
_COLUMNS = ("particle", "decision", "x_nm", "y_nm", "z_nm", "diameter_nm", "labels_sha256")
_WAY_OUT = "export the decisions again from the page of the labels of now, or leave review empty"

# How far a centre or a diameter may be from what the page said, which has six digits.
_NEAR_PX, _NEAR_SHARE = 0.02, 1e-4

_FACES = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))


@dataclass(frozen=True)
class Decision:
    """A row of a review: what is to become of one particle.

    Attributes
    ----------
    line : int
        Its line in the file.
    word : str
        `ACCEPT`, `SPLIT` or `REJECT`.
    place : ndarray
        Centre (x, y, z) and diameter in nm.
    cells : tuple of str
        The row as it was read, without the sha256.
    """

    line: int
    word: str
    place: np.ndarray
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Review:
    """All decisions, in the order of the file."""

    path: Path
    decisions: list[Decision]


@dataclass(frozen=True)
class Reviewed:
    """Labels and particles after a review.

    Attributes
    ----------
    labels : ndarray of uint8, (y, z, x)
        Rejected particles have the class that surrounds them.
    pieces : Instances
        All pieces, without rejected ones, and with the parts of divided ones.
    marks : dict of int to str
        The word for each piece that was accepted or is a part of a divided one.
    record : dict
        For the record of the stage.
    """

    labels: np.ndarray
    pieces: Instances
    marks: dict[int, str]
    record: dict[str, Any]


def read_review(path: Path | str, labels_sha256: str) -> Review:
    """Read the decisions on the particles of some labels.

    Parameters
    ----------
    path : path
        A table as the page exports it; an office program may have saved it with semicolons.
    labels_sha256 : str
        Of the labels that they are to be applied to.

    Raises
    ------
    UserError
        If it is no such table, or was made for other labels.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a review ({printable(str(error))})") from None
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    rows = csv.DictReader(text.splitlines(), delimiter=separator)
    lacking = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if lacking:
        raise UserError(
            f"{path}: is no review: its header lacks {', '.join(lacking)}; take the file that the "
            "page exports"
        )
    decisions = []
    for row in rows:
        if any(row.values()):
            decisions.append(_decision(row, f"{path} line {rows.line_num}", rows.line_num))
            if row["labels_sha256"] != labels_sha256:
                raise UserError(
                    f"{path}: was made for other labels (labels_sha256 "
                    f"{printable(str(row['labels_sha256']))[:12]}…) than those of now "
                    f"({labels_sha256[:12]}…); {_WAY_OUT}"
                )
    return Review(path, decisions)


def _decision(row: Mapping[str, str], where: str, line: int) -> Decision:
    if row["decision"] not in _WORDS:
        raise UserError(
            f"{where}, decision: found '{printable(str(row['decision']))}'; allowed are "
            f"{', '.join(_WORDS)}; correct the word or delete the line"
        )
    place = []
    for column in _COLUMNS[2:6]:
        try:
            place.append(float((row[column] or "").replace(",", ".")))
        except ValueError:
            place.append(np.nan)
        if not np.isfinite(place[-1]):
            raise UserError(
                f"{where}, {column}: found '{printable(str(row[column]))}', which is no number; "
                "take the line as the page exported it"
            )
    cells = tuple(row[column] for column in _COLUMNS[:2]) + tuple(f"{n:.6g}" for n in place)
    return Decision(line, row["decision"], np.array(place), cells)


def apply_review(
    review: Review,
    labels: np.ndarray,
    names: Sequence[str],
    rule: Particles,
    pixel_size_nm: float,
) -> Reviewed:
    """Find the particles that a review is about, apply it, and say what came of it.

    Parameters
    ----------
    review : Review
    labels : ndarray of uint8, (y, z, x)
    names : sequence of str
        Names of the classes in the order of their label values.
    rule : Particles
        What counts as one particle.
    pixel_size_nm : float

    Raises
    ------
    UserError
        If no class consists of particles, or as of `reviewed`.
    """
    if not rule.phase:
        raise UserError(
            f"{review.path}: decides on particles, but particles.phase is null; name the class "
            "of the particles, or leave review empty"
        )
    phase = list(names).index(rule.phase)
    pieces = find_pieces(labels, phase, rule.split_depth_px)
    after = reviewed(labels, phase, pieces, pixel_size_nm, review)
    became = after.record["rejected_became"]
    after.record["rejected_became"] = {names[int(n)]: count for n, count in became.items()}
    counts = after.record["counts"]
    diameters = after.pieces.diameters()
    small = sum(
        diameters[n] < rule.smallest_diameter_px for n, w in after.marks.items() if w == SPLIT
    )
    if small:
        after.record["parts_too_small"] = int(small)
        say(
            f"surfaces: review: {small} parts of divided particles are smaller than "
            f"particles.smallest_diameter_px ({rule.smallest_diameter_px:g}) and do not count"
        )
    say(
        f"surfaces: review: {counts[ACCEPT]} accepted, {counts[SPLIT]} divided, "
        f"{counts[REJECT]} rejected"
    )
    return after


def reviewed(
    labels: np.ndarray, phase: int, pieces: Instances, pixel_size_nm: float, review: Review
) -> Reviewed:
    """Apply a review to labels and to the pieces that were found in them.

    Particles are divided first, in the order of the file, so that parts can be divided, accepted
    or rejected as well.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    phase : int
        Label of the class of the particles.
    pieces : Instances
    pixel_size_nm : float
    review : Review

    Raises
    ------
    UserError
        If a decision names a particle that is not there, or one that has a decision already.
    """
    ids = pieces.ids.copy()
    groups = pieces.groups.copy()
    marks: dict[int, str] = {}
    places = _places(pieces, ids, len(groups)) * pixel_size_nm
    in_order = sorted(review.decisions, key=lambda decision: decision.word != SPLIT)
    for decision in in_order:
        number = _found(decision, places, pixel_size_nm, review.path)
        if marks.get(number, SPLIT) != SPLIT:
            raise UserError(
                f"{review.path} line {decision.line}: particle {decision.cells[0]} has the "
                f"decision '{marks[number]}' already; keep one of the lines"
            )
        marks[number] = decision.word
        if decision.word == SPLIT:
            own = np.flatnonzero(ids == number)
            if len(own) < 2:
                raise UserError(
                    f"{review.path} line {decision.line}: particle {decision.cells[0]} has one "
                    "voxel and cannot be divided; take the line out"
                )
            ids[own[divided(pieces.voxels[own])]] = len(groups)
            marks[len(groups)] = SPLIT
            groups = np.append(groups, groups[number])
            places = _places(pieces, ids, len(groups)) * pixel_size_nm
    rejected = [number for number, word in marks.items() if word == REJECT]
    labels, became = _without(labels, phase, [pieces.voxels[ids == n] for n in rejected])
    kept = ~np.isin(ids, rejected)
    after, renumbered = _renumbered(pieces, ids, groups, kept)
    words = {renumbered[n]: word for n, word in marks.items() if word != REJECT}
    counts = Counter(decision.word for decision in review.decisions)
    record = {
        "counts": {word: counts[word] for word in _WORDS},
        "rejected_became": became,
        "rows": [decision.cells for decision in review.decisions],
    }
    return Reviewed(labels, after, words, record)


def _places(pieces: Instances, ids: np.ndarray, count: int) -> np.ndarray:
    """Return centre (x, y, z) and diameter of each piece in px."""
    now = Instances(pieces.voxels, ids, pieces.shape, count, np.zeros(count, np.int64))
    return np.column_stack([now.centres()[:, [2, 0, 1]], now.diameters()])


def _found(decision: Decision, places: np.ndarray, pixel_size_nm: float, path: Path) -> int:
    """Return the number of the piece that a decision means."""
    allowed = _NEAR_PX * pixel_size_nm + _NEAR_SHARE * np.abs(decision.place)
    is_there = (np.abs(places - decision.place) <= allowed).all(axis=1)
    if not is_there.any():
        x, y, z, diameter = decision.cells[2:]
        raise UserError(
            f"{path} line {decision.line}: found no particle of {diameter} nm at x {x}, y {y}, "
            f"z {z} nm; particles were found by other settings when the page was made; {_WAY_OUT}"
        )
    return int(np.flatnonzero(is_there)[0])


def _without(
    labels: np.ndarray, phase: int, rejected: list[np.ndarray]
) -> tuple[np.ndarray, dict[str, int]]:
    """Return labels in which each piece has the class around it, and how many became which."""
    if not rejected:
        return labels, {}
    labels = labels.copy()
    shape = np.array(labels.shape)
    became: Counter[str] = Counter()
    for voxels in rejected:
        beside = np.concatenate([voxels + step for step in _FACES])
        beside = beside[((beside >= 0) & (beside < shape)).all(axis=1)]
        around = labels[tuple(beside.T)]
        around = around[around != phase]
        value = int(np.bincount(around).argmax()) if len(around) else 0
        labels[tuple(voxels.T)] = value
        became[str(value)] += 1
    return labels, dict(became)


def _renumbered(
    pieces: Instances, ids: np.ndarray, groups: np.ndarray, kept: np.ndarray
) -> tuple[Instances, dict[int, int]]:
    """Return the pieces that are kept, in the order of their first voxel, and their numbers."""
    used, first = np.unique(ids[kept], return_index=True)
    order = used[np.argsort(first)]
    rank = np.full(len(groups), -1)
    rank[order] = np.arange(len(order))
    after = Instances(pieces.voxels[kept], rank[ids[kept]], pieces.shape, len(order), groups[order])
    return after, {int(number): int(rank[number]) for number in order}
