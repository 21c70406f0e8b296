"""Stage 03: an aligned tilt series becomes a volume, slab by slab.

Every slice perpendicular to the tilt axis is reconstructed from one row of every aligned
image, so memory does not grow with the volume. The volume's values are intensity of the
aligned images per pixel of path through the specimen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catomo.errors import UserError
from catomo.files.store import StackReader, StackWriter
from catomo.phantom.truth import Likeness, Truth
from catomo.progress import progress, say
from catomo.projection.shear import ShearProjector, threads
from catomo.reconstruct import backends
from catomo.reconstruct.figures import Sections, draw_convergence, draw_sections
from catomo.reconstruct.quality import TiltSums, edge_width, half_correlation
from catomo.reconstruct.stopping import Convergence
from catomo.reconstruct.survey import Survey
from catomo.record.record import committing, read_record

# A volume that leaves more than this of the data unexplained is not a reconstruction of it.
_WORST_RESIDUAL = 0.95

# Slices watched while they converge, and reconstructed once more from every other tilt.
_SAMPLE = 8


def reconstruct(alignment, output, settings, truth=None, slices=None) -> None:
    """Reconstruct the volume of an aligned tilt series.

    Parameters
    ----------
    alignment : path
        ``02_align`` or its record.
    output : path
        Folder of the stage ``03_reconstruct``.
    settings : Reconstruct
    truth : path, optional
        ``01_tilt_series`` of the phantom, to compare with.
    slices : (int, int), optional
        First and last slice of a preview: `output` then gets ``preview.tif`` and
        ``preview.json``, which no later stage takes. Its slices are those of the volume, to
        the byte.

    Raises
    ------
    UserError
        If the alignment's verdict is stop and `accept_stop` is false, the backend is missing
        or returns what cannot be right, or there are no such slices.
    """
    source = read_record(alignment, "align")
    if source["verdict"] == "stop" and not settings.accept_stop:
        raise UserError(
            f"{source.path}: verdict is stop ({'; '.join(source['reasons'])}); mend the "
            "alignment, or set reconstruct.accept_stop: true"
        )
    inputs = {"alignment": source}
    if truth:
        inputs["truth"] = read_record(truth, "simulate")
    verb, name = ("preview", "preview.tif") if slices else ("reconstruct", "volume.tif")
    with (
        committing(output, verb, settings, inputs) as out,
        StackReader(source.file("aligned.tif")) as aligned,
    ):
        job = _Job.of(source, aligned, settings)
        first, last = _range(slices, len(job.rows), settings)
        shape = (last - first + 1, *job.shape[1:])
        say(
            f"reconstruct: {shape[0]} slices of {shape[1]} x {shape[2]} pixels, backend "
            f"{job.backend}, about {job.memory_gb(shape[0]):.1f} GB of memory"
        )
        sample = job.survey.sample(_SAMPLE)
        watched = None if slices and settings.stop == "count" else job.watch(sample)
        passes = watched.passes if watched and watched.passes else settings.iterations
        solve = job.solver(job.tilt_deg, passes)
        projector = job.projector(job.tilt_deg)
        expected = None
        if truth:
            expected = Truth(inputs["truth"], source["truth"]["object_shift_px"], job.shape)
        sums, likeness, sections = TiltSums(job.tilt_deg), Likeness(), Sections(shape)
        kept = {}
        pixel_size_nm = source["pixel_size_nm"]
        with StackWriter(out.path(name), shape, np.float32, pixel_size_nm) as writer:
            for start in progress(range(first, last + 1, job.slab_slices), "reconstruct"):
                stop = min(start + job.slab_slices, last + 1)
                sinograms = job.sinograms(range(start, stop))
                slab = backends.finite(job.backend, solve(sinograms))
                sums.add(sinograms, projector.forward(slab), slab)
                slab = job.crop(slab)
                writer.write(start - first, slab)
                sections.add(start - first, slab)
                kept.update({i: slab[i - start].copy() for i in sample if start <= i < stop})
                if expected:
                    likeness.add(slab, expected.density(start, stop), expected.plate(start, stop))
        residual = _checked(sums.residual(), job.backend, source)
        draw_sections(out.path("orthoslices.png"), sections, pixel_size_nm)
        out.record.update(
            {
                "backend": job.backend,
                "iterations": passes,
                "subsets": job.subsets,
                "tilts_used": len(job.tilt_deg),
                "stop_reason": watched.reason if watched else "iterations",
                "residual": residual,
                "negative_fraction": job.survey.negative_fraction,
                "specimen_value": job.survey.unit,
                "pixel_size_nm": pixel_size_nm,
                "shape": list(shape),
                "axes": ["y", "z", "x"],
                "unit": "intensity of the aligned images per pixel of path",
                "orientation": source["orientation"],
            }
        )
        quality = {
            "tilt_deg": job.tilt_deg,
            "residual_by_tilt": sums.residual_by_tilt(),
            "mass_balance": sums.mass_balance(),
        }
        if slices:
            out.record["preview"] = {"first": first, "last": last, "of": len(job.rows)}
        else:
            quality["sample"] = sample
            quality["edge_width"] = edge_width(np.stack([kept[i] for i in sample]), pixel_size_nm)
            quality["half_correlation"] = job.halves(sample, passes, pixel_size_nm)
        out.record["quality"] = quality
        if watched and watched.passes:
            out.record["convergence"] = {"sample": sample, **watched.curves}
            draw_convergence(out.path("convergence.png"), watched, settings)
        if expected:
            out.record["truth"] = {
                **likeness.result(),
                "object_shift_px": source["truth"]["object_shift_px"],
            }


@dataclass
class _Job:
    """What is reconstructed from what: the same for all slabs, halves and samples."""

    aligned: StackReader
    settings: object
    backend: str
    used: list[int]
    tilt_deg: list[float]
    rows: range  # of the aligned images
    survey: Survey
    shape: tuple[int, int, int]  # of the whole volume
    padded: tuple[int, int]  # depth and width inside the loop
    slab_slices: int

    @classmethod
    def of(cls, source, aligned, settings) -> _Job:
        pixel_size_nm = source["pixel_size_nm"]
        blank = source.get("blank_tilts_deg", [])
        used = [t for t, angle in enumerate(source["tilt_deg"]) if angle not in blank]
        tilt_deg = [source["tilt_deg"][t] for t in used]
        _, length, detector = aligned.shape
        rows = _middle(length, settings.length_nm, pixel_size_nm)
        survey = Survey(aligned, used, tilt_deg, rows, settings.pad_width)
        if not survey.unit > 0:
            raise UserError(f"{source.path}: aligned images hold nothing above zero")
        depth = survey.depth
        if settings.depth_nm != "auto":
            depth = max(1, round(settings.depth_nm / pixel_size_nm))
        width = len(_middle(detector, settings.width_nm, pixel_size_nm))
        padded = (depth, detector + 2 * round((settings.pad_width - 1) * detector / 2))
        backend = backends.resolve(settings.backend)
        slab_slices = max(settings.slab_slices, threads())
        if settings.tv_across:
            slab_slices = len(rows)  # every slice knows its neighbours: there are no slabs
        return cls(
            aligned,
            settings,
            backend,
            used,
            tilt_deg,
            rows,
            survey,
            (len(rows), depth, width),
            padded,
            slab_slices,
        )

    @property
    def subsets(self) -> int:
        few = min(self.settings.subsets, len(self.tilt_deg))
        return few if self.settings.algorithm == "osem" else 1

    def projector(self, tilt_deg) -> ShearProjector:
        """Return catomo's own projector, which judges every backend."""
        return ShearProjector(tilt_deg, self.padded, self.aligned.shape[2])

    def solver(self, tilt_deg, passes: int, **prior):
        """Return a function from sinograms to padded slices; `prior` replaces the settings'."""
        prior = {"tv": self.settings.tv, "across": self.settings.tv_across, **prior}
        return backends.make_solver(
            self.backend,
            tilt_deg,
            self.padded,
            self.aligned.shape[2],
            passes,
            min(self.subsets, len(tilt_deg)),
            algorithm=self.settings.algorithm,
            unit=self.survey.unit,
            **prior,
        )

    def sinograms(self, slices) -> np.ndarray:
        """Return the sinograms (n, tilt, detector) of slices of the volume."""
        first = self.rows[0]
        if isinstance(slices, range):
            rows = self.aligned.read_rows(first + slices.start, first + slices.stop)
        else:
            each = [self.aligned.read_rows(first + i, first + i + 1) for i in slices]
            rows = np.concatenate(each, axis=1)
        return np.ascontiguousarray(rows[self.used].swapaxes(0, 1))

    def crop(self, slab) -> np.ndarray:
        """Return padded slices cut to the volume's width."""
        first = (self.padded[1] - self.shape[2]) // 2
        return slab[:, :, first : first + self.shape[2]]

    def watch(self, sample) -> Convergence:
        """Reconstruct a sample of slices, pass by pass, to see when to stop.

        They lie apart: total variation looks at each alone.
        """
        settings, sinograms = self.settings, self.sinograms(sample)
        watched = Convergence(
            self.projector(self.tilt_deg),
            sinograms,
            settings.stop,
            settings.stop_change,
            settings.counts_per_unit,
            settings.read_noise_counts,
        )
        if not self.backend.startswith("tomopy"):  # whose loop cannot be watched
            self.solver(self.tilt_deg, settings.iterations, across=False)(sinograms, watched)
        return watched

    def halves(self, sample, passes: int, pixel_size_nm: float) -> dict | None:
        """Correlate a sample reconstructed from even tilts with itself from odd tilts.

        Without a prior: it would make both halves agree with each other, right or wrong.
        """
        if len(self.tilt_deg) < 4:
            return None
        sinograms, images = self.sinograms(sample), []
        for start in (0, 1):
            solve = self.solver(self.tilt_deg[start::2], passes, tv=0.0, across=False)
            half = np.ascontiguousarray(sinograms[:, start::2])
            images.append(self.crop(backends.finite(self.backend, solve(half))))
        return half_correlation(*images, pixel_size_nm)

    def memory_gb(self, slices: int) -> float:
        """Return the peak memory: libraries, the slab, and what each thread works on."""
        slices, workers = min(slices, self.slab_slices), threads()
        image = 4.0 * self.padded[0] * self.padded[1]
        sinogram = 4.0 * len(self.tilt_deg) * self.aligned.shape[2]
        slab = slices * (2 * image + 5 * sinogram)
        return 0.3 + (slab + (2 * workers + self.subsets) * image + 8 * workers * sinogram) / 1e9


