"""What can be checked before a run, and whether the files of a run are as recorded.

`check` reads the configuration and the table of datasets, opens the data of every dataset,
compares results with the plan, and estimates memory, disk and time. It runs no stage and
writes nothing but what it remembers of files (`catomo.record.remembered`). Every problem is one
line, and all are listed at once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from catomo.errors import UserError, line_of
from catomo.plan.chain import look_through
from catomo.plan.changes import models_of_other_order
from catomo.plan.costs import costs
from catomo.plan.datasets import Dataset
from catomo.plan.fit import Data, file_lines, model_lines
from catomo.plan.given import values_of
from catomo.plan.gpu import mixed_backends
from catomo.plan.inputs import changed_inputs
from catomo.plan.levels import level_lines
from catomo.plan.lost import line_of as line_of_lost
from catomo.plan.lost import lost_files, lost_records
from catomo.plan.plan import DEFAULT_CONFIG, Plan, load_plan
from catomo.record import code
from catomo.record.listed import made_before
from catomo.record.record import Record, read_record
from catomo.segmentation.settings import Segmentation
from catomo.settings.base import Settings
from catomo.slices.settings import Slices
from catomo.stages import record_path
from catomo.tilt_series.settings import ImportSeries


def check(files: list[Path], values: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Check configuration, tables and data.

    Parameters
    ----------
    files : list of path
        Configuration files merged into `config/config.yaml`, as given to Snakemake.
    values : sequence of str
        Values ``key=value`` that win over all files, as Snakemake's ``--config``.

    Returns
    -------
    problems : list of str
        One line each.
    lines : list of str
        The stages of each dataset, what they cost, which results do not fit the plan, and what
        labels lack.
    """
    default = [Path(DEFAULT_CONFIG)] if Path(DEFAULT_CONFIG).is_file() else []
    try:
        plan, problems = load_plan([*default, *files], values_of(values))
    except UserError as error:
        return [str(error)], []
    lines = list(plan.notes)
    with_labels: list[Dataset] = []
    found: dict[str, Data] = {}
    for dataset in plan.datasets.values():
        verbs = plan.stages(dataset)
        if dataset.trains:
            verbs.insert(verbs.index("slices") + 1, f"train ({dataset.model})")
        lines.append(f"{dataset.name}: {' → '.join(verbs)}")
        problems_of_data, data, seen = data_problems(dataset, plan)
        problems += problems_of_data
        lines += [f"  {line}" for line in seen]
        if data:
            found[dataset.name] = data
        if data or dataset.source == "tilt_series":
            with_labels.append(dataset)
        try:
            if data:
                lines += [f"  {cost.in_words()}" for cost in costs(dataset, plan, data)]
            lines += [f"  {line}" for line in stale(dataset, plan)]
            if not problems_of_data:
                lines += [f"  {line}" for line in level_lines(dataset, plan)]
        except Exception as error:  # one dataset must not hide what is wrong with the others
            problems.append(f"{dataset.name}: not checked to the end ({line_of(error)})")
    lines += mixed_backends(plan)
    more, told = model_lines(plan, found)
    if any(dataset.labels for dataset in with_labels):
        from catomo.plan.annotations import annotation_lines  # what it imports takes a while

        of_labels = annotation_lines(plan, with_labels)
        more, told = more + of_labels[0], told + of_labels[1]
    return problems + more, lines + told + models_of_other_order(plan)


def data_problems(dataset: Dataset, plan: Plan) -> tuple[list[str], Data | None, list[str]]:
    """Open a dataset's data.

    Returns
    -------
    problems : list of str
        One line each.
    data : Data, optional
        None if the data cannot be read.
    seen : list of str
        What was found in the files, for a person to compare.
    """
    read = {
        "phantom": _phantom_data,
        "tilt_series": _series_data,
        "slices": _slices_data,
        "segmentation": _segmentation_data,
    }
    seen: list[str] = []
    problems: list[str] = []
    data: Data | None = None
    place = dataset.path
    try:
        data, seen = read[dataset.source](dataset, plan)
        if dataset.model_is_file:
            place = dataset.model
            problems, told = file_lines(dataset, plan, data)
            seen += told
    except UserError as error:
        return [f"{dataset.name}: {error}"], data, seen
    except OSError as error:
        reason = (error.strerror or line_of(error)).lower()
        return [f"{dataset.name}: {error.filename or place}: cannot be read ({reason})"], data, seen
    except Exception as error:  # whatever a damaged file makes a library say
        problem = f"cannot be read ({line_of(error)}); is it damaged, or not copied to its end?"
        return [f"{dataset.name}: {place}: {problem}"], data, seen
    return [f"{dataset.name}: {problem}" for problem in problems], data, seen


