"""The page on which a person looks at an alignment, mends it and saves a review.

One HTML file without anything from outside. It holds the clean images, made smaller, from which
it draws sinograms and reconstructs three slices while sliders move, and each image beside what
the other tilts predict of it.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from catomo.align.geometry import Geometry
from catomo.align.known import read_known
from catomo.align.preprocess import CleanSeries
from catomo.align.reprojection import JUDGE_FOLDS, judging_reprojector
from catomo.align.settings import Align
from catomo.align.stage import read_clean
from catomo.errors import UserError
from catomo.files.whole import write_whole
from catomo.progress import say
from catomo.projection.binning import binned
from catomo.record.record import Record, read_record

_LARGEST_PX = 256  # of the images on the page
_BRIGHTEST = 99.8  # percentile of the grey values that is white

_TEMPLATE = Path(__file__).with_name("review_page.html")


def write_review_page(
    alignment: Path | str, output: Path | str, tilt_series: Path | str | None = None
) -> None:
    """Write the page for an alignment.

    Parameters
    ----------
    alignment : path
        Folder or record of the stage `align`.
    output : path
        The page to write, ``.html``.
    tilt_series : path, optional
        Folder or record of its tilt series; by default the folder ``01_tilt_series`` beside it.

    Raises
    ------
    UserError
        If a file is missing, the tilt series is not that of the alignment, too few images show
        anything, or `output` is no ``.html``.
    """
    output = Path(output)
    if output.suffix != ".html":
        raise UserError(f"--output {output}: is no page; give a name that ends with .html")
    record = read_record(alignment, "align")
    place = tilt_series or Path(record.path).parent.parent / "01_tilt_series"
    source = read_record(place, "simulate", "import")
    record.check_made_from("tilt_series", source)
    known = read_known(record.path, source)
    series = read_clean(source, Align.model_validate(record["settings"]), known.geometry)
    if known.tilt_deg is not None:
        series = replace(series, tilt_deg=known.tilt_deg)
    text = _TEMPLATE.read_text(encoding="utf-8")
    page = text.replace(
        "/*DATA*/", json.dumps(_data(series, known.geometry, record)).replace("<", "\\u003c")
    )
    write_whole(output, page.encode())
    say(f"review: open {output} in a browser; save the review and name it as align.review")


def _data(series: CleanSeries, geometry: Geometry, record: Record) -> dict[str, Any]:
    """Return all that the page needs.

    Its tilts are the names of the images, as recorded, which the review must hold; its angles are
    those of the alignment.
    """
    reproject = judging_reprojector(series)
    if reproject is None:
        raise UserError(f"{record.path}: too few images show anything, so none can be judged")
    predictions = reproject(geometry, JUDGE_FOLDS)
    by_tilt = np.argsort(reproject.indices)
    factor = -(-max(series.images.shape[1:]) // _LARGEST_PX)
    small = np.stack([binned(image, factor) for image in _undistorted(series, geometry)])
    left_out = np.isin(record["tilt_deg"], record["blank_tilts_deg"])
    recorded_deg = np.array(record.get("recorded_tilt_deg", record["tilt_deg"]))
    rows, columns = series.images.shape[1:]
    return {
        "folder": record.path.parent.as_posix(),
        "verdict": record["verdict"],
        "reasons": record["reasons"],
        "reviewed": "review" in record["steps"],
        "pixel_size_nm": record["pixel_size_nm"],
        "tilt_deg": recorded_deg.tolist(),
        "angles_deg": series.tilt_deg.tolist(),
        "usable": series.usable.tolist(),
        "left_out_deg": recorded_deg[left_out].tolist(),
        "axis_angle_deg": geometry.axis_angle_deg,
        "across_px": geometry.across.tolist(),
        "along_px": geometry.along.tolist(),
        "frame": [rows, columns],
        "factor": factor,
        "images": _packed(small, 0.0),
        "judged": reproject.indices[by_tilt].tolist(),
        "judged_factor": predictions.factor,
        "ours": _packed(predictions.images[by_tilt], None),
        "theirs": _packed(predictions.predicted[by_tilt], None),
    }


def _undistorted(series: CleanSeries, geometry: Geometry) -> Iterator[np.ndarray]:
    """Yield the images as if none had been turned or stretched, which the page only shifts."""
    mended = replace(Geometry.still(len(series.images)), distortion=geometry.distortion)
    for t, image in enumerate(series.images):
        yield image if geometry.distortion is None else mended.warp(image, t, order=3)


def _packed(images: np.ndarray, dark: float | None) -> dict[str, Any]:
    """Return images as 8-bit greys, compressed.

    Parameters
    ----------
    images : ndarray (image, y, x)
    dark : float or None
        The value that is black; None for a low percentile.
    """
    low = np.percentile(images, 100 - _BRIGHTEST) if dark is None else dark
    high = max(float(np.percentile(images, _BRIGHTEST)), low + 1e-6)
    grey = np.clip((images - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    packed = base64.b64encode(gzip.compress(grey.tobytes(), mtime=0)).decode()
    return {"shape": grey.shape, "gzip": packed}
