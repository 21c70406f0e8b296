"""The reconstruction of a volume slab by slab, wherever its slabs go.

Every slice perpendicular to the tilt axis is reconstructed from one row of every aligned
image, so memory does not grow with the volume. The volume's values are intensity of the
aligned images per pixel of path through the specimen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

import numpy as np

from catomo.errors import UserError
from catomo.reconstruct import backends
from catomo.reconstruct.aligned import AlignedImages
from catomo.reconstruct.edges import edge_width, missing_wedge_deg
from catomo.reconstruct.job import Job, prepare
from catomo.reconstruct.lanes import in_order
from catomo.reconstruct.resident import DeviceLoop
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stopping import Convergence
from catomo.reconstruct.tilt_sums import Fit, TiltSums, fit_of

# A volume that leaves a larger part of the data unexplained is not a reconstruction of it.
_MAX_RESIDUAL = 0.95

# Slices that are watched while they converge, and reconstructed again from every other tilt.
_SAMPLE = 8


def reconstruct_volume(
    images: np.ndarray,
    tilt_deg: Sequence[float] | np.ndarray,
    pixel_size_nm: float,
    settings: Reconstruct,
    unmeasured: np.ndarray | None = None,
    goes_on: bool = False,
) -> tuple[np.ndarray, dict]:
    """Reconstruct a volume with all that the stage `reconstruct` does, in memory.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        Aligned images with the tilt axis along y in the middle of x, background removed.
    tilt_deg : sequence of float
        Tilt angles in degrees, one per image.
    pixel_size_nm : float
        Edge of a pixel in nm.
    settings : Reconstruct
    unmeasured : ndarray of bool (tilt, y, x), optional
        Where nothing was measured: these pixels have no weight, whatever `images` hold there.
        By default everything was measured.
    goes_on : bool
        Whether matter goes on beyond the left and the right of the images, as an alignment
        notes it in its ``steps`` (``open_sides``); `settings.pad_width` ``auto`` goes by it.

    Returns
    -------
    volume : ndarray of float32, (y, z, x)
    figures : dict
        What the stage records of the reconstruction, such as ``residual`` and ``quality``.

    Raises
    ------
    ValueError
        If the images do not have three axes, there are not as many angles as images, or
        `unmeasured` has another shape.
    UserError
        If the images hold no matter, NaN or infinity, or the backend is missing or returns
        what cannot be right.
    """
    aligned = AlignedImages.in_memory(images, tilt_deg, pixel_size_nm, unmeasured, goes_on)
    run = Run(prepare(aligned, settings))
    volume = np.empty(run.shape, np.float32)
    for start, slab in run.slabs():
        volume[start : start + len(slab)] = slab
    return volume, run.figures()


class Run:
    """A reconstruction in progress: computes slabs, and gathers what is recorded of them.

    Parameters
    ----------
    job : Job
    part : range, optional
        The slices of a preview; by default the whole volume.

    Attributes
    ----------
    shape : (int, int, int)
        Shape (y, z, x) of what is computed.
    convergence : Convergence or None
        The curves of the watched sample; None where nothing depends on them.
    """

    def __init__(self, job: Job, part: range | None = None):
        self.job, self.part = job, part
        self.slices = range(job.shape[0]) if part is None else part
        self.shape = (len(self.slices), *job.shape[1:])
        self._sample = job.survey.sample(_SAMPLE, job.settings.least_recorded)
        self._kept: dict[int, np.ndarray] = {}
        self._sums = TiltSums(job.geometry.tilt_deg)
        self.convergence: Convergence | None = None
        self._method = job.method
        if part is None or job.settings.stop != "count":
            self.convergence = job.watch(self._sample)
            if self.convergence.iterations:
                self._method = replace(job.method, iterations=self.convergence.iterations)

    @property
    def slab_count(self) -> int:
        """The number of slabs."""
        return -(-len(self.slices) // self.job.slab_slices)

    def slabs(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the index of a slab's first slice within `shape`, and the slab (n, z, x)."""
        job, size = self.job, self.job.slab_slices
        solve = backends.make_solver(job.backend, job.geometry, self._method)
        projector, reading = job.projector(), Lock()

        def compute(offset: int) -> tuple[int, np.ndarray, Fit]:
            with reading:
                sinograms = job.sinograms(self.slices[offset : offset + size])
            if isinstance(solve, DeviceLoop):
                images, fit = solve.solve(sinograms)
                backends.check_finite(job.backend, fit.mass)
                return offset, images, fit
            images = backends.check_finite(job.backend, solve(sinograms))
            return offset, images, fit_of(sinograms, projector.forward(images), images)

        lanes = solve.lanes if isinstance(solve, DeviceLoop) else 1
        for offset, images, fit in in_order(compute, range(0, len(self.slices), size), lanes):
            self._sums.add(fit)
            slab, first = job.crop(images), self.slices[offset]
            for i in set(self._sample) & set(range(first, first + len(slab))):
                self._kept[i] = slab[i - first].copy()
            yield offset, slab

    def figures(self) -> dict:
        """Return what is recorded of the reconstruction, once all slabs were computed.

        Raises
        ------
        UserError
            If the volume leaves so much of the data unexplained that it cannot be right.
        """
        job, convergence = self.job, self.convergence
        figures = {
            "backend": job.backend,
            "iterations": self._method.iterations,
            "subsets": job.method.subsets,
            "tilts_used": len(job.geometry.tilt_deg),
            "pad_width": round(job.geometry.shape[1] / job.geometry.detector, 3),
            "stop_reason": convergence.reason if convergence else "iterations",
            "residual": self._checked_residual(),
            "negative_fraction": job.survey.negative_fraction,
            "specimen_value": job.survey.unit,
            **job.unmeasured(),
            "quality": self._quality(),
        }
        if self.part is not None:
            first, last = self.part[0], self.part[-1]
            figures["preview"] = {"first": first, "last": last, "of": len(job.rows)}
        if convergence and convergence.iterations:
            figures["convergence"] = {"sample": self._sample, **convergence.curves}
        return figures

    def _quality(self) -> dict:
        job, pixel_size_nm = self.job, self.job.aligned.pixel_size_nm
        quality: dict = {
            "tilt_deg": list(job.geometry.tilt_deg),
            "missing_wedge_deg": missing_wedge_deg(job.geometry.tilt_deg),
            "residual_by_tilt": self._sums.residual_by_tilt(),
            "mass_balance": self._sums.mass_balance(),
        }
        if self.part is None:
            sample = np.stack([self._kept[i] for i in self._sample])
            quality["sample"] = self._sample
            with ThreadPoolExecutor(1) as pool:  # both take about a second, of different resources
                widths = pool.submit(edge_width, sample, pixel_size_nm)
                halves = job.halves(self._sample, self._method.iterations)
                quality["edge_width"] = widths.result()
            quality["half_correlation"] = halves
        return quality

    def _checked_residual(self) -> float:
        """Return ``‖Ax−y‖ / ‖y‖`` of all slabs."""
        residual, origin = self._sums.residual(), self.job.aligned.origin
        if np.isnan(residual):
            raise UserError(f"{origin}: aligned images hold nothing above zero")
        if residual > _MAX_RESIDUAL:
            raise UserError(
                f"reconstruct: the volume of backend {self.job.backend} leaves "
                f"{100 * residual:.0f} % of the data unexplained; look at the pictures beside "
                f"{origin}, or try another backend"
            )
        return residual
