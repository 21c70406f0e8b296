"""Other readings of a list of tilt angles: which image each of them may belong to.

Angles and images are often written by different programs. An .mdoc lists the angles in the order
of acquisition while the stack was sorted by tilt; a folder is taken in the order of its names
while the list of angles ascends. Every reading here keeps the angles and gives them to the images
in another order, one that microscopes and programs are known to make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SUGGESTED_ANGLES = "suggested_angles.tlt"
HEADER = "the header"  # as the record of `import` names this source of angles
_SIDES = {1: "up", -1: "down"}
_LARGEST_GROUP = 6  # tilts on one side before the other has its turn
_FARTHEST_START_DEG = 30.0  # a lamella lies oblique, and its series starts there
_ACQUIRED = "the images are in the order of acquisition, {}"
# Say a microscope records 0°, 3°, -3° and its program saves the stack sorted: -3°, 0°, 3°. Another
# program takes the stack to be in the order of acquisition, calls the images 0°, 3°, -3°, and sorts
# them by these angles once more. What it calls -3°, 0°, 3° is then 3°, -3°, 0° in truth.
_SORTED_TWICE = (
    "the images were sorted already when they were sorted by angles in the order of acquisition, {}"
)

# The true angles (deg) of the recorded images, in their order.
Angles = np.ndarray


@dataclass(frozen=True)
class Recording:
    """How the images of a series and the angles given for them were recorded.

    Attributes
    ----------
    order : ndarray of int, (tilt,)
        For each tilt the number of its image in the recorded file.
    listed_deg : ndarray (recorded image,)
        The angles given, in the order of the recorded images.
    angles_from : str
        Where the import took the angles from; empty if nothing was imported.
    handedness : int
        -1 if the import changed the signs of the angles.
    is_sorted : bool
        Whether the import sorted the angles (``angle_order`` is not ``as_given``).
    has_mirrored : bool
        Whether images beyond ±90° were mirrored, so that their angles are not those recorded.
    """

    order: np.ndarray
    listed_deg: np.ndarray
    angles_from: str = ""
    handedness: int = 1
    is_sorted: bool = False
    has_mirrored: bool = False

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> Recording:
        """Return what the record of a tilt series says of it."""
        if "listed_deg" not in source:  # a phantom's
            return cls.sorted(np.array(source["tilt_deg"], dtype=float))
        listed_deg = np.array(source["listed_deg"], dtype=float)
        angles_from = source["acquisition"]["angles_from"]
        settings = source["settings"]
        return cls(
            np.array(source["order"]),
            listed_deg,
            angles_from,
            settings["handedness"],
            settings.get("angle_order", "as_given") != "as_given",
            bool(source.get("mirrored_deg")),
        )

    @classmethod
    def sorted(cls, tilt_deg: np.ndarray) -> Recording:
        """Return the recording of images of which no more is known than their sorted angles."""
        return cls(np.arange(len(tilt_deg)), tilt_deg)

    def way_out(self, angles_deg: Angles) -> str:
        """Return what to do if the recorded images have other angles than those given."""
        if not self.angles_from or self.has_mirrored:
            return "check the angles"
        listed, angles = self.listed_deg * self.handedness, angles_deg * self.handedness
        if np.array_equal(angles, np.sort(listed)):
            advice = "set tilt_series.import.angle_order: ascending"
        elif np.array_equal(angles, np.sort(listed)[::-1]):
            advice = "set tilt_series.import.angle_order: descending"
        else:
            advice = (
                f"copy {SUGGESTED_ANGLES}, written beside this alignment, to the series, and name "
                "the copy in the column 'angles'"
            )
            if self.is_sorted:
                advice += " and set tilt_series.import.angle_order: as_given"
            if self.angles_from == HEADER:
                advice += " with tilt_series.import.trust_given: true"
        if len(self.order) < len(self.listed_deg):
            advice += "; tilt_series.import.exclude_tilts then goes by the new angles"
        return advice


def orders_of_list(listed_deg: np.ndarray) -> Iterator[tuple[str, Angles]]:
    """Yield the readings that a list of angles itself suggests.

    Parameters
    ----------
    listed_deg : ndarray (recorded image,)
        The angles as given.

    Yields
    ------
    words : str
        What is true then.
    angles_deg : ndarray (recorded image,)
        The true angles of the recorded images.
    """
    angles = np.sort(listed_deg)
    yield "the images are sorted by tilt while the angles are in the order of acquisition", angles
    yield "the images are sorted by falling tilt while the angles are not", angles[::-1]
    yield "the list of angles runs in the opposite direction to the images", listed_deg[::-1]


def usual_orders(listed_deg: np.ndarray) -> Iterator[tuple[str, Angles]]:
    """Yield the orders that microscopes and programs give images, as `orders_of_list` does.

    Several may come to the same angles; the more usual come first.
    """
    angles = np.sort(listed_deg)
    steps = np.diff(listed_deg)
    is_sorted = bool((steps > 0).all() or (steps < 0).all())
    while_sorted = ", while the angles are sorted" if is_sorted else ""
    for words, places in _acquisitions(angles):
        yield _ACQUIRED.format(words) + while_sorted, angles[places]
    for words, places in _orders_of_names(angles):
        yield f"the images are in the order of their names, {words}" + while_sorted, angles[places]
    for words, places in _acquisitions(angles):
        yield _SORTED_TWICE.format(words), angles[np.argsort(places)]


def _acquisitions(angles: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield orders of acquisition: for each image the place of its angle among the sorted ones."""
    starts = np.argsort(np.abs(angles), kind="stable")
    for start in starts.tolist():
        yield from _two_runs(angles, start)
    for start in starts.tolist():
        if 0 < start < len(angles) - 1 and abs(angles[start]) <= _FARTHEST_START_DEG:
            yield from _in_turns(angles, start)


