"""Images beyond ±90°, which the import mirrors at the vertical, where the tilt axis leans.

Seen from behind, an image is mirrored at the tilt axis. If that lies at an angle a from the
vertical, mirroring at the vertical puts the axis of these images at −a. A turn by 2a brings it
to that of the others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from catomo.align.geometry import HIDDEN_FROM, Geometry, rotation
from catomo.align.preprocess import CleanSeries
from catomo.align.registration import centres_of_mass, pairwise
from catomo.align.reprojection import FEWEST_IMAGES
from catomo.align.settings import Align
from catomo.align.tilt_axis import find_axis

_HALF_TURN_DEG = 180.0
_SAME_DEG = 1e-6
_LEAST_LEAN_PX = 0.5  # at the edge of the frame; less is not worth an interpolation


def are_mirrored(tilt_deg: np.ndarray, mirrored_deg: list[float]) -> np.ndarray:
    """Return for each tilt whether the import mirrored its image.

    Parameters
    ----------
    tilt_deg : ndarray (tilt,)
        Within ±90°.
    mirrored_deg : list of float
        The recorded angles of the mirrored images, beyond ±90°.
    """
    recorded = np.array(mirrored_deg, dtype=float)
    folded = recorded - _HALF_TURN_DEG * np.sign(recorded)
    return (np.abs(tilt_deg[:, None] - folded) < _SAME_DEG).any(axis=1)


def turn_onto_axis(images: np.ndarray, mirrored: np.ndarray, axis_angle_deg: float) -> None:
    """Turn mirrored images, in place, so that their tilt axis is that of the others.

    Parameters
    ----------
    images : ndarray of float32, (tilt, y, x)
    mirrored : ndarray of bool, (tilt,)
    axis_angle_deg : float
        Of the tilt axis of the other images, from the vertical.
    """
    turn = rotation(-2 * axis_angle_deg)
    centre = (np.array(images.shape[1:]) - 1) / 2
    for t in np.flatnonzero(mirrored).tolist():
        images[t] = ndimage.affine_transform(
            images[t], turn, centre - turn @ centre, order=3, mode="nearest"
        )


def found_axis_deg(series: CleanSeries, mirrored: np.ndarray, settings: Align) -> float | None:
    """Return the tilt axis (deg) by the images that are not mirrored; None if it is uncertain."""
    seen = ~mirrored
    if (series.usable & seen).sum() < FEWEST_IMAGES:
        return None
    part = replace(
        series,
        images=series.images[seen],
        tilt_deg=series.tilt_deg[seen],
        usable=series.usable[seen],
        unmeasured=None,  # which the search does not need
    )
    shifts = centres_of_mass(part) if part.isolated else pairwise(part)
    scan = find_axis(part, shifts, settings.axis_search_deg)
    return scan.angle_deg if scan.contrast > settings.verdict.warn_axis_contrast else None


def put_right(
    series: CleanSeries, mirrored: np.ndarray, settings: Align, known: Geometry | None
) -> tuple[str, bool]:
    """Turn mirrored images onto the tilt axis, in place, and return what was done, in words.

    With it comes whether the alignment is doubtful for it. Nothing is done, and an empty text
    returned, where no image is mirrored or where the axis is so upright that it does not show.

    Parameters
    ----------
    series : CleanSeries
    mirrored : ndarray of bool, (tilt,)
    settings : Align
    known : Geometry or None
        A known alignment, whose axis is taken.
    """
    if not mirrored.any():
        return "", False
    told = f"the {mirrored.sum()} images beyond ±90°, mirrored at the vertical, "
    given = known.axis_angle_deg if known else settings.tilt_axis_angle_deg
    angle = found_axis_deg(series, mirrored, settings) if given == "auto" else float(given)
    if angle is None:
        told += (
            "are right only if the tilt axis is vertical, and the other images do not show its "
            "angle; give align.tilt_axis_angle_deg"
        )
        return told, True
    if series.images.shape[1] * abs(np.tan(np.deg2rad(angle))) < _LEAST_LEAN_PX:
        return "", False
    turn_onto_axis(series.images, mirrored, angle)
    if series.unmeasured is not None:
        masks = series.unmeasured[mirrored].astype(np.float32)
        turn_onto_axis(masks, np.ones(len(masks), bool), angle)
        series.unmeasured[mirrored] = masks > HIDDEN_FROM
    return told + f"are turned by {2 * angle:.2f}° onto the tilt axis", False
