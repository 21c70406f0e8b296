"""Stage 07: score a segmentation against annotated images it has not learnt from.

Each image gives a confusion matrix and edge distances; their means over images, beside
what two grey-value thresholds score and what the paper reports, are the stage's result.
Where the truth of a whole volume is known, distances and particles are measured in 3-D.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from catomo import evaluate_figures, score_figures
from catomo.baselines import apply_thresholds
from catomo.calibration import tally
from catomo.confidence import confidence_scores
from catomo.detection import detection, matched_diameters
from catomo.errors import UserError
from catomo.labels import IGNORE, TRUTH, load_labels
from catomo.metrics import confusion_matrix, overlap_scores
from catomo.progress import progress, say
from catomo.record import Record, committing, read_record
from catomo.scores import (
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
from catomo.store import StackReader, read_pages

_WORST = 3
_UNSEEN = 3


def evaluate(prediction, slices, labels, output, settings, training=None) -> None:
    """Score a segmentation and write ``metrics.json``, tables and pictures.

    Parameters
    ----------
    prediction, slices : path
        Folders (or records) of the stages `predict` and `slices`.
    labels : path or "truth"
        The annotation; see `catomo.labels.load_labels`.
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
    indices, truths = load_labels(labels, slices, len(settings.classes))
    wanted, scope = _scored_names([slices["names"][i] for i in indices], slices, training)
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
        pairs = zip(indices, truths, strict=True)
        chosen = [(index, truth) for index, truth in pairs if slices["names"][index] in wanted]
        scored, counts = [], 0
        for index, truth in progress(chosen, "evaluate"):
            found = _found(predicted, index, settings)
            name = slices["names"][index]
            scored.append(score_image(name, index, truth, found, pixel_size_nm, settings))
            counts += tally(found, _page(confidence, index), truth, len(settings.classes))
        classes = summary(scored, pixel_size_nm, settings)
        total = sum(image.matrix for image in scored)
        paper = paper_scores(settings)
        out.record.update(
            {
                "scope": scope,
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
            out.record["baseline"] = {"thresholds": _thresholds(scored, reader, training, settings)}
        volume = _whole_volume(labels, indices, truths, predicted, slices)
        if volume:
            spacing_nm = (_slice_distance_nm(slices, settings), pixel_size_nm, pixel_size_nm)
            out.record["volume"] = {
                "scope": f"3-D, {_whole(slices)}",
                "spacing_nm": spacing_nm,
                "classes": volume_scores(volume, tuple(slices["shape"]), spacing_nm, settings),
            }
        if settings.particles.phase:
            particles, diameters = _particles(scored, volume, predicted, slices, settings)
            out.record["particles"] = particles
            score_figures.particles(out.path("particles.png"), particles, diameters)
        write_images(out.path("evaluation.csv"), scored, pixel_size_nm, settings)
        write_table_1(out.path("table_1.csv"), classes, paper)

        def row(title: str, image: Scored):
            grey = reader.read(image.index, image.index + 1)[0]
            return title, grey, image.truth, _page(predicted, image.index)

        order = from_worst(scored)
        typical = order[len(order) // 2]
        evaluate_figures.comparison(
            out.path("comparison.png"),
            [row(f"typical: {typical.name}", typical)],
            settings.classes,
            pixel_size_nm,
        )
        evaluate_figures.comparison(
            out.path("worst.png"),
            [row(f"{image.name}: DSC {image.mean_dsc():.3f}", image) for image in order[:_WORST]],
            settings.classes,
            pixel_size_nm,
        )
        unseen = _unseen(indices, scored, slices)
        evaluate_figures.unseen(
            out.path("unseen.png"),
            [(slices["names"][i], reader.read(i, i + 1)[0], _page(predicted, i)) for i in unseen],
            settings.classes,
            pixel_size_nm,
        )
        score_figures.rhd(out.path("rhd.png"), classes, settings.classes, paper)
        score_figures.confusion(out.path("confusion.png"), total, settings.classes)
        score_figures.confidence(
            out.path("confidence.png"), counts, out.record["confidence"], settings.classes
        )


def _check(prediction: Record, slices: Record, settings) -> None:
    if prediction["names"] != slices["names"]:
        raise UserError(
            f"{prediction.path}: is of {len(prediction['names'])} other images than "
            f"{slices.path} ({len(slices['names'])}); predict these slices first"
        )
    names = [phase.name for phase in settings.classes]
    if settings.particles.phase not in (None, *names[1:]):
        raise UserError(
            f"evaluate.particles.phase: '{settings.particles.phase}' is no class; "
            f"expected one of {', '.join(names[1:])}, or null for none"
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


def _thresholds(scored: list[Scored], reader: StackReader, training: Record, settings) -> dict:
    """Score, on the same images, what a blur and the training's thresholds find."""
    fitted = training["baseline"]["thresholds"]
    mean = interval_of(scored, settings)
    overlap = []
    for image in scored:
        grey = reader.read(image.index, image.index + 1)[0]
        found = apply_thresholds(grey, fitted["values"], fitted["sigma_px"])
        overlap.append(overlap_scores(confusion_matrix(image.truth, found, len(settings.classes))))
    result = {}
    for label, phase in enumerate(settings.classes):
        dsc, precision, recall = (
            mean([scores[score][label] for scores in overlap])
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


def _whole_volume(labels, indices, truths, predicted: Path, slices: Record) -> Callable | None:
    """Return what yields every (true, predicted) page of the volume, if all truth is known."""
    count = slices["shape"][0]
    if not slices["contiguous"]:
        return None
    if str(labels) == TRUTH:
        truth = slices.file("truth_labels.tif")
        return lambda: zip(_pages(truth, count), _pages(predicted, count), strict=True)
    if len(indices) == count and not np.any(truths == IGNORE):
        return lambda: zip(truths, _pages(predicted, count), strict=True)
    return None


def _particles(scored, volume: Callable | None, predicted: Path, slices: Record, settings):
    """Match particles in the volume where its truth is known, otherwise image by image."""
    pixel_size_nm = slices["pixel_size_nm"]
    if volume:
        scope = f"3-D, {_whole(slices)}"
        sources, shape = [volume], tuple(slices["shape"])
        # Of the ball with the volume of the particle, whatever the shape of a voxel.
        px_nm = np.cbrt(pixel_size_nm**2 * _slice_distance_nm(slices, settings))
    else:
        scope = f"2-D, in each of the {len(scored)} scored images"
        sources = [
            lambda image=image: [(image.truth, _page(predicted, image.index))] for image in scored
        ]
        shape, px_nm = tuple(slices["shape"][1:]), pixel_size_nm
    parts = [matched_diameters(source, shape, settings) for source in sources]
    diameters = [px_nm * np.concatenate(kind) for kind in zip(*parts, strict=True)]
    return {"scope": scope, **detection(*diameters, settings.size_edges_nm)}, diameters


def _whole(slices: Record) -> str:
    return f"in the whole volume of {slices['shape'][0]} slices, training slices among them"


def _slice_distance_nm(slices: Record, settings) -> float:
    return settings.slice_distance_nm or slices["pixel_size_nm"]


def _unseen(annotated: list[int], scored: list[Scored], slices: Record) -> list[int]:
    """Return a few images, spread evenly, that nobody annotated; otherwise scored ones."""
    left = sorted(set(range(slices["shape"][0])) - set(annotated))
    left = left or [image.index for image in scored]
    # Away from both ends, where a volume is often empty.
    return sorted({left[k * len(left) // (_UNSEEN + 1)] for k in range(1, _UNSEEN + 1)})


def _found(path: Path, index: int, settings) -> np.ndarray:
    found = _page(path, index)
    if found.max() >= len(settings.classes):
        raise UserError(
            f"{path}: found label {found.max()}, but 'classes' has {len(settings.classes)}; "
            "evaluate with the classes of the model"
        )
    return found


def _page(path: Path, index: int) -> np.ndarray:
    return read_pages(path, index, index + 1)[0]


def _pages(path: Path, count: int) -> Iterator[np.ndarray]:
    for start in range(0, count, 64):
        yield from read_pages(path, start, start + 64)