def _two_runs(angles: np.ndarray, start: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield one side of a start after the other, each in either direction."""
    below, above = np.arange(start), np.arange(start, len(angles))
    here = _degrees(angles, start)
    yield f"up from {here} and then down", np.concatenate([above, below[::-1]])
    yield (
        f"down from {here} and then up",
        np.concatenate([np.arange(start + 1)[::-1], above[1:]]),
    )
    yield f"up from {here} and then up to {here}", np.concatenate([above, below])
    yield f"down from {here} and then down to {here}", np.concatenate([below[::-1], above[::-1]])
    yield f"down to {here} and then up to {here}", np.concatenate([above[::-1], below])
    yield f"up to {here} and then down to {here}", np.concatenate([below, above[::-1]])


def _in_turns(angles: np.ndarray, start: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield dose-symmetric schemes: from a start outwards, on both sides in turns.

    With groups of one the angles are recorded as 0°, 3°, -3°, 6°, -6° …; with groups of two as
    0°, 3°, 6°, -3°, -6°, 9°, 12° …. In some programs the start counts as one of the first group,
    which is then one shorter on its side: 0°, 3°, -3°, -6°, 6°, 9° …. Each scheme may begin
    upwards or downwards.

    Parameters
    ----------
    angles : ndarray
        All angles, ascending.
    start : int
        Place of the first angle recorded among them.

    Yields
    ------
    words : str
        The scheme.
    places : ndarray of int
        For each image, in the order of acquisition, the place of its angle in `angles`. For the
        angles -6°, -3°, 0°, 3°, 6° and groups of one, upwards first: 2, 3, 1, 4, 0.
    """
    sides = {1: np.arange(start + 1, len(angles)), -1: np.arange(start)[::-1]}
    here = _degrees(angles, start)
    for group in range(1, _LARGEST_GROUP + 1):
        for first in sides:
            words = f"{_SIDES[first]} and {_SIDES[-first]} in turns from {here}"
            if group > 1:
                words += f" in groups of {group}"
            # The start is an image before the first group, or it counts as one of it.
            for of_first in sorted({group, max(1, group - 1)}, reverse=True):
                one, other = (
                    _groups(sides[first], of_first, group),
                    _groups(sides[-first], group, group),
                )
                turns = [
                    part
                    for k in range(max(len(one), len(other)))
                    for part in (*one[k : k + 1], *other[k : k + 1])
                ]
                with_start = "" if of_first == group else f", {here} included"
                yield words + with_start, np.concatenate([[start], *turns])


def _degrees(angles: np.ndarray, start: int) -> str:
    """Return the angle of a start in words; the one nearest to 0° is called 0°."""
    return "0°" if start == np.abs(angles).argmin() else f"{angles[start]:.3g}°"


def _groups(side: np.ndarray, of_first: int, group: int) -> list[np.ndarray]:
    return np.split(side, np.arange(of_first, len(side), group))


def _orders_of_names(angles: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the orders of text: a 10 before a 2, and a minus that does not count as one."""
    for first in (0, 1):
        names = [str(number + first) for number in range(len(angles))]
        yield f"where {first + 10} comes before {first + 2}", np.argsort(names, kind="stable")
    names = [f"{angle:g}" for angle in angles]
    yield "where the angles are text", np.argsort(names, kind="stable")
    for sign in (1, -1):
        keys = [(f"{abs(angle):g}", sign * angle) for angle in angles]
        places = sorted(range(len(angles)), key=keys.__getitem__)
        yield "where the angles are text and their signs do not count", np.array(places)
