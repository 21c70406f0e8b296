"""09 report: everything about a dataset on one self-contained page.

The page only shows what the stages' records say; it computes nothing but the rounding.
Every number carries the dotted key of its record, so a machine can compare the two.
"""

from __future__ import annotations

import base64
import struct
from pathlib import Path

from catomo.errors import UserError
from catomo.network import draft
from catomo.record.record import Record, committing, read_record
from catomo.report.cells import cell, lookup, number, plain_table
from catomo.report.metrics import metrics
from catomo.stages import RECORDS, STAGES

# Number and heading of the section of each record, in the order of the page.
_TITLES = {s.record: (f"{s.number:02d}", s.title) for s in STAGES if s.verb != "report"}


def write_report(stages, output, settings, dataset: str = "") -> None:
    """Write the page of a dataset from the records of its stages.

    Parameters
    ----------
    stages : list of path
        Folders or records of the stages that exist, in any order.
    output : path
        The stage's folder, or its record.
    settings : Report
    dataset : str
        The dataset's name.

    Raises
    ------
    UserError
        If a folder holds no record, or a picture is not what its record says.
    """
    records = {record.path.name: record for record in map(_record_of, stages)}
    order = [name for name in _TITLES if name in records]
    with committing(
        output, "report", settings, {name.removesuffix(".json"): records[name] for name in order}
    ) as out:
        sections = [_section(records[name], settings) for name in order]
        out.path("report.html").write_text(
            _render(
                title=settings.title or dataset,
                dataset=dataset,
                summary=_summary(records),
                draft=_draft(records),
                next_step=_next_step(records, dataset),
                sections=sections,
                provenance=[_provenance(records[name]) for name in order],
            )
        )
        out.record["dataset"] = dataset
        out.record["stages"] = {
            name.removesuffix(".json"): {
                key: records[name][key]
                for key in ("stage", "catomo", "code", "settings", "inputs", "versions", "files")
            }
            for name in order
        }
        if "training.json" in records:
            out.record["model_sha256"] = records["training.json"]["files"]["model.keras"]["sha256"]


def _record_of(place) -> Record:
    place = Path(place)
    names = [place.name] if place.suffix == ".json" else set(RECORDS.values())
    for verb, name in RECORDS.items():
        path = place if place.suffix == ".json" else place / name
        if name in names and path.is_file():
            verbs = [v for v, n in RECORDS.items() if n == name]
            return read_record(path, *verbs)
        if name in names and place.suffix == ".json":
            return read_record(path, verb)
    raise UserError(f"{place}: found no record of a stage there; run the stage first")


def _render(**content) -> str:
    import jinja2

    template = Path(__file__).with_name("page.html").read_text()
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(**content)


def _section(record: Record, settings) -> dict:
    """Return what the page shows of one stage: words, tables, pictures."""
    number, title = _TITLES[record.path.name]
    words, tables = _CONTENT.get(record.path.name, lambda r, s: ([], []))(record, settings)
    pictures = [_picture(record, name) for name in record["files"] if name.endswith(".png")]
    files = [
        {"name": name, "bytes": f"{entry['bytes'] / 1e6:.2f} MB", "sha256": entry["sha256"][:12]}
        for name, entry in record["files"].items()
        if not name.startswith("to_annotate/")
    ]
    return {
        "number": number,
        "title": title,
        "words": words,
        "tables": tables,
        "pictures": pictures,
        "files": files,
    }


def _picture(record: Record, name: str) -> dict:
    data = record.file(name).read_bytes()
    width, height = struct.unpack(">II", data[16:24])  # from the PNG's header
    stem = Path(name).stem
    return {
        "name": name,
        "caption": _CAPTIONS.get(stem, stem.replace("_", " ")),
        "wide": width > 1.6 * height,
        "data": base64.b64encode(data).decode(),
    }


_CAPTIONS = {
    "tilt_series": "The image nearest to 0° tilt.",
    "alignment": "Shifts by tilt, the search for the tilt axis, and a sinogram before and after.",
    "orthoslices": "Three orthogonal slices through the volume.",
    "convergence": "Change, residual and likelihood of a sample of slices, pass by pass.",
    "slices": "Slices spread over the volume, 8 bits deep.",
    "curves": "Loss and scores while training.",
    "prediction": "Slices with their segmentation laid on.",
    "comparison": "Annotation, prediction and errors in a typical image.",
    "worst": "The same in the three images that score worst.",
    "unseen": "Slices that nobody annotated, beside their segmentation.",
    "rhd": "Robust Hausdorff distance against its percentile.",
    "confusion": "Confusion matrix: rows are the annotation, columns the prediction.",
    "confidence": "Whether the confidence can be believed, and knows where the errors are.",
    "particles": "Particles: found against true diameter, and what was found of each size.",
    "view_front": "Alumina translucent, Pt opaque: along the beam.",
    "view_side": "The same from the side.",
    "view_top": "The same along the tilt axis.",
    "view_opaque": "Both phases opaque.",
}


def _tilt_series(record, settings):
    angles = record["tilt_deg"]
    words = [
        f"{len(angles)} images from {angles[0]:g}° to {angles[-1]:g}°, "
        f"{record['shape'][1]} × {record['shape'][2]} pixels of {record['pixel_size_nm']:g} nm; "
        f"source: {record['source']}."
    ]
    return words, []


def _alignment(record, settings):
    words = [f"Verdict: {record['verdict']}. " + " ".join(record["reasons"])]
    rows = [
        ("tilt-axis angle", "axis_angle_deg", 2, "°"),
        ("tilt-axis offset", "axis_offset_px", 2, "px"),
        ("error across the axis (truth known)", "truth.across_rms_px", 3, "px RMS"),
        ("error along the axis (truth known)", "truth.along_rms_px", 3, "px RMS"),
        ("error of the axis angle (truth known)", "truth.axis_error_deg", 3, "°"),
        ("error of the axis offset (truth known)", "truth.offset_error_px", 3, "px"),
    ]
    return words, [plain_table(record, rows), _steps(record)]


