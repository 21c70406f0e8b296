"""Stage 03: an aligned tilt series becomes a volume, slab by slab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.store import StackReader, StackWriter
from catomo.files.tables import runs_text
from catomo.phantom.truth import Likeness, Truth
from catomo.progress import progress, say
from catomo.reconstruct.aligned import AlignedImages
from catomo.reconstruct.figures import Sections, draw_convergence, draw_sections
from catomo.reconstruct.job import Job, prepare
from catomo.reconstruct.needs import matter_goes_on
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.volume import Run
from catomo.record.record import Record, committing, read_record


def reconstruct(
    alignment: Path | str,
    output: Path | str,
    settings: Reconstruct,
    truth: Path | str | None = None,
    slices: tuple[int, int] | None = None,
) -> None:
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
        ``preview.json``, which no later stage reads. Its slices are byte for byte those of
        the volume.

    Raises
    ------
    UserError
        If the alignment's verdict is stop and `accept_stop` is false, the images hold no
        matter, the backend is missing or returns what cannot be right, or a slice of the
        preview does not exist.
    """
    source = _accepted(read_record(alignment, "align"), settings)
    inputs: dict[str, Record | Path] = {"alignment": source}
    series = read_record(truth, "simulate") if truth else None
    if series:
        inputs["truth"] = series
    verb, name = ("preview", "preview.tif") if slices else ("reconstruct", "volume.tif")
    with (
        committing(output, verb, settings, inputs) as out,
        _opened(source) as aligned,
    ):
        job = prepare(aligned, settings)
        part = _part(slices, job)
        _announce(job, part)
        run = Run(job, part)
        shift_px = source["truth"]["object_shift_px"] if series else {}
        expected = Truth(series, shift_px, job.shape) if series else None
        sections, likeness = _write_volume(out.path(name), run, expected)
        out.complete(name)
        out.record.update(run.figures())
        out.record.update(_frame(source, run))
        if expected:
            out.record["truth"] = {**likeness.result(), "object_shift_px": shift_px}
        draw_sections(out.path("orthoslices.png"), sections, source["pixel_size_nm"])
        if run.convergence and run.convergence.iterations:
            draw_convergence(out.path("convergence.png"), run.convergence, settings)


def _accepted(source: Record, settings: Reconstruct) -> Record:
    """Return the record of an alignment unless its verdict is stop and the settings heed it."""
    if source["verdict"] == "stop" and not settings.accept_stop:
        raise UserError(
            f"{source.path}: verdict is stop ({'; '.join(source['reasons'])}); improve the "
            f"alignment, if need be with `catomo review {source.path.parent}`, or set "
            "reconstruct.accept_stop: true"
        )
    return source


@contextmanager
def _opened(source: Record) -> Iterator[AlignedImages]:
    """Open the aligned images of a record, without blank tilts."""
    blank = source.get("blank_tilts_deg", [])
    used = [t for t, angle in enumerate(source["tilt_deg"]) if angle not in blank]
    with ExitStack() as opened:
        images = opened.enter_context(StackReader(source.file("aligned.tif")))
        read_unmeasured = None
        if source.has("unmeasured.tif"):
            gaps = opened.enter_context(StackReader(source.file("unmeasured.tif")))

            def read_unmeasured(start: int, stop: int) -> np.ndarray:
                return gaps.read_rows(start, stop)[used] > 0

        yield AlignedImages(
            [source["tilt_deg"][t] for t in used],
            (len(used), *images.shape[1:]),
            source["pixel_size_nm"],
            lambda start, stop: images.read_rows(start, stop)[used],
            str(source.path),
            read_unmeasured,
            matter_goes_on(source),
        )


def _part(slices: tuple[int, int] | None, job: Job) -> range | None:
    """Return the slices of a preview, None for the whole volume."""
    if slices is None:
        return None
    first, last = slices
    if not 0 <= first <= last < len(job.rows):
        raise UserError(
            f"--slices {first}-{last}: allowed are slices 0 to {len(job.rows) - 1}, first to last"
        )
    if job.settings.tv_across:
        raise UserError("--slices: with tv_across every slice needs all others; set it to false")
    return range(first, last + 1)


def _announce(job: Job, part: range | None) -> None:
    """Say what is about to be computed, and what the data lack."""
    length, depth, width = job.shape
    count = length if part is None else len(part)
    say(
        f"reconstruct: {count} slices of {depth} x {width} pixels, backend {job.backend}, "
        f"about {job.memory_gb(count):.1f} GB of memory"
    )
    missing = job.unmeasured()
    if missing and job.fills:
        say(
            f"reconstruct: backend {job.backend} knows no weights: pixels that were not measured "
            "count as measured zeros; backend cpu leaves them out"
        )
    if missing.get("unrecorded_slices"):
        least = job.settings.least_recorded
        say(
            f"reconstruct: slices {runs_text(missing['unrecorded_slices'])} were recorded by "
            f"less than {100 * least:.0f} % of the tilts: elsewhere they lay outside the frame or "
            "were hidden. Their values are uncertain; they are not suggested for annotation and "
            "not measured"
        )


def _write_volume(path: Path, run: Run, expected: Truth | None) -> tuple[Sections, Likeness]:
    """Write the slabs of a run; return its middle sections, and its likeness to the truth."""
    first, sections, likeness = run.slices.start, Sections(run.shape), Likeness()
    unrecorded = run.job.unmeasured().get("unrecorded_slices", [])
    sections.hatched = [i - first for i in unrecorded if i in run.slices]
    with StackWriter(path, run.shape, np.float32, run.job.aligned.pixel_size_nm) as writer:
        for start, slab in progress(run.slabs(), "reconstruct", run.slab_count):
            writer.write(start, slab)
            sections.add(start, slab)
            if expected:
                place = first + start, first + start + len(slab)
                likeness.add(slab, expected.density(*place), expected.plate(*place))
    return sections, likeness


def _frame(source: Record, run: Run) -> dict:
    """Return what the record says of the volume's axes and values."""
    return {
        "pixel_size_nm": source["pixel_size_nm"],
        "shape": list(run.shape),
        "axes": ["y", "z", "x"],
        "unit": "intensity of the aligned images per pixel of path",
        "orientation": source["orientation"],
    }
