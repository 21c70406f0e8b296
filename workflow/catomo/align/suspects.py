"""What may be wrong with a tilt series itself: single images, or the angles as a whole.

An image that the others predict at another angle, but not at its own, is in the wrong place of
the series. Angles that are wrong as a whole are found by trying the usual mistakes: if the tilts
predict each other far better under another reading of the angles, that reading is named.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from catomo.align.geometry import Geometry
from catomo.align.reprojection import Reprojector

_FOLDS = 3
_STEEPEST_DEG = 85.0  # a reading with steeper angles is not tried
_LEAST_ERROR_RATIO = 2  # of a misfit's error to that of the best neighbour
# Tilts between an image and the place of the series that it resembles more than its own; a
# shorter distance means a bad image, not a misplaced one.
_LEAST_DISTANCE = 3

Misfits = list[tuple[float, float | None]]


def misfits(error: np.ndarray, likeness: np.ndarray, tilt_deg: np.ndarray, limit: float) -> Misfits:
    """Return ``(tilt, resembles)`` of images that the others fail to predict.

    Parameters
    ----------
    error : ndarray (tilt,)
        `Reprojection.error` of the usable tilts.
    likeness : ndarray (tilt, tilt)
        `Reprojector.likeness`.
    tilt_deg : ndarray (tilt,)
        Of the usable tilts, in the same order.
    limit : float
        How many times the median error is too much. The outermost tilts, which are predicted
        from one side only, reach 3 where nothing is wrong.

    Returns
    -------
    list of (float, float or None)
        With the tilt whose prediction the image resembles most, if that is another.
    """
    named: Misfits = []
    # The error also rises towards the ends of the series, but gradually.
    near = ndimage.minimum_filter(error, footprint=[1, 1, 0, 1, 1], mode="nearest")
    for t in np.flatnonzero(
        (error > limit * np.median(error)) & (error > _LEAST_ERROR_RATIO * near)
    ):
        best = int(likeness[t].argmax())
        named.append(
            (
                float(tilt_deg[t]),
                float(tilt_deg[best]) if abs(best - t) >= _LEAST_DISTANCE else None,
            )
        )
    return sorted(named)


def other_reading(reproject: Reprojector, geometry: Geometry) -> tuple[str, float]:
    """Return the other reading of the angles that fits best, and how well it fits.

    Parameters
    ----------
    reproject : Reprojector
    geometry : Geometry
        Found without use of the angles.

    Returns
    -------
    words : str
    ratio : float
        Its error divided by that of the angles given: below 1 if the other reading is better.
    """
    tilt_deg = reproject.tilt_deg

    def error(angles: np.ndarray) -> float:
        return float(reproject(geometry, _FOLDS, angles).error().mean())

    readings = {
        words: error(angles)
        for words, angles in _readings(tilt_deg).items()
        if np.abs(angles).max() <= _STEEPEST_DEG
    }
    best = min(readings, key=lambda words: readings[words])
    return best, readings[best] / max(error(tilt_deg), 1e-12)


def _readings(tilt_deg: np.ndarray) -> dict[str, np.ndarray]:
    """Return the true angles of the images, for each of the usual mistakes."""
    middle = int(np.argmin(np.abs(tilt_deg)))
    up, down = tilt_deg[middle:], tilt_deg[:middle][::-1]
    lower, upper = down, tilt_deg[middle + 1 :]
    sides = min(len(lower), len(upper))

    def zigzag(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        pairs = np.stack([first[:sides], second[:sides]], axis=1).ravel()
        return np.concatenate([tilt_deg[middle : middle + 1], pairs, first[sides:], second[sides:]])

    order = "the images are in the order of acquisition, {}, while the angles are sorted"
    return {
        "the true angles are twice the given ones": 2 * tilt_deg,
        "the true angles are half the given ones": tilt_deg / 2,
        order.format("up from 0° and then down"): np.concatenate([up, down]),
        order.format("down from 0° and then up"): np.concatenate(
            [tilt_deg[: middle + 1][::-1], upper]
        ),
        order.format("up and down in turns from 0°"): zigzag(upper, lower),
        order.format("down and up in turns from 0°"): zigzag(lower, upper),
    }
