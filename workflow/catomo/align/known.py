"""Alignments from outside: catomo's own of another channel, written by hand, or IMOD's.

``alignment.json`` of a former run holds all that is needed, and a file of the same keys can be
written by hand. IMOD's ``.xf`` holds one line per image of the recorded file, in its order:
A11 A12 A21 A22 DX DY, the transform from raw to aligned about the centre of the image, with rows
counted as an MRC file stores them. The ``.tlt`` beside it must hold the angles of the same images.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catomo.align.geometry import Geometry
from catomo.errors import UserError
from catomo.record.forms import SEAL, seal_of

SAME_TILT_DEG = 0.02
_SAME_IMOD_TILT_DEG = 0.5  # tiltalign refines the angles a little
_MAX_STRETCH = 0.01  # of a matrix element, from that of the common turn
# Settings of `import` that leave images as an .xf expects them; others move or turn them.
_AS_RECORDED = {"bin": 1, "crop_nm": None, "tilt_axis": "y", "resample": False}
_KEYS = ("tilt_deg", "axis_angle_deg", "axis_offset_px", "across_px", "along_px")


@dataclass(frozen=True)
class Known:
    """An alignment that is given.

    Attributes
    ----------
    geometry : Geometry
    accepted : list of str, optional
        With which reasons it was accepted on another channel; it is then judged on this one only
        if this one contradicts it.
    is_start : bool
        Whether it is where the alignment begins; else it is used as it is.
    tilt_deg : ndarray (tilt,), optional
        Angles to take in place of those of the series.
    """

    geometry: Geometry
    accepted: list[str] | None = None
    is_start: bool = False
    tilt_deg: np.ndarray | None = None


def read_known(path: Path | str, series: Mapping[str, Any]) -> Known:
    """Read an alignment to be used as it is; see `known_geometry`."""
    geometry = known_geometry(path, series)
    return Known(geometry, accepted_reasons(path), tilt_deg=_mended_angles(Path(path), series))


def _mended_angles(path: Path, series: Mapping[str, Any]) -> np.ndarray | None:
    """Return the angles that an alignment found for the tilts of a series; None if it kept them."""
    known = json.loads(path.read_text()) if path.suffix == ".json" else {}
    if "recorded_tilt_deg" not in known:
        return None
    recorded = np.array(known["recorded_tilt_deg"], dtype=float)
    nearest = np.abs(recorded - np.array(series["tilt_deg"], dtype=float)[:, None]).argmin(axis=1)
    return np.array(known["tilt_deg"], dtype=float)[nearest]


def known_geometry(path: Path | str, series: Mapping[str, Any]) -> Geometry:
    """Read an alignment for the tilts of a series.

    Parameters
    ----------
    path : path
        ``.json``: an object of ``tilt_deg``, ``axis_angle_deg``, ``axis_offset_px``,
        ``across_px``, ``along_px``; where images were mended ``distortion``, a matrix per tilt,
        and where angles were, ``recorded_tilt_deg``; where the shifts are in pixels of another
        size than the series', ``pixel_size_nm``. It may hold more tilts than the series. Or
        ``.xf``.
    series : mapping
        Record of the tilt series: ``tilt_deg``, ``pixel_size_nm``. Those of `import` also hold
        ``order``, ``recorded_images`` and ``settings``, which an ``.xf`` needs.

    Returns
    -------
    Geometry
        In pixels of the tilt series.

    Raises
    ------
    UserError
        If the file cannot be read, lacks a tilt or holds more than shifts and one turn.
    """
    path = Path(path)
    if path.suffix not in (".json", ".xf"):
        raise UserError(f"{path}: not a known alignment; give alignment.json or IMOD's .xf")
    try:
        text = path.read_text()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not a text file; give alignment.json or .xf") from None
    return (_of_xf if path.suffix == ".xf" else _of_json)(path, text, series)


def accepted_reasons(path: Path | str) -> list[str] | None:
    """Return with which reasons a known alignment was accepted on the channel it was found on.

    Parameters
    ----------
    path : path
        A file that `known_geometry` can read.

    Returns
    -------
    list of str or None
        Empty after ``pass``; None where it was stopped, changed by hand since, or is no record
        of an alignment.
    """
    path = Path(path)
    record = json.loads(path.read_text()) if path.suffix == ".json" else {}
    if record.get("stage") != "align" or record.get("verdict") not in ("pass", "warn"):
        return None
    if SEAL in record and record[SEAL] != seal_of(record):
        return None
    reasons = record.get("reasons") if record["verdict"] == "warn" else []
    return [str(reason) for reason in reasons] if isinstance(reasons, list) else []


def _of_json(path: Path, text: str, series: Mapping[str, Any]) -> Geometry:
    try:
        known = json.loads(text)
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON ({error})") from None
    return geometry_of_keys(path, known if isinstance(known, dict) else {}, series)


def geometry_of_keys(path: Path, known: dict[str, Any], series: Mapping[str, Any]) -> Geometry:
    """Return the geometry that the keys of ``alignment.json`` describe.

    Parameters
    ----------
    path : path
        Where they come from, for messages.
    known : dict
        See `known_geometry`.
    series : mapping
        Record of the tilt series.

    Raises
    ------
    UserError
        If a key is missing or no number, or a tilt of the series is.
    """
    tilt_deg = np.array(series["tilt_deg"], dtype=float)
    missing = [name for name in _KEYS if name not in known]
    if missing:
        raise UserError(f"{path}: lacks {', '.join(missing)}; needed are {', '.join(_KEYS)}")
    tilts = "recorded_tilt_deg" if "recorded_tilt_deg" in known else _KEYS[0]
    theirs, across, along = (_numbers(path, known, key, 1) for key in (tilts, *_KEYS[3:]))
    angle, offset = (float(_numbers(path, known, key, 0)) for key in _KEYS[1:3])
    if not len(theirs) == len(across) == len(along):
        raise UserError(
            f"{path}: holds {len(theirs)} tilts, {len(across)} shifts across and "
            f"{len(along)} along; give one shift of each kind per tilt"
        )
    if not len(theirs):
        raise UserError(f"{path}: tilt_deg is empty; give one value per tilt")
    nearest = np.abs(theirs - tilt_deg[:, None]).argmin(axis=1)
    missing_tilts = tilt_deg[np.abs(theirs[nearest] - tilt_deg) > SAME_TILT_DEG]
    if missing_tilts.size:
        raise UserError(
            f"{path}: has no shifts for the tilt {missing_tilts[0]:g}° of the tilt series; "
            "leave that tilt out (import.exclude_tilts) or add it"
        )
    own_size = series["pixel_size_nm"]
    scale = (
        float(_numbers(path, {"pixel_size_nm": own_size} | known, "pixel_size_nm", 0)) / own_size
    )
    if scale <= 0:
        raise UserError(f"{path}: pixel_size_nm is {scale * own_size:g}; it must be above 0")
    distortion = None
    if "distortion" in known:
        distortion = _numbers(path, known, "distortion", 3)
        if distortion.shape != (len(theirs), 2, 2):
            raise UserError(
                f"{path}: distortion has the shape {distortion.shape}; give a 2 x 2 matrix per tilt"
            )
        distortion = distortion[nearest]
    return Geometry(angle, (across[nearest] + offset) * scale, along[nearest] * scale, distortion)


def _numbers(path: Path, known: dict[str, Any], name: str, dimensions: int) -> np.ndarray:
    try:
        values = np.array(known[name], dtype=float)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.ndim != dimensions or not np.isfinite(values).all():
        kind = "a list of numbers" if dimensions else "a number"
        raise UserError(f"{path}: {name} is not {kind}; give {kind}")
    return values


def _of_xf(path: Path, text: str, series: Mapping[str, Any]) -> Geometry:
    settings = series.get("settings", {})
    changed = [name for name, plain in _AS_RECORDED.items() if settings.get(name, plain) != plain]
    if changed:
        raise UserError(
            f"{path}: is for the images as recorded, but the series was imported with "
            f"{' and '.join(changed)}; import it without, or give alignment.json"
        )
    if series.get("mirrored_deg"):
        raise UserError(
            f"{path}: is for the images as recorded, but those beyond ±90° were mirrored; leave "
            "them out (tilt_series.import.exclude_tilts), or give alignment.json"
        )
    values = _table(path, text, 6, "an IMOD transform; each line must hold A11 A12 A21 A22 DX DY")
    tilt_deg = np.array(series["tilt_deg"], dtype=float)
    order = np.array(series.get("order", range(len(tilt_deg))))
    recorded = series.get("recorded_images", len(order))
    if len(values) != recorded:
        raise UserError(
            f"{path}: holds {len(values)} lines, the tilt series {recorded} images; "
            "give one line per image"
        )
    beside = path.with_suffix(".tlt")
    if beside.exists():
        theirs = _table(beside, beside.read_text(errors="replace"), 1, "a list of angles")[:, 0]
        ours = tilt_deg * settings.get("handedness", 1)  # as in the recorded file
        same = len(theirs) == len(values)
        if not same or np.abs(theirs[order] - ours).max() > _SAME_IMOD_TILT_DEG:
            raise UserError(
                f"{beside}: other angles than those of the tilt series; import the series with "
                "these angles, in the order of its images"
            )
    values = values[order]
    matrices = values[:, :4].reshape(-1, 2, 2)
    angles = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])
    middle = float(np.median(angles))
    turn = np.array([[np.cos(middle), -np.sin(middle)], [np.sin(middle), np.cos(middle)]])
    apart = np.abs(matrices - turn).max(axis=(1, 2))
    if apart.max() > _MAX_STRETCH:
        raise UserError(
            f"{path}: line {order[apart.argmax()] + 1} stretches or turns the image by itself; "
            "catomo takes shifts and one turn for all images"
        )
    return Geometry(float(np.degrees(middle)), -values[:, 4], -values[:, 5])


def _table(path: Path, text: str, columns: int, what: str) -> np.ndarray:
    rows = [line.split() for line in text.splitlines() if line.strip()]
    try:
        values = np.array(rows, dtype=float).reshape(len(rows), columns)
    except ValueError:
        values = np.array(np.nan)
    if not np.isfinite(values).all():
        raise UserError(f"{path}: not {what}")
    return values
