"""What the plan knows for the summary: the datasets with their groups, and why a stage failed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.plan.failures import Failure, line_of
from catomo.record.lock import place_of_lock
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


def reasons_of(settings: Summary, failures: Iterable[Failure] = ()) -> dict[str, str]:
    """Return why stages have no record, by the path of the record; stages never begun are left out.

    Parameters
    ----------
    settings : Summary
    failures : iterable of Failure
        Jobs that failed, from Snakemake's log. It knows of signals, which the log of a stage does
        not.
    """
    reasons = {str(Path(failure.record)): line_of(failure) for failure in failures}
    for row in settings.datasets:
        for stage in row.stages.split():
            verb, _, model = stage.partition("/")
            record = Path(record_path(verb, model or row.name))
            log = Path("logs", "models" if model else "", model or row.name, f"{verb}.log")
            if str(record) in reasons or record.exists() or not log.is_file():
                continue
            if place_of_lock(record.parent, verb).exists():
                line = f"catomo {verb}: has not ended; it still runs, or it was killed"
            else:
                line = line_of(Failure(verb, str(record), str(log)))
            reasons[str(record)] = line
    return reasons
