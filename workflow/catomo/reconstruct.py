"""Stage 03: an aligned tilt series becomes a volume, slab by slab.

Every slice perpendicular to the tilt axis is reconstructed alone, from one row of every
aligned image, so memory does not grow with the volume. The volume's values are intensity of
the aligned images per pixel of path through the specimen.
"""

from __future__ import annotations

import numpy as np

from catomo import backends
from catomo.errors import UserError
from catomo.figures import new_figure, save, scale_bar
from catomo.progress import progress, say
from catomo.projector import ShearProjector
from catomo.record import committing, read_record
from catomo.store import StackReader, StackWriter
from catomo.truth import Likeness, Truth

# A volume that leaves more than this of the data unexplained is not a reconstruction of it.
_WORST_RESIDUAL = 0.95


def reconstruct(alignment, output, settings, truth=None) -> None:
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

    Raises
    ------
    UserError
        If the alignment's verdict is stop and `accept_stop` is false, or the backend is
        missing or returns what cannot be right.
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
    with (
        committing(output, "reconstruct", settings, inputs) as out,
        StackReader(source.file("aligned.tif")) as aligned,
    ):
        pixel_size_nm = source["pixel_size_nm"]
        blank = source.get("blank_tilts_deg", [])
        used = [t for t, angle in enumerate(source["tilt_deg"]) if angle not in blank]
        tilt_deg = [source["tilt_deg"][t] for t in used]
        tilts, (_, rows, detector) = len(used), aligned.shape
        shape = (rows, _depth(settings, detector, pixel_size_nm), detector)
        padded = (shape[1], detector + 2 * round((settings.pad_width - 1) * detector / 2))
        subsets = min(settings.subsets, tilts) if settings.algorithm == "osem" else 1
        slab_slices = max(settings.slab_slices, backends.threads())
        backend = backends.resolve(settings.backend)
        solve = backends.make_solver(
            backend, tilt_deg, padded, detector, settings.iterations, subsets
        )
        say(
            f"reconstruct: {rows} slices of {shape[1]} x {detector} pixels, backend {backend}, "
            f"about {_memory_gb(slab_slices, padded, tilts, detector):.1f} GB of memory"
        )
        projector = ShearProjector(tilt_deg, padded, detector)
        expected = (
            Truth(inputs["truth"], source["truth"]["object_shift_px"], shape) if truth else None
        )
        likeness, sections = Likeness(), _Sections(shape)
        norms, negative = [], 0
        with StackWriter(out.path("volume.tif"), shape, np.float32, pixel_size_nm) as writer:
            for start in progress(range(0, rows, slab_slices), "reconstruct"):
                stop = min(start + slab_slices, rows)
                sinograms = aligned.read_rows(start, stop)[used].swapaxes(0, 1)
                sinograms = np.ascontiguousarray(sinograms)
                slab = solve(sinograms)
                norms.append(backends.residual_norms(backend, slab, projector, sinograms))
                negative += int(np.count_nonzero(sinograms < 0))
                edge = (padded[1] - detector) // 2
                slab = slab[:, :, edge : edge + detector]
                writer.write(start, slab)
                sections.add(start, slab)
                if expected:
                    likeness.add(slab, expected.density(start, stop), expected.plate(start, stop))
        residual = _residual(norms, backend, source)
        _picture(out.path("orthoslices.png"), sections, pixel_size_nm)
        out.record.update(
            {
                "backend": backend,
                "iterations": settings.iterations,
                "subsets": subsets,
                "tilts_used": tilts,
                "stop_reason": "iterations",
                "residual": residual,
                "negative_fraction": negative / (tilts * rows * detector),
                "pixel_size_nm": pixel_size_nm,
                "shape": list(shape),
                "axes": ["y", "z", "x"],
                "unit": "intensity of the aligned images per pixel of path",
                "orientation": source["orientation"],
            }
        )
        if expected:
            out.record["truth"] = {
                **likeness.result(),
                "object_shift_px": source["truth"]["object_shift_px"],
            }


def _depth(settings, detector: int, pixel_size_nm: float) -> int:
    if settings.depth_nm == "auto":
        return detector
    return max(1, round(settings.depth_nm / pixel_size_nm))


def _memory_gb(slices: int, shape, tilts: int, detector: int) -> float:
    """Return the peak memory: libraries, the slab, and what each thread works on."""
    image = 4.0 * shape[0] * shape[1]
    sinogram = 4.0 * tilts * detector
    slab = slices * (2 * image + 5 * sinogram)
    return 0.3 + (slab + backends.threads() * (3 * image + 8 * sinogram)) / 1e9


def _residual(norms: list, backend: str, source) -> float:
    """Return ``‖Ax−y‖ / ‖y‖`` of the whole volume, when it tells of a reconstruction at all."""
    unexplained, total = np.concatenate(norms).sum(axis=0)
    if not total:
        raise UserError(f"{source.path}: aligned images hold nothing above zero")
    residual = float(np.sqrt(unexplained / total))
    if residual > _WORST_RESIDUAL:
        raise UserError(
            f"reconstruct: the volume of backend {backend} leaves {100 * residual:.0f} % of the "
            f"data unexplained; look at the pictures beside {source.path}, or try another backend"
        )
    return residual


class _Sections:
    """The three middle sections, gathered while slabs pass by."""

    def __init__(self, shape):
        self.middle = [n // 2 for n in shape]
        self.zx = None
        self.yx = np.empty((shape[0], shape[2]), np.float32)
        self.zy = np.empty((shape[1], shape[0]), np.float32)

    def add(self, start: int, slab: np.ndarray) -> None:
        y, z, x = self.middle
        if start <= y < start + len(slab):
            self.zx = slab[y - start].copy()
        self.yx[start : start + len(slab)] = slab[:, z]
        self.zy[:, start : start + len(slab)] = slab[:, :, x].T


def _picture(path, sections: _Sections, pixel_size_nm: float) -> None:
    """Draw the three sections on one grey scale, with the tilt axis y named on each."""
    y, z, x = sections.middle
    panels = [
        (sections.zx, f"slice y = {y}, seen along the tilt axis", "x", "z (beam)"),
        (sections.yx, f"z = {z}, seen along the beam", "x", "y (tilt axis)"),
        (sections.zy, f"x = {x}, seen from the side", "y (tilt axis)", "z (beam)"),
    ]
    # The square root shows alumina beside Pt, 20 times as bright.
    top = np.sqrt(np.percentile(np.concatenate([p[0].ravel() for p in panels]), 99.8))
    figure, axes = new_figure(1, 3, size=(12, 4.4))
    for ax, (image, title, across, down) in zip(axes, panels, strict=True):
        ax.imshow(np.sqrt(image), vmin=0, vmax=top or 1, cmap="gray", interpolation="nearest")
        ax.set(title=title, xlabel=across, ylabel=down, xticks=[], yticks=[])
        scale_bar(ax, pixel_size_nm, image.shape[1])
    save(figure, path)
