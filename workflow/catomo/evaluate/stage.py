"""Stage 07: score a segmentation against annotated images that the network has not learnt from.

Each image gives a confusion matrix and edge distances. The result is their means over images,
beside the scores of grey-value thresholds and those that the paper reports. Where the truth of
the whole volume is known, distances and particles are also measured in 3-D.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.evaluate import charts, pictures
from catomo.evaluate.baseline import threshold_scores
from catomo.evaluate.expected import expected_scores
from catomo.evaluate.images import Images, is_learnt_here, say_what_is_missing, scored_names
from catomo.evaluate.scores import ImageScores, from_worst, interval_of
from catomo.evaluate.scoring import Scores, score_images, spacing_of, summarise
from catomo.evaluate.settings import Evaluate
from catomo.evaluate.tables import write_images, write_table_1
from catomo.files.pixel_size import is_same_size
from catomo.labels.files import TRUTH
from catomo.progress import progress, say
from catomo.record.classes import with_classes_of
from catomo.record.record import Output, Record, committing, read_record

_WORST = 3
_UNSEEN = 3


def evaluate(
    prediction: Path,
    slices: Path | None,
    labels: Path | str,
    output: Path,
    settings: Evaluate,
    training: Path | None = None,
) -> None:
    """Score a segmentation and write ``metrics.json``, tables and pictures.

    Parameters
    ----------
    prediction : path
        Folder (or record) of the stage `predict`, or `segmentation` for one made elsewhere.
    slices : path or None
        Folder (or record) of the stage `slices`; None for a segmentation made elsewhere.
    labels : path or "truth"
        The annotation; see `catomo.labels.files.load_labels`.
    output : path
        Folder to write: ``metrics.json``, ``evaluation.csv`` (a row per image and class),
        ``table_1.csv`` (as in the paper, with the paper's scores beside it) and pictures.
    settings : Evaluate
        Without classes of their own they take those of the record.
    training : path, optional
        Folder (or record) of the stage `train`. If these slices took part in it, only its
        test part is scored; its thresholds are the baseline.

    Raises
    ------
    UserError
        If prediction and slices are of different images, no annotated image is left that the
        network has not seen, or the settings contradict the record.
    """
    predicted = read_record(prediction, "predict", "segmentation")
    source = _source_of(predicted, slices, training)
    training_record = read_record(training, "train") if training else None
    settings = with_classes_of(predicted, settings, "evaluate with the classes of the record")
    _check(predicted, source, settings)
    inputs: dict[str, Record | Path] = {"prediction": predicted}
    if source is not predicted:
        inputs["slices"] = source
    if str(labels) != TRUTH:
        inputs["labels"] = Path(labels)
    if training_record:
        inputs["training"] = training_record
    images = Images(predicted, source, labels, len(settings.classes))
    names, scope = scored_names(
        [images.names[i] for i in images.is_complete], source, training_record
    )
    say(f"evaluate: {scope}")
    say_what_is_missing(labels, source, settings, training_record)
    is_learnt = is_learnt_here(source, training_record)
    with committing(output, "evaluate", settings, inputs) as out:
        scores = _score(out, images, names, settings, predicted, is_learnt)
        out.record |= {"scope": scope, "draft": predicted.get("draft", False)}
        if training_record:
            out.record["baseline"] = _baseline(images, names, scores, settings, training_record)
        _write_tables(out, scores, settings)
        _draw_scores(out, scores, settings)
        _draw_images(out, scores.images, images, settings)


def _source_of(predicted: Record, slices: Path | None, training: Path | None) -> Record:
    """Return the record that describes the images: one made elsewhere describes itself."""
    if predicted["stage"] == "segmentation":
        for name, given in (("--slices", slices), ("--training", training)):
            if given:
                raise UserError(
                    f"{name}: {given} has nothing to do with {predicted.path}, which was made "
                    f"elsewhere; leave {name} out"
                )
        return predicted
    if slices is None:
        raise UserError(f"--slices: is missing; name the 04_slices that {predicted.path} is of")
    source = read_record(slices, "slices")
    predicted.check_made_from("slices", source)
    return source


def _check(prediction: Record, source: Record, settings: Evaluate) -> None:
    if prediction.get("pixel_size_nm", source["pixel_size_nm"]) != source["pixel_size_nm"]:
        raise UserError(
            f"{prediction.path}: has {prediction['pixel_size_nm']:g} nm per pixel, "
            f"{source.path} has {source['pixel_size_nm']:g}; delete {prediction.path.name} and run "
            "snakemake again"
        )
    distance, size_nm = settings.slice_distance_nm, source["pixel_size_nm"]
    are_cubes = source is prediction or "reconstruction" in source.get("inputs", {})
    if distance and are_cubes and not is_same_size(distance, size_nm):
        raise UserError(
            f"evaluate.slice_distance_nm: found {distance:g}, but the voxels of {source.path} are "
            f"cubes of {size_nm:g} nm; leave it out"
        )
    edges = settings.size_edges_nm
    if edges != sorted(set(edges)) or (edges and edges[0] <= 0):
        raise UserError(
            f"evaluate.size_edges_nm: found {edges}; expected sizes above 0 in ascending order"
        )


def _score(
    out: Output,
    images: Images,
    names: set[str],
    settings: Evaluate,
    predicted: Record,
    is_learnt: bool | None,
) -> Scores:
    """Score the images of these names; the summary goes into the record.

    `is_learnt` says whether the model learnt from slices of this volume, so that these images are
    of the test part of its training; None if nobody knows.
    """
    pixel_size_nm = images.pixel_size_nm
    volume = images.whole_volume(spacing_of(pixel_size_nm, settings))
    chosen = progress(images.annotated(names), "evaluate", len(names))
    scores = score_images(chosen, pixel_size_nm, settings, volume)
    out.record |= {
        "scored": [image.name for image in scores.images],
        "scored_index": [image.index for image in scores.images],
        "pixel_size_nm": pixel_size_nm,
        **summarise(
            scores,
            pixel_size_nm,
            settings,
            volume,
            predicted.get("temperature", 1.0),
            is_learnt,
        ),
    }
    if expected := expected_scores(predicted, scores.images, bool(is_learnt)):
        out.record["expected"] = expected
    if "lacks" in predicted:
        out.record["lacks"] = predicted["lacks"]
    return scores


def _baseline(
    images: Images, names: set[str], scores: Scores, settings: Evaluate, training: Record
) -> dict[str, dict]:
    thresholds = threshold_scores(
        (
            (grey, truth)
            for index, truth in images.annotations()
            if images.names[index] in names and (grey := images.learnt_grey(index)) is not None
        ),
        training["baseline"]["thresholds"],
        interval_of(scores.images, settings),
        [phase.name for phase in settings.classes],
    )
    return {"thresholds": thresholds}


def _write_tables(out: Output, scores: Scores, settings: Evaluate) -> None:
    record = out.record
    names = [phase.name for phase in settings.classes]
    write_images(out.path("evaluation.csv"), scores.images, record["pixel_size_nm"], names)
    write_table_1(out.path("table_1.csv"), record["classes"], record["paper"])


def _draw_scores(out: Output, scores: Scores, settings: Evaluate) -> None:
    record, classes = out.record, settings.classes
    charts.rhd(out.path("rhd.png"), record["classes"], classes, record["paper"])
    charts.confusion(out.path("confusion.png"), record["confusion_px"], classes)
    if scores.calibration is not None:
        charts.confidence(
            out.path("confidence.png"), scores.calibration, record["confidence"], classes
        )
    if scores.diameters_nm is not None:
        charts.particles(out.path("particles.png"), record["particles"], scores.diameters_nm)


def _draw_images(
    out: Output, scored: list[ImageScores], images: Images, settings: Evaluate
) -> None:
    """Draw a typical image, the worst ones, and some that nobody annotated."""
    order = from_worst(scored)
    typical, worst = order[len(order) // 2], order[:_WORST]
    shown = {image.index for image in (typical, *worst)}
    truths: dict[int, np.ndarray] = {}
    unseen = set(range(len(images.names)))
    for index, truth in images.annotations():
        unseen.discard(index)
        if index in shown:
            truths[index] = truth

    def draw(picture: str, selected: list[ImageScores], prefix: str = "") -> None:
        rows = [
            (
                f"{image.name}\n{prefix}DSC {image.mean_dsc():.3f}",
                images.grey(image.index),
                truths[image.index],
                images.predicted(image.index),
            )
            for image in selected
        ]
        pictures.comparison(out.path(picture), rows, settings.classes, images.pixel_size_nm)

    draw("comparison.png", [typical], "typical: ")
    draw("worst.png", worst)
    columns = [
        (images.names[index], images.grey(index), images.predicted(index))
        for index in _a_few(sorted(unseen) or [image.index for image in scored])
    ]
    pictures.unseen(out.path("unseen.png"), columns, settings.classes, images.pixel_size_nm)


def _a_few(indices: list[int]) -> list[int]:
    """Return some of the images, evenly, not at the ends, where a volume is often empty."""
    steps = range(1, _UNSEEN + 1)
    return sorted({indices[k * len(indices) // (_UNSEEN + 1)] for k in steps})
