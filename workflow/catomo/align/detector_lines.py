"""Whole rows and columns that stay in place with sharp edges in all images of a series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from catomo.align.surroundings import spread

_STRONG = 0.5  # noise of one image that a whole line exceeds
_SIGMAS = 6.0  # of the spread of all lines
_AROUND = 5.0  # times what three quarters of the lines around it deviate
_PARTS = 8  # of a line, which deviate alike
_PART = 0.3  # of the deviation of the line that most parts have
_MIDDLE_PART = 0.5  # and half of them
_WIDEST = 8  # lines side by side
_EDGE = 3  # lines at the edge of the frame, which need but one step


@dataclass(frozen=True)
class Still:
    """What the images of a series have in common.

    Attributes
    ----------
    mean : ndarray (y, x)
        Of all images, without the least and the highest.
    noise : float
        Of one image.
    along, across : list of ndarray (y, x)
        Means of two parts of the images, between which the specimen moved along y and along x;
        empty if it did not for certain.
    images : ndarray (tilt, y, x)
    low, high : ndarray (y, x)
        Least and highest value of each pixel.
    """

    mean: np.ndarray
    noise: float  # of one image
    along: list[np.ndarray]  # means of images between which the specimen moved along y
    across: list[np.ndarray]  # and along x
    images: np.ndarray
    low: np.ndarray  # least and highest value of each pixel
    high: np.ndarray

    def turned(self) -> Still:
        """Return the same with rows for columns."""
        along, across = [i.T for i in self.across], [i.T for i in self.along]
        return Still(
            self.mean.T,
            self.noise,
            along,
            across,
            self.images.swapaxes(1, 2),
            self.low.T,
            self.high.T,
        )


def find_lines(still: Still, prove: bool) -> list[int]:
    """Return the rows that differ alike from those beside them over the whole frame.

    They lie between two steps, one up and one down, or between one and the edge of the frame.
    """
    steps, level = _row_steps(still.mean)
    parts = [_row_steps(part)[0] for part in still.along]
    strong = np.abs(steps.mean(axis=1)) > _STRONG * still.noise
    floor = max(float(np.percentile(level, 1)), still.noise / 4, 1e-9)
    found: set[int] = set()
    for scale in (np.ones_like(level), np.maximum(level, floor)):
        height = np.median(steps / scale, axis=1)
        around = ndimage.percentile_filter(np.abs(height), 75, 17, mode="mirror")
        least = np.maximum(_SIGMAS * spread(height), _AROUND * around)
        sharp = {
            int(step): float(height[step])
            for step in np.flatnonzero(strong & (np.abs(height) > least))
            if _is_even(steps[step] / scale[step], height[step])
            and (not prove or parts)
            and all(_is_even(part[step] / scale[step], height[step]) for part in parts)
        }
        for top, bottom in _bands(sharp, len(still.mean)):
            found |= set(range(top, bottom))
    return sorted(found)


def _row_steps(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how each row rises sharply to the next, slopes not counted, and the lower of both."""
    rises = np.diff(image, axis=0)
    padded = np.pad(rises, ((2, 2), (0, 0)), mode="reflect")
    beside = np.stack([padded[i : i + len(rises)] for i in (0, 1, 3, 4)])
    return rises - np.median(beside, axis=0), np.minimum(image[1:], image[:-1])


def _bands(steps: dict[int, float], rows: int) -> list[tuple[int, int]]:
    """Return the rows (first, after the last) between two opposite steps, or at an edge."""
    bands = []
    paired: set[int] = set()
    for here in sorted(steps):
        for there in range(here + 1, min(here + _WIDEST, rows) + 1):
            ratio = -steps.get(there, 0.0) / steps[here]
            if here not in paired and 0.5 < ratio < 2:
                bands.append((here + 1, there + 1))
                paired |= {here, there}
    single = set(steps) - paired
    bands += [(0, step + 1) for step in single if step < _EDGE]
    bands += [(step + 1, rows) for step in single if step >= rows - 1 - _EDGE]
    return bands


def _is_even(steps: np.ndarray, height: float) -> bool:
    """Tell whether a row rises by about the same in most of its parts, and falls in none."""
    parts = np.sort([np.median(part) / height for part in np.array_split(steps, _PARTS)])
    return bool(np.median(parts) > _MIDDLE_PART and parts[_PARTS // 4] > _PART)
