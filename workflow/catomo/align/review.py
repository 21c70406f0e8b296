"""A person's review of an alignment: the tilt axis, shifts of images, images to leave out.

``catomo review`` makes a page on which a person looks at an alignment and mends it; the page
writes ``alignment.review.yaml``. Named as ``align.review`` in the configuration, it is where the
alignment begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from catomo.align.geometry import Geometry
from catomo.align.known import SAME_TILT_DEG, Known, geometry_of_keys
from catomo.align.preprocess import CleanSeries
from catomo.align.settings import Align
from catomo.errors import UserError
from catomo.settings.blocks import read_blocks

_SHIFTS = ("tilt_deg", "axis_offset_px", "across_px", "along_px")
_ALLOWED = ("axis_angle_deg", *_SHIFTS, "pixel_size_nm", "leave_out_deg", "reviewed")


@dataclass(frozen=True)
class Review:
    """What a person decided.

    Attributes
    ----------
    axis_angle_deg : float or None
        The tilt axis; None if it is to be searched.
    start : Geometry or None
        Where the images lie; None if shifts and axis position are to be found.
    left_out : ndarray of bool, (tilt,)
        Images that take part in nothing.
    tilt_deg : ndarray (tilt,)
    """

    axis_angle_deg: float | None
    start: Geometry | None
    left_out: np.ndarray
    tilt_deg: np.ndarray

    @property
    def known(self) -> Known | None:
        """Where the alignment begins, if the review says so."""
        return Known(self.start, is_start=True) if self.start else None

    def settings(self, settings: Align) -> Align:
        """Return the settings with the tilt axis of the review."""
        if self.axis_angle_deg is None:
            return settings
        return settings.model_copy(update={"tilt_axis_angle_deg": self.axis_angle_deg})

    def of_series(self, series: CleanSeries) -> CleanSeries:
        """Return the series with the images left out, and with words on what was decided."""
        usable, mentioned = series.usable & ~self.left_out, (*series.mentioned, *self._words())
        return replace(series, usable=usable, left_out=self.left_out, mentioned=mentioned)

    def _words(self) -> list[str]:
        done = []
        if self.axis_angle_deg is not None:
            done.append(f"the tilt axis is given as {self.axis_angle_deg:g}°")
        if self.start is not None:
            done.append("the alignment begins with a person's shifts and axis position")
        if self.left_out.any():
            angles = ", ".join(f"{tilt:g}°" for tilt in self.tilt_deg[self.left_out])
            done.append(f"the images at {angles} are left out")
        return [f"reviewed by a person: {'; '.join(done)}"] if done else []


def read_review(path: Path | str, series: Mapping[str, Any]) -> Review:
    """Read ``alignment.review.yaml``.

    Parameters
    ----------
    path : path
        All keys may be missing: ``axis_angle_deg``; ``leave_out_deg``, a list of tilts;
        ``tilt_deg``, ``axis_offset_px``, ``across_px`` and ``along_px`` together as in
        ``alignment.json``, which need ``axis_angle_deg``, with ``pixel_size_nm`` if that is not
        the series'; ``reviewed``, what was looked at.
    series : mapping
        Record of the tilt series: ``tilt_deg``, ``pixel_size_nm``.

    Raises
    ------
    UserError
        If the file cannot be read, has another key, lacks one of the shifts, or names a tilt
        that the series does not have.
    """
    found = read_blocks(path, "give the file that `catomo review` writes, or empty align.review")
    unknown = [key for key in found if key not in _ALLOWED]
    if unknown:
        raise UserError(
            f"{path}: {unknown[0]} is no key of a review; allowed are {', '.join(_ALLOWED)}"
        )
    tilt_deg = np.array(series["tilt_deg"], dtype=float)
    start = None
    if any(key in found for key in _SHIFTS):
        start = geometry_of_keys(Path(path), found, series)
    angle = None if start is None else start.axis_angle_deg
    if start is None and "axis_angle_deg" in found:
        angle = _number(path, "axis_angle_deg", found["axis_angle_deg"])
    return Review(angle, start, _left_out(path, found.get("leave_out_deg"), tilt_deg), tilt_deg)


def _number(path: Path | str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise UserError(f"{path}: {key} is {value!r}; give a number")
    return float(value)


def _left_out(path: Path | str, named: Any, tilt_deg: np.ndarray) -> np.ndarray:
    """Return which tilts of a series a list names."""
    left_out = np.zeros(len(tilt_deg), bool)
    if named is None:
        return left_out
    if not isinstance(named, list):
        raise UserError(f"{path}: leave_out_deg is {named!r}; give a list of tilts, such as [-68]")
    for number, tilt in enumerate(named, 1):
        value = _number(path, f"entry {number} of leave_out_deg", tilt)
        apart = np.abs(tilt_deg - value)
        if apart.min() > SAME_TILT_DEG:
            raise UserError(
                f"{path}: leave_out_deg names {value:g}°, which the tilt series does not have; "
                f"the nearest is {tilt_deg[apart.argmin()]:g}°"
            )
        left_out[apart.argmin()] = True
    return left_out
