"""The sections of the page: what it shows of each stage in words, tables, pictures and files.

A stage without an entry in `_CONTENT` still gets its heading, its pictures and its files.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from catomo.files.tables import runs_text
from catomo.record.record import Record
from catomo.report.cells import (
    Cell,
    Table,
    cell,
    decimals,
    lookup,
    number,
    plain_table,
    significant,
    span,
)
from catomo.report.metrics import metrics
from catomo.report.pictures import Picture, pictures
from catomo.report.plots import REPLACED, Plot, plots
from catomo.report.prediction import prediction, shares
from catomo.report.view3d import VIEWS
from catomo.report.words import quantity_in_words
from catomo.settings.base import PhaseClass
from catomo.stages import STAGES

_WHICH_INTERVAL = (
    "Intervals hold at 95 %. Quote that of the specimen for what was seen here, and that of the "
    "material for the catalyst of which these particles are a sample. – means that no interval is "
    "known that can be trusted; the list below the numbers says why."
)

# Small tables that the page carries as files: kinds by suffix, and how large they may be.
_KINDS = {".csv": "text/csv", ".json": "application/json"}
_MOST_BYTES = 300_000

_Content = tuple[list[str], list[Table]]


@dataclass(frozen=True)
class File:
    """A file of a stage, as the page lists it."""

    name: str
    size: str
    sha256: str


@dataclass(frozen=True)
class Download:
    """A file inside the page: its name, its media type, and its bytes in base64."""

    name: str
    kind: str
    data: str


@dataclass(frozen=True)
class Section:
    """What the page shows of one stage; `views` are pictures of the surfaces."""

    number: str
    title: str
    words: list[str]
    tables: list[Table]
    plots: list[Plot]
    pictures: list[Picture]
    views: list[Picture]
    files: list[File]
    downloads: list[Download]


def headings() -> dict[str, tuple[str, str]]:
    """Return number and heading of each record's section, in the order of the page."""
    return {s.record: (f"{s.number:02d}", s.title) for s in STAGES if s.verb != "report"}


def section(record: Record, classes: Sequence[PhaseClass], drawn: Sequence[Path] = ()) -> Section:
    """Return the section of a stage.

    Parameters
    ----------
    record : Record
    classes : sequence of PhaseClass
        All classes, background first.
    drawn : sequence of Path
        Pictures beside those of the stage.

    Raises
    ------
    UserError
        If a picture is not what its record says.
    """
    heading, title = headings()[record.path.name]
    content = _CONTENT.get(record.path.name)
    words, tables = content(record, classes) if content else ([], [])
    files = [
        File(name, f"{entry['bytes'] / 1e6:.2f} MB", entry["sha256"][:12])
        for name, entry in record["files"].items()
        if not name.startswith("to_annotate/")
    ]
    drawings = plots(record, classes)
    every = pictures(record, classes, drawn)
    by_stem = {Path(picture.name).stem: picture for picture in every}
    views = [by_stem[name] for name in VIEWS if name in by_stem]
    replaced = REPLACED if drawings else ()
    shown = [p for p in every if p not in views and p.name not in replaced]
    downloads = list(_downloads(record))
    return Section(heading, title, words, tables, drawings, shown, views, files, downloads)


def _downloads(record: Record) -> Iterator[Download]:
    """Yield the small tables of a stage, and its record."""
    names = [name for name, entry in record["files"].items() if entry["bytes"] <= _MOST_BYTES]
    files = {name: record.file(name).read_bytes() for name in names if Path(name).suffix in _KINDS}
    files[record.path.name] = json.dumps(record, indent=1, ensure_ascii=False).encode()
    for name, data in files.items():
        if len(data) <= _MOST_BYTES:
            kind = _KINDS[Path(name).suffix]
            yield Download(name, kind, base64.b64encode(data).decode())


