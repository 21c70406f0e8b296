"""Projection matching: every image moves onto what the other tilts predict of it.

The classical loop (Dengler, Ultramicroscopy 30, 337 (1989)) compares an image with a
reprojection that the image itself took part in, and so tends to keep its own errors. Here
the prediction comes only from other tilts (`catomo.align.reprojection`).
"""

from __future__ import annotations

import numpy as np

from catomo.align.geometry import Geometry
from catomo.align.low_order import low_order_terms
from catomo.align.reprojection import Reprojector
from catomo.progress import progress

SIZE = 256  # px: larger images are binned; shifts of 1/50 of such a pixel are found
FOLDS = 5
_ROUNDS = 3  # the step shrinks fivefold in each
_COARSE_ROUNDS = 1


def match(
    reproject: Reprojector, coarse: Reprojector, geometry: Geometry, keep_offset: bool
) -> Geometry:
    """Return the geometry after projection matching.

    Parameters
    ----------
    reproject : Reprojector
        Of images as fine as the shifts are to become exact.
    coarse : Reprojector
        Of the same images, made smaller, for the first steps, which need not be exact. It may
        be `reproject` itself.
    geometry : Geometry
        Must be right to a few pixels.
    keep_offset : bool
        Leave the offset of the tilt axis as it is: where the specimen is isolated, its centre
        of mass gives it more exactly.

    Notes
    -----
    A movement of the specimen as a whole (a·cos θ + b·sin θ across the axis, a constant along
    it) is taken out of every step, because the images do not determine it and it would drift.
    """
    across, along = geometry.across.copy(), geometry.along.copy()
    used = reproject.indices
    free = low_order_terms(reproject.tilt_deg)[used, : 3 if keep_offset else 2]
    for number in progress(range(_ROUNDS), "projection matching"):
        now = Geometry(geometry.axis_angle_deg, across, along)
        of_round = coarse if number < _COARSE_ROUNDS else reproject
        dx, dy = of_round(now, FOLDS).shifts()
        across[used] += dx - free @ np.linalg.lstsq(free, dx, rcond=None)[0]
        along[used] += dy - dy.mean()
    return Geometry(geometry.axis_angle_deg, across, along)
