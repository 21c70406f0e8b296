"""Stage 09: everything about a dataset on one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from catomo.errors import UserError
from catomo.record.classes import with_classes_of
from catomo.record.record import Output, Record, committing, read_record
from catomo.report.labels_picture import draw_labels
from catomo.report.overlay import draw_overlay
from catomo.report.page import make_page
from catomo.report.sections import headings
from catomo.report.settings import Report
from catomo.stages import RECORDS

# Records whose voxels are the same.
_OF_SLICES = (
    "slices.json",
    "prediction.json",
    "segmentation.json",
    "metrics.json",
    "quantities.json",
)
# The workflow's own source, beside the page.
_SOURCE = "workflow.smk"
_WAY_OUT = "report with the classes of the records"

# What provenance.json repeats of the record of each stage.
_REPEATED = ("stage", "catomo", "code", "settings", "inputs", "versions", "files")


def write_report(
    stages: Sequence[Path | str],
    output: Path | str,
    settings: Report,
    dataset: str = "",
    as_crate: bool = False,
) -> None:
    """Write the page of a dataset from the records of its stages.

    Parameters
    ----------
    stages : sequence of path
        Folders or records of the stages that exist, in any order.
    output : path
        Folder to write: ``report.html``, ``provenance.json`` and, where the dataset is segmented,
        ``prediction.png`` or ``segmentation.png``.
    settings : Report
        Without classes of their own they take those of the records.
    dataset : str
        The dataset's name.
    as_crate : bool
        Whether to keep the source of the workflow as ``workflow.smk`` and to describe the folder
        above `output` as an RO-Crate.

    Raises
    ------
    UserError
        If a folder holds no record of a stage, a picture is not what its record says, the
        settings have other classes than a record, or records have different pixel sizes.
    """
    if as_crate:
        from catomo.report import crate  # a page needs no rocrate

    given = {record.path.name: record for record in map(_record_of, stages)}
    records = {name: given[name] for name in headings() if name in given}
    # Names are the same in all; the last stage may have titles and colours of its own.
    for record in reversed(records.values()):
        settings = with_classes_of(record, settings, _WAY_OUT)
    _check_pixel_sizes([record for name, record in records.items() if name in _OF_SLICES])
    inputs: dict[str, Record | Path] = {_stem(name): record for name, record in records.items()}
    with committing(output, "report", settings, inputs) as out:
        drawn = _draw(records, settings, out)
        page = make_page(
            *(records, settings.classes, dataset, settings.title, drawn), size_mb=settings.size_mb
        )
        out.path("report.html").write_text(page, encoding="utf-8")
        out.record["dataset"] = dataset
        out.record["stages"] = {
            _stem(name): {key: record[key] for key in _REPEATED} for name, record in records.items()
        }
        if "training.json" in records:
            out.record["model_sha256"] = records["training.json"]["files"]["model.keras"]["sha256"]
        if as_crate:
            out.path(_SOURCE).write_text(crate.workflow_source())
    if as_crate:
        crate.write_crate(records, read_record(out.folder, "report"), _SOURCE)


def _draw(records: Mapping[str, Record], settings: Report, out: Output) -> dict[str, list[Path]]:
    """Draw the segmentation; return the pictures by the record that each belongs to."""
    if "segmentation.json" in records:
        picture = out.path("segmentation.png")
        draw_labels(records["segmentation.json"], settings.classes, picture)
        return {"segmentation.json": [picture]}
    overlay = out.path("prediction.png")
    is_drawn = draw_overlay(records, settings.classes, overlay)
    return {"prediction.json": [overlay]} if is_drawn else {}


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


def _check_pixel_sizes(records: list[Record]) -> None:
    """Check that records of the same voxels give them the same size."""
    for record in records[1:]:
        one, other = (r.get("pixel_size_nm") for r in (records[0], record))
        if one and other and one != other:
            raise UserError(
                f"{record.path}: has {other:g} nm per pixel, but {records[0].path} has {one:g}; "
                "report the stages of one dataset"
            )
