"""Which pixels lie near a boundary between classes, where labels are uncertain."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from catomo.labels.values import IGNORE

NEAR_PX = 3.0


def near_boundary(labels: np.ndarray, distance_px: float = NEAR_PX) -> np.ndarray:
    """Return which pixels lie within a distance of another class.

    Parameters
    ----------
    labels : ndarray of uint8, (z, x)
        The border of a region that is not annotated (255) is no boundary.
    distance_px : float

    Returns
    -------
    ndarray of bool, (z, x)
    """
    edge = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        one, other = (np.moveaxis(labels, axis, 0)[part] for part in (slice(-1), slice(1, None)))
        differ = (one != other) & (one != IGNORE) & (other != IGNORE)
        for part in (slice(-1), slice(1, None)):
            np.moveaxis(edge, axis, 0)[part] |= differ
    if not edge.any():
        return edge
    return distance_transform_edt(~edge) < distance_px
