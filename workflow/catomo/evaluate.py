"""Stage 07: score a segmentation against annotated images it has not learnt from.

Each image gives a confusion matrix and edge distances; their means over images, beside
what two grey-value thresholds score and what the paper reports, are the stage's result.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo import evaluate_figures
from catomo.baselines import apply_thresholds
from catomo.errors import UserError
from catomo.labels import TRUTH, load_labels
from catomo.metrics import (
    NOT_ANNOTATED,
    PAPER,
    PERCENTILES,
    confusion_matrix,
    hausdorff,
    mean_ci,
    mean_se,
    overlap_scores,
)
from catomo.particles import detection, find_particles, match
from catomo.progress import progress, say
from catomo.record import Record, committing, read_record
from catomo.store import StackReader, read_pages

_SCORES = ("dsc", "precision", "recall", "iou")


@dataclass(frozen=True)
class Scored:
    """One image's scores: areas in px, distances (classes, percentiles) in nm."""

    name: str
    index: int
    truth: np.ndarray
    matrix: np.ndarray
    distances: np.ndarray

    def overlap(self) -> dict[str, np.ndarray]:
        return overlap_scores(self.matrix)


def evaluate(prediction, slices, labels, output, settings, training=None) -> None:
    """Score a segmentation and write ``metrics.json``, ``evaluation.csv`` and pictures.

    Parameters
    ----------
    prediction, slices : path
        Folders (or records) of the stages `predict` and `slices`.
    labels : path or "truth"
        The annotation; see `catomo.labels.load_labels`.
    output : path
        Folder to write.
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

    predicted = prediction.file("labels.tif")
    images = slices.file("slices.tif")
    with (
        committing(output, "evaluate", settings, inputs) as out,
        StackReader(images) as reader,
    ):
        pairs = zip(indices, truths, strict=True)
        chosen = [(index, truth) for index, truth in pairs if slices["names"][index] in wanted]
        scored = [
            _score(slices["names"][index], index, truth, predicted, slices, settings)
            for index, truth in progress(chosen, "evaluate")
        ]
        classes = _summary(scored, slices["pixel_size_nm"], settings)
        total = sum(image.matrix for image in scored)
        out.record.update(
            {
                "scope": scope,
                "scored": [image.name for image in scored],
                "pixel_size_nm": slices["pixel_size_nm"],
                "classes": classes,
                "confusion_px": total,
                "paper": _paper(settings),
            }
        )
        if training:
            out.record["baseline"] = {"thresholds": _thresholds(scored, reader, training, settings)}
        if settings.particles.phase:
            out.record["particles"] = _particles(scored, predicted, slices, settings)
        _write_table(out.path("evaluation.csv"), scored, slices["pixel_size_nm"], settings)
        rows = [
            (
                f"{word}: {image.name}",
                reader.read(image.index, image.index + 1)[0],
                image.truth,
                _page(predicted, image.index),
            )
            for word, image in _typical_and_worst(scored)
        ]
        evaluate_figures.comparison(
            out.path("comparison.png"), rows, settings.classes, slices["pixel_size_nm"]
        )
        evaluate_figures.rhd(out.path("rhd.png"), classes, settings.classes, PAPER)
        evaluate_figures.confusion(out.path("confusion.png"), total, settings.classes)


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


def _score(name: str, index: int, truth, predicted: Path, slices: Record, settings) -> Scored:
    found = _page(predicted, index)
    count = len(settings.classes)
    if found.max() >= count:
        raise UserError(
            f"{predicted}: found label {found.max()}, but 'classes' has {count}; "
            "evaluate with the classes of the model"
        )
    known = truth != NOT_ANNOTATED
    distances = np.full((count, len(PERCENTILES)), np.nan)
    for label in range(1, count):
        distances[label] = hausdorff(
            truth == label,
            (found == label) & known,
            slices["pixel_size_nm"],
            mode=settings.hausdorff,
        )
    return Scored(name, index, truth, confusion_matrix(truth, found, count), distances)


def _summary(scored: list[Scored], pixel_size_nm: float, settings) -> dict:
    """Return the means over images of every score of every class."""
    overlap = [image.overlap() for image in scored]
    true = np.array([image.matrix.sum(axis=1) for image in scored])
    found = np.array([image.matrix.sum(axis=0) for image in scored])
    summary = {}
    for label, phase in enumerate(settings.classes):
        absent = true[:, label] == 0
        summary[phase.name] = {
            **{score: mean_ci([scores[score][label] for scores in overlap]) for score in _SCORES},
            "images": {
                "present": np.count_nonzero(~absent),
                "absent": np.count_nonzero(absent),
                "never_predicted": np.count_nonzero(~absent & (found[:, label] == 0)),
                "falsely_predicted": np.count_nonzero(absent & (found[:, label] > 0)),
            },
            "false_area_where_absent_nm2": found[absent, label].sum() * pixel_size_nm**2,
        }
        if label:
            summary[phase.name]["rhd_nm"] = {
                str(percentile): mean_se([image.distances[label, k] for image in scored])
                for k, percentile in enumerate(PERCENTILES)
            }
    return summary


def _thresholds(scored: list[Scored], reader: StackReader, training: Record, settings) -> dict:
    """Score, on the same images, what a blur and the training's thresholds find."""
    fitted = training["baseline"]["thresholds"]
    overlap = []
    for image in scored:
        grey = reader.read(image.index, image.index + 1)[0]
        found = apply_thresholds(grey, fitted["values"], fitted["sigma_px"])
        overlap.append(overlap_scores(confusion_matrix(image.truth, found, len(settings.classes))))
    result = {}
    for label, phase in enumerate(settings.classes):
        dsc, precision, recall = (
            mean_ci([scores[score][label] for scores in overlap])
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


def _particles(scored: list[Scored], predicted: Path, slices: Record, settings) -> dict:
    """Match particles in the volume where its truth is known, otherwise image by image."""
    count = slices["shape"][0]
    if slices["contiguous"] and slices.has("truth_labels.tif"):
        truth = slices.file("truth_labels.tif")
        pages = [(lambda: _pages(truth, count), lambda: _pages(predicted, count))]
        shape = tuple(slices["shape"])
        scope = f"3-D, in the whole volume of {count} slices, training slices among them"
    else:
        pages = [
            (lambda image=image: [image.truth], lambda image=image: [_page(predicted, image.index)])
            for image in scored
        ]
        shape = tuple(slices["shape"][1:])
        scope = f"2-D, in each of the {len(scored)} scored images"
    diameters: list[list] = [[], [], []]
    for true_pages, found_pages in pages:
        found = (
            np.where(true == NOT_ANNOTATED, NOT_ANNOTATED, page)
            for true, page in zip(true_pages(), found_pages(), strict=True)
        )
        for all_of_kind, more in zip(
            diameters, _matched_diameters(true_pages(), found, shape, settings), strict=True
        ):
            all_of_kind.extend(more * slices["pixel_size_nm"])
    return {"scope": scope, **detection(*diameters, settings.size_edges_nm)}


def _matched_diameters(truth, found, shape, settings):
    """Return diameters in px: (true, found) of pairs, of missed ones, of false ones."""
    rule = settings.particles
    label = [phase.name for phase in settings.classes].index(rule.phase)
    truth, found = (
        find_particles(pages, label, shape, rule.smallest_diameter_px, rule.split_depth_px)
        for pages in (truth, found)
    )
    pairs = match(truth, found, settings.match_iou)
    true_px, found_px = truth.diameters(), found.diameters()
    return (
        np.stack([true_px[pairs[:, 0]], found_px[pairs[:, 1]]], axis=1),
        np.delete(true_px, pairs[:, 0]),
        np.delete(found_px, pairs[:, 1]),
    )


def _typical_and_worst(scored: list[Scored]) -> list[tuple[str, Scored]]:
    """Return the images of median and of least DSC, averaged over the material classes."""
    dsc = np.array([image.overlap()["dsc"][1:] for image in scored])
    present = np.isfinite(dsc)
    mean = np.where(present, dsc, 0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    order = [i for i in np.argsort(mean, kind="stable") if present[i].any()] or [0]
    return [("typical", scored[order[len(order) // 2]]), ("worst", scored[order[0]])]


def _paper(settings) -> dict:
    """Return the paper's table for the classes that it has."""
    return {
        phase.name: {
            score: {"mean": value[0], "ci95": value[1]}
            if score != "rhd_nm"
            else {str(p): {"mean": mean, "ci95": half} for p, (mean, half) in value.items()}
            for score, value in PAPER[phase.name].items()
        }
        for phase in settings.classes
        if phase.name in PAPER
    }


def _write_table(path: Path, scored: list[Scored], pixel_size_nm: float, settings) -> None:
    """Write one row per image and class; what is no number stays empty."""
    header = ["image", "class", *_SCORES, "true_area_nm2", "predicted_area_nm2"]
    header += [f"rhd{percentile}_nm" for percentile in PERCENTILES]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for image in scored:
            overlap = image.overlap()
            for label, phase in enumerate(settings.classes):
                areas = image.matrix[label].sum(), image.matrix[:, label].sum()
                numbers = [
                    *(overlap[score][label] for score in _SCORES),
                    *(area * pixel_size_nm**2 for area in areas),
                    *image.distances[label],
                ]
                words = [f"{n:.6g}" if np.isfinite(n) else "" for n in numbers]
                writer.writerow([image.name, phase.name, *words])


def _page(path: Path, index: int) -> np.ndarray:
    return read_pages(path, index, index + 1)[0]


def _pages(path: Path, count: int) -> Iterator[np.ndarray]:
    for start in range(0, count, 64):
        yield from read_pages(path, start, start + 64)
