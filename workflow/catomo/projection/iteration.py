"""The iteration loop: project, compare with the data, project back, correct the images.

The comparison and the correction are the rule of a subclass (`MaximumLikelihood`, `Sirt`).
Every slice is started and guarded by its own data alone. Therefore neither the number of
slices computed together nor the number of threads changes a byte of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from catomo.projection.projector import Projector
from catomo.projection.shear import threads

# Relative to its mean, a projection or a sensitivity as small as this carries no information.
FLOOR = np.float32(1e-6)

# Stands in a sinogram for a pixel that was not measured. It is not NaN, which a fault of a
# computation may be and which must be found; and it is below zero, which no data in the loop are.
UNMEASURED = np.float32(-np.inf)

# Is shown the images (n, depth, width) after every iteration; the loop ends when it returns true.
Watch = Callable[[np.ndarray], bool | None]


class Measured(NamedTuple):
    """The data of some slices for one subset of the tilts, as the loop uses them.

    Attributes
    ----------
    sinograms : ndarray (n, tilt, detector)
        Clipped and scaled intensities; `UNMEASURED` where there are none.
    floors : ndarray (n,)
        Least projected value of each slice that may serve as a divisor.
    """

    sinograms: np.ndarray
    floors: np.ndarray


class Iteration:
    """Iterative reconstruction with a projector; call it with sinograms.

    Parameters
    ----------
    projector : Projector
    iterations : int
        Full passes over the data; with s subsets each pass makes s updates.
    subsets : int
        Interleaved subsets of tilts, ``start::subsets``.
    unit : float, optional
        Intensity per pixel of path that counts as 1 inside the loop: about that of the
        specimen's support. Without it each slice is scaled so that its sinogram has mean 1.
    """

    # Whether the update of a slice uses its neighbours: then all slices advance together.
    coupled = False

    def __init__(
        self,
        projector: Projector,
        iterations: int,
        subsets: int = 1,
        unit: float | None = None,
    ):
        self.iterations = iterations
        self.subsets = subsets
        self.unit = unit
        self.shape = projector.shape
        self.parts = [projector.subset(start, subsets) for start in range(subsets)]
        self.gains = [inverse_sensitivity(part) for part in self.parts]

    def __call__(
        self, sinograms: np.ndarray, watch: Watch | None = None, pool: Executor | None = None
    ) -> np.ndarray:
        """Reconstruct slices (n, depth, width) from sinograms (n, tilt, detector).

        Parameters
        ----------
        sinograms : ndarray
            Intensities. Negative values cannot come from a Poisson process: they count as 0.
            `UNMEASURED` says that nothing was measured there; such pixels have no weight.
        watch : callable, optional
            Is shown the images after every iteration; when it returns true, the loop ends.
        pool : Executor, optional
            Computes the slices of every update in parallel.

        Returns
        -------
        ndarray of float32
            Never negative; zero where no tilt looks, and all zero for an empty sinogram. What
            only pixels without a measurement see keeps the value of the start.

        Notes
        -----
        A pixel without a measurement is taken to hold what the images project onto it. That is
        the EM algorithm for missing data (Dempster, Laird & Rubin 1977): it converges to the
        same images as weights of zero in the data and in the sensitivity, needs neither memory
        nor time for weights, and changes little where little was measured.
        """
        y, scales, means = scaled(sinograms, self.unit)
        data = [np.ascontiguousarray(y[:, start :: self.subsets]) for start in range(self.subsets)]
        work = [np.empty_like(measured) for measured in data]
        images = np.empty((len(y), *self.shape), np.float32)
        images[:] = (means / self.shape[0])[:, None, None]
        floors = np.where(means > 0, FLOOR * means, 1).astype(np.float32)
        spare = np.empty_like(images)
        run: Callable[..., Iterable[None]] = map if pool is None else pool.map
        each = len(y) if pool is None else 1
        chunks = [slice(start, start + each) for start in range(0, len(y), each)]

        def advance(subset: int, where: slice, images: np.ndarray, corrected: np.ndarray) -> None:
            projected = self.parts[subset].forward(images[where], out=work[subset][where])
            self._compare(Measured(data[subset][where], floors[where]), projected)
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

    def _compare(self, measured: Measured, projected: np.ndarray) -> None:
        """Replace the projections by what is to be projected back, in place."""
        raise NotImplementedError

    def _correct(
        self, subset: int, images: np.ndarray, correction: np.ndarray, where: slice
    ) -> None:
        """Replace ``correction[where]`` by the images corrected with it, in place."""
        raise NotImplementedError


def solve_in_threads(
    solve: Iteration, sinograms: np.ndarray, watch: Watch | None = None
) -> np.ndarray:
    """Reconstruct slices in parallel, with as many threads as `threads` allows.

    Parameters
    ----------
    solve : Iteration
    sinograms : ndarray (n, tilt, detector)
    watch : callable, optional
        As in `Iteration`.

    Returns
    -------
    ndarray of float32, (n, depth, width)
        The same bytes as ``solve(sinograms, watch)``.

    Notes
    -----
    A slice keeps its thread from the first to the last iteration, which is faster, unless the
    slices are watched or coupled: then all of them finish an update before the next begins.
    """
    with ThreadPoolExecutor(threads()) as pool:
        if watch is not None or solve.coupled:
            return solve(sinograms, watch, pool)
        images = np.empty((len(sinograms), *solve.shape), np.float32)

        def one(i: int) -> None:
            images[i] = solve(sinograms[i : i + 1])[0]

        list(pool.map(one, range(len(sinograms))))
        return images


def inverse_sensitivity(projector: Projector) -> np.ndarray:
    """Return 1 / A'1 of one slice (depth, width), and 0 where no tilt looks."""
    ones = np.ones((1, len(projector.tilt_deg), projector.detector), np.float32)
    sensitivity = projector.backward(ones)[0]
    seen = sensitivity > FLOOR * len(projector.tilt_deg)
    return np.where(seen, 1 / np.where(seen, sensitivity, 1), 0).astype(np.float32)


def scaled(sinograms: np.ndarray, unit: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the clipped and scaled sinograms, the scales, and the mean of each slice.

    Parameters
    ----------
    sinograms : ndarray (n, tilt, detector)
        `UNMEASURED` where nothing was measured.
    unit : float, optional
        As in `Iteration`.

    Returns
    -------
    sinograms : ndarray of float32, (n, tilt, detector)
        `UNMEASURED` where nothing was measured.
    scales : ndarray of float32, (n,)
        0 for a slice without data.
    means : ndarray of float32, (n,)
        Of the scaled sinograms, where they were measured.
    """
    y = np.maximum(sinograms, 0, dtype=np.float32)
    missing = np.asarray(sinograms) == UNMEASURED
    means = np.array([_mean(one, gaps) for one, gaps in zip(y, missing, strict=True)])
    scales = means if unit is None else np.full(len(y), float(unit))
    scales = np.where(means > 0, scales, 0).astype(np.float32)
    divisors = np.where(scales > 0, scales, 1)
    y /= divisors[:, None, None]
    y[missing] = UNMEASURED
    return y, scales, (means / divisors).astype(np.float32)


def _mean(sinogram: np.ndarray, missing: np.ndarray) -> float:
    """Return the mean of what was measured, 0 where nothing was."""
    measured = sinogram[~missing] if missing.any() else sinogram
    return float(np.mean(measured, dtype=np.float64)) if measured.size else 0.0