def _tilt_series(record: Record) -> _Content:
    angles = record["tilt_deg"]
    first, last = (f"{angle:g}".replace("-", "−") for angle in (angles[0], angles[-1]))
    words = [
        f"{len(angles)} images from {first}° to {last}°, "
        f"{record['shape'][1]} × {record['shape'][2]} pixels of {record['pixel_size_nm']:g} nm; "
        f"source: {record['source']}."
    ]
    if mirrored := lookup(record, "mirrored_deg"):
        words.append(
            f"Images beyond ±90° ({len(mirrored)}) were mirrored and taken for the opposite view."
        )
    rows = [
        ("microscope", "microscope", 0, ""),
        ("acceleration voltage", "voltage_kv", 0, "kV"),
        ("detector", "detector", 0, ""),
        ("signal", "signal", 0, ""),
        ("magnification", "magnification", 0, ""),
        ("probe current", "probe_current_pa", 1, "pA"),
        ("dwell time", "dwell_time_us", 2, "µs"),
        ("exposure time of an image", "exposure_time_s", 2, "s"),
        ("dose of an image", "dose_per_image_e_per_nm2", 0, "e/nm²"),
        ("date", "date", 0, ""),
        ("pixel size as recorded", "recorded_pixel_size_nm", 4, "nm"),
        ("pixel size from", "pixel_size_from", 0, ""),
        ("angles from", "angles_from", 0, ""),
    ]
    told = [(title, f"acquisition.{key}", digits, unit) for title, key, digits, unit in rows]
    return words, [plain_table(record, told)]


def _alignment(record: Record) -> _Content:
    words = [f"Verdict: {record['verdict']}. " + " ".join(record["reasons"])]
    if share := record.get("unmeasured_fraction"):
        words.append(
            f"{significant(100 * share)} % of the aligned pixels were not measured: they lie "
            "outside the frame, or were hidden or faulty. They get no weight."
        )
    rows = [
        ("tilt-axis angle", "axis_angle_deg", 2, "°"),
        ("tilt-axis offset", "axis_offset_px", 2, "px"),
        ("error across the axis (truth known)", "truth.across_rms_px", 3, "px RMS"),
        ("error along the axis (truth known)", "truth.along_rms_px", 3, "px RMS"),
        ("error of the axis angle (truth known)", "truth.axis_error_deg", 3, "°"),
        ("error of the axis offset (truth known)", "truth.offset_error_px", 3, "px"),
    ]
    steps = _steps(record)
    if steps.rows:
        words.append(
            "Each step below moved the images by so much (root mean square), and left so much of "
            "them that the other tilts do not predict."
        )
    return words, [plain_table(record, rows), steps]


def _steps(record: Record) -> Table:
    """Return the table of what each step moved, and whether the tilts agree better with it."""
    words = {True: "kept", False: "refused: no better", None: "–"}
    figures = (("rms_px.0", 2), ("rms_px.1", 2), ("error_before", 4), ("error_after", 4))
    rows = [
        [
            Cell(name.replace("_", " ")),
            *(cell(record, f"steps.{name}.{key}", digits) for key, digits in figures),
            Cell(words[step.get("accepted")]),
        ]
        for name, step in record["steps"].items()
        if "rms_px" in step
    ]
    return Table(
        ["step", "across / px", "along / px", "not predicted before", "after", "result"], rows
    )


def _reconstruction(record: Record) -> _Content:
    rows = [
        ("backend", "backend", 0, ""),
        ("iterations", "iterations", 0, ""),
        ("ended by", "stop_reason", 0, ""),
        ("residual ‖Ax − y‖ / ‖y‖", "residual", 3, ""),
        ("spread of the mass over the tilts", "quality.mass_balance.spread", 4, ""),
        ("missing wedge: directions without a tilt", "quality.missing_wedge_deg", 1, "°"),
        ("edge width (10 to 90 %) across the beam", "quality.edge_width.x.rise_nm", 2, "nm"),
        (
            "edge width along the beam, where the missing wedge blurs",
            "quality.edge_width.z.rise_nm",
            2,
            "nm",
        ),
        ("correlation with the truth inside the plate", "truth.correlation", 3, ""),
        ("nRMSE against the truth inside the plate", "truth.nrmse", 3, ""),
    ]
    words = []
    if unrecorded := record.get("unrecorded_slices"):
        least = record["settings"]["least_recorded"]
        words.append(
            f"Slices {runs_text(unrecorded)}, hatched in the picture, were recorded by less than "
            f"{100 * least:.0f} % of the tilts; at the others they lay outside the frame or were "
            "hidden. Their values are uncertain: they are not suggested for annotation, and "
            "surfaces and quantities leave them out."
        )
    if record.get("unmeasured_weight") == "as measured zeros":
        words.append(
            f"The backend {record['backend']} took pixels that were not measured for measured "
            "zeros; matter is missing near them."
        )
    return words, [plain_table(record, rows)]


