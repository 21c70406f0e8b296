"""The page of a dataset, made from the records of its stages.

It only shows what the records say and computes nothing but the rounding. Every number carries
the dotted key of its record, so that a machine can compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catomo.network import draft
from catomo.record.record import Record
from catomo.report.cells import cell, lookup
from catomo.report.sections import headings, section
from catomo.settings.base import PhaseClass


@dataclass(frozen=True)
class HeadFigure:
    """One of the few figures at the head of the page, with the key of its record."""

    words: str
    text: str
    record: str
    key: str
    digits: int


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
) -> str:
    """Return the page of a dataset as HTML, with all pictures inside.

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

    Raises
    ------
    UserError
        If a picture is not what its record says.
    """
    import jinja2

    in_order = [records[name] for name in headings() if name in records]
    template = Path(__file__).with_name("page.html").read_text()
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        title=title or dataset,
        dataset=dataset,
        summary=head_figures(records, classes),
        draft=_draft_warning(records),
        next_step=_next_step(records, dataset),
        sections=[
            section(record, classes, (drawn or {}).get(record.path.name, ())) for record in in_order
        ],
        provenance=[_provenance(record) for record in in_order],
    )


def head_figures(records: Mapping[str, Record], classes: Sequence[PhaseClass]) -> list[HeadFigure]:
    """Return the figures at the head of the page; those that no record holds are left out."""
    chosen = [
        ("alignment.json", "verdict", "alignment", 0),
        ("reconstruction.json", "residual", "reconstruction residual", 3),
        *(
            ("metrics.json", f"classes.{phase.name}.dsc.mean", f"DSC {phase.title}", 3)
            for phase in classes[1:]
        ),
        ("metrics.json", "particles.f1", "particle F1", 3),
    ]
    figures = []
    for name, key, words, digits in chosen:
        if name in records and lookup(records[name], key) is not None:
            shown = cell(records[name], key, digits)
            figures.append(HeadFigure(words, shown.text, name, key, digits))
    return figures


def _draft_warning(records: Mapping[str, Record]) -> str:
    """Return the warning of a real specimen's segmentation that rests on no person's labels."""
    made = [records[n] for n in ("prediction.json", "training.json") if n in records]
    guessed = any(draft.is_guess(record, records.get("slices.json")) for record in made)
    return draft.WARNING if guessed else ""


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
