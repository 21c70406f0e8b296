"""Borders that a program filled with one value when it moved the images.

Where a series was shifted into place before the import, each image ends in a border of another
width, which holds zero or the mean of the image. Nothing was measured there. Empty space is no
such border: its edge is ragged, lies at two opposite sides, or is the same in all images.
"""

from __future__ import annotations

import numpy as np

_DEEPEST = 0.25  # of a side: an image that holds one value beyond that was not only moved
_SAME_INSIDE = 0.5  # of the row beside a border, which holds that value in empty space too


def filled_borders(images: np.ndarray) -> np.ndarray | None:
    """Return which pixels (tilt, y, x) lie in filled borders; None if there are none.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        As imported: a border that was interpolated or mended is not found.

    Notes
    -----
    The row beside a border is counted with it: where images were moved by parts of a pixel, it
    is mixed of both.
    """
    filled = np.zeros(images.shape, bool)
    for turned, marks in ((images, filled), (images.swapaxes(1, 2), filled.swapaxes(1, 2))):
        depths = np.array([[_depth(image), _depth(image[::-1])] for image in turned])
        depths[(depths > 0).all(axis=1)] = 0
        depths[:, np.ptp(depths, axis=0) == 0] = 0
        for mark, (first, last) in zip(marks, depths.tolist(), strict=True):
            if first:
                mark[: first + 1] = True
            if last:
                mark[-last - 1 :] = True
    return filled if filled.any() else None


def _depth(image: np.ndarray) -> int:
    """Return how many of the first rows of an image hold one value, and were filled with it."""
    same = image == image[0, 0]
    whole = same.all(axis=1)
    depth = int(whole.argmin())
    if whole.all() or depth > _DEEPEST * len(whole) or same[depth].mean() > _SAME_INSIDE:
        return 0
    return depth
