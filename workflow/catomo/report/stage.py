"""Stage 09: everything about a dataset on one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catomo.errors import UserError
from catomo.record.record import Record, committing, read_record
from catomo.report.overlay import NAME, draw_overlay
from catomo.report.page import make_page
from catomo.report.sections import headings
from catomo.report.settings import Report
from catomo.stages import RECORDS

# What provenance.json repeats of the record of each stage.
_REPEATED = ("stage", "catomo", "code", "settings", "inputs", "versions", "files")


def write_report(
    stages: Sequence[Path | str], output: Path | str, settings: Report, dataset: str = ""
) -> None:
    """Write the page of a dataset from the records of its stages.

    Parameters
    ----------
    stages : sequence of path
        Folders or records of the stages that exist, in any order.
    output : path
        Folder to write: ``report.html``, ``provenance.json`` and, where the dataset is segmented,
        ``prediction.png``.
    settings : Report
    dataset : str
        The dataset's name.

    Raises
    ------
    UserError
        If a folder holds no record of a stage, a picture is not what its record says, or the
        settings have other classes than the segmentation.
    """
    given = {record.path.name: record for record in map(_record_of, stages)}
    records = {name: given[name] for name in headings() if name in given}
    for record in records.values():
        _check_classes(record, settings)
    inputs: dict[str, Record | Path] = {_stem(name): record for name, record in records.items()}
    with committing(output, "report", settings, inputs) as out:
        overlay = out.path(NAME)
        is_drawn = draw_overlay(records, settings.classes, overlay)
        drawn = {"prediction.json": [overlay]} if is_drawn else {}
        page = make_page(records, settings.classes, dataset, settings.title, drawn)
        out.path("report.html").write_text(page)
        out.record["dataset"] = dataset
        out.record["stages"] = {
            _stem(name): {key: record[key] for key in _REPEATED} for name, record in records.items()
        }
        if "training.json" in records:
            out.record["model_sha256"] = records["training.json"]["files"]["model.keras"]["sha256"]


def _stem(name: str) -> str:
    return name.removesuffix(".json")


def _record_of(place: Path | str) -> Record:
    """Return the record of a stage from its folder or its path."""
    place = Path(place)
    is_record = place.suffix == ".json"
    for name in headings():
        if name == place.name if is_record else (place / name).is_file():
            verbs = [verb for verb, record in RECORDS.items() if record == name]
            return read_record(place if is_record else place / name, *verbs)
    raise UserError(f"{place}: found no record of a stage there; run the stage first")


def _check_classes(record: Record, settings: Report) -> None:
    """Check that the record speaks of the classes that the settings describe."""
    names = [phase.name for phase in settings.classes]
    # A list in prediction.json, a dictionary in metrics.json.
    recorded = list(record.get("classes", names))
    if recorded != names:
        raise UserError(
            f"{record.path}: has the classes {', '.join(recorded)}, but report.classes is "
            f"{', '.join(names)}; report with the classes of the segmentation"
        )
