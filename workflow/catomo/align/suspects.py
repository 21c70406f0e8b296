"""What may be wrong with a tilt series itself: single images, or the angles as a whole.

An image that the others do not predict at its own angle, but at another, is in the wrong
place. Angles that are wrong as a whole are found by trying what usually goes wrong: if the tilts
predict each other far better under another reading of the angles, that reading is named.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from catomo.align.geometry import Geometry
from catomo.align.reprojection import Reprojector

_FOLDS = 3
_STEEPEST_DEG = 85.0  # a reading with steeper angles is not tried
_STANDS_OUT = 2  # times the error of the best neighbour
_AWAY = 3  # steps of tilt: what resembles a nearer prediction more is a bad image, not misplaced


def misfits(error: np.ndarray, likeness: np.ndarray, tilt_deg: np.ndarray, limit: float) -> list:
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
        How many times the median error is too much. The outermost tilts, predicted from
        one side only, reach 3 where nothing is wrong.

    Returns
    -------
    list of (float, float or None)
        With the tilt whose prediction the image resembles most, if that is another.
    """
    found = []
    # At the ends of the series the error rises, too, but step by step.
    near = ndimage.minimum_filter(error, footprint=[1, 1, 0, 1, 1], mode="nearest")
    for t in np.flatnonzero((error > limit * np.median(error)) & (error > _STANDS_OUT * near)):
        best = int(likeness[t].argmax())
        found.append(
            (float(tilt_deg[t]), float(tilt_deg[best]) if abs(best - t) >= _AWAY else None)
        )
    return sorted(found)


def other_reading(
    reproject: Reprojector, geometry: Geometry, tilt_deg: np.ndarray
) -> tuple[str, float]:
    """Return the reading of the angles that fits best, and its error by that of the given one.

    Parameters
    ----------
    reproject : Reprojector
    geometry : Geometry
        Found without use of the angles.
    tilt_deg : ndarray (tilt,)
        As given, ascending.

    Returns
    -------
    words : str
    ratio : float
        Below 1 if the other reading is better.
    """

    def error(angles) -> float:
        return float(reproject(geometry, angles, _FOLDS).error().mean())

    readings = {
        words: error(angles)
        for words, angles in _readings(tilt_deg).items()
        if np.abs(angles).max() <= _STEEPEST_DEG
    }
    best = min(readings, key=readings.get)
    return best, readings[best] / max(error(tilt_deg), 1e-12)


def _readings(tilt_deg: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the angles of the images would be if a usual mistake had been made."""
    middle = int(np.argmin(np.abs(tilt_deg)))
    up, down = tilt_deg[middle:], tilt_deg[:middle][::-1]
    lower, upper = down, tilt_deg[middle + 1 :]
    sides = min(len(lower), len(upper))

    def zigzag(first, second):
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
