"""What stages made before and what is no longer there, so that it is made again.

Snakemake makes a missing file again only where a target asks for it. Targets ask for the records
of all stages that they depend on (`Plan.needed_for`). The files that a record lists are looked up
here: their names often depend on the settings, so that no rule can name them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.record.listed import missing_files
from catomo.stages import STAGES, record_path, stage_of

if TYPE_CHECKING:
    from catomo.plan.plan import Plan

_MOST_NAMES = 3  # in one line

# Returns the path of the record of a verb and a name.
PathOf = Callable[[str, str], str]


def all_stages(plan: Plan) -> list[tuple[str, str]]:
    """Return verb and name of all stages of all datasets and models."""
    of_models = [
        (stage.verb, model) for stage in STAGES if stage.per_model for model in plan.models()
    ]
    return of_models + [(v, d.name) for d in plan.datasets.values() for v in plan.stages(d)]


def stages_of(plan: Plan, verbs: Iterable[str]) -> list[tuple[str, str]]:
    """Return verb and name of stages of all datasets, or models, with all that they depend on.

    Parameters
    ----------
    plan : Plan
    verbs : iterable of str
    """
    found: dict[tuple[str, str], None] = {}
    for verb in verbs:
        names = (
            plan.models()
            if stage_of(verb).per_model
            else [d.name for d in plan.datasets.values() if verb in plan.stages(d)]
        )
        for name in names:
            found |= dict.fromkeys(plan.needed_for(verb, name))
    return list(found)


def lost_files(
    stages: Iterable[tuple[str, str]], path_of: PathOf = record_path
) -> dict[str, list[str]]:
    """Return the files that stages made and that are missing, by the path of their record.

    Stages that have no record are left out.

    Parameters
    ----------
    stages : iterable of tuple
        Verb and name of each.
    path_of : callable
    """
    found = {}
    for verb, name in stages:
        path = path_of(verb, name)
        missing = missing_files(Path(path).parent, verb)
        if missing and Path(path).is_file():
            found[path] = missing
    return found


def lost_records(stages: Sequence[tuple[str, str]], path_of: PathOf = record_path) -> list[str]:
    """Return the paths of records that are missing though a stage made from them is there."""
    paths = {stage: path_of(*stage) for stage in stages}
    there = {verb for (verb, _), path in paths.items() if Path(path).is_file()}
    later = [stage_of(verb) for verb in there]
    return [
        path
        for (verb, _), path in paths.items()
        if not Path(path).is_file()
        and any(stage_of(verb).number < s.number and verb not in s.does_without for s in later)
    ]


def line_of(folder: str | Path, names: Sequence[str]) -> str:
    """Return a line that names files of a stage that are missing."""
    more = f" and {len(names) - _MOST_NAMES} more files" if len(names) > _MOST_NAMES else ""
    are = "is" if len(names) == 1 else "are"
    return (
        f"{folder}: {', '.join(names[:_MOST_NAMES])}{more} {are} missing though the record lists "
        f"{'it' if len(names) == 1 else 'them'}, so the stage runs again"
    )
