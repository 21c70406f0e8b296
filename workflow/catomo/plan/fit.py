"""Whether the models of a plan fit the datasets that they learn from and label.

What `train` and `predict` refuse is said here before anything runs: from the configuration and
the data, and for a model that lies ready from its file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.errors import UserError
from catomo.network.fit import Use, common_pixel_size, contradictions, start_contradictions
from catomo.network.model_info import ModelInfo
from catomo.predict.settings import Predict
from catomo.record import code
from catomo.record.hashes import sha256_of
from catomo.record.record import read_record
from catomo.stages import RECORDS
from catomo.train.settings import Train

if TYPE_CHECKING:
    from catomo.plan.datasets import Dataset
    from catomo.plan.plan import Plan


@dataclass(frozen=True)
class Data:
    """What the files of a dataset hold.

    Attributes
    ----------
    tilts : int
        Number of tilts; 0 for a dataset of slices.
    shape : (int, int, int)
        Of the volume (y, z, x), or of the slices.
    pixel_size_nm : float
    is_8_bit : bool
        Whether they are slices whose greys are kept.
    cells : int
        Of a phantom: the cells that it is drawn on.
    of_plate : float
        Of a phantom: the voxels that its plate takes, pores included.
    filled : float
        Of a phantom: the voxels that get a label, about; otherwise infinite, because before there
        are labels nobody knows.
    """

    tilts: int
    shape: tuple[int, int, int]
    pixel_size_nm: float
    is_8_bit: bool = False
    cells: int = 0
    of_plate: float = 0.0
    filled: float = inf


def file_lines(dataset: Dataset, plan: Plan, data: Data) -> tuple[list[str], list[str]]:
    """Compare a dataset with the ready model file that labels it.

    Returns
    -------
    problems, told : list of str
        What `predict` will refuse; what a person must know of the file.
    """
    from catomo.network import model_check, model_file

    path = Path(os.path.expandvars(dataset.model))
    info = model_file.read_info(path)
    classes = [phase.name for phase in plan.settings_as(Predict, dataset.name).classes]
    problems = contradictions(path, info, Use(dataset.name, classes, data.pixel_size_nm))
    model_check.check_layers(path, info)
    model_check.check_weights(path, info.network)
    return problems, _of_record(path)


def _of_record(model: Path) -> list[str]:
    """Return what the record beside a model file says against it, or that there is none."""
    place = model.with_name(RECORDS["train"])
    if not place.is_file():
        return [f"{model}: has no {place.name} beside it, so how it was trained is not known"]
    try:
        record = read_record(place, "train")
    except UserError as error:
        return [str(error)]
    if record["files"].get(model.name, {}).get("sha256") != sha256_of(model):
        return [f"{model}: is not the file that {place.name} beside it describes"]
    if record["code"] != code.code_of("train"):
        return [f"{model}: was trained by other code (catomo {record.get('catomo', '?')})"]
    return []


def model_lines(plan: Plan, data: Mapping[str, Data]) -> tuple[list[str], list[str]]:
    """Compare the models that the plan trains with the datasets that they learn from and label.

    Parameters
    ----------
    plan : Plan
    data : dict of Data
        By dataset; those that could not be read are left out.

    Returns
    -------
    problems : list of str
        What `train` or `predict` will refuse.
    told : list of str
        What they take, but a person may not have meant.
    """
    problems: list[str] = []
    told: list[str] = []
    for model in plan.models():
        learnt = [d for d in plan.trainers(model) if d.name in data]
        if not learnt:
            continue
        try:
            size = common_pixel_size({d.name: data[d.name].pixel_size_nm for d in learnt})
        except UserError as error:
            problems.append(f"model {model}: {error}")
            continue
        info = _planned(plan, model, size)
        labelled = [d for d in plan.datasets.values() if d.model == model and d.name in data]
        for dataset in (d for d in labelled if not d.trains):
            # Whether the classes fit, the plan itself has said.
            use = Use(dataset.name, info.classes, data[dataset.name].pixel_size_nm)
            problems += contradictions(f"model {model}", info, use)
        told += _grey_lines(plan, model, {d: data[d.name] for d in [*learnt, *labelled]})
        told += _window_lines(plan, model, [data[d.name] for d in learnt])
        start = _start_lines(plan, model, info)
        problems += [f"model {model}: {line}" for line in start]
    return problems, told


def _planned(plan: Plan, model: str, pixel_size_nm: float | None) -> ModelInfo:
    """Return what a model of the plan will say of itself."""
    settings = plan.settings_as(Train, model)
    names = [phase.name for phase in settings.classes]
    return ModelInfo(names, pixel_size_nm, settings.network.size())


def _start_lines(plan: Plan, model: str, info: ModelInfo) -> list[str]:
    """Return why a model cannot start from the one that its settings name."""
    place = plan.settings_as(Train, model).init_from
    if teacher := plan.teacher(model):
        # Its pixel size is that of its own datasets, which may not be known.
        planned = _planned(plan, teacher, info.pixel_size_nm)
        return start_contradictions(f"model {teacher}", planned, info)
    if not place:
        return []
    from catomo.network import model_file

    try:
        path, _ = model_file.locate(place)
        return start_contradictions(path, model_file.read_info(path), info)
    except UserError as error:
        return [f"train.init_from: {error}"]


def _grey_lines(plan: Plan, model: str, data: Mapping[Dataset, Data]) -> list[str]:
    """Return a line for each dataset whose greys come about in another way than the first one's.

    There is none where both levels are set by hand. What is known of scaled greys alone,
    `catomo.plan.levels` compares.
    """
    rules = {
        dataset.name: "kept as they came, of 8 bits" if one.is_8_bit else "scaled from its values"
        for dataset, one in data.items()
    }
    first, *others = rules
    return [
        f"{name}: its greys are {rules[name]}, but model {model} learns from {first}, whose greys "
        f"are {rules[first]}; give both in the same way, or set slices.background and "
        f"slices.support of {name} by hand (overrides.{name}.slices)"
        for name in others
        if rules[name] != rules[first]
        and not all(plan.says("slices", name, key) for key in ("background", "support"))
    ]


def _window_lines(plan: Plan, model: str, learnt: list[Data]) -> list[str]:
    """Return a line if the window that somebody set for the training is larger than all slices."""
    window = plan.settings_as(Train, model).patch_px
    rows, columns = (max(one.shape[axis] for one in learnt) for axis in (1, 2))
    if not plan.says("train", model, "patch_px") or window <= max(rows, columns):
        return []
    return [
        f"model {model}: train.patch_px is {window}, but no slice has more than {rows} x {columns} "
        "px; they are used whole"
    ]
