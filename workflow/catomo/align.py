"""The verb `align`: find shifts, angle and offset of the tilt axis, then resample once.

Background → bad pixels → pairwise registration → tilt axis → centre of mass across the axis →
common line along it → one warp of the mended images. It always succeeds; how far it can be
trusted is its verdict.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from catomo import registration as reg
from catomo.align_figure import draw
from catomo.geometry import Geometry, in_axis_frame, rotation
from catomo.preprocess import mend, ring_level, unevenness_px
from catomo.progress import progress, say
from catomo.record import committing, read_record
from catomo.store import StackReader, StackWriter
from catomo.tilt_axis import AxisScan, find_axis
from catomo.verdict import Measures, judge, likeness

_ISOLATED_BELOW_PX = 0.15  # pull of the surroundings; noise gives 0.02, film 0.3, a cut more
_FILM_PERCENTILE = 60  # for the centre of mass of an extended specimen
_BLANK_CONTRAST = 0.1  # of the median tilt: below this an image shows nothing


@dataclass(frozen=True)
class Alignment:
    """What `solve` found.

    Attributes
    ----------
    geometry : Geometry
    usable : ndarray (tilt,), bool
        False for images that show nothing.
    axis : AxisScan or None
        None if the angle was given.
    across_disagreement, along_disagreement : ndarray (tilt,)
        Differences of two independent measures of the shifts, px.
    line_disagreement : ndarray (tilt,)
        1 - correlation of the profile along the axis with that of the other tilts.
    steps : dict
        What each step contributed; shifts as RMS in px.
    """

    geometry: Geometry
    usable: np.ndarray
    axis: AxisScan | None
    across_disagreement: np.ndarray
    along_disagreement: np.ndarray
    line_disagreement: np.ndarray
    steps: dict


def align(tilt_series, output, settings) -> None:
    """Align a tilt series.

    Parameters
    ----------
    tilt_series : path
        Folder or record of `simulate` or `import`.
    output : path
        Folder to write: ``aligned.tif`` (tilt, y, x) float32 with the tilt axis along y through
        the centre and zero background, ``alignment.csv``, ``alignment.png``, ``alignment.json``.
    settings : catomo.settings.align.Align
    """
    source = read_record(tilt_series, "simulate", "import")
    with committing(output, "align", settings, {"tilt_series": source}) as out:
        tilt_deg = np.array(source["tilt_deg"], dtype=float)
        images, isolated, steps = _prepared(source.file("tilt_series.tif"), settings)
        found = solve(images, tilt_deg, isolated, settings)
        geometry = found.geometry

        shape = images.shape[1:]
        outside = np.array([geometry.outside(shape, t) for t in range(len(images))])
        row = shape[0] // 2
        before, after = images[:, row].copy(), np.empty((len(images), shape[1]), np.float32)
        order = {"cubic": 3, "linear": 1}[settings.interpolation]
        small = []
        with StackWriter(
            out.path("aligned.tif"), images.shape, np.float32, source["pixel_size_nm"]
        ) as writer:
            for t in progress(range(len(images)), "resample"):
                aligned = geometry.warp(images[t], t, order)
                writer.write(t, aligned[None])
                after[t] = aligned[row]
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
            outside_frame=float(outside.max()),
        )
        verdict, reasons = judge(measures, settings.verdict)
        say(f"alignment: {verdict}" + "".join(f"; {reason}" for reason in reasons))
        offset = float(geometry.across[found.usable].mean()) if found.usable.any() else 0.0
        columns = {
            "tilt_deg": tilt_deg,
            "across_px": geometry.across - offset,
            "along_px": geometry.along,
            "across_disagreement_px": found.across_disagreement,
            "along_disagreement_px": found.along_disagreement,
            "common_line_disagreement": found.line_disagreement,
            "likeness_to_next": next_likeness,
            "outside_frame": outside,
            "usable": found.usable.astype(int),
        }
        _write_table(out.path("alignment.csv"), columns)
        draw(out.path("alignment.png"), columns, offset, found, (before, after), verdict, reasons)
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
                "outside_frame": outside,
                "steps": steps | found.steps,
            }
        )
        if source.has("truth.json"):
            out.record["truth"] = compare(geometry, tilt_deg, _truth(source))


def solve(images: np.ndarray, tilt_deg: np.ndarray, isolated: bool, settings) -> Alignment:
    """Find the geometry of mended images without background.

    Parameters
    ----------
    images : ndarray (tilt, y, x), float32
    tilt_deg : ndarray (tilt,)
        Ascending.
    isolated : bool
        Whether all of the specimen, and nothing else, is in the frame.
    settings : catomo.settings.align.Align
    """
    n, usable = len(images), _usable(images)
    none, unknown = np.zeros(n), np.full(n, np.nan)
    angle = settings.tilt_axis_angle_deg
    if usable.sum() < 3:
        angle = 0.0 if angle == "auto" else angle
        return Alignment(Geometry(angle, none, none), usable, None, unknown, unknown, unknown, {})

    mass = reg.centre_of_mass(images, None if isolated else _FILM_PERCENTILE)
    mass = reg.filled(mass, tilt_deg, usable)
    path = reg.pairwise(images, tilt_deg, usable) if settings.pairwise else None
    by_mass = settings.centre_of_mass and (isolated or path is None)
    start = mass if by_mass else path if path is not None else np.zeros((n, 2))

    axis, steps = None, {}
    if angle == "auto":
        axis = find_axis(images, start, usable, isolated, settings.axis_search_deg)
        angle = axis.angle_deg
        steps["tilt_axis"] = {"contrast": axis.contrast, "best_elsewhere_deg": axis.elsewhere_deg}
    across, along = in_axis_frame(start, angle)
    if not by_mass:
        along = along - np.median(along)  # the specimen keeps its place in the frame

    across_apart = along_apart = unknown
    if path is not None:
        # Drift looks like a moved specimen: only what is left is a disagreement.
        path = in_axis_frame(path, angle)
        steps["pairwise"] = {"rms_px": [_rms(path[0]), _rms(path[1])]}
        apart = in_axis_frame(mass, angle)[0] - path[0]
        drift = reg.fitted(reg.low_order(tilt_deg), apart, usable)
        across_apart = np.where(usable, apart - drift, np.nan)
        if settings.centre_of_mass:
            across = across if isolated else path[0] + drift
            steps["centre_of_mass"] = {"rms_px": _rms(across - path[0])}

    line_apart = unknown
    if settings.common_line:
        geometry = Geometry(angle, across, along)
        move, line_apart = _common_line(images, geometry, usable, isolated)
        along = along + move
        steps["common_line"] = {"rms_px": _rms(move)}
    if path is not None:
        apart = path[1] - along
        drift = reg.fitted(reg.low_order(tilt_deg), apart, usable)
        along_apart = np.where(usable, apart - drift, np.nan)
    geometry = Geometry(angle, across, along)
    return Alignment(geometry, usable, axis, across_apart, along_apart, line_apart, steps)


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


def _usable(images: np.ndarray) -> np.ndarray:
    """Return which images show something: contrast not far below that of the others."""
    contrast = np.array([ndimage.gaussian_filter(image, 2).std() for image in images])
    least = 1e-6 * max(images.max(), -images.min())  # below it is rounding
    return contrast > max(_BLANK_CONTRAST * np.median(contrast), least)


def _common_line(images, geometry: Geometry, usable, isolated: bool):
    """Return shift and disagreement of the profiles along the axis; blank tilts do not move."""
    profiles = [
        geometry.warp(images[t], t, order=1).sum(axis=1, dtype=np.float64)
        for t in np.flatnonzero(usable)
    ]
    wide = None if isolated else images.shape[1] / 16
    shift, disagreement = np.zeros(len(images)), np.full(len(images), np.nan)
    shift[usable], disagreement[usable] = reg.common_line(np.array(profiles), wide)
    return shift, disagreement


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
