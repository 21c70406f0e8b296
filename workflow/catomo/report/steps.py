"""Which stages a dataset passed, and why it did not pass the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catomo.network import draft
from catomo.record.record import Record
from catomo.report.cells import lookup
from catomo.stages import STAGES

RUN, SKIPPED, MISSING = "run", "not for this dataset", "not run"


@dataclass(frozen=True)
class Step:
    """A stage as the page lists it.

    Attributes
    ----------
    number, title : str
    state : str
        `RUN`, `SKIPPED` or `MISSING`.
    why : str
        What it came to, or why there is nothing.
    link : str
        The section of the page, if there is one.
    """

    number: str
    title: str
    state: str
    why: str
    link: str = ""


def steps(records: Mapping[str, Record]) -> list[Step]:
    """Return all stages before the page, in order.

    Parameters
    ----------
    records : mapping of str to Record
        The records of the stages by their file names.
    """
    listed: dict[str, Step] = {}
    for stage in STAGES:
        if stage.verb == "report" or stage.number > 9:
            continue
        number = f"{stage.number:02d}"
        if stage.record in records:
            record = records[stage.record]
            listed[number] = Step(
                number,
                stage.title,
                RUN,
                _outcome(record, records.get("slices.json")),
                f"#stage-{number}",
            )
        elif number not in listed:
            state, why = why_not(stage.verb, records)
            listed[number] = Step(number, stage.title, state, why)
    return list(listed.values())


def _outcome(record: Record, slices: Record | None) -> str:
    """Return what a stage came to, in a few words."""
    if "verdict" in record:
        reasons = f": {'; '.join(map(str, record['reasons']))}" if record.get("reasons") else ""
        return f"verdict {record['verdict']}{reasons}"
    if differs := lookup(record, "fit.differs"):
        words = ", ".join(dict.fromkeys(one["what"] for one in differs))
        return f"the model may not fit these slices: {words}"
    if draft.is_guess(record, slices):
        return "a draft: no person taught the model"
    return "complete"


def why_not(verb: str, records: Mapping[str, Record]) -> tuple[str, str]:
    """Return the state of a stage without a record, and the reason in a sentence.

    Parameters
    ----------
    verb : str
    records : mapping of str to Record
        The records that there are.
    """
    labelled = records.get("prediction.json") or records.get("segmentation.json")
    has_series = "tilt_series.json" in records
    if verb in ("simulate", "import", "align", "reconstruct") and not has_series:
        kind = "labels" if "segmentation.json" in records else "slices"
        return SKIPPED, f"The dataset begins with {kind} that were made elsewhere."
    aligned = records.get("alignment.json")
    if verb == "reconstruct" and aligned and aligned.get("verdict") == "stop":
        return MISSING, (
            "The verdict on the alignment is stop; mend what its reasons name, or set "
            "accept_stop: true for reconstruct."
        )
    if verb == "slices" and "segmentation.json" in records:
        return SKIPPED, "The dataset begins with labels that were made elsewhere."
    if verb in ("train", "predict", "segmentation") and labelled is None:
        return SKIPPED, "The table of datasets names neither labels nor a model for it."
    if verb == "train":
        return SKIPPED, "Its model was ready, or is none."
    if verb == "evaluate":
        return SKIPPED, (
            "There are no labels to score against."
            if labelled
            else "There is no segmentation to score."
        )
    if verb == "surfaces":
        if labelled is None:
            return SKIPPED, "There is no segmentation to measure."
        if not labelled.get("contiguous", True):
            return SKIPPED, "Its images are single ones, not slices of a volume."
    return MISSING, "There is no record of it; its log in logs/ says why, where it failed."
