"""The plan: configuration and table of datasets, read, checked and combined.

The workflow, `catomo check` and the tests all ask a `Plan`, so they cannot disagree about
which settings a stage gets or which stages a dataset passes through.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from catomo.align.settings import Align
from catomo.errors import UserError, printable
from catomo.export.settings import MADE_BY, Export, Part
from catomo.files.folders import exists
from catomo.plan.classes import class_problems, said_at
from catomo.plan.config import BLOCKS, SETTINGS, Config, without_empty_blocks
from catomo.plan.datasets import Dataset, read_table
from catomo.plan.given import FLAG, lines_of_shadows, shadows, without
from catomo.settings.base import Settings
from catomo.settings.blocks import merged, read_blocks
from catomo.settings.problems import lines_of
from catomo.stages import STAGES, stage_of
from catomo.train.settings import Train

S = TypeVar("S", bound=Settings)

DEFAULT_CONFIG = "config/config.yaml"

_ADVICE = "name a configuration file"

# The parts of a configuration by what a line names each: its file, or the flag --config.
Contents = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """The checked configuration and the datasets that its table lists.

    Attributes
    ----------
    config : Config
    datasets : dict of Dataset
        By name.
    written : dict
        The configuration as the user wrote it: a preset fills in keys only after the overrides.
    notes : list of str
        Which of two values that were given counts, where a person may expect the other one.
    """

    config: Config
    datasets: dict[str, Dataset]
    written: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    _checked: dict[tuple[str, str], Settings] = field(default_factory=dict, repr=False)

    def settings(self, verb: str, name: str) -> Settings:
        """Return the settings of a stage for one dataset (for ``train``: one model)."""
        # All datasets without overrides have the same.
        key = verb, name if name in self.config.overrides else ""
        if key not in self._checked:
            self._checked[key] = SETTINGS[verb].model_validate(self._block(verb, name))
        return self._checked[key]

    def settings_as(self, model: type[S], name: str) -> S:
        """Return the settings of the stage whose settings are a `model`, such as ``Train``."""
        [verb] = [verb for verb, of_verb in SETTINGS.items() if of_verb is model]
        settings = self.settings(verb, name)
        assert isinstance(settings, model)
        return settings

    def settings_json(self, verb: str, name: str) -> str:
        """Return `settings` as the text that the stage gets on its command line."""
        return self.settings(verb, name).model_dump_json()

    def trainers(self, model: str) -> list[Dataset]:
        """Return the datasets whose labels feed a model, by name: rows may change places."""
        named = sorted(self.datasets.items())
        return [dataset for _, dataset in named if dataset.trains and dataset.model == model]

    def models(self) -> list[str]:
        """Return the names of the models that are to be trained."""
        return sorted({d.model for d in self.datasets.values() if d.trains})

    def teacher(self, model: str) -> str:
        """Return the model of the table that a model starts from; empty if there is none."""
        start = self._block("train", model).get("init_from", "")
        return start if start in self.models() else ""

    def stages(self, dataset: Dataset) -> list[str]:
        """Return the verbs that a dataset passes through, in order."""
        verbs = [s.verb for s in STAGES if not s.per_model and s.takes(dataset)]
        return verbs if self.exported(dataset) else [verb for verb in verbs if verb != "export"]

    def needed_for(self, verb: str, name: str) -> list[tuple[str, str]]:
        """Return verb and name of all stages that a stage's result depends on, and of itself.

        Parameters
        ----------
        verb : str
        name : str
            Of the dataset, or of the model for ``train``.

        Returns
        -------
        list of tuple
            Each once, in pipeline order for one dataset.
        """
        found: dict[tuple[str, str], None] = {}
        self._gather(verb, name, found)
        return list(found)

    def _gather(self, verb: str, name: str, found: dict[tuple[str, str], None]) -> None:
        if (verb, name) in found:
            return
        stage = stage_of(verb)
        if stage.per_model:
            datasets, model = self.trainers(name), self.teacher(name)
        else:
            dataset = self.datasets[name]
            datasets, model = [dataset], "" if dataset.model_is_file else dataset.model
        uses_model = stage.per_model or verb == "predict"
        for dataset in datasets:
            for before in map(stage_of, self.stages(dataset)):
                if before.number >= stage.number or before.verb in stage.does_without:
                    continue
                if before.verb == "predict":
                    self._gather(before.verb, dataset.name, found)
                found[before.verb, dataset.name] = None
        if uses_model and model:
            self._gather("train", model, found)
        found[verb, name] = None

    def exported(self, dataset: Dataset) -> list[Part]:
        """Return what is exported of a dataset: what the configuration names and it has."""
        try:
            parts = self.settings_as(Export, dataset.name).parts()
        except ValidationError:  # `make_plan` says what is wrong with an override
            return []
        made = {s.verb for s in STAGES if s.takes(dataset)}
        return [part for part in parts if MADE_BY[part] in made]

    def says(self, verb: str, name: str, key: str) -> bool:
        """Return whether the user wrote a key of a stage, for all or for this dataset or model."""
        return key in self._block(verb, name)

    def _block(self, verb: str, name: str) -> dict[str, Any]:
        """Return the block of a verb as written, with the overrides of one dataset or model."""
        block = self.written
        for key in BLOCKS[verb]:
            block = block.get(key, {})
        stage = BLOCKS[verb][0]
        override = self.config.overrides.get(name, {}).get(stage, {})
        for key in BLOCKS[verb][1:]:
            override = override.get(key, {})
        block = merged(block, override)
        if "classes" in SETTINGS[verb].model_fields and "classes" not in block:
            block["classes"] = [c.model_dump(mode="json") for c in self.config.classes]
        return block


def make_plan(contents: Contents) -> tuple[Plan, list[str]]:
    """Check a configuration as a whole.

    Parameters
    ----------
    contents : mapping
        The parts of the configuration, later ones winning, each by what a line names it: its
        file, or for example the flag of the command line.

    Returns
    -------
    plan : Plan
        Without the rows that have problems, and with the default configuration if the one
        given has problems.
    problems : list of str
        Every problem, one line each.
    """
    contents = {name: without_empty_blocks(content) for name, content in contents.items()}
    hidden = shadows(contents)
    contents = without(contents, hidden)
    config: dict[str, Any] = {}
    for content in contents.values():
        config = merged(config, content)
    problems: list[str] = []
    checked = None
    try:
        checked = Config.model_validate(config)
    except ValidationError as error:
        for line in lines_of(error, Config, ""):
            problems.append(f"{_origin(line.split(':')[0], contents)}: {line}")
    table = config.get("datasets", Config().datasets)
    datasets, problems_of_table = read_table(table) if isinstance(table, str) else ([], [])
    problems += problems_of_table
    plan = Plan(checked or Config(), {d.name: d for d in datasets}, config if checked else {})
    names = {*plan.datasets, *plan.models()}
    plan.notes.extend(lines_of_shadows([shadow for shadow in hidden if shadow.name in names]))
    if checked:
        problems += _override_problems(plan, contents) or _circles(plan)
    if checked and not problems:
        problems += class_problems(plan, partial(_file_with, contents=contents))
    problems += [
        f"{table}, dataset {d.name}: model '{d.model}' is trained by no dataset; "
        "set trains to yes where its labels are, or name a .keras file"
        for d in datasets
        if d.model and not d.model_is_file and not plan.trainers(d.model)
    ]
    return plan, [printable(problem) for problem in problems or _missing_files(plan)]


def load_plan(
    files: Sequence[str | Path], given: Mapping[str, Any] | None = None
) -> tuple[Plan, list[str]]:
    """Read configuration files, later ones winning, and check them.

    Parameters
    ----------
    files : sequence of path
    given : mapping, optional
        Values of the command line, which win over those of all files.

    Returns
    -------
    plan, problems
        As of `make_plan`.
    """
    unreadable: list[str] = []
    contents: dict[str, dict[str, Any]] = {}
    for file in files:
        try:
            content = read_blocks(file, _ADVICE)
        except UserError as error:
            unreadable.append(str(error))
        else:
            contents.pop(str(file), None)  # given twice, it counts where it stands last
            contents[str(file)] = content
    if given:
        contents[FLAG] = dict(given)
    plan, problems = make_plan(contents)
    return plan, unreadable + problems


def _origin(dotted: str, contents: Contents) -> str:
    """Return the last part that holds a dotted key, or else the block nearest above it."""
    while dotted:
        if found := _file_with(dotted, contents):
            return found
        dotted = dotted.rpartition(".")[0]
    return next(reversed(list(contents)), "configuration")


def _file_with(dotted: str, contents: Contents) -> str | None:
    """Return the last part that holds a dotted key, None if none does."""
    for file, content in reversed(list(contents.items())):
        block: Any = content
        for part in dotted.split("."):
            if isinstance(block, list):
                return file
            if not isinstance(block, dict) or part not in block:
                break
            block = block[part]
        else:
            return file
    return None


def _missing_files(plan: Plan) -> list[str]:
    """Return a line for every file that a setting names and that does not exist."""
    named = [
        (f"align.{key} of dataset {d.name}", getattr(plan.settings_as(Align, d.name), key))
        for d in plan.datasets.values()
        if "align" in plan.stages(d)
        for key in ("apply", "review")
    ]
    named += [
        (f"train.init_from of model {model}", plan.settings_as(Train, model).init_from)
        for model in plan.models()
        if not plan.teacher(model)
    ]
    return [
        f"{what}: {path} is not there; give a file that exists before the workflow starts"
        for what, path in named
        if path and not exists(Path(os.path.expandvars(path)))
    ]


def _circles(plan: Plan) -> list[str]:
    """Return a line for every model that starts from itself, perhaps through other models."""
    problems = []
    for model in plan.models():
        chain = [plan.teacher(model)]
        while chain[-1] and chain[-1] not in [model, *chain[:-1]]:
            chain.append(plan.teacher(chain[-1]))
        if chain[-1] == model:
            problems.append(
                f"train.init_from of model {model}: starts from itself "
                f"({' from '.join([model, *chain])}); name another model for one of them"
            )
    return problems


def _override_problems(plan: Plan, contents: Contents) -> list[str]:
    """Return a line for every override of an unknown name or stage, or with a wrong setting."""
    problems = []
    stages = {block[0] for block in BLOCKS.values()}
    names = {*plan.datasets, *plan.models()}
    # A later file may bring a table of its own. Overrides in the files before it are then
    # unused, not wrong.
    files = list(contents)
    table = _file_with("datasets", contents)
    files_of_table = files[files.index(table) :] if table else files
    for name, blocks in plan.config.overrides.items():
        origin = _origin(f"overrides.{name}", contents)
        where = f"{origin}: overrides.{name}"
        if name not in names and origin in files_of_table:
            problems.append(f"{where}: no such dataset or model; there are {sorted(names)}")
        for stage in blocks:
            if stage not in stages:
                problems.append(f"{where}.{stage}: no such stage; there are {sorted(stages)}")
                continue
            for verb in (v for v in SETTINGS if BLOCKS[v][0] == stage):
                try:
                    plan.settings(verb, name)
                except ValidationError as error:
                    # What an override contradicts may stand in the stage's block.
                    for line in lines_of(error, SETTINGS[verb], ""):
                        key, _, problem = line.partition(": ")
                        file_with = partial(_file_with, contents=contents)
                        place = said_at(name, verb, key, file_with)
                        among = "" if f"overrides.{name}." in place else f" (overrides.{name})"
                        problems.append(f"{place}: {problem}{among}")
    return problems
