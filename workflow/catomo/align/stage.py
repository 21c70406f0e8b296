"""The stage `align`: reads a tilt series, aligns it (`catomo.align.tilts`), writes and records.

It always succeeds; how far the alignment can be trusted is its verdict.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from catomo.align.figures import Sinograms, draw
from catomo.align.geometry import Geometry
from catomo.align.known import read_known
from catomo.align.mirrored import are_mirrored, put_right
from catomo.align.preprocess import CleanSeries, clean
from catomo.align.readings import SUGGESTED_ANGLES, Recording
from catomo.align.review import read_review
from catomo.align.settings import Align
from catomo.align.tilts import Alignment, align_series
from catomo.align.truth import compare
from catomo.files.store import StackReader, StackWriter
from catomo.files.tables import number_text, write_csv
from catomo.progress import say
from catomo.record.hashes import sha256_of
from catomo.record.record import Output, Record, committing, read_record


def align(
    tilt_series: Path | str, output: Path | str, settings: Align, apply: Path | str | None = None
) -> None:
    """Align a tilt series.

    Parameters
    ----------
    tilt_series : path
        Folder or record of `simulate` or `import`.
    output : path
        Folder to write: ``aligned.tif`` (tilt, y, x) float32 with the tilt axis along y through
        the centre and zero background, ``alignment.csv``, ``alignment.png``, ``alignment.json``;
        ``unmeasured.tif`` (uint8, 1 where nothing was measured) if something was not;
        ``suggested_angles.tlt`` if other angles than those imported fit clearly better.
    settings : Align
    apply : path, optional
        A known alignment to use as it is (`catomo.align.known`) instead of `settings.apply`.

    Raises
    ------
    UserError
        If the known alignment or the review cannot be used.
    """
    source = read_record(tilt_series, "simulate", "import")
    apply = apply or os.path.expandvars(settings.apply)
    with committing(output, "align", settings, {"tilt_series": source}) as out:
        known = read_known(apply, source) if apply else None
        reviewed = os.path.expandvars(settings.review)
        review = read_review(reviewed, source) if reviewed else None
        if review:
            settings, known = review.settings(settings), review.known
        series = read_clean(source, settings, known.geometry if known else None)
        series = review.of_series(series) if review else series
        shape = series.images.shape
        with _Images(out, shape, source["pixel_size_nm"]) as images:
            alignment = align_series(series, settings, images.write, known, Recording.of(source))
        say("; ".join([f"alignment: {alignment.verdict}", *alignment.reasons]))
        _write_table(out.path("alignment.csv"), alignment.per_tilt)
        sinograms = _sinograms(series.images, out.path("aligned.tif"))
        draw(out.path("alignment.png"), alignment, sinograms)
        better = alignment.measures.better_reading(settings.verdict)
        if better and source["stage"] == "import":
            _write_angles(out.path(SUGGESTED_ANGLES), better.angles_deg, source["settings"])
        _record(out, alignment, source, shape)
        if images.unmeasured_pixels:
            out.record["unmeasured_fraction"] = images.unmeasured_pixels / np.prod(shape)
        for word, path in (("known_alignment", apply), ("review", reviewed)):
            if path:
                out.record["steps"][word] = {"file": Path(path).name, "sha256": sha256_of(path)}


def read_clean(source: Record, settings: Align, known: Geometry | None) -> CleanSeries:
    """Return the clean images of a tilt series, mirrored ones turned onto the tilt axis.

    Parameters
    ----------
    source : Record
        Of the tilt series.
    settings : Align
    known : Geometry or None
        A known alignment, whose axis is taken for mirrored images.
    """
    tilt_deg = np.array(source["tilt_deg"], dtype=float)
    mirrored = are_mirrored(tilt_deg, source.get("mirrored_deg") or [])
    with StackReader(source.file("tilt_series.tif")) as reader:
        series = clean(reader.read(), tilt_deg, settings, mirrored=mirrored)
    told, doubtful = put_right(series, mirrored, settings, known)
    if told:
        say(f"align: {told}")
        series.notes["mirrored"] = told
    return replace(series, told=(*series.told, told)) if doubtful else series


class _Images:
    """The aligned images, and beside them which pixels were not measured if there are any.

    ``unmeasured.tif`` holds 1 for these and 0 for all others.
    """

    def __init__(self, out: Output, shape: tuple[int, ...], pixel_size_nm: float):
        self._new = partial(StackWriter, shape=shape, pixel_size_nm=pixel_size_nm)
        self._out = out
        self._images = self._new(out.path("aligned.tif"), dtype=np.float32)
        self._unmeasured: StackWriter | None = None
        self.unmeasured_pixels = 0

    def write(self, t: int, image: np.ndarray, unmeasured: np.ndarray) -> None:
        """Write an aligned image and its mask."""
        self._images.write(t, image[None])
        if unmeasured.any():
            if self._unmeasured is None:
                path = self._out.path("unmeasured.tif")
                self._unmeasured = self._new(path, dtype=np.uint8)
            self._unmeasured.write(t, unmeasured[None])
            self.unmeasured_pixels += int(np.count_nonzero(unmeasured))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._images.close()
        if self._unmeasured is not None:
            self._unmeasured.close()


def _sinograms(images: np.ndarray, aligned: Path) -> Sinograms:
    """Return three rows of every image, clean and aligned."""
    rows = [images.shape[1] * quarters // 4 for quarters in (1, 2, 3)]
    with StackReader(aligned) as reader:
        after = np.concatenate([reader.read_rows(row, row + 1) for row in rows], axis=1)
    return Sinograms(rows, images[:, rows], after)


def _record(out: Output, alignment: Alignment, source: Record, shape: tuple[int, ...]) -> None:
    measures = alignment.measures
    out.record.update(
        {
            "shape": shape,
            "tilt_deg": alignment.per_tilt["tilt_deg"],
            "pixel_size_nm": source["pixel_size_nm"],
            "orientation": source["orientation"],
            "axis_angle_deg": alignment.axis_angle_deg,
            "axis_offset_px": alignment.axis_offset_px,
            "across_px": alignment.across_px,
            "along_px": alignment.along_px,
            "verdict": alignment.verdict,
            "reasons": alignment.reasons,
            "measures": measures.record(),
            "blank_tilts_deg": alignment.per_tilt["tilt_deg"][~alignment.usable],
            "suggested_exclusions_deg": measures.suggested_exclusions(),
            "outside_frame": alignment.per_tilt["outside_frame"],
            "steps": alignment.steps,
        }
    )
    if alignment.geometry.distortion is not None:
        out.record["distortion"] = alignment.geometry.distortion
    if (changed := alignment.per_tilt["tilt_deg"].tolist()) != (recorded := source["tilt_deg"]):
        # Who leaves images out names them by the angles of the tilt series.
        by_name = dict(zip(changed, recorded, strict=True))
        named = out.record["suggested_exclusions_deg"]
        out.record["suggested_exclusions_deg"] = [by_name.get(tilt, tilt) for tilt in named]
        out.record["recorded_tilt_deg"] = recorded
    if source.has("truth.json"):
        tilt_deg = alignment.per_tilt["tilt_deg"]
        out.record["truth"] = compare(alignment.geometry, tilt_deg, _truth(source))


def _truth(source: Record) -> Geometry:
    truth = json.loads(source.file("truth.json").read_text())
    across = np.array(truth["across_px"]) + truth["axis_offset_px"]
    return Geometry(truth["axis_angle_deg"], across, np.array(truth["along_px"]))


def _write_table(path: Path, columns: dict[str, np.ndarray]) -> None:
    rows = zip(*columns.values(), strict=True)
    write_csv(path, list(columns), ([number_text(value) for value in row] for row in rows))


def _write_angles(path: Path, angles_deg: np.ndarray, imported: dict[str, Any]) -> None:
    """Write angles in the sign and unit of the import, which must not sort them."""
    angles = angles_deg * imported["handedness"]
    angles = np.deg2rad(angles) if imported["angle_unit"] == "rad" else angles
    path.write_text("".join(f"{number_text(angle)}\n" for angle in angles))
