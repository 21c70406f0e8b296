"""Alignments from outside: catomo's own of another channel, written by hand, or IMOD's.

``alignment.json`` of a former run holds all that is needed, and a file of the same keys can be
written by hand. IMOD's ``.xf`` holds one line a tilt, A11 A12 A21 A22 DX DY: from raw to
aligned, about the centre of the image; the ``.tlt`` beside it must hold the angles of the series.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.geometry import Geometry

_SAME_TILT_DEG = 0.02
_SAME_IMOD_TILT_DEG = 0.5  # tiltalign refines the angles a little
_MOST_STRETCH = 0.01
_KEYS = ("tilt_deg", "axis_angle_deg", "axis_offset_px", "across_px", "along_px")


def known_geometry(path, tilt_deg: np.ndarray, pixel_size_nm: float) -> Geometry:
    """Read an alignment for the tilts of a series.

    Parameters
    ----------
    path : path
        ``.json``: an object of ``tilt_deg``, ``axis_angle_deg``, ``axis_offset_px``,
        ``across_px``, ``along_px`` and, where the shifts are in other pixels than the series'
        own, ``pixel_size_nm``; may hold more tilts than the series. Or ``.xf``.
    tilt_deg : ndarray (tilt,)
    pixel_size_nm : float
        Of the tilt series.

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
    if path.suffix == ".xf":
        return _of_xf(path, text, tilt_deg)
    return _of_json(path, text, tilt_deg, pixel_size_nm)


def _of_json(path: Path, text: str, tilt_deg: np.ndarray, pixel_size_nm: float) -> Geometry:
    try:
        known = json.loads(text)
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON ({error})") from None
    missing = [name for name in _KEYS if not isinstance(known, dict) or name not in known]
    if missing:
        raise UserError(f"{path}: lacks {', '.join(missing)}; needed are {', '.join(_KEYS)}")
    theirs, across, along = (_numbers(path, known, key, 1) for key in (_KEYS[0], *_KEYS[3:]))
    angle, offset = (float(_numbers(path, known, key, 0)) for key in _KEYS[1:3])
    if not len(theirs) == len(across) == len(along):
        raise UserError(
            f"{path}: holds {len(theirs)} tilts, {len(across)} shifts across and "
            f"{len(along)} along; give one shift of each kind a tilt"
        )
    if not len(theirs):
        raise UserError(f"{path}: tilt_deg is empty; give one value a tilt")
    nearest = np.abs(theirs - tilt_deg[:, None]).argmin(axis=1)
    lost = np.abs(theirs[nearest] - tilt_deg) > _SAME_TILT_DEG
    if lost.any():
        raise UserError(
            f"{path}: has no shifts for the tilt {tilt_deg[lost][0]:g}° of the tilt series; "
            "leave that tilt out (import.exclude_tilts) or add it"
        )
    scale = float(known.get("pixel_size_nm", pixel_size_nm)) / pixel_size_nm
    return Geometry(angle, (across[nearest] + offset) * scale, along[nearest] * scale)


def _numbers(path: Path, known: dict, name: str, dimensions: int) -> np.ndarray:
    try:
        values = np.array(known[name], dtype=float)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.ndim != dimensions or not np.isfinite(values).all():
        kind = "a list of numbers" if dimensions else "a number"
        raise UserError(f"{path}: {name} is not {kind}; give {kind}")
    return values


def _of_xf(path: Path, text: str, tilt_deg: np.ndarray) -> Geometry:
    rows = [line.split() for line in text.splitlines() if line.strip()]
    try:
        values = np.array(rows, dtype=float).reshape(len(rows), 6)
    except ValueError:
        raise UserError(
            f"{path}: not an IMOD transform; each line must hold A11 A12 A21 A22 DX DY"
        ) from None
    if len(values) != len(tilt_deg):
        raise UserError(
            f"{path}: holds {len(values)} lines, the tilt series {len(tilt_deg)} images; "
            "give one line an image"
        )
    beside = path.with_suffix(".tlt")
    if beside.exists():
        theirs = np.array(beside.read_text().split(), dtype=float)
        if len(theirs) != len(tilt_deg) or np.abs(theirs - tilt_deg).max() > _SAME_IMOD_TILT_DEG:
            raise UserError(
                f"{beside}: other angles than those of the tilt series; import the series with "
                "these angles, in the order of its images"
            )
    matrices = values[:, :4].reshape(-1, 2, 2)
    angles = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])
    middle = float(np.median(angles))
    turn = np.array([[np.cos(middle), -np.sin(middle)], [np.sin(middle), np.cos(middle)]])
    apart = np.abs(matrices - turn).max(axis=(1, 2))
    if apart.max() > _MOST_STRETCH:
        raise UserError(
            f"{path}: line {apart.argmax() + 1} stretches or turns the image by itself; "
            "catomo takes shifts and one turn for all images"
        )
    return Geometry(float(np.degrees(middle)), -values[:, 4], -values[:, 5])
