"""The page of a dataset, made from the records of its stages.

It only shows what the records say and computes nothing but the rounding. Every number carries
the dotted key of its record, so that a machine can compare the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.network import draft
from catomo.record.record import Record
from catomo.report.cells import lookup
from catomo.report.embed import script_json
from catomo.report.head import head_figures, verdict_of
from catomo.report.methods import methods
from catomo.report.particles import particle_table
from catomo.report.prediction import fit_warning
from catomo.report.sections import headings, section
from catomo.report.stack import stack_for_page
from catomo.report.steps import steps, why_not
from catomo.report.view3d import VIEWS, view_for_page
from catomo.settings.base import PhaseClass

if TYPE_CHECKING:
    import jinja2

_LEAST_FOR_SLICES = 1e6  # bytes that slices may take, however full the page is


@dataclass(frozen=True)
class Provenance:
    """From what, and with which code and packages, a stage was made."""

    stage: str
    code: str
    inputs: str
    versions: str


def make_page(
    records: Mapping[str, Record],
    classes: Sequence[PhaseClass],
    dataset: str,
    title: str = "",
    drawn: Mapping[str, Sequence[Path]] | None = None,
    size_mb: float = 12.0,
) -> str:
    """Return the page of a dataset as HTML, with everything that it shows inside.

    Parameters
    ----------
    records : mapping of str to Record
        The records of the stages by their file names.
    classes : sequence of PhaseClass
        All classes, background first.
    dataset : str
        The dataset's name.
    title : str
        By default the dataset's name.
    drawn : mapping of str to sequence of Path, optional
        Pictures that are drawn for the page, by the record in whose section they stand.
    size_mb : float
        About how large it may become; slices become coarser until it fits.

    Raises
    ------
    UserError
        If a picture is not what its record says.
    """
    in_order = [records[name] for name in headings() if name in records]
    view = view_for_page(records, classes, dataset)
    particles = particle_table(records, dataset)
    parts = {
        "title": title or dataset,
        "dataset": dataset,
        "summary": head_figures(records, classes),
        "verdict": verdict_of(records),
        "draft": _draft_warning(records),
        "doubts": _doubts(records),
        "fit_warning": _fit_warning(records),
        "next_step": _next_step(records, dataset),
        "steps": steps(records),
        "sections": [
            section(record, classes, (drawn or {}).get(record.path.name, ())) for record in in_order
        ],
        "view": view,
        "view_data": script_json(view),
        "view_names": VIEWS,
        "particles": particles,
        "particle_data": script_json(particles.data) if particles else "",
        "why_no_surfaces": why_not("surfaces", records)[1],
        "why_no_labels": why_not("predict", records)[1],
        "methods": methods(records, classes),
        "provenance": [_provenance(record) for record in in_order],
    }
    template = _template()
    room = max(1e6 * size_mb - len(template.render(**parts, stack={}).encode()), _LEAST_FOR_SLICES)
    stack = stack_for_page(records, classes, room)
    return template.render(**parts, stack=stack, stack_data=script_json(stack))


def _template() -> jinja2.Template:
    """Return the template of the page, with its style and its script."""
    import jinja2

    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["from_json"] = json.loads
    environment.globals["style"] = (folder / "page.css").read_text(encoding="utf-8")
    environment.globals["script"] = (folder / "viewer.js").read_text(encoding="utf-8")
    return environment.get_template("page.html")


def _draft_warning(records: Mapping[str, Record]) -> str:
    """Return the warning of a real specimen's segmentation that rests on no person's labels."""
    made = [records[n] for n in ("prediction.json", "training.json") if n in records]
    guessed = any(draft.is_guess(record, records.get("slices.json")) for record in made)
    return draft.WARNING if guessed else ""


def _doubts(records: Mapping[str, Record]) -> list[str]:
    """Return what a reader of the quantities has to be warned of."""
    return records["quantities.json"].get("doubts", []) if "quantities.json" in records else []


def _fit_warning(records: Mapping[str, Record]) -> str:
    """Return in which ways the slices differ from those that taught the model."""
    record = records.get("prediction.json")
    return fit_warning(record) if record and lookup(record, "fit.differs") else ""


def _next_step(records: Mapping[str, Record], dataset: str) -> str:
    """Return what the person does next, if this dataset waits for labels."""
    if "slices.json" not in records:
        return ""
    if "prediction.json" not in records:
        return records["slices.json"]["next_step"]
    guessed = draft.is_guess(records["prediction.json"], records["slices.json"])
    if guessed and "metrics.json" not in records:
        return (
            f"correct the draft: catomo annotate results/{dataset}/04_slices --prediction "
            f"results/{dataset}/06_predict --labels labels/{dataset}; then write that folder into "
            "the column labels of the table of datasets and run snakemake again."
        )
    return ""


def _provenance(record: Record) -> Provenance:
    return Provenance(
        stage=record["stage"],
        code=record["code"][:12],
        inputs=", ".join(
            f"{word} {next(reversed(entry.values()))[:12]}"
            for word, entry in record["inputs"].items()
        ),
        versions=", ".join(f"{name} {version}" for name, version in record["versions"].items()),
    )
