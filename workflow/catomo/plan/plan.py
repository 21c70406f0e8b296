"""What is to be done: configuration and table of datasets, read, checked and combined.

The workflow, `catomo check` and the tests ask the same `Plan`, so they cannot disagree
about which settings a stage gets or which stages a dataset passes through.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml
from pydantic import ValidationError

from catomo.errors import UserError
from catomo.plan.classes import class_problems, said_at
from catomo.plan.config import BLOCKS, SETTINGS, Config
from catomo.plan.datasets import Dataset, read_table
from catomo.settings.base import Settings
from catomo.settings.problems import lines_of
from catomo.stages import STAGES

DEFAULT_CONFIG = "config/config.yaml"


@dataclass(frozen=True)
class Plan:
    """The checked configuration and the datasets it speaks of."""

    config: Config
    datasets: dict[str, Dataset]
    written: dict  # the configuration as the user wrote it: presets fill in after overrides

    def settings(self, verb: str, name: str) -> Settings:
        """Return the settings of a stage for one dataset (for ``train``: one model)."""
        return SETTINGS[verb].model_validate(self._block(verb, name))

    def settings_json(self, verb: str, name: str) -> str:
        """Return `settings` as the text that the stage gets on its command line."""
        return self.settings(verb, name).model_dump_json()

    def trainers(self, model: str) -> list[Dataset]:
        """Return the datasets whose labels feed a model."""
        return [d for d in self.datasets.values() if d.trains and d.model == model]

    def models(self) -> list[str]:
        """Return the names of the models that are to be trained."""
        return sorted({d.model for d in self.datasets.values() if d.trains})

    def teacher(self, model: str) -> str:
        """Return the model of the table that a model starts from; empty if there is none."""
        start = self._block("train", model).get("init_from", "")
        return start if start in self.models() else ""

    def stages(self, dataset: Dataset) -> list[str]:
        """Return the verbs that a dataset passes through, in order."""
        return [s.verb for s in STAGES if not s.per_model and s.takes(dataset)]

    def _block(self, verb: str, name: str) -> dict:
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


def make_plan(
    config: dict, files: Sequence[str | Path] = (), elsewhere: str = "command line"
) -> tuple[Plan, list[str]]:
    """Check a configuration as a whole.

    Parameters
    ----------
    config : dict
        The merged configuration, as Snakemake hands it over.
    files : sequence of path
        The files it was merged from, later ones winning; used to name the file in a line.
    elsewhere : str
        What a line names instead where none of the files holds the key.

    Returns
    -------
    plan : Plan
        Of what is right: wrong rows are left out, a wrong configuration is the default one.
    problems : list of str
        Every problem found, one line each.
    """
    contents = {str(file): _load_yaml(file) for file in files}
    problems: list[str] = []
    checked = None
    try:
        checked = Config.model_validate(config)
    except ValidationError as error:
        for line in lines_of(error, Config, ""):
            problems.append(f"{_origin(line.split(':')[0], contents, elsewhere)}: {line}")
    table = config.get("datasets", Config().datasets)
    datasets, found = read_table(table) if isinstance(table, str) else ([], [])
    problems += found
    plan = Plan(checked or Config(), {d.name: d for d in datasets}, config if checked else {})
    if checked:
        problems += _override_problems(plan, contents, elsewhere) or _circles(plan)
    if checked and not problems:
        problems += class_problems(plan, partial(_file_with, contents=contents))
    problems += [
        f"{table}, dataset {d.name}: model '{d.model}' is trained by no dataset; "
        "set trains to yes where its labels are, or name a .keras file"
        for d in datasets
        if d.model and not d.model_is_file and not plan.trainers(d.model)
    ]
    return plan, problems or _missing_files(plan)


def load_plan(files: Sequence[str | Path]) -> tuple[Plan, list[str]]:
    """Read configuration files as Snakemake would, later ones winning, and check them."""
    unreadable, readable, config = [], [], {}
    for file in files:
        try:
            config = merged(config, _load_yaml(file))
            readable.append(file)
        except UserError as error:
            unreadable.append(str(error))
    plan, problems = make_plan(config, readable)
    return plan, unreadable + problems


def merged(base: dict, over: dict) -> dict:
    """Return `base` with `over` laid on it, block by block."""
    result = copy.deepcopy(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def _load_yaml(file) -> dict:
    try:
        content = yaml.safe_load(Path(file).read_text())
    except OSError as error:
        raise UserError(f"{file}: {error.strerror.lower()}; name a configuration file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "not readable"
        raise UserError(f"{file}{place}: not valid YAML ({reason})") from None
    if content is not None and not isinstance(content, dict):
        raise UserError(f"{file}: found {json.dumps(content)[:40]}; must be 'key: value' blocks")
    return content or {}


def _origin(dotted: str, contents: dict[str, dict], elsewhere: str) -> str:
    """Return the last file that holds a dotted key, or `elsewhere`."""
    return _file_with(dotted, contents) or elsewhere


def _file_with(dotted: str, contents: dict[str, dict]) -> str | None:
    """Return the last file that holds a dotted key, None if no file does."""
    for file, content in reversed(contents.items()):
        block = content
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
    """Return a line for every file that a setting names and that is not there."""
    named = [
        (f"align.apply of dataset {d.name}", plan.settings("align", d.name).apply)
        for d in plan.datasets.values()
        if "align" in plan.stages(d)
    ]
    named += [
        (f"train.init_from of model {model}", plan.settings("train", model).init_from)
        for model in plan.models()
        if not plan.teacher(model)
    ]
    return [
        f"{what}: {path} is not there; give a file that exists before the workflow starts"
        for what, path in named
        if path and not Path(os.path.expandvars(path)).exists()
    ]


def _circles(plan: Plan) -> list[str]:
    """Return a line for every model that would have to be trained before itself."""
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


def _override_problems(plan: Plan, contents: dict[str, dict], elsewhere: str) -> list[str]:
    problems = []
    stages = {block[0] for block in BLOCKS.values()}
    names = {*plan.datasets, *plan.models()}
    # A file laid on another may bring a table of its own: what the files before it say of
    # their datasets is then unused, not wrong.
    files = [*contents, elsewhere]
    table = _origin("datasets", contents, elsewhere)
    speaks_of_table = files[files.index(table) :] if table in contents else files
    for name, blocks in plan.config.overrides.items():
        origin = _origin(f"overrides.{name}", contents, elsewhere)
        where = f"{origin}: overrides.{name}"
        if name not in names and origin in speaks_of_table:
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
