"""Stage 07: score a segmentation against annotated images it has not learnt from.

Each image gives a confusion matrix and edge distances; their means over images, beside
what two grey-value thresholds score and what the paper reports, are the stage's result.
Where the truth of a whole volume is known, distances and particles are measured in 3-D.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.evaluate import charts as score_figures
from catomo.evaluate import pictures as evaluate_figures
from catomo.evaluate.calibration import tally
from catomo.evaluate.confidence import confidence_scores
from catomo.evaluate.detection import detection, matched_diameters
from catomo.evaluate.scores import (
    Scored,
    from_worst,
    interval_of,
    paper_scores,
    score_image,
    summary,
    volume_scores,
    write_images,
    write_table_1,
)
from catomo.files.store import StackReader, read_pages
from catomo.labels.baselines import apply_thresholds
from catomo.labels.files import IGNORE, TRUTH, stream_labels
from catomo.labels.overlap import confusion_matrix, overlap_scores
from catomo.progress import progress, say
from catomo.record.hashes import sha256_of
from catomo.record.record import Record, committing, read_record

_WORST = 3
_UNSEEN = 3


def evaluate(prediction, slices, labels, output, settings, training=None) -> None:
    """Score a segmentation and write ``metrics.json``, tables and pictures.

    Parameters
    ----------
    prediction, slices : path
        Folders (or records) of the stages `predict` and `slices`.
    labels : path or "truth"
        The annotation; see `catomo.labels.files.load_labels`.
    output : path
        Folder to write: ``metrics.json``, ``evaluation.csv`` (a row per image and class),
        ``table_1.csv`` (as in the paper, the paper's figures beside ours) and pictures.
    settings : Evaluate
    training : path, optional
        Folder of the stage `train`. If these slices took part in it, only its test part
        is scored; its thresholds are the baseline.

    Raises
    ------
    UserError
        If prediction and slices are of different images, or no annotated image is left
        that the network has not seen.
    """
    prediction = read_record(prediction, "predict")
    slices = read_record(slices, "slices")
    training = read_record(training, "train") if training else None
    _check(prediction, slices, settings)
    annotated = partial(stream_labels, labels, slices, len(settings.classes))
    complete = {index: not np.any(truth == IGNORE) for index, truth in annotated()}
    names = slices["names"]
    wanted, scope = _scored_names([names[index] for index in complete], slices, training)
    say(f"evaluate: {scope}")

    inputs = {"prediction": prediction, "slices": slices}
    if str(labels) != TRUTH:
        inputs["labels"] = Path(labels)
    if training:
        inputs["training"] = training

    pixel_size_nm = slices["pixel_size_nm"]
    predicted, confidence = (prediction.file(f"{name}.tif") for name in ("labels", "confidence"))
    with (
        committing(output, "evaluate", settings, inputs) as out,
        StackReader(slices.file("slices.tif")) as reader,
    ):
        volume = _whole_volume(labels, annotated, complete, predicted, slices)
        scored, simple, diameters, counts = [], [], [], 0
        chosen = ((index, truth) for index, truth in annotated() if names[index] in wanted)
        for index, truth in progress(chosen, "evaluate", len(wanted)):
            found = _page(predicted, index)
            scored.append(score_image(names[index], index, truth, found, pixel_size_nm, settings))
            counts += tally(found, _page(confidence, index), truth, len(settings.classes))
            if training:
                simple.append(_thresholds(_grey(reader, index), truth, training, settings))
            if settings.particles.phase and not volume:
                pair = [(truth, found)]
                diameters.append(matched_diameters(lambda pair=pair: pair, truth.shape, settings))
        classes = summary(scored, pixel_size_nm, settings)
        total = sum(image.matrix for image in scored)
        paper = paper_scores(settings)
        out.record.update(
            {
                "scope": scope,
                "draft": prediction.get("draft", False),
                "scored": [image.name for image in scored],
                "scored_index": [image.index for image in scored],
                "pixel_size_nm": pixel_size_nm,
                "classes": classes,
                "confusion_px": total,
                "paper": paper,
                "confidence": confidence_scores(
                    counts, prediction.get("temperature", 1.0), settings.classes
                ),
            }
        )
        if training:
            out.record["baseline"] = {"thresholds": _baseline(simple, scored, settings)}
        where, edge_nm = f"2-D, in each of the {len(scored)} scored images", pixel_size_nm
        if volume:
            shape = tuple(slices["shape"])
            where = f"3-D, in the whole volume of {shape[0]} slices, training slices among them"
            spacing_nm = (settings.slice_distance_nm or pixel_size_nm, pixel_size_nm, pixel_size_nm)
            edge_nm = np.cbrt(np.prod(spacing_nm))  # of the cube as large as a voxel
            out.record["volume"] = {
                "scope": where,
                "spacing_nm": spacing_nm,
                "classes": volume_scores(volume, shape, spacing_nm, settings),
            }
            if settings.particles.phase:
                diameters.append(matched_diameters(volume, shape, settings))
        if settings.particles.phase:
            kinds = [edge_nm * np.concatenate(kind) for kind in zip(*diameters, strict=True)]
            particles = {"scope": where, **detection(*kinds, settings.size_edges_nm)}
            out.record["particles"] = particles
            score_figures.particles(out.path("particles.png"), particles, kinds)
        write_images(out.path("evaluation.csv"), scored, pixel_size_nm, settings)
        write_table_1(out.path("table_1.csv"), classes, paper)
        _draw_images(out, scored, annotated, reader, predicted, slices, settings)
        score_figures.rhd(out.path("rhd.png"), classes, settings.classes, paper)
        score_figures.confusion(out.path("confusion.png"), total, settings.classes)
        score_figures.confidence(
            out.path("confidence.png"), counts, out.record["confidence"], settings.classes
        )


def _check(prediction: Record, slices: Record, settings) -> None:
    if prediction["inputs"]["slices"]["sha256"] != sha256_of(slices.path):
        raise UserError(
            f"{prediction.path}: is of other slices than {slices.path}; predict these first"
        )
    names = [phase.name for phase in settings.classes]
    if prediction["classes"] != names:
        raise UserError(
            f"{prediction.path}: has the classes {', '.join(prediction['classes'])}, the settings "
            f"name {', '.join(names)}; evaluate with the classes of the model"
        )
    edges = settings.size_edges_nm
    if edges != sorted(set(edges)) or (edges and edges[0] <= 0):
        raise UserError(
            f"evaluate.size_edges_nm: found {edges}; expected sizes above 0 in ascending order"
        )


def _scored_names(
    annotated: list[str], slices: Record, training: Record | None
) -> tuple[set[str], str]:
    """Return which images are scored, and a sentence that says why these."""
    count = len(annotated)
    if training is None:
        return set(annotated), (
            f"All {count} annotated images are scored; the model came without the record of "
            "its training, so it may have learnt from them."
        )
    sha256 = slices["files"]["slices.tif"]["sha256"]
    here = [name for name, data in training["data"].items() if data["slices_sha256"] == sha256]
    if not here:
        return set(annotated), (
            f"All {count} annotated images are scored; the model learnt from none of these slices."
        )
    # The same slices under two names: an image is a test image only if it is one for both.
    test = set.intersection(*(set(training["split"][name]["test"]) for name in here))
    wanted = test & set(annotated)
    if not wanted:
        raise UserError(
            f"{training.path}: none of the {count} annotated images is in its test part, so "
            "nothing independent is left to score; raise train.split.test_fraction"
        )
    return wanted, (
        f"The {len(wanted)} annotated images of the training's test part are scored, "
        f"of {count} annotated."
    )


def _thresholds(grey: np.ndarray, truth: np.ndarray, training: Record, settings) -> dict:
    """Score what a blur and the training's thresholds find in one image."""
    fitted = training["baseline"]["thresholds"]
    found = apply_thresholds(grey, fitted["values"], fitted["sigma_px"])
    return overlap_scores(confusion_matrix(truth, found, len(settings.classes)))


def _baseline(simple: list[dict], scored: list[Scored], settings) -> dict:
    """Return the means over images of what `_thresholds` scored."""
    mean = interval_of(scored, settings)
    result = {}
    for label, phase in enumerate(settings.classes):
        dsc, precision, recall = (
            mean([scores[score][label] for scores in simple])
            for score in ("dsc", "precision", "recall")
        )
        result[phase.name] = {
            "dsc": dsc["mean"],
            "dsc_ci95": dsc["ci95"],
            "precision": precision["mean"],
            "recall": recall["mean"],
            "n": dsc["n"],
        }
    return result


def _whole_volume(labels, annotated, complete, predicted: Path, slices: Record) -> Callable | None:
    """Return what yields every (true, predicted) page of the volume, if all truth is known."""
    count = slices["shape"][0]
    if not slices["contiguous"]:
        return None
    if str(labels) == TRUTH:
        truth = slices.file("truth_labels.tif")
        return lambda: zip(_pages(truth, count), _pages(predicted, count), strict=True)
    if len(complete) == count and all(complete.values()):
        return lambda: (
            (truth, found)
            for (_, truth), found in zip(annotated(), _pages(predicted, count), strict=True)
        )
    return None


def _draw_images(out, scored, annotated, reader, predicted: Path, slices: Record, settings) -> None:
    """Draw a typical image, the worst ones, and some that nobody annotated."""
    order = from_worst(scored)
    typical, worst = order[len(order) // 2], order[:_WORST]
    shown = {image.index for image in (typical, *worst)}
    truths, unseen = {}, set(range(slices["shape"][0]))
    for index, truth in annotated():
        unseen.discard(index)
        if index in shown:
            truths[index] = truth

    def draw(picture: str, images: list[Scored], word: str = "") -> None:
        rows = [
            (
                f"{image.name}\n{word}DSC {image.mean_dsc():.3f}",
                _grey(reader, image.index),
                truths[image.index],
                _page(predicted, image.index),
            )
            for image in images
        ]
        evaluate_figures.comparison(
            out.path(picture), rows, settings.classes, slices["pixel_size_nm"]
        )

    draw("comparison.png", [typical], "typical: ")
    draw("worst.png", worst)
    columns = [
        (slices["names"][index], _grey(reader, index), _page(predicted, index))
        for index in _a_few(sorted(unseen) or [image.index for image in scored])
    ]
    evaluate_figures.unseen(
        out.path("unseen.png"), columns, settings.classes, slices["pixel_size_nm"]
    )


def _a_few(indices: list[int]) -> list[int]:
    """Return some of the images, evenly, away from both ends, where a volume is often empty."""
    steps = range(1, _UNSEEN + 1)
    return sorted({indices[k * len(indices) // (_UNSEEN + 1)] for k in steps})


def _grey(reader: StackReader, index: int) -> np.ndarray:
    return reader.read(index, index + 1)[0]


def _page(path: Path, index: int) -> np.ndarray:
    return read_pages(path, index, index + 1)[0]


def _pages(path: Path, count: int) -> Iterator[np.ndarray]:
    for start in range(0, count, 64):
        yield from read_pages(path, start, start + 64)
