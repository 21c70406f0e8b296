"""The verb `align`: find shifts, angle and offset of the tilt axis, then resample once.

Bad pixels and background → the chain of `catomo.align.chain`, or an alignment known already →
verdict → one warp of the mended images. It always succeeds; how far it can be
trusted is its verdict.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
from scipy import ndimage

from catomo.align import registration as reg
from catomo.align.chain import Alignment, examine, solve, usable_images
from catomo.align.figures import draw
from catomo.align.geometry import Geometry, rotation
from catomo.align.known import known_geometry
from catomo.align.preprocess import mend, ring_level, unevenness_px
from catomo.align.verdict import Measures, judge, likeness
from catomo.files.store import StackReader, StackWriter
from catomo.progress import progress, say
from catomo.record.hashes import sha256_of
from catomo.record.record import committing, read_record

_ISOLATED_BELOW_PX = 0.15  # pull of the surroundings; noise gives 0.02, film 0.3, a cut more


def align(tilt_series, output, settings, apply=None) -> None:
    """Align a tilt series.

    Parameters
    ----------
    tilt_series : path
        Folder or record of `simulate` or `import`.
    output : path
        Folder to write: ``aligned.tif`` (tilt, y, x) float32 with the tilt axis along y through
        the centre and zero background, ``alignment.csv``, ``alignment.png``, ``alignment.json``.
    settings : catomo.align.settings.Align
    apply : path, optional
        A known alignment to use as it is (`catomo.align.known`) instead of `settings.apply`.

    Raises
    ------
    UserError
        If the known alignment cannot be used.
    """
    source = read_record(tilt_series, "simulate", "import")
    apply = apply or os.path.expandvars(settings.apply)
    with committing(output, "align", settings, {"tilt_series": source}) as out:
        tilt_deg = np.array(source["tilt_deg"], dtype=float)
        known = known_geometry(apply, source) if apply else None
        images, isolated, steps = _prepared(source.file("tilt_series.tif"), settings)
        if known:
            found = Alignment(known, usable_images(images))
            examine(found, images, tilt_deg, isolated, settings)
            steps["known_alignment"] = {"file": Path(apply).name, "sha256": sha256_of(apply)}
        else:
            found = solve(images, tilt_deg, isolated, settings)
        geometry = found.geometry

        shape = images.shape[1:]
        outside = np.array([geometry.outside(shape, t) for t in range(len(images))])
        rows = [shape[0] * part // 4 for part in (1, 2, 3)]
        before, after = images[:, rows].copy(), np.empty((len(images), 3, shape[1]), np.float32)
        order = {"cubic": 3, "linear": 1}[settings.interpolation]
        small = []
        with StackWriter(
            out.path("aligned.tif"), images.shape, np.float32, source["pixel_size_nm"]
        ) as writer:
            for t in progress(range(len(images)), "resample"):
                aligned = geometry.warp(images[t], t, order)
                writer.write(t, aligned[None])
                after[t] = aligned[rows]
                small.append(_small(aligned))

        next_likeness, order_share = likeness(small, found.usable)
        measures = Measures(
            images=len(images),
            blank_deg=tilt_deg[~found.usable],
            likeness=_known(np.median, next_likeness),
            order=order_share,
            across_disagreement_px=_known(_rms, found.across_disagreement),
            along_disagreement_px=_known(_rms, found.along_disagreement),
            axis=found.axis,
            axis_difference_deg=abs(
                found.axis_check_deg
                - (found.axis.angle_deg if found.axis else geometry.axis_angle_deg)
            ),
            reprojection_error=_known(np.median, found.error),
            residual_across_px=_known(_rms, found.residual_across),
            residual_along_px=_known(_rms, found.residual_along),
            misfits=found.misfits,
            reading=found.reading,
            reading_ratio=found.reading_ratio,
            outside_frame=float(outside.max()),
        )
        verdict, reasons = judge(measures, settings.verdict)
        say(f"alignment: {verdict}" + "".join(f"; {reason}" for reason in reasons))
        offset = float(geometry.across[found.usable].mean()) if found.usable.any() else 0.0
        columns = {
            "tilt_deg": tilt_deg,
            "across_px": geometry.across - offset,
            "along_px": geometry.along,
            "reprojection_error": found.error,
            "reprojection_error_unaligned": found.error_unaligned,
            "residual_across_px": found.residual_across,
            "residual_along_px": found.residual_along,
            "across_disagreement_px": found.across_disagreement,
            "along_disagreement_px": found.along_disagreement,
            "common_line_disagreement": found.line_disagreement,
            "likeness_to_next": next_likeness,
            "outside_frame": outside,
            "usable": found.usable.astype(int),
        }
        _write_table(out.path("alignment.csv"), columns)
        draw(
            out.path("alignment.png"),
            columns,
            offset,
            found,
            (rows, before, after),
            verdict,
            reasons,
        )
        out.record.update(
            {
                "shape": images.shape,
                "tilt_deg": tilt_deg,
                "pixel_size_nm": source["pixel_size_nm"],
                "orientation": source["orientation"],
                "axis_angle_deg": geometry.axis_angle_deg,
                "axis_offset_px": offset,
                "across_px": columns["across_px"],
                "along_px": columns["along_px"],
                "verdict": verdict,
                "reasons": reasons,
                "measures": measures.record(),
                "blank_tilts_deg": measures.blank_deg,
                "suggested_exclusions_deg": measures.suggested_exclusions(),
                "outside_frame": outside,
                "steps": steps | found.steps,
            }
        )
        if source.has("truth.json"):
            out.record["truth"] = compare(geometry, tilt_deg, _truth(source))


def compare(geometry: Geometry, tilt_deg: np.ndarray, truth: Geometry) -> dict:
    """Return the errors against a phantom's true geometry, and where its object sits.

    Where an object stands cannot be known from its images: a·cos θ + b·sin θ across the axis
    and a constant along it are a movement of the object, not an error. `object_shift_px` is
    that movement: truth coordinates plus it give coordinates in the aligned frame.
    """
    turn = rotation(truth.axis_angle_deg - geometry.axis_angle_deg)
    along, across = turn @ np.stack([truth.along, truth.across])
    along, across = along - geometry.along, across - geometry.across
    columns = reg.low_order(tilt_deg)
    a, b, offset = np.linalg.lstsq(columns, across, rcond=None)[0]
    moved = np.linalg.lstsq(columns[:, :2], across, rcond=None)[0]
    return {
        "across_rms_px": _rms(across - columns[:, :2] @ moved),
        "along_rms_px": float(np.std(along)),
        "jitter_rms_px": _rms(across - columns @ [a, b, offset]),
        "axis_error_deg": abs(geometry.axis_angle_deg - truth.axis_angle_deg),
        "offset_error_px": abs(float(offset)),
        # Detector coordinate s = x·cos θ − z·sin θ.
        "object_shift_px": {"y": float(along.mean()), "z": -float(b), "x": float(a)},
    }


def _prepared(path, settings) -> tuple[np.ndarray, bool, dict]:
    """Return mended images without background, whether the specimen is isolated, and notes."""
    with StackReader(path) as reader:
        images = np.empty(reader.shape, np.float32)
        mended = 0
        for t in progress(range(len(images)), "mend pixels"):
            images[t], bad = mend(reader.read(t, t + 1)[0], settings.bad_pixel_sigmas)
            mended += bad
    levels = np.array([ring_level(image) for image in images])
    uneven = [unevenness_px(image - level) for image, level in zip(images, levels, strict=True)]
    uneven = float(np.median(uneven))
    isolated = settings.specimen == "isolated"
    if settings.specimen == "auto":
        isolated = uneven < _ISOLATED_BELOW_PX
    method = settings.background
    if method == "auto":
        method = "ring" if isolated else "percentile"
    if method == "percentile":
        smooth = (ndimage.gaussian_filter(image, 2) for image in images)
        levels = np.array([np.percentile(i, settings.background_percentile) for i in smooth])
    if method != "none":
        images -= levels[:, None, None].astype(np.float32)
    return (
        images,
        isolated,
        {
            "bad_pixels": {"mended_fraction": mended / images.size},
            "background": {"method": method, "level": levels if method != "none" else None},
            "specimen": {
                "kind": "isolated" if isolated else "extended",
                "surroundings_pull_px": uneven,
            },
        },
    )


def _truth(source) -> Geometry:
    truth = json.loads(source.file("truth.json").read_text())
    across = np.array(truth["across_px"]) + truth["axis_offset_px"]
    return Geometry(truth["axis_angle_deg"], across, np.array(truth["along_px"]))


def _small(image: np.ndarray) -> np.ndarray:
    """Return an image of about 64 px for judging likeness: smooth enough to survive noise."""
    factor = max(1, min(image.shape) // 64)
    return reg.binned(ndimage.gaussian_filter(image, 1), factor)


def _rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _known(of, values: np.ndarray) -> float:
    """Return a statistic of the values that are known, not-a-number if none is."""
    values = values[np.isfinite(values)]
    return float(of(values)) if values.size else np.nan


def _write_table(path, columns: dict) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow("" if np.isnan(value) else f"{value:.6g}" for value in row)
