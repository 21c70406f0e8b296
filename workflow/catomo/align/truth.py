"""The errors of an alignment where the true geometry is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from catomo.align.geometry import Geometry, rotation
from catomo.align.low_order import low_order_terms


def compare(geometry: Geometry, tilt_deg: np.ndarray, truth: Geometry) -> dict[str, Any]:
    """Return the errors of a geometry against the true one, and where the specimen lies.

    Images do not tell where a rigid specimen lies: a·cos θ + b·sin θ across the axis and a
    constant along it are a movement of the specimen, not an error.

    Parameters
    ----------
    geometry : Geometry
    tilt_deg : ndarray (tilt,)
    truth : Geometry

    Returns
    -------
    dict
        ``across_rms_px``, ``along_rms_px``, ``jitter_rms_px``, ``axis_error_deg``,
        ``offset_error_px`` and ``object_shift_px``: true coordinates plus the latter give
        coordinates in the aligned frame.
    """
    turn = rotation(truth.axis_angle_deg - geometry.axis_angle_deg)
    along, across = turn @ np.stack([truth.along, truth.across])
    along, across = along - geometry.along, across - geometry.across
    columns = low_order_terms(tilt_deg)
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


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
