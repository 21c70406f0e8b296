"""The base of all settings models, and the classes of the segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from catomo.stages import Stage

_TITLE = "name used in pictures and text"
_COLOUR = "colour in pictures"
_RRGGBB = r"^#[0-9a-fA-F]{6}$"


class Settings(BaseModel):
    """A block of the configuration: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("classes", check_fields=False)
    @classmethod
    def _each_class_has_a_name_of_its_own(cls, classes: list[ClassName]) -> list[ClassName]:
        names = [phase.name for phase in classes]
        repeated = [name for name in names if names.count(name) > 1]
        if repeated:
            raise ValueError(f"'{repeated[0]}' is the name of several classes; give each its own")
        return classes


def key(default: Any, meaning: str, unit: str = "", **limits: Any) -> Any:
    """Return a field with its default, its meaning in one sentence, unit and limits.

    `limits` are pydantic's: ``ge``, ``gt``, ``le``, ``lt``, ``min_length``, ``pattern``; so is
    ``exclude``.
    """
    return Field(default, description=meaning, json_schema_extra={"unit": unit}, **limits)


def settings_model(stage: Stage) -> type[Settings]:
    """Return the model of a stage's settings, importing the stage's package."""
    return getattr(import_module(f"catomo.{stage.word}.settings"), stage.settings)


class ClassName(Settings):
    """A class of the segmentation to a stage that shows none; its place is its label value.

    What pictures and text show of a class may be given here too. It is checked and dropped, so
    that the stage does not run again for a colour.
    """

    name: str = key(..., "name used in tables, files and JSON keys", pattern=r"^[a-z][a-z0-9_]*$")
    title: str | None = key(None, _TITLE, min_length=1, exclude=True)
    colour: str | None = key(None, _COLOUR, unit="#rrggbb", pattern=_RRGGBB, exclude=True)

    @field_validator("title", "colour")
    @classmethod
    def _dropped(cls, shown: str) -> str | None:
        return None if cls is ClassName else shown


class PhaseClass(ClassName):
    """One class of the segmentation; its place in the list is its label value."""

    title: str = key(..., _TITLE, min_length=1)
    colour: str = key(..., _COLOUR, unit="#rrggbb", pattern=_RRGGBB)


# Label 0 is always what is not material; 255 is never a class: it means "not annotated".
DEFAULT_CLASSES = [
    PhaseClass(name="background", title="background and pores", colour="#20303c"),
    PhaseClass(name="alumina", title="γ-alumina", colour="#c9ced2"),
    PhaseClass(name="pt", title="Pt", colour="#c0392b"),
]


def classes_key(classes: Sequence[ClassName] = DEFAULT_CLASSES) -> Any:
    """Return the field for the list of classes, which several stages use."""
    return Field(
        list(classes),
        description="classes in the order of their label values, background first",
        json_schema_extra={"unit": ""},
        min_length=2,
        max_length=16,
    )


def class_names_key() -> Any:
    """Return the field for the list of classes of a stage that shows none of them."""
    return classes_key([ClassName(name=phase.name) for phase in DEFAULT_CLASSES])


def names_in(data: dict[str, Any]) -> list[str]:
    """Return the names of the classes in settings that are not validated yet.

    The list is empty where no classes are given, or some have no name: then there is nothing
    to go by, and the validation of the classes themselves finds the mistake.
    """
    classes = data.get("classes")
    names = [
        phase.get("name") if isinstance(phase, dict) else getattr(phase, "name", None)
        for phase in (classes if isinstance(classes, list) else [])
    ]
    texts = [name for name in names if isinstance(name, str)]
    return texts if len(texts) == len(names) else []


def with_default(data: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """Return settings that are not validated yet with another default at a dotted place.

    What is given there, or in a block that is no block, stays as it is.
    """
    name, _, rest = place.partition(".")
    if not rest:
        return data if name in data else {**data, name: value}
    block = data.get(name, {})
    if isinstance(block, dict):
        return {**data, name: with_default(block, rest, value)}
    if isinstance(block, Settings) and rest not in block.model_fields_set:
        return {**data, name: block.model_copy(update={rest: value})}
    return data


def check_is_class(place: str, name: str | None, classes: Sequence[ClassName]) -> None:
    """Check that a setting names a class of material, or none.

    Raises
    ------
    PydanticCustomError
        Naming the setting by its dotted `place`.
    """
    materials = [phase.name for phase in classes][1:]
    if name is not None and name not in materials:
        allowed = f"must be one of the classes {', '.join(materials)}, or null for none"
        raise contradiction(place, name, allowed)


def contradiction(place: str, found: Any, allowed: str) -> PydanticCustomError:
    """Return the error of a setting that contradicts another one of its block.

    Parameters
    ----------
    place : str
        Dotted key of the setting inside the block.
    found : Any
        Its value.
    allowed : str
        What is allowed, and what to do.
    """
    context = {"place": place, "found": found, "allowed": allowed}
    return PydanticCustomError("contradiction", "{allowed}", context)
