"""check: everything that can be known before the work begins; verify: what results are worth.

`check` reads the configuration and the tables, opens every dataset's data, compares
results with the plan, and estimates memory, disk and time. It runs nothing and writes
nothing. Every problem is one line, and all are found in one go.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from catomo.errors import UserError
from catomo.network.blend import VIEWS
from catomo.plan.datasets import Dataset
from catomo.plan.plan import DEFAULT_CONFIG, Plan, load_plan
from catomo.record import code
from catomo.record.record import Record, read_record
from catomo.stages import RECORDS, record_path

# Seconds on two cores like those of the README's table; a guide, not a promise.
_SECONDS_PER_VOXEL_TILT_ITERATION = 1.1e-10
_SECONDS_PER_TRAINED_PIXEL = 1.2e-6  # base 16, bfloat16; grows with the square of the base
_SECONDS_PER_PREDICTED_PIXEL = 4e-7


def check(files: list[Path]) -> tuple[list[str], list[str]]:
    """Check configuration, tables and data.

    Parameters
    ----------
    files : list of path
        Configuration files laid on `config/config.yaml`, as given to Snakemake.

    Returns
    -------
    problems : list of str
        One line each.
    lines : list of str
        What will be done, what it costs, and which results do not fit the plan.
    """
    default = [Path(DEFAULT_CONFIG)] if Path(DEFAULT_CONFIG).is_file() else []
    plan, problems = load_plan([*default, *files])
    lines: list[str] = []
    for dataset in plan.datasets.values():
        found, shape = data_problems(dataset, plan)
        problems += found
        verbs = plan.stages(dataset)
        if dataset.trains:
            verbs.insert(verbs.index("slices") + 1, f"train ({dataset.model})")
        lines.append(f"{dataset.name}: {' → '.join(verbs)}")
        if shape:
            lines += [f"  {line}" for line in estimates(dataset, plan, *shape)]
        lines += [f"  {line}" for line in stale(dataset, plan)]
    return problems, lines


def data_problems(dataset: Dataset, plan: Plan) -> tuple[list[str], tuple | None]:
    """Open a dataset's data and labels; return the problems and ``(tilts, (n, rows, columns))``.

    `tilts` is 0 for a dataset of slices. The shape is that of the volume or slices.
    """
    problems, shape = [], None
    path = os.path.expandvars(dataset.path)
    try:
        if dataset.source == "phantom":
            from catomo.phantom.specimen import read_specimen

            specimen = read_specimen(path)
            start, stop, step = specimen.acquisition.tilt_deg
            shape = (round((stop - start) / step) + 1, tuple(specimen.shape_px))
        elif dataset.source == "tilt_series":
            from catomo.tilt_series.import_series import inspect

            seen = inspect(
                path,
                os.path.expandvars(dataset.angles) or None,
                dataset.pixel_size_nm,
                plan.settings("import", dataset.name),
            )
            tilts, rows, columns = seen.shape
            shape = (tilts, (rows, columns, columns))
        else:
            from catomo.labels.files import check_labels
            from catomo.slices.stacks import expected_of, inspect_stack

            stack = inspect_stack(path)
            shape = (0, stack.shape)
            if dataset.labels:
                labels = os.path.expandvars(dataset.labels)
                classes = len(plan.settings("slices", dataset.name).classes)
                check_labels(labels, expected_of(stack, dataset.pixel_size_nm), classes)
    except UserError as error:
        problems.append(f"{dataset.name}: {error}")
    return problems, shape


def estimates(dataset: Dataset, plan: Plan, tilts: int, shape: tuple) -> list[str]:
    """Return one line per costly stage: memory, disk and time on two cores."""
    slices, depth, width = shape
    voxels = slices * depth * width
    lines = []

    def line(stage: str, gigabytes: float, disk: float, seconds: float) -> None:
        lines.append(
            f"{stage:12s} memory {gigabytes:5.1f} GB   disk {disk / 1e9:6.2f} GB   "
            f"time about {_time(seconds)}"
        )

    verbs = plan.stages(dataset)
    if tilts:
        stack = 4.0 * tilts * slices * width
        line(verbs[0], 0.5 + stack / 1e9, stack, tilts * slices * width * 5e-7)
        line("align", 0.6 + 2.5 * stack / 1e9, stack, 10 + tilts * slices * width * 1e-6)
        settings = plan.settings("reconstruct", dataset.name)
        work = voxels * tilts * settings.iterations
        line("reconstruct", 0.6, 4.0 * voxels, 10 + work * _SECONDS_PER_VOXEL_TILT_ITERATION)
    line("slices", 0.5, 1.0 * voxels, voxels * 2e-8)
    if dataset.trains:
        settings = plan.settings("train", dataset.model)
        pixels = settings.steps * settings.batch_size * min(settings.patch_px**2, depth * width)
        weight = (settings.network.base_filters / 16) ** 2
        memory = settings.memory_bytes() / 1e9
        line("train", memory, 0.1e9, pixels * _SECONDS_PER_TRAINED_PIXEL * weight)
    if "predict" in verbs:
        passes = len(VIEWS[plan.settings("predict", dataset.name).average])
        line("predict", 2.0, 0.02 * voxels, voxels * passes * _SECONDS_PER_PREDICTED_PIXEL)
    if "surfaces" in verbs:
        line("surfaces", 1.0 + 6.0 * voxels / 1e9, 0.1e9, 20 + voxels * 1e-7)
    return lines


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def stale(dataset: Dataset, plan: Plan) -> list[str]:
    """Return a line for each result whose settings or code are not those of the plan."""
    lines = []
    of_dataset = [(verb, dataset.name) for verb in plan.stages(dataset)]
    for verb, name in of_dataset + ([("train", dataset.model)] if dataset.trains else []):
        path = Path(record_path(verb, name))
        folder = path.parent
        if not path.is_file():
            continue
        record = json.loads(path.read_text())
        settings = plan.settings(verb, name).model_dump(mode="json")
        changed = sorted(k for k in settings if settings[k] != record["settings"].get(k))
        if changed:
            lines.append(f"{folder}: made with other settings ({', '.join(changed)})")
        if record["code"] != code.code_of(verb):
            lines.append(f"{folder}: made with other code")
    return lines


def verify(folder: Path) -> str:
    """Check every file below `folder` against the sha256 in its stage's record.

    Raises
    ------
    UserError
        One line with all files that are missing or changed.
    """
    records = [
        read_record(path, *[verb for verb, name in RECORDS.items() if name == path.name])
        for path in sorted(Path(folder).rglob("*.json"))
        if path.name in RECORDS.values()
    ]
    if not records:
        raise UserError(f"{folder}: found no results there")
    bad = [problem for record in records for problem in _file_problems(record)]
    if bad:
        raise UserError("; ".join(bad))
    files = sum(len(record["files"]) for record in records)
    return f"{folder}: {len(records)} stages, {files} files, all as recorded"


def _file_problems(record: Record) -> list[str]:
    problems = []
    for name in record["files"]:
        try:
            record.file(name)
        except UserError as error:
            problems.append(str(error))
    return problems
