"""The base of all settings models, and the classes of the segmentation."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from catomo.stages import Stage


class Settings(BaseModel):
    """A block of the configuration: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def key(default: Any, meaning: str, unit: str = "", **limits: Any) -> Any:
    """Return a field with its default, its meaning in one sentence, unit and limits.

    `limits` are pydantic's: ``ge``, ``gt``, ``le``, ``lt``, ``min_length``, ``pattern``.
    """
    return Field(default, description=meaning, json_schema_extra={"unit": unit}, **limits)


def settings_model(stage: Stage) -> type[Settings]:
    """Return the model of a stage's settings, importing the stage's package."""
    return getattr(import_module(f"catomo.{stage.word}.settings"), stage.settings)


class PhaseClass(Settings):
    """One class of the segmentation; its place in the list is its label value."""

    name: str = key(..., "name used in tables, files and JSON keys", pattern=r"^[a-z][a-z0-9_]*$")
    title: str = key(..., "name used in pictures and text", min_length=1)
    colour: str = key(..., "colour in pictures", unit="#rrggbb", pattern=r"^#[0-9a-fA-F]{6}$")


# Label 0 is always what is not material; 255 is never a class: it means "not annotated".
DEFAULT_CLASSES = [
    PhaseClass(name="background", title="background and pores", colour="#20303c"),
    PhaseClass(name="alumina", title="γ-alumina", colour="#c9ced2"),
    PhaseClass(name="pt", title="Pt", colour="#c0392b"),
]


def classes_key() -> Any:
    """Return the field for the list of classes, which several stages use."""
    return Field(
        DEFAULT_CLASSES,
        description="classes in the order of their label values, background first",
        json_schema_extra={"unit": ""},
        min_length=2,
        max_length=16,
    )
