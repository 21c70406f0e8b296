"""What a change of the configuration runs again: which stages depend on which key.

A stage runs again when its settings change as the workflow hands them on (`Plan.settings_json`),
and then whatever uses its results. The settings of a stage hold the keys that decide its
results, so what follows is read off them: nothing here has to be kept in step by hand. Of the
classes, a stage that shows none holds the names alone (`catomo.settings.base.ClassName`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_origin

from pydantic import BaseModel

from catomo.errors import UserError
from catomo.plan.config import BLOCKS, SETTINGS, Config
from catomo.record.record import read_record
from catomo.stages import record_path

if TYPE_CHECKING:
    from catomo.plan.plan import Plan


def stages_by_key() -> dict[str, tuple[str, ...]]:
    """Return the verbs whose settings hold each key of the configuration, in pipeline order.

    Keys are dotted; those of the items of a list stand below ``[*]``, as in
    ``classes[*].colour``. A key of the top level that no stage holds has no verbs: the path of
    the table of datasets, and the overrides, whose keys are those of the blocks.
    """
    table: dict[str, tuple[str, ...]] = dict.fromkeys(_keys(Config), ())
    for verb, model in SETTINGS.items():
        block = ".".join(BLOCKS[verb])
        for key in _keys(model, kept_only=True):
            table[f"{block}.{key}"] = (verb,)
            if key.startswith("classes[*]."):  # taken from the top level where it has no own
                table[key] += (verb,)
    return table


def _keys(model: type[BaseModel], kept_only: bool = False) -> Iterator[str]:
    """Yield the dotted keys of a model; `kept_only` leaves out what its settings do not keep."""
    for name, field in model.model_fields.items():
        if kept_only and field.exclude:
            continue
        kind = field.annotation
        is_list = get_origin(kind) is list
        inner = get_args(kind)[0] if is_list else kind
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            below = f"{name}[*]" if is_list else name
            yield from (f"{below}.{key}" for key in _keys(inner, kept_only))
        else:
            yield name


def models_of_other_order(plan: Plan) -> list[str]:
    """Return a line for each model that was trained with its datasets in another order than now.

    Once the order of the table's rows decided it. Since then it is that of the names, so such
    a model gets other weights when it is trained again.
    """
    lines = []
    for model in plan.models():
        path = Path(record_path("train", model))
        try:
            order = list(read_record(path, "train").get("data", ())) if path.is_file() else []
        except UserError:
            continue  # `check` says what is wrong with it
        if order != sorted(order):
            lines.append(
                f"{path.parent}: trained with its datasets in the order {', '.join(order)}; now "
                f"they are taken by name ({', '.join(sorted(order))}), whatever the order of the "
                "rows, so it gets other weights when it is trained again; to keep these, name a "
                "copy of its model.keras in the column model, with no in the column trains"
            )
    return lines
