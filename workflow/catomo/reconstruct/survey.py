"""A first look at the aligned images: where the matter is, how bright, and how deep.

One pass over the stack, and a coarse reconstruction of a few million voxels, determine what
all slabs must share: the unit of the data, the depth of the volume, and the slices watched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catomo.errors import UserError
from catomo.projection.iteration import UNMEASURED, solve_in_threads
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.aligned import AlignedImages
from catomo.reconstruct.support import support_depth, usual_value

# Pixels across the coarse images, and OSEM iterations and subsets on them.
_COARSE_PX = 128
_ITERATIONS, _SUBSETS = 4, 5

# The residual of the coarse data may be at most this much larger for a shallower volume.
_MAX_EXTRA_RESIDUAL = 0.02


@dataclass(frozen=True)
class Survey:
    """What the aligned stack as a whole says, whatever part of it is reconstructed.

    Attributes
    ----------
    mass : ndarray (y,)
        Sum of every slice's sinogram, negative values as 0.
    negative_fraction : float
        Fraction of values below 0, which the reconstruction treats as 0.
    unit : float
        Intensity of the support per pixel of path: the usual value of matter in a coarse
        volume. Particles, brighter but rarer, do not raise it. 0 when there is no matter.
    depth : int
        Depth in pixels that holds the specimen; the detector's width when in doubt.
    recorded : ndarray (y,)
        Share of the tilts that recorded each slice.
    """

    mass: np.ndarray
    negative_fraction: float
    unit: float
    depth: int
    recorded: np.ndarray

    def unrecorded(self, least: float) -> list[int]:
        """Return the slices that less than this share of the tilts recorded."""
        return np.flatnonzero(self.recorded < least).tolist()

    def sample(self, count: int, least_recorded: float = 0.0) -> list[int]:
        """Return up to `count` slices, each in the middle of an equal share of the mass.

        Slices that less than a share `least_recorded` of the tilts recorded are none of them.
        """
        total = np.cumsum(np.where(self.recorded < least_recorded, 0, self.mass))
        if not total[-1] > 0:
            return [len(self.mass) // 2]
        shares = (np.arange(count) + 0.5) / count * total[-1]
        return sorted({int(i) for i in np.searchsorted(total, shares)})


def survey_images(aligned: AlignedImages, rows: range, pad_width: float = 1.0) -> Survey:
    """Look at aligned images as a whole, reading a few rows at a time.

    Parameters
    ----------
    aligned : AlignedImages
    rows : range
        The rows of the images that become slices of the volume.
    pad_width : float
        The width reconstructed, in detector widths.

    Raises
    ------
    UserError
        If the images hold NaN or infinity.
    """
    tilts, _, detector = aligned.shape
    fold = max(1, detector // _COARSE_PX)
    mass = np.zeros(len(rows))
    coarse, negative = [], 0
    for start in range(0, len(rows), 4 * fold):
        stop = min(start + 4 * fold, len(rows))
        slab = aligned.read_rows(rows[start], rows[start] + stop - start)
        if aligned.read_unmeasured is None:
            measured = slab
        else:  # what stands where nothing was measured is of no importance
            measured = slab[~aligned.read_unmeasured(rows[start], rows[start] + stop - start)]
        if not np.isfinite(measured.sum(dtype=np.float64)):
            raise UserError("reconstruct: aligned images hold values that are not finite")
        slab = aligned.masked(slab, rows[start])
        negative += int(np.count_nonzero((slab < 0) & (slab != UNMEASURED)))
        mass[start:stop] = np.maximum(slab, 0).sum(axis=(0, 2), dtype=np.float64)
        coarse.append(_binned_measured(slab, fold))
    sinograms = np.concatenate(coarse)
    pixels = sinograms.shape[2]
    # The axis lies in the middle of the detector, of which up to a coarse pixel is cut off.
    centre = ((detector - 1) / 2 - (detector - pixels * fold) // 2 + 0.5) / fold - 0.5
    # The deep volume is as deep as the detector is wide. If even that explains the data badly,
    # the depth cannot be determined.
    width = round(pad_width * pixels)
    deep_residual, images = _coarse(sinograms, aligned.tilt_deg, (pixels, width), centre)
    usual = usual_value(images)
    unit = usual / fold if np.isfinite(usual) else 0.0
    coarse_depth, depth = support_depth(images), detector
    if unit > 0 and coarse_depth < pixels:
        residual, _ = _coarse(sinograms, aligned.tilt_deg, (coarse_depth, width), centre)
        if residual <= deep_residual + _MAX_EXTRA_RESIDUAL:
            depth = min(detector, coarse_depth * fold)
    recorded = aligned.recorded(rows)
    return Survey(mass, negative / (len(rows) * tilts * detector), unit, depth, recorded)


def _binned_measured(slab: np.ndarray, fold: int) -> np.ndarray:
    """Return `_binned` of what was measured, `UNMEASURED` where nothing was."""
    missing = slab == UNMEASURED
    if not missing.any():
        return _binned(slab, fold)
    share = _binned((~missing).astype(np.float32), fold)
    values = _binned(np.where(missing, 0, slab), fold) / np.where(share > 0, share, 1)
    return np.where(share > 0, values, UNMEASURED)


def _binned(slab: np.ndarray, fold: int) -> np.ndarray:
    """Return sinograms (n / fold, tilt, detector / fold) of an aligned slab (tilt, y, x)."""
    tilts, rows, detector = slab.shape
    pixels = detector // fold
    first = (detector - pixels * fold) // 2
    slab = slab[:, :, first : first + pixels * fold].reshape(tilts, rows, pixels, fold).mean(axis=3)
    groups = np.array_split(slab, max(1, rows // fold), axis=1)
    return np.stack([group.mean(axis=1) for group in groups]).astype(np.float32)


def _coarse(
    sinograms: np.ndarray, tilt_deg: list[float], shape: tuple[int, int], centre: float
) -> tuple[float, np.ndarray]:
    """Return the residual ``‖Ax−y‖ / ‖y‖`` of a coarse reconstruction, and its images."""
    projector = ShearProjector(tilt_deg, shape, sinograms.shape[2], centre)
    solve = MaximumLikelihood(projector, _ITERATIONS, min(_SUBSETS, len(tilt_deg)))
    images = solve_in_threads(solve, sinograms)
    measured = np.maximum(sinograms, 0)
    projected = np.where(sinograms == UNMEASURED, 0, projector.forward(images))
    left = np.linalg.norm(projected - measured)
    return float(left / (np.linalg.norm(measured) or 1.0)), images