def _slices(record: Record) -> _Content:
    contrast = ", ".join(f"{k} {significant(v)}" for k, v in record["contrast"].items())
    words = [f"{record['shape'][0]} slices of 8 bits; contrast: {contrast}."]
    if levels := record.get("levels"):
        names = ("background", "support", "brightest")
        found = (f"{k} {significant(levels[k])}" for k in names if levels[k] is not None)
        words.append(f"Values of the matter in the volume: {', '.join(found)}.")
    return words, []


def _training(record: Record) -> _Content:
    changed = ", ".join(record["changed_from_preset"])
    words = [
        f"{record['steps']} steps, seed {record['seed']}, preset “{record['preset']}”"
        + (f" with other values of {changed}." if changed else ".")
        + ("" if record["reproducible"] else " Ended by the time limit: not reproducible.")
    ]
    if (nearest := lookup(record, "leak.nearest_correlation")) is not None:
        words.append(
            f"The training image most like a test image correlates with it by {nearest:.2f}; close "
            "to 1 the scores would flatter the network."
        )
    rows = [
        [
            Cell(name),
            *(
                Cell(str(len(parts.get(part, []))))
                for part in ("train", "validate", "test", "left_out")
            ),
        ]
        for name, parts in record["split"].items()
    ]
    return words, [Table(["dataset", "train", "validate", "test", "left out"], rows)]


def _segmentation(record: Record, classes: Sequence[PhaseClass]) -> _Content:
    slices, rows, columns = record["shape"]
    origin = {"file": "from the file", "given": "as given"}[record["pixel_size_from"]]
    words = [
        record["lacks"],
        f"{slices} slices of {rows} × {columns} voxels of {record['pixel_size_nm']:g} nm "
        f"({origin}). The images of the file are taken for slices along y, their rows for z, which "
        "is along the beam, and their columns for x.",
        shares(record, classes),
    ]
    return [*words, *_sentences(record["notes"])], []


def _sentences(notes: Sequence[str]) -> list[str]:
    """Return what was told when files were read, as sentences."""
    return [f"{note[:1].upper()}{note[1:]}." for note in notes]


def _quantities(record: Record, classes: Sequence[PhaseClass]) -> _Content:
    rows, methods = [], []
    for name, entry in record["quantities"].items():
        in_words = quantity_in_words(name, {phase.name: phase.title for phase in classes})
        ends = [entry.get(end) for end in ("low", "high", "sample_low", "sample_high")]
        digits = decimals(entry["value"] or 0, *ends)
        rows.append(
            [
                Cell(in_words),
                Cell(number(entry["value"], digits), f"quantities.{name}.value", digits),
                Cell(span(ends[0], ends[1], digits)),
                Cell(span(ends[2], ends[3], digits)),
                Cell("" if entry["unit"] == "1" else entry["unit"]),
            ]
        )
        methods.append([Cell(in_words), Cell(entry["method"])])
    words = [record["pictures_note"]] if record["pictures_note"] else []
    if left_out := record.get("slices_left_out"):
        words.append(
            f"Slices {runs_text(left_out)} are left out of surfaces and quantities, because too "
            "few tilts recorded them."
        )
    if "lacks" in record:  # of one file of labels, without a stage before
        words += [record["lacks"], *_sentences(record["notes"])]
    words += [f"Doubtful: {doubt}" for doubt in record.get("doubts", [])]
    words += lookup(record, "placement.words") or []
    words += lookup(record, "bulk.words") or []
    header = ["quantity", "value", "of the specimen", "of the material", "unit"]
    told = "How each is measured, and why it has no interval where it has none"
    tables = [Table(header, rows), Table(["quantity", "method"], methods, told)]
    return [*words, _WHICH_INTERVAL], tables


_CONTENT: dict[str, Callable[[Record, Sequence[PhaseClass]], _Content]] = {
    "tilt_series.json": lambda record, _: _tilt_series(record),
    "alignment.json": lambda record, _: _alignment(record),
    "reconstruction.json": lambda record, _: _reconstruction(record),
    "slices.json": lambda record, _: _slices(record),
    "training.json": lambda record, _: _training(record),
    "prediction.json": prediction,
    "segmentation.json": _segmentation,
    "metrics.json": metrics,
    "quantities.json": _quantities,
}
