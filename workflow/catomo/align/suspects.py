"""What may be wrong with a tilt series itself: single images, or the angles as a whole.

An image that the others predict at another angle, but not at its own, is in the wrong place of
the series. Angles that are wrong as a whole are found by trying the usual mistakes: if the tilts
predict each other far better under another reading of the angles, that reading is named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from catomo.align.geometry import Geometry
from catomo.align.readings import Recording, orders_of_list, usual_orders
from catomo.align.reprojection import Reprojector

_FOLDS = 3
_STEEPEST_DEG = 85.0  # angles that would be steeper are not doubled
_ORDERS_TRIED = 4  # the likeliest ones, which are two with their mirror images
_NEIGHBOURS = 3  # compared on each side of an image to find the likely orders
_AS_GOOD = 1.02  # ratio of errors below which two readings fit alike
_ONLY_TURNED_DEG = 0.5  # angles that differ by less from a constant turn the specimen
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


@dataclass(frozen=True)
class Reading:
    """A reading of the angles other than the one given.

    Attributes
    ----------
    words : str
        What is true if it is the right one.
    way_out : str
        What to do then.
    angles_deg : ndarray (recorded image,)
        The true angles then, in the order of the recorded images.
    ratio : float
        Its error divided by that of the angles given: below 1 if it is better.
    """

    words: str
    way_out: str
    angles_deg: np.ndarray
    ratio: float


def other_reading(reproject: Reprojector, geometry: Geometry, recording: Recording) -> Reading:
    """Return the other reading of the angles that fits best.

    Of the orders of the angles only those are tried under which neighbouring tilts look more
    alike than under the given one. The shifts along the axis of an extended specimen were found
    from tilt to tilt, so under every reading they are found anew.

    Parameters
    ----------
    reproject : Reprojector
    geometry : Geometry
        Found without use of the angles, the shifts along the axis of an extended specimen apart.
    recording : Recording
    """
    given, order = recording.listed_deg, recording.order

    def error(listed_deg: np.ndarray) -> float:
        angles_deg, suited = listed_deg[order], geometry
        if not reproject.isolated:
            suited = reproject.registered_along(geometry, angles_deg)
        return float(reproject(suited, _FOLDS, angles_deg).error().mean())

    readings = [("the true angles are half the given ones", given / 2)]
    if np.abs(given).max() <= _STEEPEST_DEG / 2:
        readings.append(("the true angles are twice the given ones", 2 * given))
    readings += _likely_orders(reproject, recording)
    errors = [error(angles) for _, angles in readings]
    best = int(np.argmin(errors))
    places = [np.argsort(angles[order]) for _, angles in readings]
    mirrored = [
        k
        for k in range(len(readings))
        if np.array_equal(places[k], places[best][::-1]) and errors[k] < _AS_GOOD * errors[best]
    ]
    best = min([best, *mirrored])  # the more usual
    words, angles_deg = readings[best]
    if mirrored:
        words += " (the other way round fits as well and gives the mirror image)"
    ratio = errors[best] / max(error(given), 1e-12)
    return Reading(words, recording.way_out(angles_deg), angles_deg, ratio)


def _likely_orders(reproject: Reprojector, recording: Recording) -> list[tuple[str, np.ndarray]]:
    """Return the orders of the angles that are worth an exact test, which predicts every image.

    There are some hundred usual orders. They are judged at first without any reconstruction: put
    the images in the order of the angles that they would have, and see how alike neighbours look.
    Say the images were recorded at 0°, 3°, -3°, 6°, -6°, and the list says -6° … 6°. In the order
    of the list neighbours are images such as 3° and -3°, which differ much; in the order "in turns
    from 0°" they are 3° and 6°, which are nearly the same. An order that does no better than the
    given one is dropped, and of the others only the best few are returned.

    The orders that the list itself suggests (`orders_of_list`) are few and returned in any case
    but one: the reversed order, where it means the same as the given one. With angles that are
    even about 0°, such as -60° … 60°, image 1 gets 60° instead of -60° and so on, which mirrors
    the specimen and changes nothing that the images could show.

    Returns
    -------
    list of (str, ndarray)
        What is true under each order, and its angles in the order of the recorded images.
    """
    images = recording.order[np.sort(reproject.indices)]
    given, as_given = recording.listed_deg[images], np.arange(len(images))
    unlike = 1 - reproject.resemblance()
    limit = _unlike_neighbours(unlike, as_given)
    suggested: dict[bytes, tuple[str, np.ndarray]] = {}
    for words, angles in orders_of_list(recording.listed_deg):
        places = np.argsort(angles[images], kind="stable")
        is_opposite = np.array_equal(places, as_given[::-1])
        only_turned = is_opposite and np.ptp(angles[images] + given) < _ONLY_TURNED_DEG
        if not (only_turned or np.array_equal(places, as_given)):
            suggested.setdefault(places.tobytes(), (words, angles))
    likely: dict[bytes, tuple[float, str, np.ndarray]] = {}
    for words, angles in usual_orders(recording.listed_deg):
        places = np.argsort(angles[images], kind="stable")
        key = places.tobytes()
        if key not in suggested and key not in likely:
            likely[key] = _unlike_neighbours(unlike, places), words, angles
    # Rounding must not decide which of a pair of mirror images comes first.
    best = sorted(likely.values(), key=lambda order: round(order[0], 9))[:_ORDERS_TRIED]
    return [
        *suggested.values(),
        *((words, angles) for rank, words, angles in best if rank < (1 - 1e-9) * limit),
    ]


def _unlike_neighbours(unlike: np.ndarray, places: np.ndarray) -> float:
    """Return how unlike each other images are that stand near each other, the nearest most."""
    return sum(
        (_NEIGHBOURS + 1 - step) * float(unlike[places[:-step], places[step:]].sum())
        for step in range(1, _NEIGHBOURS + 1)
    )
