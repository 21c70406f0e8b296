"""What an image shows around each pixel, and pixels filled from it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu

_BLOCK = 16  # px in which the variation around a pixel is measured


def fill(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image, or a series, with the masked pixels interpolated from those around them.

    Each becomes the mean of its four neighbours, whether those are measured or filled.
    """
    if not mask.any() or mask.all():
        return images
    filled = images.reshape(-1, mask.size).copy()
    bad = np.flatnonzero(mask)
    number = np.full(mask.size, -1)
    number[bad] = np.arange(len(bad))
    y, x = np.unravel_index(bad, mask.shape)
    own, other = [], []
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        inside = (y + dy >= 0) & (y + dy < mask.shape[0]) & (x + dx >= 0) & (x + dx < mask.shape[1])
        own.append(np.flatnonzero(inside))
        other.append(((y + dy) * mask.shape[1] + x + dx)[inside])
    rows, pixels = np.concatenate(own), np.concatenate(other)
    links = sparse.csr_matrix((np.ones(len(rows)), (rows, pixels)), shape=(len(bad), mask.size))
    system = sparse.diags(np.asarray(links.sum(axis=1)).ravel()) - links[:, bad]
    solver = splu(system.tocsc())
    good = np.flatnonzero(~mask.ravel())
    known = links[:, good]
    filled[:, bad] = solver.solve(known @ filled[:, good].T.astype(np.float64)).T
    return filled.reshape(images.shape)


def surroundings(image: np.ndarray, width: int) -> np.ndarray:
    """Return the median of 5 × 5 pixels `width` apart around each."""
    out = np.empty_like(image)
    for row in range(width):
        for column in range(width):
            part = image[row::width, column::width]
            out[row::width, column::width] = ndimage.median_filter(part, 5, mode="mirror")
    return out


def local_spread(excess: np.ndarray) -> np.ndarray:
    """Return how much an image varies in the block that each pixel lies in."""
    rows, columns = (max(1, side // _BLOCK) for side in excess.shape)
    spread = np.array(
        [
            [1.48 * np.median(np.abs(block)) for block in np.array_split(band, columns, axis=1)]
            for band in np.array_split(excess, rows, axis=0)
        ]
    )
    row = np.minimum(np.arange(excess.shape[0]) * rows // excess.shape[0], rows - 1)
    column = np.minimum(np.arange(excess.shape[1]) * columns // excess.shape[1], columns - 1)
    return np.asarray(spread[np.ix_(row, column)])


def spread(values: np.ndarray) -> float:
    """Return the spread of values, whatever a few of them are: sigma of a normal distribution."""
    return float(1.48 * np.median(np.abs(values - np.median(values))))
