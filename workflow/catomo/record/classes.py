"""The classes of a record decide: settings that name others are refused, defaults give way."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError

from catomo.errors import UserError
from catomo.record.record import Record
from catomo.settings.base import DEFAULT_CLASSES, PhaseClass, Settings
from catomo.settings.problems import lines_of

S = TypeVar("S", bound=Settings)


def classes_in(record: Record) -> list[str] | None:
    """Return the names of the classes that a record speaks of; None if it names none.

    They are a list in the record of a prediction and keys of the scores of an evaluation. Other
    stages have them among their settings alone.
    """
    if "classes" in record:
        return [str(name) for name in record["classes"]]
    return [phase.name for phase in _described(record)] or None


def check_classes(record: Record, names: Sequence[str], way_out: str) -> None:
    """Check that a record speaks of classes of these names, or of none.

    Parameters
    ----------
    record : Record
    names : sequence of str
        Names of the classes in the settings.
    way_out : str
        How a person mends it.

    Raises
    ------
    UserError
        If it speaks of others, or of the same in another order.
    """
    recorded = classes_in(record)
    if recorded is not None and recorded != list(names):
        raise UserError(
            f"{record.path}: has the classes {', '.join(recorded)}, the settings name "
            f"{', '.join(names)}; {way_out}"
        )


def with_classes_of(record: Record, settings: S, way_out: str) -> S:
    """Return settings with the classes of a record.

    Titles and colours are the record's too, where it has them. The stages that show no class
    record names alone: then they are as of `shown_by_default`.

    Parameters
    ----------
    record : Record
    settings : Settings
        With a key ``classes``. Classes that were given there stay, and must be the record's.
    way_out : str
        As for `check_classes`.

    Raises
    ------
    UserError
        If the settings name other classes, or contradict those of the record.
    """
    described = _described(record)
    phases: list[PhaseClass] = getattr(settings, "classes")  # noqa: B009 - not in every model
    is_given = "classes" in settings.model_fields_set
    if is_given or not described or [p.name for p in described] != classes_in(record):
        check_classes(record, [phase.name for phase in phases], way_out)
        return settings
    model, given = type(settings), settings.model_dump(exclude_unset=True)
    try:
        return model.model_validate({**given, "classes": [p.model_dump() for p in described]})
    except ValidationError as error:
        problems = "; ".join(lines_of(error, model, ""))
        raise UserError(f"{record.path}: its classes contradict the settings: {problems}") from None


def shown_by_default(name: str, label: int) -> PhaseClass:
    """Return a class as it is shown where nobody gave it a title and a colour.

    It is the default class of that name, or else has its name for a title, and a colour by its
    label.
    """
    known = {phase.name: phase for phase in DEFAULT_CLASSES}
    return known.get(name) or PhaseClass(name=name, title=name, colour=_colour_of(label))


def _colour_of(label: int) -> str:
    """Return a colour that is unlike those of other labels: the hues go round in golden steps."""
    parts = colorsys.hsv_to_rgb(label * 0.618 % 1, 0.6, 0.8)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def _described(record: Record) -> list[PhaseClass]:
    """Return the classes in the settings of a record; empty if there are none."""
    classes = record.get("settings", {}).get("classes")
    try:
        return [
            PhaseClass.model_validate(
                {**shown_by_default(phase["name"], label).model_dump(), **phase}
            )
            for label, phase in enumerate(classes or [])
        ]
    except (ValidationError, TypeError, KeyError):
        return []
