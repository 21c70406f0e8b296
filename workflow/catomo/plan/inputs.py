"""The files of a person that a stage reads: their fingerprints, and whether results fit them."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.files.angles import side_files
from catomo.files.folders import split_member
from catomo.record.hashes import fingerprint, fingerprint_of_labels, sha256_of
from catomo.record.record import Record, identity
from catomo.stages import record_path
from catomo.train.settings import Train

if TYPE_CHECKING:
    from catomo.plan.datasets import Dataset
    from catomo.plan.plan import Plan


def fingerprint_of(dataset: Dataset, column: str) -> str:
    """Return what changes when the files that a column of the table names change.

    It is empty for an empty column, and the word itself for the labels ``truth``.
    """
    given = getattr(dataset, column)
    if not given or given == "truth":
        return given
    path, _ = split_member(os.path.expandvars(given))
    if column == "labels":
        return fingerprint_of_labels(path)
    if column == "path" and dataset.source == "tilt_series":
        return " ".join(fingerprint(file) for file in [path, *files_beside(path)])
    return fingerprint(path)


def fingerprint_of_named(place: str) -> str:
    """Return the fingerprint of the file or folder that a setting names; empty for none.

    The angles beside an IMOD transform (``.xf``) count, because they are compared with those
    of the series.
    """
    if not place:
        return ""
    path = Path(os.path.expandvars(place))
    angles = path.with_suffix(".tlt")
    beside = [angles] if path.suffix == ".xf" and angles.is_file() else []
    return " ".join(fingerprint(file) for file in [path, *beside])


def files_beside(path: Path) -> list[Path]:
    """Return the files that a tilt series is read together with and that lie outside it.

    They are the angle files of its name, and the other half of a ``.ser`` or ``.emi``. The other
    files of a set of OME files belong to the fingerprint of each (`catomo.record.hashes`).
    """
    found = [file for file in side_files(path) if path not in file.parents]
    if path.suffix.lower() in (".ser", ".emi"):
        stem = path.stem if path.suffix.lower() == ".emi" else path.stem.rpartition("_")[0]
        halves = path.parent.glob(f"{glob.escape(stem)}*")
        found += [p for p in halves if p.suffix.lower() in (".ser", ".emi") and p != path]
    return sorted(found)


def changed_inputs(record: Record, dataset: Dataset, plan: Plan) -> list[str]:
    """Return what a result was made from and what is no longer as it was then.

    Parameters
    ----------
    record : Record
        Of a stage of the dataset, or of the training of its model.
    dataset : Dataset
    plan : Plan

    Returns
    -------
    list of str
        Files of a person, and records of other stages.
    """
    changed = []
    for word, recorded in record["inputs"].items():
        now = _record_now(word, recorded, dataset, plan)
        if now is None:
            now = _file_now(word, recorded, dataset, plan)
        try:
            if now and not _same_content(now, recorded, word.endswith("labels")):
                changed.append(str(now))
        except FileNotFoundError:
            pass  # a record that is gone; a file of a person is a problem of its row already
    if record["stage"] == "align":
        changed += _changed_alignment(record, "apply", "known_alignment")
        changed += _changed_alignment(record, "review", "review")
    if record["stage"] == "surfaces" and bool(dataset.review) != ("review" in record["inputs"]):
        changed.append("column review")
    return changed


def _changed_alignment(record: Record, key: str, step: str) -> list[str]:
    """Return the file of a setting that an alignment was made with, if it is another one now."""
    used = record["steps"].get(step)
    path = str(record["settings"].get(key) or "")
    if not used or not path or not Path(os.path.expandvars(path)).is_file():
        return []
    return [] if sha256_of(os.path.expandvars(path)) == used.get("sha256") else [path]


def _same_content(path: Path, recorded: dict[str, str], are_labels: bool) -> bool:
    """Return whether a file or folder holds what a record says; its name does not count."""
    if "stage" in recorded:
        return sha256_of(path) == recorded.get("sha256")
    now = identity(path, are_labels)
    return all(now.get(key) == recorded.get(key) for key in ("sha256", "fingerprint"))


def _record_now(word: str, recorded: dict[str, str], dataset: Dataset, plan: Plan) -> Path | None:
    """Return the record that a stage would read now under a word; None if it is no record."""
    if "stage" not in recorded:
        return None
    name = dataset.name
    if word == "init_from":
        name = plan.teacher(dataset.model)
    elif recorded["stage"] == "train":
        name = dataset.model
    elif "/" in word:
        name = word.partition("/")[0]
    return Path(record_path(recorded["stage"], name)) if name else None


def _file_now(word: str, recorded: dict[str, str], dataset: Dataset, plan: Plan) -> Path | None:
    """Return the file or folder of a person that a stage would read now under a word."""
    if "stage" in recorded:
        return None
    owner, _, kind = word.rpartition("/")
    if kind == "angles":
        given = [Path(os.path.expandvars(dataset.angles))] if dataset.angles else []
        files = given or side_files(Path(os.path.expandvars(dataset.path)))
        return next((file for file in files if file.name == recorded.get("file")), None)
    if kind == "init_from":
        named = plan.settings_as(Train, dataset.model).init_from
    else:
        columns = dict.fromkeys(("specimen", "series", "stack", "segmentation"), "path")
        named = getattr(plan.datasets.get(owner, dataset), columns.get(kind, kind), "")
    return Path(os.path.expandvars(named)) if named and named != "truth" else None
