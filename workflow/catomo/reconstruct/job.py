"""What one reconstruction consists of: its images, geometry, method and slabs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from catomo.errors import UserError
from catomo.projection.shear import ShearProjector, threads
from catomo.reconstruct import backends
from catomo.reconstruct.aligned import AlignedImages
from catomo.reconstruct.auto import resolve
from catomo.reconstruct.halves import half_correlation
from catomo.reconstruct.method import Method, TiltGeometry
from catomo.reconstruct.needs import peak_bytes
from catomo.reconstruct.resident import DeviceLoop
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stopping import Convergence
from catomo.reconstruct.survey import Survey, survey_images


@dataclass(frozen=True)
class Job:
    """What is reconstructed from what: the same for all slabs, halves and samples.

    Attributes
    ----------
    aligned : AlignedImages
    settings : Reconstruct
    backend : str
        The backend that is used, `auto` resolved.
    rows : range
        The rows of the aligned images that become slices.
    survey : Survey
    shape : (int, int, int)
        Shape (y, z, x) of the whole volume.
    geometry : TiltGeometry
        With the depth and width used inside the loop; the volume is cropped to `shape`.
    method : Method
    slab_slices : int
        Slices computed at once.
    """

    aligned: AlignedImages
    settings: Reconstruct
    backend: str
    rows: range
    survey: Survey
    shape: tuple[int, int, int]
    geometry: TiltGeometry
    method: Method
    slab_slices: int

    def projector(self) -> ShearProjector:
        """Return catomo's own projector, by which every backend is judged."""
        geometry = self.geometry
        return ShearProjector(geometry.tilt_deg, geometry.shape, geometry.detector)

    def sinograms(self, slices: range | list[int]) -> np.ndarray:
        """Return the sinograms (n, tilt, detector) of slices of the volume."""
        if isinstance(slices, range):
            return self.aligned.sinograms(self.rows[slices.start : slices.stop])
        return self.aligned.sinograms([self.rows[i] for i in slices])

    def unmeasured(self) -> dict:
        """Return what is recorded of pixels without a measurement: nothing if there are none."""
        if self.aligned.read_unmeasured is None:
            return {}
        return {
            "unmeasured_weight": "as measured zeros" if self.fills else "none",
            "unrecorded_slices": self.survey.unrecorded(self.settings.least_recorded),
        }

    @property
    def fills(self) -> bool:
        """Whether the backend takes what was not measured for zeros: it knows no weights."""
        return self.backend.startswith("tomopy")

    def crop(self, slab: np.ndarray) -> np.ndarray:
        """Return slices of the loop's width cropped to the volume's width."""
        first = (self.geometry.shape[1] - self.shape[2]) // 2
        return slab[:, :, first : first + self.shape[2]]

    def watch(self, sample: list[int]) -> Convergence:
        """Reconstruct a sample of slices under observation, to see when to stop.

        The slices are not neighbours: total variation acts within each alone.
        """
        settings, sinograms = self.settings, self.sinograms(sample)
        convergence = Convergence(
            self.projector(),
            sinograms,
            settings.stop,
            settings.stop_change,
            settings.counts_per_unit,
            settings.read_noise_counts,
        )
        if not self.fills:  # then it is TomoPy's loop, which cannot be watched
            method = replace(self.method, across=False)
            solve = backends.make_solver(self.backend, self.geometry, method)
            if isinstance(solve, DeviceLoop):
                solve.converge(sinograms, convergence)
            else:
                solve(sinograms, convergence)
        return convergence

    def halves(self, sample: list[int], iterations: int) -> dict | None:
        """Correlate a sample reconstructed from even tilts with the same from odd tilts.

        Without a prior: it would make both halves agree with each other, right or wrong.
        Returns None for fewer than four tilts.
        """
        if len(self.geometry.tilt_deg) < 4:
            return None
        method = replace(self.method, iterations=iterations, tv=0.0, across=False)
        sinograms, images = self.sinograms(sample), []
        for start in (0, 1):
            solve = backends.make_solver(self.backend, self.geometry.subset(start, 2), method)
            half = np.ascontiguousarray(sinograms[:, start::2])
            images.append(self.crop(backends.check_finite(self.backend, solve(half))))
        even, odd = images
        return half_correlation(even, odd, self.aligned.pixel_size_nm)

    def memory_gb(self, slices: int) -> float:
        """Return the peak memory: libraries, the slab, and what each thread works on."""
        found = peak_bytes(
            (len(self.geometry.tilt_deg), self.geometry.detector),
            self.geometry.shape,
            min(slices, self.slab_slices),
            threads(),
            self.method.subsets,
            4 if self.backend == "cuda" else 2,
        )
        return found / 1e9


def prepare(aligned: AlignedImages, settings: Reconstruct) -> Job:
    """Look at the aligned images, and fix what all slabs share.

    Raises
    ------
    UserError
        If the images hold nothing above zero, NaN or infinity.
    """
    _, length, detector = aligned.shape
    pixel_size_nm = aligned.pixel_size_nm
    rows = _middle(length, settings.length_nm, pixel_size_nm)
    pad_width = aligned.seen_width if settings.pad_width == "auto" else settings.pad_width
    with ThreadPoolExecutor(1) as pool:
        if settings.backend in ("auto", "cuda"):
            pool.submit(backends.usable_device)  # it takes seconds to start
        survey = survey_images(aligned, rows, pad_width)
    if not survey.unit > 0:
        raise UserError(f"{aligned.origin}: aligned images hold nothing above zero")
    depth = survey.depth
    if settings.depth_nm != "auto":
        depth = max(1, round(settings.depth_nm / pixel_size_nm))
    width = len(_middle(detector, settings.width_nm, pixel_size_nm))
    padded_width = detector + 2 * round((pad_width - 1) * detector / 2)
    subsets = min(settings.subsets, len(aligned.tilt_deg)) if settings.algorithm == "osem" else 1
    geometry = TiltGeometry(aligned.tilt_deg, (depth, padded_width), detector)
    method = Method(
        settings.algorithm,
        settings.iterations,
        subsets,
        survey.unit,
        settings.tv,
        settings.tv_across,
    )
    backend = resolve(settings.backend, geometry, method)
    wanted = None if settings.slab_slices == "auto" else settings.slab_slices
    if settings.tv_across:  # every slice depends on its neighbours: the volume is one slab
        wanted = len(rows)
    return Job(
        aligned,
        settings,
        backend,
        rows,
        survey,
        (len(rows), depth, width),
        geometry,
        method,
        backends.slab_slices(backend, geometry, wanted, len(rows)),
    )


def _middle(length: int, extent_nm: float | str, pixel_size_nm: float) -> range:
    """Return the pixels of an axis that are kept, about its middle, which stays where it is."""
    if isinstance(extent_nm, str):
        return range(length)
    cut = max(0, (length - round(extent_nm / pixel_size_nm)) // 2)
    return range(cut, max(length - cut, cut + 1))
