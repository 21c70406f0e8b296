"""The classes of a record decide: settings that name others are refused, defaults give way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from catomo.errors import UserError
from catomo.record.record import Record
from catomo.settings.base import PhaseClass, Settings
from catomo.settings.problems import lines_of

S = TypeVar("S", bound=Settings)


def classes_in(record: Record) -> list[str] | None:
    """Return the names of the classes that a record speaks of; None if it names none.

    They are a list in the record of a prediction and keys of the scores of an evaluation. Other
    stages have them among their settings alone.
    """
    if "classes" in record:
        return [str(name) for name in record["classes"]]
    described = _described(record)
    return [phase["name"] for phase in described] if described else None


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
    """Return settings with the names, titles and colours of a record's classes.

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
    if is_given or not described or [p["name"] for p in described] != classes_in(record):
        check_classes(record, [phase.name for phase in phases], way_out)
        return settings
    model, given = type(settings), settings.model_dump(exclude_unset=True)
    try:
        return model.model_validate({**given, "classes": described})
    except ValidationError as error:
        problems = "; ".join(lines_of(error, model, ""))
        raise UserError(f"{record.path}: its classes contradict the settings: {problems}") from None


def _described(record: Record) -> list[dict[str, Any]]:
    """Return the classes as the settings of a record describe them; empty if they do not."""
    classes = record.get("settings", {}).get("classes")
    try:
        phases = [PhaseClass.model_validate(phase) for phase in classes or []]
    except (ValidationError, TypeError):
        return []
    return [phase.model_dump() for phase in phases]
