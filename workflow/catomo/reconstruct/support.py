"""Where matter lies in reconstructed slices, and its usual value."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from catomo.labels.otsu import material_threshold

# Rows with this part of the fullest row's matter belong to the support.
_MIN_ROW_SHARE = 0.005


def support_extent(slices: np.ndarray) -> tuple[int, int]:
    """Return the range ``start, stop`` of z that holds the specimen.

    Parameters
    ----------
    slices : ndarray (n, depth, width)
        Slices of the volume, or of a coarse reconstruction.
    """
    smooth = ndimage.gaussian_filter(slices, (0, 1, 1), output=np.float32)
    pixels = np.count_nonzero(smooth > usual_value(smooth) / 4, axis=(0, 2))
    rows = np.flatnonzero(pixels > _MIN_ROW_SHARE * pixels.max())
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, slices.shape[1])


def support_depth(slices: np.ndarray, margin: float = 0.1) -> int:
    """Return how many rows about the middle one, the tilt axis, hold the specimen.

    Parameters
    ----------
    slices : ndarray (n, depth, width)
        Slices of the volume, or of a coarse reconstruction.
    margin : float
        Part of the specimen's depth that is added on either side, at least two rows.
    """
    start, stop = support_extent(slices)
    depth = slices.shape[1]
    reach = max(depth / 2 - start, stop - depth / 2) + max(2, margin * (stop - start))
    return min(depth, int(np.ceil(2 * reach)))


def usual_value(images: np.ndarray) -> float:
    """Return the usual value of matter; infinity where there is none.

    It is the median of all values above half of it. The search for it starts from a threshold
    that particles do not mislead, even if they are twenty times as bright as their support.
    """
    root = np.sqrt(np.maximum(images, 0))  # brings bright particles nearer to the support
    histogram, edges = np.histogram(root, 1024, (0, float(root.max()) or 1.0))
    threshold = edges[material_threshold(histogram) + 1] ** 2
    for _ in range(8):
        matter = images[images > threshold]
        if not matter.size:
            return np.inf
        threshold = np.median(matter) / 2
    return 2 * float(threshold)
