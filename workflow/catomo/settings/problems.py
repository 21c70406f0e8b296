"""Mistakes in settings as messages of one line: file, field, what was found, what is allowed."""

from __future__ import annotations

import difflib
import json
from typing import Any

from pydantic import BaseModel, ValidationError

from catomo.errors import printable


def lines_of(error: ValidationError, model: type[BaseModel], where: str) -> list[str]:
    """Return one line per problem of a failed validation.

    Parameters
    ----------
    error : ValidationError
    model : type of BaseModel
        The model that refused, to find the nearest known key.
    where : str
        What the line begins with: the file and, with a trailing dot, the block's key.
    """
    lines = []
    problems = error.errors()
    if any("classes" in problem["loc"] for problem in problems):
        # What contradicts the classes is only known when they are right.
        problems = [problem for problem in problems if problem["type"] != "contradiction"]
    for problem in problems:
        place = [str(part) for part in problem["loc"]]
        value = problem.get("input")
        if problem["type"] == "contradiction":  # found by the block: it says which key is meant
            place += problem["ctx"]["place"].split(".")
            value = problem["ctx"]["found"]
        dotted = ".".join(place)
        found = _short(value)
        if problem["type"] == "extra_forbidden":
            known = _keys_at(model, place[:-1])
            near = difflib.get_close_matches(place[-1], known, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
            lines.append(f"{where}{dotted}: unknown key; {hint}")
        elif problem["type"] == "missing":
            lines.append(f"{where}{dotted}: missing; give a value")
        else:
            lines.append(f"{where}{dotted}: found {found}; {_allowed(problem['msg'])}")
    return [printable(line) for line in lines]


def _short(value: object) -> str:
    """Return a value as JSON text, cut to 60 characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _allowed(message: str) -> str:
    """Return pydantic's message as an instruction: ``must be …`` for ``Input should be …``."""
    message = message.removeprefix("Value error, ")
    return message.replace("Input should be", "must be").replace("Input should", "must")


def _keys_at(model: type[BaseModel], place: list[str]) -> list[str]:
    """Return the keys known to the block at the dotted `place` inside `model`."""
    for part in place:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        field = fields.get(part)
        kinds = _models_in(field.annotation) if field else []
        if not kinds:
            return []
        model = kinds[0]
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models in a field's type, such as ``PhaseClass`` in ``list[PhaseClass]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models_in(inner)]
