"""The classes of a configuration: whether stages and phantoms agree, and how they are shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catomo.errors import UserError
from catomo.plan.config import BLOCKS, SETTINGS
from catomo.record.classes import shown_by_default
from catomo.settings.base import PhaseClass

if TYPE_CHECKING:
    from catomo.plan.datasets import Dataset
    from catomo.plan.plan import Plan

# Returns the file that holds a dotted key, and None if no file does.
Origin = Callable[[str], str | None]


def class_problems(plan: Plan, origin: Origin) -> list[str]:
    """Return a line for each list of classes that another list or a phantom contradicts.

    Parameters
    ----------
    plan : Plan
        With settings that are valid in themselves.
    origin : callable
        Returns the file that holds a dotted key, None if no file does.
    """
    lines: list[str] = []
    for dataset in plan.datasets.values():
        lines += _differing_lists(plan, dataset, origin)
        if dataset.source == "phantom":
            lines += _labels_beyond(plan, dataset, origin)
    return list(dict.fromkeys(lines))


def classes_shown(names: Sequence[str], configfiles: Sequence[Path] = ()) -> list[PhaseClass]:
    """Return classes with the titles and colours that the configuration gives them now.

    Parameters
    ----------
    names : sequence of str
        Names of the classes, as a record has them.
    configfiles : sequence of path
        Files beside ``config/config.yaml`` of the folder one works in. Classes that none of
        them describes have the title and colour of the default of that name, or their name and
        a colour by their label.
    """
    from catomo.plan.plan import DEFAULT_CONFIG, load_plan

    default = [Path(DEFAULT_CONFIG)] if Path(DEFAULT_CONFIG).is_file() else []
    plan, _ = load_plan([*default, *configfiles])
    known = {phase.name: phase for phase in plan.config.classes}
    return [known.get(name) or shown_by_default(name, label) for label, name in enumerate(names)]


def said_at(name: str, verb: str, key: str, origin: Origin) -> str:
    """Return ``file: dotted key`` of where the settings of a stage say something.

    Parameters
    ----------
    name : str
        The dataset, or for `train` the model.
    verb : str
    key : str
        Dotted key inside the stage's block. It is sought in the overrides of `name`, then in
        the block, then at the top level.
    origin : callable
        Returns the file that holds a dotted key, None if no file does.
    """
    block = ".".join(BLOCKS[verb])
    places = [f"overrides.{name}.{block}.{key}", f"{block}.{key}", key]
    found = next(((file, place) for place in places if (file := origin(place))), None)
    file, place = found or ("by default", places[1])
    return f"{file}: {place}"


def _names(plan: Plan, verb: str, name: str) -> list[str]:
    settings: Any = plan.settings(verb, name)  # of a stage with classes
    return [phase.name for phase in settings.classes]


def _differing_lists(plan: Plan, dataset: Dataset, origin: Origin) -> list[str]:
    stages = [(verb, dataset.name) for verb in plan.stages(dataset)]
    if dataset.model in plan.models():
        stages.append(("train", dataset.model))
    stages = [(verb, name) for verb, name in stages if "classes" in SETTINGS[verb].model_fields]
    first = _names(plan, *stages[0])
    lines = []
    for verb, name in stages[1:]:
        names = _names(plan, verb, name)
        if names != first:
            lines.append(
                f"{said_at(name, verb, 'classes', origin)}: found {', '.join(names)} for {verb}, "
                f"but {stages[0][0]} has {', '.join(first)}; the stages of a dataset must have "
                "the same classes in the same order"
            )
    return lines


def _labels_beyond(plan: Plan, dataset: Dataset, origin: Origin) -> list[str]:
    from catomo.phantom.specimen import read_specimen

    try:
        labels = read_specimen(os.path.expandvars(dataset.path)).labels
    except UserError:
        return []  # the specimen file has mistakes of its own, which `check` reports
    names = _names(plan, "slices", dataset.name)
    where = said_at(dataset.name, "slices", "classes", origin)
    return [
        f"{dataset.path}: labels.{part}: found {label}, but the {len(names)} classes "
        f"{', '.join(names)} ({where}) have the labels 0 to {len(names) - 1}; name another class, "
        "or give the file the block labels if it has none"
        for part, label in labels.model_dump().items()
        if label >= len(names)
    ]
