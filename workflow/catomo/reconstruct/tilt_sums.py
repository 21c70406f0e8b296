"""How well a volume explains every tilt: residual and mass, gathered slab by slab.

They show what is wrong with the data; no truth is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from catomo.projection.iteration import UNMEASURED


class Fit(NamedTuple):
    """How well slices explain their data, as sums in double precision.

    Attributes
    ----------
    unexplained : ndarray (n, tilt)
        Squares of projections minus data. Negative values of the data count as zero here and in
        `total`, as they do for MLEM, but not in `measured`, which would become too large.
    total : ndarray (n, tilt)
        Squares of the data.
    measured, projected : ndarray (n, tilt)
        Sums of the data, and of the projections, where there are data.
    mass : ndarray (n,)
        Sums of the slices.
    """

    unexplained: np.ndarray
    total: np.ndarray
    measured: np.ndarray
    projected: np.ndarray
    mass: np.ndarray


def fit_of(measured: np.ndarray, projected: np.ndarray, slab: np.ndarray) -> Fit:
    """Return the sums over slices.

    Parameters
    ----------
    measured, projected : ndarray (n, tilt, detector)
        The data as measured, negative values included, `UNMEASURED` where there are none,
        and the projections of `slab`.
    slab : ndarray (n, depth, width)
        The slices, in the frame that was projected.
    """
    rows = []
    for y, p, image in zip(measured, projected, slab, strict=True):
        p = np.where(y == UNMEASURED, 0, p)
        unexplained = np.square(p - np.maximum(y, 0), dtype=np.float64).sum(axis=1)
        summed = p.sum(axis=1, dtype=np.float64)
        rows.append((unexplained, *data_sums(y), summed, image.sum(dtype=np.float64)))
    return Fit(*(np.array(column) for column in zip(*rows, strict=True)))


def data_sums(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `total` and `measured` of one slice's data (tilt, detector), as in `Fit`."""
    y = np.where(y == UNMEASURED, 0, y)
    total = np.square(np.maximum(y, 0), dtype=np.float64).sum(axis=1)
    return total, y.sum(axis=1, dtype=np.float64)


class TiltSums:
    """Residual and mass of every tilt, gathered slab by slab.

    Parameters
    ----------
    tilt_deg : sequence of float
        Tilt angles in degrees, in the order of the sinograms.
    """

    def __init__(self, tilt_deg: Sequence[float] | np.ndarray):
        self._tilt_deg = np.asarray(tilt_deg, dtype=np.float64)
        self._unexplained, self._total, self._measured, self._projected = np.zeros(
            (4, len(self._tilt_deg))
        )
        self._volume = 0.0

    def add(self, fit: Fit) -> None:
        """Add a slab of slices."""
        # Slice by slice, so that the size of the slabs does not change the last digit.
        for unexplained, total, measured, projected, mass in zip(*fit, strict=True):
            self._unexplained += unexplained
            self._total += total
            self._measured += measured
            self._projected += projected
            self._volume += mass

    def residual(self) -> float:
        """Return ``‖Ax−y‖ / ‖y‖`` over all tilts; NaN where the data hold nothing."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.sqrt(self._unexplained.sum() / self._total.sum()))

    def residual_by_tilt(self) -> list[float]:
        """Return ``‖Ax−y‖ / ‖y‖`` of every tilt."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.sqrt(self._unexplained / self._total).tolist()

    def mass_balance(self) -> dict:
        """Compare the mass of every image with the mass of the volume.

        Returns
        -------
        dict
            ``by_tilt``: mass of the image per mass of the volume, 1 at every tilt when
            background and illumination are right and all of the specimen is in view.
            ``seen``: the smallest fraction of the volume that a tilt has in view. The other
            figures describe the ratio of measured to projected mass, on which matter outside
            the frame has no influence: ``spread`` is its relative standard deviation over the
            tilts, ``drift`` its change from the first to the last tilt by a straight line,
            ``bow`` its excess at the highest tilts over the middle, which comes from
            background, or from matter that enters the frame from the side.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            by_tilt = self._measured / self._volume
            seen = (self._projected / self._volume).min()
            ratio = self._measured / self._projected
        spread = drift = bow = np.nan
        if len(ratio) > 2 and np.isfinite(ratio).all() and ratio.mean() != 0:
            ratio = ratio / ratio.mean()
            spread = ratio.std()
            low, high = self._tilt_deg.min(), self._tilt_deg.max()
            along = (2 * self._tilt_deg - low - high) / (high - low)
            bow, half, _ = np.polyfit(along, ratio, 2)
            drift = 2 * half
        return {
            "by_tilt": by_tilt.tolist(),
            "seen": float(seen),
            "spread": float(spread),
            "drift": float(drift),
            "bow": float(bow),
        }
