"""The form of what records hold: a record of another form is damaged, and is not computed on."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catomo.errors import UserError
from catomo.stages import STAGES

# The key under which a record holds the sha256 of all the rest of it.
SEAL = "record_sha256"


def check_form(place: Path, content: dict[str, Any]) -> None:
    """Check that what is there of a record has the form in which a stage writes it.

    Raises
    ------
    UserError
        Naming the first key of another form.
    """
    for name, is_right in _FORMS.items():
        if name in content and not is_right(content[name]):
            found = json.dumps(content[name])
            found = found if len(found) <= 40 else f"{found[:37]}..."
            raise UserError(f"{place}: '{name}' is damaged (found {found}); {AGAIN}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return value is None or (_is_number(value) and 0 < value < math.inf)


def _are_blocks(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(block, dict) for block in value.values())


def _are_files(value: Any) -> bool:
    return _are_blocks(value) and all(isinstance(b.get("sha256", ""), str) for b in value.values())


def _are_inputs(value: Any) -> bool:
    verbs = [stage.verb for stage in STAGES]
    return _are_blocks(value) and all(b.get("stage", verbs[0]) in verbs for b in value.values())


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(_is_number(item) for item in value)


def _are_counts(value: Any) -> bool:
    return _are_numbers(value) and all(isinstance(n, int) and n >= 0 for n in value)


AGAIN = "delete it and run the stage again"

# The form of what all or many records hold.
_FORMS: dict[str, Callable[[Any], bool]] = {
    "code": lambda value: isinstance(value, str),
    "settings": lambda value: isinstance(value, dict),
    "inputs": _are_inputs,
    "files": _are_files,
    **dict.fromkeys(("pixel_size_nm", "missing_wedge_deg"), _is_size),
    "shape": lambda value: _are_counts(value) and len(value) == 3 and min(value) > 0,
    "names": lambda value: isinstance(value, list) and all(isinstance(n, str) for n in value),
    **dict.fromkeys(("suggested", "unrecorded_slices", "slices_left_out"), _are_counts),
    # How far the steps of an alignment came, or how many steps a training took.
    "steps": lambda value: (
        isinstance(value.get("known_alignment") or {}, dict)
        if isinstance(value, dict)
        else _is_number(value)
    ),
    "tilt_deg": _are_numbers,
    "order": _are_numbers,
    "axes": lambda value: isinstance(value, list),
    "classes": lambda value: isinstance(value, list | dict),
}


def seal_of(content: dict[str, Any]) -> str:
    """Return the sha256 of what a record says, whatever its lines, spaces and order of keys.

    Parameters
    ----------
    content : dict
        The record; its own seal does not count.
    """
    rest = {key: value for key, value in content.items() if key != SEAL}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_seal(place: Path, content: dict[str, Any]) -> None:
    """Check that a record says what its stage wrote; records of before have no seal.

    Raises
    ------
    UserError
        If anything in it was changed.
    """
    if SEAL in content and content[SEAL] != seal_of(content):
        raise UserError(
            f"{place}: was changed after its stage wrote it (its {SEAL} is of another content); "
            f"{AGAIN}"
        )
