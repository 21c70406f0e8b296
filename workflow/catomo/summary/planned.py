"""What the plan knows for the summary: the datasets with their groups, and why a stage failed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.errors import UserError
from catomo.plan.failures import Failure, line_of
from catomo.record.lock import is_running, place_of_lock
from catomo.record.record import read_record
from catomo.report.settings import Report
from catomo.stages import record_path
from catomo.summary.settings import Summary, SummaryRow

if TYPE_CHECKING:
    from catomo.plan.plan import Plan


def summary_of(plan: Plan) -> Summary:
    """Return the datasets of a plan, by name: the order of the table's rows changes nothing."""
    rows = []
    for name, dataset in sorted(plan.datasets.items()):
        stages = plan.stages(dataset)
        if "predict" in stages and not dataset.model_is_file:
            stages.insert(stages.index("predict"), f"train/{dataset.model}")
        rows.append(
            SummaryRow(
                name=name,
                title=plan.settings_as(Report, name).title,
                group=dataset.group,
                stages=" ".join(stages),
            )
        )
    return Summary(datasets=rows)


def reasons_of(
    settings: Summary, failures: Iterable[Failure] = (), unfinished: Iterable[str] = ()
) -> dict[str, str]:
    """Return why stages have no record that counts, by the path of the record.

    Stages that were never begun, and those that still run, are left out.

    Parameters
    ----------
    settings : Summary
    failures : iterable of Failure
        Jobs that failed, from Snakemake's log. It knows of signals, which the log of a stage does
        not.
    unfinished : iterable of str
        Records that the run was to make, and did not.
    """
    reasons = {str(Path(failure.record)): line_of(failure) for failure in failures}
    for row in settings.datasets:
        for stage in row.stages.split():
            verb, _, model = stage.partition("/")
            record = Path(record_path(verb, model or row.name))
            log = Path("logs", "models" if model else "", model or row.name, f"{verb}.log")
            if str(record) in reasons or record.exists() or not log.is_file():
                continue
            if is_running(record.parent, verb):
                continue
            if place_of_lock(record.parent, verb).exists():
                line = f"catomo {verb}: has not ended and runs no more, so it was killed"
            else:
                line = line_of(Failure(verb, str(record), str(log)))
            reasons[str(record)] = line
    for place in map(Path, unfinished):
        if place.exists():
            reasons.setdefault(str(place), f"{place}: was to be made again, and was not")
    return reasons


def unlike_plan_of(settings: Summary, plan: Plan) -> dict[str, str]:
    """Return which results were made otherwise than the plan says now, by the path of the record.

    As `catomo check` finds it: by settings, code, and the files of a person.
    """
    from catomo.plan.check import unlike_plan

    reasons = {}
    for row in settings.datasets:
        for stage in row.stages.split():
            verb, _, model = stage.partition("/")
            place = Path(record_path(verb, model or row.name))
            if not place.is_file():
                continue
            try:
                found = unlike_plan(read_record(place, verb), plan.datasets[row.name], plan)
            except UserError as error:
                reasons[str(place)] = str(error)
                continue
            if found:
                reasons[str(place)] = f"{place.parent}: {'; '.join(found)}; run snakemake again"
    return reasons
