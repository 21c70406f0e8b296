"""The files that a stage has made: its hidden list of them, what is missing, what was let go.

Beside its record a stage keeps the names of its files in ``.<stage>.files``, so that after a kill
in the middle of the renaming the next run can tell these files from a person's own. Files that
a person let go with `catomo prune` stand in ``pruned.json`` with their sha256: they are not there
on purpose. Only the standard library is needed: the workflow looks at all stages at each start.
"""

# A start looks at thousands of files, and os is several times quicker than pathlib.
# ruff: noqa: PTH208

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from catomo.errors import UserError
from catomo.stages import RECORDS

PRUNED = "pruned.json"


def list_of(folder: Path, stage: str) -> Path:
    """Return the hidden file in which a stage lists what it made in a folder."""
    return folder / f".{stage}.files"


def listed(folder: Path, stage: str) -> set[str]:
    """Return the names that a stage lists as made by it, its record's name among them.

    Where the folder was copied without its hidden files, the record has them.

    Raises
    ------
    UserError
        If one of them lies outside of the folder: a rerun removes what it lists.
    """
    path = list_of(folder, stage)
    lines = _lines(path)
    for number, name in enumerate(lines, 1):
        if not lies_inside(folder, name):
            raise UserError(
                f"{path} line {number}: names '{name}', which lies outside of {folder}; "
                "delete that line and run again"
            )
    return set(lines) or _names_of_record(folder, stage)


def restore_list(folder: Path, stage: str) -> None:
    """Write the hidden list of a stage that has a record but no list.

    So it is where a folder was copied without its hidden files. Snakemake removes a record before
    it runs the stage again, and the stage could not tell its own files from a person's then.
    """
    names = set() if list_of(folder, stage).exists() else _names_of_record(folder, stage)
    if names:
        with suppress(OSError):  # where nothing may be written, no stage runs either
            write_list(folder, stage, names)


def write_list(folder: Path, stage: str, names: set[str]) -> None:
    """Write the hidden list of a stage; a process that is killed leaves it as it was, or whole."""
    text = "".join(f"{name}\n" for name in sorted(names))
    path = list_of(folder, stage)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8", errors="surrogateescape")
    partial.replace(path)


def lies_inside(folder: Path, name: str) -> bool:
    """Return whether a name leads to a place inside a folder, also through links in between."""
    if not name or "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        return False
    parent = Path(name).parent
    if str(parent) == ".":
        return Path(name).name != ""
    with suppress(OSError, RuntimeError):  # a loop of links leads nowhere
        return (folder / parent).resolve().is_relative_to(folder.resolve())
    return False


def pruned(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what was let go of a stage's files on purpose, with ``sha256`` and ``bytes`` of each.

    A file of it that is damaged counts as none: then the files are made again.
    """
    try:
        files = json.loads((folder / PRUNED).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    is_right = isinstance(files, dict) and all(isinstance(entry, dict) for entry in files.values())
    return files if is_right else {}


def write_pruned(folder: Path, stage: str, files: dict[str, dict[str, Any]]) -> None:
    """Write which of a stage's files a person lets go, before they are removed."""
    content = {"stage": stage, "files": dict(sorted(files.items()))}
    path = folder / PRUNED
    temporary = path.with_name(f".{PRUNED}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def made_before(folder: Path, stage: str) -> bool:
    """Return whether a stage has ever written its record into a folder."""
    return RECORDS[stage] in _lines(list_of(folder, stage))


def missing_files(folder: Path, stage: str) -> list[str]:
    """Return the names of files that a stage made in a folder and that are no longer there.

    What was let go on purpose is not missing. The record itself does not count.
    """
    names = set(_lines(list_of(folder, stage))) or _names_of_record(folder, stage)
    names.discard(RECORDS[stage])
    there: dict[str, set[str]] = {}
    missing = []
    for name in names:
        below, _, last = name.rpartition("/")
        if below not in there:
            try:
                there[below] = set(os.listdir(folder / below if below else folder))
            except OSError:
                there[below] = set()
        if last not in there[below]:
            missing.append(name)
    if not missing:
        return []
    let_go = pruned(folder)
    return sorted(n for n in missing if n not in let_go and lies_inside(folder, n))


def _lines(path: Path) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _names_of_record(folder: Path, stage: str) -> set[str]:
    """Return the names that a stage's record lists, and its own; none where there is no record."""
    path = folder / RECORDS[stage]
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {*content["files"], path.name} if content["stage"] == stage else set()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()
    return {name for name in names if lies_inside(folder, name)}
