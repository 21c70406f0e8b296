"""Stage `predict`: a trained network labels every slice, with the confidence per pixel.

Slices are read, segmented and written at the same time, slab by slab, so memory does not grow
with the volume. A killed prediction goes on where it was, to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files.store import StackReader, write_labels
from catomo.labels.tie import mark_of
from catomo.network import draft, model_file, unet
from catomo.network.appearance import Appearance, appearance_of
from catomo.network.checkpoints import key_of
from catomo.network.fit import Use, contradictions
from catomo.network.inference import VIEWS, Inference
from catomo.network.levels import recorded_levels
from catomo.network.matching import Match, match
from catomo.network.model_file import Model
from catomo.network.model_info import ModelInfo
from catomo.predict import segmentation
from catomo.predict.conveyor import Steps, convey
from catomo.predict.needs import memory_bytes
from catomo.predict.settings import Predict
from catomo.predict.slabs import Slabs
from catomo.predict.trust import Trust, looked_at
from catomo.progress import say
from catomo.record import code
from catomo.record.classes import with_classes_of
from catomo.record.hashes import sha256_of
from catomo.record.record import Output, Record, committing, read_record


@dataclass(frozen=True)
class Job:
    """A prediction to make: slices, model and settings that fit together.

    The greys of the slices come to the model's levels by the `match`.
    """

    source: Record
    file: Path
    model: Model
    settings: Predict
    precision: str
    device: str
    match: Match

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (n, z, x) of the slices."""
        count, rows, columns = self.source["shape"]
        return count, rows, columns

    @property
    def inference(self) -> Inference:
        """How slices pass the network."""
        return self.settings.inference()

    @property
    def batch(self) -> int:
        """Number of slices in a slab."""
        return self.inference.slices_at_once(*self.shape[1:], self.device)

    @property
    def written_probabilities(self) -> list[str]:
        """Classes whose probabilities are written."""
        return self.model.info.classes if self.settings.write_probabilities else []

    @cached_property
    def marks(self) -> list[str]:
        """Marks of all slices, as a model names those that taught it."""
        with StackReader(self.source.file("slices.tif")) as reader:
            return [mark_of(reader.read(k, k + 1)[0]) for k in range(self.shape[0])]

    def key(self) -> str:
        """Return the hash of all that decides the result, for the slabs that a kill leaves."""
        facts = {
            "model": sha256_of(self.file),
            "slices": self.source["files"]["slices.tif"]["sha256"],
            "settings": self.settings.model_dump(mode="json"),
            "precision": self.precision,
            "device": self.device,
            "greys": self.match.record(),
            "code": code.code_of("predict"),
            "versions": code.versions_of("predict"),
        }
        return key_of(facts, [])


