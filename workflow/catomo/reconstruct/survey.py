"""A first look at the aligned images: where the matter is, how bright, and how deep.

One pass over the stack, and a coarse reconstruction of a few million voxels, fix what all
slabs must share: the unit of the data, the depth of the volume, and the slices watched.
"""

from __future__ import annotations

import numpy as np

from catomo.errors import UserError
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.quality import support_depth, usual_value

# Pixels across the coarse images, and OSEM passes and subsets over them.
_COARSE = 128
_PASSES, _SUBSETS = 4, 5

# A shallower volume may explain the coarse data at most this much worse than a deep one.
_WORSE = 0.02


class Survey:
    """What the whole aligned stack says, whatever part of it is reconstructed.

    Parameters
    ----------
    aligned : StackReader
        Aligned stack (tilt, y, x).
    used : list of int
        Tilts that are used.
    tilt_deg : list of float
        Their angles.
    rows : range
        The slices of the volume.
    pad_width : float
        The width reconstructed, in detector widths.

    Attributes
    ----------
    mass : ndarray (len(rows),)
        Sum of every slice's sinogram, negative values as 0.
    negative_fraction : float
        Share of values below 0, which the reconstruction takes for 0.
    unit : float
        Intensity of the support per pixel of path: the usual value of matter in a coarse
        volume. Pt, brighter but rarer, does not raise it. 0 when there is nothing.
    depth : int
        Depth in pixels that holds the specimen; the detector's width when in doubt.

    Raises
    ------
    UserError
        If the stack holds not-a-number or infinity.
    """

    def __init__(self, aligned, used, tilt_deg, rows, pad_width=1.0):
        detector = aligned.shape[2]
        self.fold = max(1, detector // _COARSE)
        self.mass = np.zeros(len(rows))
        coarse, negative = [], 0
        for start in range(0, len(rows), 4 * self.fold):
            stop = min(start + 4 * self.fold, len(rows))
            slab = aligned.read_rows(rows[start], rows[start] + stop - start)[used]
            negative += int(np.count_nonzero(slab < 0))
            self.mass[start:stop] = np.maximum(slab, 0).sum(axis=(0, 2), dtype=np.float64)
            coarse.append(_binned(slab, self.fold))
        if not np.isfinite(self.mass).all():
            raise UserError("reconstruct: aligned images hold values that are not finite")
        self.negative_fraction = negative / (len(rows) * len(used) * detector)
        self._look(np.concatenate(coarse), detector, tilt_deg, pad_width)

    def sample(self, count: int) -> list[int]:
        """Return up to `count` slices, each in the middle of an equal share of the mass."""
        total = np.cumsum(self.mass)
        if not total[-1] > 0:
            return [len(self.mass) // 2]
        shares = (np.arange(count) + 0.5) / count * total[-1]
        return sorted({int(i) for i in np.searchsorted(total, shares)})

    def _look(self, sinograms, detector, tilt_deg, pad_width):
        pixels = sinograms.shape[2]
        # The axis lies in the middle of the detector, of which up to a coarse pixel is cut off.
        centre = ((detector - 1) / 2 - (detector - pixels * self.fold) // 2 + 0.5) / self.fold - 0.5
        # As deep as the detector is wide; only when that is not enough, nothing can be said.
        shape = (pixels, round(pad_width * pixels))
        full, images = _explained(sinograms, tilt_deg, shape, centre)
        usual = usual_value(images)
        self.unit = usual / self.fold if np.isfinite(usual) else 0.0
        depth = support_depth(images)
        self.depth = detector
        if self.unit > 0 and depth < pixels:
            shallow, _ = _explained(sinograms, tilt_deg, (depth, shape[1]), centre)
            if shallow <= full + _WORSE:
                self.depth = min(detector, depth * self.fold)


def _binned(slab, fold):
    """Return sinograms (n / fold, tilt, detector / fold) of an aligned slab (tilt, y, x)."""
    tilts, rows, detector = slab.shape
    pixels = detector // fold
    first = (detector - pixels * fold) // 2
    slab = slab[:, :, first : first + pixels * fold].reshape(tilts, rows, pixels, fold).mean(axis=3)
    groups = np.array_split(slab, max(1, rows // fold), axis=1)
    return np.stack([group.mean(axis=1) for group in groups]).astype(np.float32)


def _explained(sinograms, tilt_deg, shape, centre):
    """Return ``‖Ax−y‖ / ‖y‖`` of a coarse reconstruction, and its images."""
    projector = ShearProjector(tilt_deg, shape, sinograms.shape[2], centre)
    images = MaximumLikelihood(projector, _PASSES, min(_SUBSETS, len(tilt_deg)))(sinograms)
    measured = np.maximum(sinograms, 0)
    left = np.linalg.norm(projector.forward(images) - measured)
    return float(left / (np.linalg.norm(measured) or 1.0)), images