def _range(slices, rows: int, settings) -> tuple[int, int]:
    """Return the first and last slice to reconstruct."""
    if slices is None:
        return 0, rows - 1
    first, last = slices
    if not 0 <= first <= last < rows:
        raise UserError(f"--slices {first}-{last}: there are slices 0 to {rows - 1}")
    if settings.tv_across:
        raise UserError("--slices: with tv_across every slice needs all others; set it to false")
    return first, last


def _middle(length: int, extent_nm, pixel_size_nm: float) -> range:
    """Return the pixels of an axis that are kept, about its middle, which stays where it is."""
    if extent_nm == "auto":
        return range(length)
    cut = max(0, (length - round(extent_nm / pixel_size_nm)) // 2)
    return range(cut, max(length - cut, cut + 1))


def _checked(residual: float, backend: str, source) -> float:
    """Return ``‖Ax−y‖ / ‖y‖`` of the whole volume, when it tells of a reconstruction at all."""
    if np.isnan(residual):
        raise UserError(f"{source.path}: aligned images hold nothing above zero")
    if residual > _WORST_RESIDUAL:
        raise UserError(
            f"reconstruct: the volume of backend {backend} leaves {100 * residual:.0f} % of the "
            f"data unexplained; look at the pictures beside {source.path}, or try another backend"
        )
    return residual