def predict(slices: Path | str, model: Path | str, output: Path | str, settings: Predict) -> None:
    """Segment all slices of a dataset.

    Parameters
    ----------
    slices : path
        Folder or record of the stage `slices`.
    model : path
        Folder or record of the stage `train`, or a ``.keras`` file written by it.
    output : path
        Folder to write: ``labels.tif`` (n, z, x) uint8, ``confidence.tif`` (the probability
        of the label at the model's temperature, 255 for certain), on request
        ``probability_<class>.tif``, ``expected_dsc.csv`` (the Dice coefficient to expect of
        each slice and class), ``prediction.json``.
    settings : catomo.predict.settings.Predict
        Without classes of their own they take those of the record of the model.

    Raises
    ------
    UserError
        If the model's classes are not those of the settings, it takes its input in another
        scaling, or its pixel size differs from that of the slices by more than 5 %; or if the
        greys do not tell which of several peaks the support is.

    See Also
    --------
    catomo.predict.segmentation.segment : The same for slices in memory.
    """
    source = read_record(slices, "slices")
    file, origin = model_file.locate(model)
    if isinstance(origin, Record):
        settings = with_classes_of(origin, settings, "make them equal or train a model")
    unet.start(settings.threads)
    precision = unet.resolved_precision(settings.precision)
    loaded = Model.load(file, precision)
    _check_fit(file, loaded.info, source, settings)
    matched = match(recorded_levels(source), loaded.info.levels)
    if matched.is_undecided:
        raise UserError(f"{source.path}: {matched.notes[0]}")
    for note in matched.notes:
        say(f"predict: {source.path.parent}: {note}")
    job = Job(source, file, loaded, settings, precision, unet.device(), matched)
    with (
        committing(output, "predict", settings, {"slices": source, "model": origin}) as out,
        StackReader(source.file("slices.tif")) as reader,
    ):
        slabs = Slabs(out.folder / ".predict.slabs", job.key(), -(-job.shape[0] // job.batch))
        _announce(job, len(slabs.missing))
        if draft.is_guess(job.model.info.to_json(), source):
            say(f"predict: {draft.TITLE}")
        with unet.memory_of("predict.batch_px"):
            counts, trust = _segment_all(job, slabs, reader, out)
        trust.write(out.path("expected_dsc.csv"), source["names"])
        out.record.update(_facts(job, counts) | trust.record() | _advice(job, trust))
    slabs.remove()


def _segment_all(
    job: Job, slabs: Slabs, reader: StackReader, out: Output
) -> tuple[np.ndarray, Trust]:
    """Write all stacks; return the number of pixels of each class, and how well the model fits."""
    info, batch = job.model.info, job.batch
    counts = np.zeros(len(info.classes), np.int64)
    sums: list[np.ndarray] = []
    looks: list[Appearance] = []

    def counted(pages: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for page in pages:
            counts[:] += np.bincount(page.ravel(), minlength=len(counts))
            yield page

    def write(name: str) -> None:
        pages = slabs.pages(name)
        pages = counted(pages) if name == "labels" else pages
        write_labels(out.path(f"{name}.tif"), pages, job.shape, job.source["pixel_size_nm"])

    def judge() -> None:
        looks.append(appearance_of(_looked_at(job, slabs.pages("labels")), len(counts)))
        sums.extend(slabs.pages("sums"))

    asked = job.written_probabilities
    segmented = segmentation.segmenter(job.model, job.inference, asked)
    steps = Steps(
        read=lambda number: reader.read(number * batch, (number + 1) * batch),
        segment=lambda greys: segmented(job.match.apply(greys)),
    )
    names = ["labels", "confidence", *(f"probability_{name}" for name in asked)]
    label = "predict" if batch == 1 else f"predict, {batch} slices at a time"
    convey(slabs, steps, [*(partial(write, name) for name in names), judge], label)
    levels, wedge_deg = recorded_levels(job.source), job.source.get("missing_wedge_deg")
    return counts, Trust.of(info, np.stack(sums), looks[0], levels, job.match, wedge_deg)


def _looked_at(job: Job, labels: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield greys as the network sees them, and its labels, of slices that are looked at."""
    chosen = looked_at(job.shape[0])
    with StackReader(job.source.file("slices.tif")) as reader:
        for index, page in enumerate(labels):
            if index in chosen:
                yield job.match.apply(reader.read(index, index + 1)[0]), page


def _advice(job: Job, trust: Trust) -> dict[str, Any]:
    """Tell a person what is wrong and which slices to annotate; return the names of these."""
    if not (warning := trust.warning()):
        return {"annotate_next": []}
    source, named = job.source, []
    if trust.info.appearance:
        taught = set(trust.info.taught)
        known = [index for index, mark in enumerate(job.marks) if mark in taught]
        chosen = trust.next_slices(known, source.get("unrecorded_slices", []))
        named = [source["names"][index] for index in chosen]
    advice = f" Annotate {', '.join(named)} next, and train the model further." if named else ""
    say(f"predict: {source.path.parent}: {warning}{advice}")
    return {"annotate_next": named}


def _facts(job: Job, counts: np.ndarray) -> dict[str, Any]:
    """Return what the record says of the prediction."""
    info, source = job.model.info, job.source
    unrecorded = source.get("unrecorded_slices")
    return ({"unrecorded_slices": unrecorded} if unrecorded else {}) | {
        "pixel_size_nm": source["pixel_size_nm"],
        "shape": source["shape"],
        "names": source["names"],
        "contiguous": source["contiguous"],
        "classes": info.classes,
        "draft": info.draft,
        "fractions": dict(zip(info.classes, counts / counts.sum(), strict=True)),
        "temperature": info.temperature or 1.0,
        "calibrated": info.temperature is not None,
        "errors": _errors(job),
        "precision": job.precision,
        "device": job.device,
        "cpu": unet.cpu_class(),
        "levels": job.match.record(),
        "tiled": job.inference.is_tiled(*job.shape[1:]),
        "model": {
            "sha256": sha256_of(job.file),
            "weights_sha256": model_file.weights_sha256(job.model.net),
            "preset": info.preset,
            "pixel_size_nm": info.pixel_size_nm,
        },
    }


def _errors(job: Job) -> dict[str, Any] | None:
    """Return how the model's errors hang together, and whether slices of these told it.

    Where none of these did, slices of other specimens may tell, if these are of their kind:
    phantoms do not tell of what is real.
    """
    info = job.model.info
    if info.errors is None:
        return None
    here = not set(info.errors.marks).isdisjoint(job.marks)
    of_a_kind = here or not draft.is_guess({"draft": info.draft}, job.source)
    return {**info.errors.record(), "here": here, "of_a_kind": of_a_kind}


def _announce(job: Job, missing: int) -> None:
    (count, rows, columns), batch, info = job.shape, job.batch, job.model.info
    tiled, tile_px = job.inference.is_tiled(rows, columns), job.settings.tile_px
    need = memory_bytes(
        info.network, job.precision, job.inference, job.shape, job.device, len(info.classes)
    )
    say(
        f"predict: {count} slices of {rows} x {columns} px, "
        f"{f'in tiles of {tile_px} px' if tiled else 'whole'}, "
        f"views per slice: {len(VIEWS[job.inference.average])}, "
        f"memory about {need / 1e9:.1f} GB"
    )
    if done := -(-count // batch) - missing:
        say(f"predict: goes on after {min(done * batch, count)} slices, where it was ended")


def _check_fit(file: Path, info: ModelInfo, source: Record, settings: Predict) -> None:
    classes = [phase.name for phase in settings.classes]
    use = Use(str(source.path), classes, source["pixel_size_nm"])
    if problems := contradictions(file, info, use):
        raise UserError("; ".join(problems))
