"""The text of an RO-Crate, and what becomes of it when files of the folder are let go.

A crate may list only files that are there. A file that was let go stays in it as a thing that a
stage made, with its sha256, and is no longer a part of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

NAME = "ro-crate-metadata.json"
_LET_GO = "Let go with 'catomo prune'; the stage that made it makes it again to the same bytes."


def write_text(folder: Path, content: dict[str, Any], let_go: Collection[str] = ()) -> Path:
    """Write what describes a folder, as a whole or not at all.

    Parameters
    ----------
    folder : path
    content : dict
        A JSON-LD of RO-Crate; it is changed.
    let_go : collection of str
        Names of files that are not there on purpose, as the crate has them.

    Returns
    -------
    path
        The file written.
    """
    names = {name: f"#{name}" for name in let_go}
    for entity in content["@graph"]:
        if entity["@id"] == "./":
            entity["hasPart"] = [p for p in entity.get("hasPart", []) if p["@id"] not in names]
        if entity["@id"] in names:
            entity.update({"@type": "CreativeWork", "description": _LET_GO})
            entity.setdefault("name", entity["@id"])
    text = json.dumps(_renamed(content, names), indent=1, ensure_ascii=False, sort_keys=True)
    target = folder / NAME
    partial = target.with_name(f".{NAME}.partial")
    partial.write_text(text + "\n", encoding="utf-8")
    return partial.replace(target)


def without(folder: Path, let_go: Collection[str]) -> None:
    """Write again what describes a folder, if anything does, after files of it were let go."""
    try:
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
        write_text(folder, content, let_go)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return  # there is none, or it is damaged: the page is made with another one


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Return a value in which entities bear other names."""
    if isinstance(value, dict):
        return {
            key: names.get(item, item)
            if key == "@id" and isinstance(item, str)
            else _renamed(item, names)
            for key, item in value.items()
        }
    return [_renamed(item, names) for item in value] if isinstance(value, list) else value
