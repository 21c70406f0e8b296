"""The whole configuration: `config/config.yaml` as one typed model, a block per stage."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from pydantic import BaseModel, Field, ValidationError, create_model, model_validator

from catomo.settings.base import PhaseClass, Settings, classes_key, key, settings_model
from catomo.stages import STAGES, Stage


class _Classes(Settings):
    """The classes alone, to see whether they are right."""

    classes: list[PhaseClass] = classes_key()


class _Common(Settings):
    """The keys that do not belong to a single stage."""

    datasets: str = key("config/datasets.tsv", "table of the datasets, relative to where you run")
    classes: list[PhaseClass] = classes_key()
    overrides: dict[str, dict[str, dict[str, Any]]] = key(
        {},
        "settings of one dataset (or, for train, of one model): overrides.<dataset>.<stage>.<key>",
    )

    @model_validator(mode="before")
    @classmethod
    def _classes_for_every_block(cls, data: Any) -> Any:
        """Give the common classes to each block, because its other keys must fit them."""
        if not isinstance(data, dict) or "classes" not in data:
            return data
        try:
            _Classes.model_validate({"classes": data["classes"]})
        except ValidationError:
            return data
        data = dict(data)
        for verb, (word, *inner) in BLOCKS.items():
            block = data.get(word, {})
            if isinstance(block, dict) and not inner and "classes" in SETTINGS[verb].model_fields:
                data[word] = {"classes": data["classes"], **block}
        return data


# The model of the settings of each verb.
SETTINGS: dict[str, type[Settings]] = {stage.verb: settings_model(stage) for stage in STAGES}


def _by_word() -> dict[str, list[Stage]]:
    """Return the entries of the table of stages that share a word."""
    return {word: list(stages) for word, stages in groupby(STAGES, lambda stage: stage.word)}


# The place of each verb's settings in the configuration. Where a stage has several verbs, each
# has a block inside the block of the stage.
BLOCKS: dict[str, tuple[str, ...]] = {
    stage.verb: (word,) if len(stages) == 1 else (word, stage.verb)
    for word, stages in _by_word().items()
    for stage in stages
}


def _field(model: type[Settings]) -> Any:
    return (model, Field(model(), description=model.__doc__))


def _block(stages: list[Stage]) -> type[Settings]:
    """Return the model of a stage's block of the configuration."""
    if len(stages) == 1:
        return SETTINGS[stages[0].verb]
    verbs = " or ".join(f"`{stage.verb}`" for stage in stages)
    return create_model(
        stages[0].word,
        __base__=Settings,
        __doc__=f"Where a dataset begins: {verbs}, as its source says.",
        **{stage.verb: _field(SETTINGS[stage.verb]) for stage in stages},
    )


Config = create_model(
    "Config",
    __base__=_Common,
    __doc__="Everything in `config/config.yaml`.",
    **{word: _field(_block(stages)) for word, stages in _by_word().items()},
)


def without_empty_blocks(content: dict[str, Any]) -> dict[str, Any]:
    """Return a part of the configuration without the blocks that hold nothing.

    ``train:`` with every key below it made a comment is null in YAML, and means what leaving
    the block out means. A null that is a value of its own, such as ``surfaces.support: null``,
    stays.
    """
    result = _without_empty(content, Config)
    overrides = result.get("overrides")
    if isinstance(overrides, dict):
        result["overrides"] = {
            name: _without_empty(blocks, Config) if isinstance(blocks, dict) else blocks
            for name, blocks in overrides.items()
            if blocks is not None
        }
    return result


def _without_empty(block: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    result = {}
    for name, value in block.items():
        field = model.model_fields.get(name)
        kind: Any = field.annotation if field else None
        is_block = isinstance(kind, type) and issubclass(kind, BaseModel)
        if value is None and (is_block or (model is Config and field)):
            continue
        is_full = is_block and isinstance(value, dict)
        result[name] = _without_empty(value, kind) if is_full else value
    return result
