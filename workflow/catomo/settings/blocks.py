"""Blocks of ``key: value``: read from YAML, and merged key by key."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from catomo.errors import UserError


def read_blocks(path: Path | str, advice: str) -> dict[str, Any]:
    """Read a YAML file of blocks.

    Parameters
    ----------
    path : path
    advice : str
        What to do if the file cannot be read, as the end of the message.

    Raises
    ------
    UserError
        If the file cannot be read, is not YAML, or does not hold blocks.
    """
    try:
        text = Path(path).read_text()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path}: {reason}; {advice}") from None
    return parse_blocks(text, str(path))


def parse_blocks(text: str, where: str) -> dict[str, Any]:
    """Return the blocks in a text of YAML or JSON; empty text gives no block.

    Parameters
    ----------
    text : str
    where : str
        Where the text comes from, as the beginning of a message.

    Raises
    ------
    UserError
        If the text is not YAML, or does not hold blocks.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "not readable"
        raise UserError(f"{where}{place}: not valid YAML ({reason})") from None
    if content is not None and not isinstance(content, dict):
        found = json.dumps(content, default=str)[:40]
        raise UserError(f"{where}: found {found}; must be 'key: value' blocks")
    return content or {}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of `base` in which the values of `over` replace those of the same key.

    Where both hold a block, the two blocks are merged in the same way.
    """
    result = copy.deepcopy(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result