def _steps(record):
    """Return the table of what each step moved, and whether the tilts agree better with it."""
    words = {True: "kept", False: "refused: no better", None: "–"}
    figures = (("rms_px.0", 2), ("rms_px.1", 2), ("error_before", 4), ("error_after", 4))
    rows = [
        [
            {"text": name.replace("_", " ")},
            *(cell(record, f"steps.{name}.{key}", digits) for key, digits in figures),
            {"text": words[step.get("accepted")]},
        ]
        for name, step in record["steps"].items()
        if "rms_px" in step
    ]
    header = ["step", "across (px RMS)", "along", "unpredicted before", "after", ""]
    return {"header": header, "rows": rows}


def _reconstruction(record, settings):
    rows = [
        ("backend", "backend", 0, ""),
        ("iterations", "iterations", 0, ""),
        ("stopped because", "stop_reason", 0, ""),
        ("residual ‖Ax − y‖ / ‖y‖", "residual", 3, ""),
        ("spread of the mass over the tilts", "quality.mass_balance.spread", 4, ""),
        ("edges rise over, across the beam", "quality.edge_width.x.rise_nm", 2, "nm"),
        (
            "edges rise over, along the beam (missing wedge)",
            "quality.edge_width.z.rise_nm",
            2,
            "nm",
        ),
        ("correlation with the truth inside the plate", "truth.correlation", 3, ""),
        ("nRMSE against the truth inside the plate", "truth.nrmse", 3, ""),
    ]
    return [], [plain_table(record, rows)]


def _slices(record, settings):
    contrast = ", ".join(f"{k} {number(v)}" for k, v in record["contrast"].items())
    return [f"{record['shape'][0]} slices; contrast: {contrast}."], []


def _training(record, settings):
    changed = ", ".join(record["changed_from_preset"])
    words = [
        f"Preset {record['preset']}{f' but for {changed}' if changed else ''}, "
        f"{record['steps']} steps, seed {record['seed']}. "
        + ("" if record["reproducible"] else "Ended by the time cap: not reproducible. ")
        + "Nearest training image to a test image: correlation "
        + f"{number(lookup(record, 'leak.nearest_correlation'))}."
    ]
    rows = [
        [
            {"text": name},
            *({"text": str(len(parts.get(part, [])))} for part in ("train", "validate", "test")),
            {"text": str(len(parts.get("left_out", [])))},
        ]
        for name, parts in record["split"].items()
    ]
    header = ["dataset", "train", "validate", "test", "left out"]
    return words, [{"header": header, "rows": rows}]


def _prediction(record, settings):
    shares = ", ".join(f"{name} {100 * share:.2f} %" for name, share in record["fractions"].items())
    return [f"Share of all voxels: {shares}."], []


def _quantities(record, settings):
    rows = []
    for name, entry in record.get("quantities", record).items():
        if not (isinstance(entry, dict) and {"value", "unit", "method"} <= entry.keys()):
            continue
        place = f"quantities.{name}" if "quantities" in record else name
        span = (
            f"{_significant(entry['low'])} … {_significant(entry['high'])}"
            if entry.get("low") is not None and entry.get("high") is not None
            else "–"
        )
        rows.append(
            [
                {"text": name.replace("_", " ")},
                {"text": _significant(entry["value"]), "key": f"{place}.value", "digits": "g"},
                {"text": span},
                {"text": entry["unit"]},
                {"text": entry["method"]},
            ]
        )
    header = ["quantity", "value", "low … high", "unit", "method"]
    words = [text for text in (record.get("pictures_note"),) if text]
    return words, [{"header": header, "rows": rows}]


def _significant(value) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else number(value)


_CONTENT = {
    "tilt_series.json": _tilt_series,
    "alignment.json": _alignment,
    "reconstruction.json": _reconstruction,
    "slices.json": _slices,
    "training.json": _training,
    "prediction.json": _prediction,
    "metrics.json": metrics,
    "quantities.json": _quantities,
}


def _summary(records: dict[str, Record]) -> list[dict]:
    """Return the few figures at the head of the page."""
    chosen = [
        ("alignment.json", "verdict", "alignment", 0, ""),
        ("reconstruction.json", "residual", "reconstruction residual", 3, ""),
        ("metrics.json", "classes.alumina.dsc.mean", "DSC alumina", 3, ""),
        ("metrics.json", "classes.pt.dsc.mean", "DSC Pt", 3, ""),
        ("metrics.json", "particles.f1", "particle F1", 3, ""),
    ]
    return [
        {"words": words, **cell(records[name], key, digits, unit), "record": name}
        for name, key, words, digits, unit in chosen
        if name in records and lookup(records[name], key) is not None
    ]


def _draft(records: dict[str, Record]) -> str:
    """Return the banner of a real specimen's segmentation that no person has had a hand in."""
    made = [records[n] for n in ("prediction.json", "training.json") if n in records]
    guessed = any(draft.is_guess(record, records.get("slices.json")) for record in made)
    return draft.WARNING if guessed else ""


def _next_step(records: dict[str, Record], dataset: str) -> str:
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


def _provenance(record: Record) -> dict:
    return {
        "stage": record["stage"],
        "code": record["code"][:12],
        "inputs": ", ".join(
            f"{word} {next(reversed(entry.values()))[:12]}"
            for word, entry in record["inputs"].items()
        ),
        "versions": ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
    }
