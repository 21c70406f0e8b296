"""MLEM and OSEM: maximum-likelihood reconstruction of Poisson data, slice by slice.

One loop over any projector with `forward`, `backward` and `subset`. Every slice is scaled,
started and guarded by its own data alone: how many are done together does not change a byte.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Where a projection or a sensitivity is this small beside its mean, there is no information.
_FLOOR = np.float32(1e-6)

# Empty space fades by a factor per update; below this beside the mean it is zero, before it
# gets so small that processors slow down.
_NOTHING = np.float32(1e-20)

_compile = {"cache": True, "nogil": True, "error_model": "numpy"}


class MaximumLikelihood:
    """MLEM (one subset) or OSEM (several) with a projector; call it with sinograms.

    Parameters
    ----------
    projector : ShearProjector or AstraProjector
        ``forward(images)``, ``backward(sinograms)``, ``subset(start, step)``, and the
        attributes ``shape``, ``tilt_deg`` and ``detector``.
    iterations : int
        Full passes over the data; with s subsets each pass makes s updates.
    subsets : int
        Interleaved subsets of tilts, ``start::subsets``.

    Notes
    -----
    ``x ← x / A'1 · A'(y / Ax)`` (Shepp & Vardi 1982; Lange & Carson 1984), over ordered
    subsets (Hudson & Larkin 1994). The data are scaled to mean 1 and back, and start from
    that mean spread over the depth.
    """

    def __init__(self, projector, iterations: int, subsets: int = 1):
        self.iterations = iterations
        self.subsets = subsets
        self.shape = projector.shape
        self.parts = [projector.subset(start, subsets) for start in range(subsets)]
        self.gains = [_inverse_sensitivity(part) for part in self.parts]

    def __call__(self, sinograms: np.ndarray) -> np.ndarray:
        """Reconstruct slices (n, depth, width) from sinograms (n, tilt, detector).

        Negative values cannot come from a Poisson process and count as zero. The images
        are float32 and not negative; zero where no tilt looks, and all zero for an empty
        sinogram.
        """
        y, scales = _scaled(sinograms)
        data = [np.ascontiguousarray(y[:, start :: self.subsets]) for start in range(self.subsets)]
        images = np.full((len(y), *self.shape), 1 / self.shape[0], np.float32)
        for _ in range(self.iterations):
            for part, measured, gain in zip(self.parts, data, self.gains, strict=True):
                ratio = part.forward(images)
                _divide(measured, ratio)
                _update(images, part.backward(ratio), gain)
        images *= scales[:, None, None]
        return images


def _scaled(sinograms):
    """Return the clipped sinograms scaled to mean 1, and the scales (0 for empty ones)."""
    y = np.maximum(sinograms, 0, dtype=np.float32)
    scales = np.array([np.mean(one, dtype=np.float64) for one in y], np.float32)
    y /= np.where(scales > 0, scales, 1)[:, None, None]
    return y, scales


def _inverse_sensitivity(projector) -> np.ndarray:
    """Return 1 / A'1 of one slice (depth, width), and 0 where no tilt looks."""
    ones = np.ones((1, len(projector.tilt_deg), projector.detector), np.float32)
    sensitivity = projector.backward(ones)[0]
    seen = sensitivity > _FLOOR * len(projector.tilt_deg)
    return np.where(seen, 1 / np.where(seen, sensitivity, 1), 0).astype(np.float32)


@njit(**_compile)
def _divide(measured, projected):
    """Replace the projection by the ratio of measured to projected values, in place."""
    for n in range(len(measured)):
        for t in range(measured.shape[1]):
            for pixel in range(measured.shape[2]):
                floored = max(projected[n, t, pixel], _FLOOR)
                projected[n, t, pixel] = measured[n, t, pixel] / floored


@njit(**_compile)
def _update(images, correction, gain):
    """Multiply the images by the correction per sensitivity, in place."""
    for n in range(len(images)):
        for z in range(images.shape[1]):
            for x in range(images.shape[2]):
                value = images[n, z, x] * (correction[n, z, x] * gain[z, x])
                images[n, z, x] = value if value > _NOTHING else np.float32(0)
