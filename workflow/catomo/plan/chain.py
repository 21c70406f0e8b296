"""Whether a folder of results is whole: every record, every file, and what was made from what.

A record holds the sha256 of each of its files, and of the records that it was made from. So from
the page of a dataset back to its tilt series each result names the very one before it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from catomo.errors import UserError
from catomo.record.hashes import sha256_of
from catomo.record.listed import made_before, pruned
from catomo.record.record import Record, read_record
from catomo.stages import RECORDS, STAGES, stage_of

AGAIN = "run snakemake again"

_FOLDERS = {stage.verb: stage.folder for stage in STAGES}
# Under these words a record names the training of a model of the table. The model of a prediction
# may have been trained elsewhere.
_OF_TABLE = "training"


@dataclass
class Found:
    """What is in a folder of results.

    Attributes
    ----------
    problems : dict of str to str
        One line each, by what is wrong with which path.
    records : list of Record
        Those that can be read.
    files, let_go : int
        Files that were looked at, and files that are gone on purpose.
    """

    problems: dict[str, str] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    files: int = 0
    let_go: int = 0


def look_through(folder: Path) -> Found:
    """Read all records below a folder, all files that they list, and follow the chain."""
    found = Found()
    for path in sorted(folder.rglob("*.json")):
        verbs = [verb for verb, name in RECORDS.items() if name == path.name]
        if not verbs or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            record = read_record(path, *verbs)
            record["files"]  # a record without it is damaged
            found.records.append(record)
        except UserError as error:
            found.problems[str(path)] = str(error)
    for names in sorted(folder.rglob(".*.files")):
        stage = names.name[1 : -len(".files")]
        if stage in RECORDS and made_before(names.parent, stage):
            path = names.parent / RECORDS[stage]
            if not path.is_file():
                found.problems[str(path)] = (
                    f"{path}: was made before and is missing; {AGAIN}, or delete its folder if "
                    "the table asks for it no more"
                )
    for record in found.records:
        _look_at_files(record, found)
    _follow(found)
    return found


def _look_at_files(record: Record, found: Found) -> None:
    """Note each file of a record that is missing or changed."""
    let_go = pruned(record.folder)
    for name in record["files"]:
        found.files += 1
        if name in let_go and not (record.folder / name).exists():
            found.let_go += 1
            continue
        try:
            record.file(name)
        except UserError as error:
            found.problems[str(record.folder / name)] = str(error)
        except OSError as error:
            found.problems[str(record.folder / name)] = (
                f"{error.filename}: cannot be read ({error.strerror})"
            )


def _follow(found: Found) -> None:
    """Note each record that is missing, or another one than what was made from it says."""
    missing: dict[Path, list[str]] = defaultdict(list)
    changed: dict[Path, list[str]] = defaultdict(list)
    for record in found.records:
        for word, entry in record.get("inputs", {}).items():
            if "stage" not in entry:
                continue
            place, is_there, is_same = source_of(record, word, entry)
            if place is None or is_same:
                continue
            (changed if is_there else missing)[place].append(str(record.path))
    for place, users in missing.items():
        found.problems.setdefault(
            str(place), f"{place}: is missing, but {_and(users)} made from it; {AGAIN}"
        )
    for place, users in changed.items():
        found.problems.setdefault(
            str(place),
            f"{place}: is another one than {_and(users)} made from; delete "
            f"{', '.join(sorted(users))} and {AGAIN}",
        )


def source_of(record: Record, word: str, entry: dict[str, str]) -> tuple[Path | None, bool, bool]:
    """Return where the workflow keeps a record that another was made from.

    Returns
    -------
    place : path, optional
        None where the folders are not those of the workflow, so that nothing is known.
    is_there, is_same : bool
        Whether it is there, and whether it is the one that was read.
    """
    stage = stage_of(entry["stage"])
    of_owner = record.folder.parent
    if record["stage"] == "summary":
        root = record.folder
    elif record.folder.name != _FOLDERS.get(record["stage"]):
        return None, False, False
    else:
        root = of_owner.parent.parent if of_owner.parent.name == "models" else of_owner.parent
    below = Path(stage.folder, stage.record)
    sha256 = entry.get("sha256")
    if stage.per_model:
        models = sorted(root.glob(f"models/*/{below.as_posix()}"))
        if same := [path for path in models if sha256_of(path) == sha256]:
            return same[0], True, True
        is_known = word == _OF_TABLE and root.name == "results"
        return (root / "models" / "*" / below if is_known else None), bool(models), False
    owner = root / word.partition("/")[0] if "/" in word else of_owner
    place = owner / below
    if place.is_file():
        return place, True, sha256_of(place) == sha256
    return (place if root.name == "results" else None), False, False


def _and(users: list[str]) -> str:
    """Return the names of results with their verb."""
    return f"{', '.join(sorted(users))} {'was' if len(users) == 1 else 'were'}"
