"""What `check` says of grey levels: where those of a dataset and of its model do not fit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.errors import UserError
from catomo.network.levels import recorded_levels
from catomo.network.matching import common_levels, match
from catomo.record.record import Record, read_record
from catomo.slices.settings import Slices
from catomo.stages import record_path

if TYPE_CHECKING:
    from catomo.plan.datasets import Dataset
    from catomo.plan.plan import Plan


def level_lines(dataset: Dataset, plan: Plan) -> list[str]:
    """Return what a person must be told of the grey levels of a dataset and its model.

    It is known once the slices are exported, from their record and that of the training, or of
    the slices that are to teach the model; or from the ready model. Before, only the settings
    can be compared.
    """
    if not dataset.model:
        return []
    slices = _record("slices", dataset.name)
    if slices is None:
        return _settings_lines(dataset, plan)
    if dataset.model_is_file:
        from catomo.network.model_file import read_info

        learnt = read_info(os.path.expandvars(dataset.model)).levels
    else:
        training = _record("train", dataset.model)
        if training is not None:
            learnt = recorded_levels(training)
        else:
            taught = [_record("slices", trainer.name) for trainer in plan.trainers(dataset.model)]
            if None in taught or not taught:
                return []
            learnt = common_levels([recorded_levels(r) for r in taught if r is not None])
    notes = match(recorded_levels(slices), learnt).notes
    return [f"grey levels for the model {dataset.model}: {note}" for note in notes]


def _settings_lines(dataset: Dataset, plan: Plan) -> list[str]:
    """Return a line if slices are to be made with another gamma than those of the training."""
    gamma = plan.settings_as(Slices, dataset.name).gamma
    for trainer in plan.trainers(dataset.model):
        other = plan.settings_as(Slices, trainer.name).gamma
        if other != gamma:
            return [
                f"grey levels for the model {dataset.model}: slices.gamma is {gamma:g} here and "
                f"{other:g} for {trainer.name}, which teaches it; give both the same"
            ]
    return []


def _record(verb: str, name: str) -> Record | None:
    """Return the record of a stage; None if there is none, or none that can be read."""
    path = Path(record_path(verb, name))
    try:
        return read_record(path, verb) if path.is_file() else None
    except UserError:
        return None  # said where results are compared with the plan