def _phantom_data(dataset: Dataset, _plan: Plan) -> tuple[Data, list[str]]:
    from catomo.phantom.specimen import read_specimen

    specimen = read_specimen(os.path.expandvars(dataset.path))
    start, stop, step = specimen.acquisition.tilt_deg
    slices, depth, width = specimen.shape_px
    tilts = round((stop - start) / step) + 1
    cells = slices * depth * width * specimen.render_oversampling**3
    edge, thickness = specimen.plate.edge_nm, specimen.plate.thickness_nm
    of_plate = (size / specimen.pixel_size_nm for size in (edge, thickness, edge))
    plate = filled = prod(map(min, specimen.shape_px, of_plate))
    if specimen.film and specimen.labels.film:
        film = specimen.film.thickness_nm / specimen.pixel_size_nm
        filled += min(depth, film) * slices * width
    shape = slices, depth, width
    return Data(
        tilts, shape, specimen.pixel_size_nm, cells=cells, of_plate=plate, filled=filled
    ), []


def _series_data(dataset: Dataset, plan: Plan) -> tuple[Data, list[str]]:
    from catomo.tilt_series.inspection import inspect_series

    series = inspect_series(
        os.path.expandvars(dataset.path),
        os.path.expandvars(dataset.angles) or None,
        dataset.pixel_size_nm,
        plan.settings_as(ImportSeries, dataset.name),
    )
    tilts, rows, columns = series.shape
    return Data(tilts, (rows, columns, columns), series.pixel_size_nm), series.in_words()


def _slices_data(dataset: Dataset, plan: Plan) -> tuple[Data, list[str]]:
    from catomo.slices.stacks import inspect_stack

    assert dataset.pixel_size_nm is not None  # the table requires it for slices
    settings = plan.settings_as(Slices, dataset.name)
    stack = inspect_stack(os.path.expandvars(dataset.path), dataset.pixel_size_nm, settings)
    count, rows, columns = stack.shape
    for number in sorted({0, count - 1}):
        stack.read(number)
    others = "; of the others the headers were read" if count > 2 else ""
    seen = f"images: {count} of {rows} × {columns} px; the first and the last were decoded{others}"
    data = Data(0, stack.shape, dataset.pixel_size_nm, stack.dtype == np.uint8)
    return data, [seen, *stack.notes]


def _segmentation_data(dataset: Dataset, plan: Plan) -> tuple[Data, list[str]]:
    from catomo.segmentation.stage import inspect_segmentation

    settings = plan.settings_as(Segmentation, dataset.name)
    path = os.path.expandvars(dataset.path)
    with inspect_segmentation(path, dataset.pixel_size_nm, settings) as volume:
        data = Data(0, volume.shape, volume.pixel_size_nm, is_8_bit=True)
        return data, [volume.in_words(), *volume.notes]


def stale(dataset: Dataset, plan: Plan) -> list[str]:
    """Return a line for each result that is damaged, or does not fit plan, code or inputs."""
    results = [(verb, dataset.name) for verb in plan.stages(dataset)]
    if dataset.trains:
        results.insert(results.index(("slices", dataset.name)) + 1, ("train", dataset.model))
    lost = set(lost_records(results))
    lines = [line_of_lost(Path(path).parent, names) for path, names in lost_files(results).items()]
    for verb, name in results:
        path = Path(record_path(verb, name))
        folder = path.parent
        try:
            if not path.is_file():
                if verb == "train" and (folder / "model.keras").is_file():
                    lines.append(f"{folder}/model.keras: has no {path.name}; it is trained again")
                elif str(path) in lost or made_before(folder, verb):
                    lines.append(f"{path}: was made before and is missing, so the stage runs again")
                continue
            record = read_record(path, verb)
            lines += [f"{folder}: {why}" for why in unlike_plan(record, dataset, plan)]
        except UserError as error:
            lines.append(str(error))
    return lines


def unlike_plan(record: Record, dataset: Dataset, plan: Plan) -> list[str]:
    """Return how a result of a dataset, or its model, was made otherwise than the plan says now."""
    verb = record["stage"]
    settings = plan.settings(verb, dataset.model if verb == "train" else dataset.name)
    now, then = settings.model_dump(mode="json"), _as_now(settings, record["settings"])
    changed = sorted(key for key in now if now[key] != then.get(key))
    found = [f"made with other settings ({', '.join(changed)})"] if changed else []
    if record["code"] != code.code_of(verb):
        found.append("made with other code")
    if other := changed_inputs(record, dataset, plan):
        found.append(f"made from what has changed since ({', '.join(other)})")
    return found


def _as_now(settings: Settings, recorded: dict[str, Any]) -> dict[str, Any]:
    """Return recorded settings as they would be recorded now.

    Records of before hold titles and colours of the classes where no result depends on them.
    """
    try:
        return type(settings).model_validate(recorded).model_dump(mode="json")
    except ValidationError:
        return recorded


def verify(folder: Path) -> str:
    """Check every file below `folder` against its stage's record, and the records with each other.

    Returns
    -------
    str
        One line that counts the stages and files.

    Raises
    ------
    UserError
        One line with all that is missing, changed, or made from other results than there are.
    """
    found = look_through(Path(folder))
    if found.problems:
        raise UserError("; ".join(found.problems.values()))
    if not found.records:
        raise UserError(f"{folder}: found no results there")
    stages = sum(record["stage"] != "summary" for record in found.records)
    text = f"{folder}: {stages} stages, {found.files} files, all as recorded"
    return f"{text}; {found.let_go} of them let go with 'catomo prune'" if found.let_go else text
