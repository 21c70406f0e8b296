"""The one iteration loop: project, compare with the data, project back, correct the images.

What is compared and how images are corrected is the rule of a subclass (`MaximumLikelihood`,
`Sirt`). Every slice is started and guarded by its own data alone, so how many are done
together, and by how many threads, does not change a byte.
"""

from __future__ import annotations

from functools import partial

import numpy as np

# Where a projection or a sensitivity is this small beside its mean, there is no information.
FLOOR = np.float32(1e-6)


class Iteration:
    """Iterative reconstruction with a projector; call it with sinograms.

    Parameters
    ----------
    projector : ShearProjector or AstraProjector
        ``forward(images, out)``, ``backward(sinograms, out)``, ``subset(start, step)``, and
        the attributes ``shape``, ``tilt_deg`` and ``detector``.
    iterations : int
        Full passes over the data; with s subsets each pass makes s updates.
    subsets : int
        Interleaved subsets of tilts, ``start::subsets``.
    unit : float, optional
        Intensity per pixel of path that counts as 1 inside the loop: about that of the
        specimen's support. Without it each slice is scaled to a mean sinogram of 1.
    """

    def __init__(self, projector, iterations: int, subsets: int = 1, unit: float | None = None):
        self.iterations = iterations
        self.subsets = subsets
        self.unit = unit
        self.shape = projector.shape
        self.parts = [projector.subset(start, subsets) for start in range(subsets)]
        self.gains = [inverse_sensitivity(part) for part in self.parts]

    def __call__(self, sinograms: np.ndarray, watch=None, pool=None) -> np.ndarray:
        """Reconstruct slices (n, depth, width) from sinograms (n, tilt, detector).

        Parameters
        ----------
        sinograms : ndarray
            Intensities. Negative values cannot come from a Poisson process: they count as 0.
        watch : callable, optional
            Is shown the images after every pass; when it returns true, the loop ends.
        pool : Executor, optional
            Does the slices of every update side by side.

        Returns
        -------
        ndarray of float32
            Never negative; zero where no tilt looks, and all zero for an empty sinogram.
        """
        y, scales, means = _scaled(sinograms, self.unit)
        data = [np.ascontiguousarray(y[:, start :: self.subsets]) for start in range(self.subsets)]
        work = [np.empty_like(measured) for measured in data]
        images = np.empty((len(y), *self.shape), np.float32)
        images[:] = (means / self.shape[0])[:, None, None]
        floors = np.where(means > 0, FLOOR * means, 1).astype(np.float32)
        spare = np.empty_like(images)
        run = map if pool is None else pool.map
        each = len(y) if pool is None else 1
        chunks = [slice(start, start + each) for start in range(0, len(y), each)]

        def advance(subset, where, images, corrected):
            projected = self.parts[subset].forward(images[where], out=work[subset][where])
            self._compare(data[subset][where], projected, floors[where])
            self.parts[subset].backward(projected, out=corrected[where])
            self._correct(subset, images, corrected, where)

        for _ in range(self.iterations):
            for subset in range(self.subsets):
                update = partial(advance, subset, images=images, corrected=spare)
                list(run(update, chunks))
                images, spare = spare, images
            if watch is not None and watch(images * scales[:, None, None]):
                break
        images *= scales[:, None, None]
        return images

    def _compare(self, measured, projected, floors) -> None:
        """Replace the projections by what is to be projected back, in place."""
        raise NotImplementedError

    def _correct(self, subset, images, correction, where) -> None:
        """Replace ``correction[where]`` by the images corrected with it, in place."""
        raise NotImplementedError


def inverse_sensitivity(projector) -> np.ndarray:
    """Return 1 / A'1 of one slice (depth, width), and 0 where no tilt looks."""
    ones = np.ones((1, len(projector.tilt_deg), projector.detector), np.float32)
    sensitivity = projector.backward(ones)[0]
    seen = sensitivity > FLOOR * len(projector.tilt_deg)
    return np.where(seen, 1 / np.where(seen, sensitivity, 1), 0).astype(np.float32)


def _scaled(sinograms, unit):
    """Return the clipped and scaled sinograms, the scales, and the mean of each slice."""
    y = np.maximum(sinograms, 0, dtype=np.float32)
    means = np.array([np.mean(one, dtype=np.float64) for one in y])
    scales = means if unit is None else np.full(len(y), float(unit))
    scales = np.where(means > 0, scales, 0).astype(np.float32)
    divisors = np.where(scales > 0, scales, 1)
    y /= divisors[:, None, None]
    return y, scales, (means / divisors).astype(np.float32)
