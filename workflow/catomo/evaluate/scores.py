"""What one image scores, what many images score on average, and the tables of both."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from catomo.evaluate.distances import PERCENTILES, between, hausdorff, surface
from catomo.evaluate.intervals import mean_ci, mean_se
from catomo.labels.files import IGNORE
from catomo.labels.overlap import PAPER, confusion_matrix, overlap_scores

SCORES = ("dsc", "precision", "recall", "iou")


@dataclass(frozen=True)
class Scored:
    """One image's scores: areas in px, distances (classes, percentiles) in nm."""

    name: str
    index: int
    matrix: np.ndarray
    distances: np.ndarray

    def overlap(self) -> dict[str, np.ndarray]:
        return overlap_scores(self.matrix)

    def mean_dsc(self) -> float:
        """Return the mean DSC of the material classes that are there; NaN without any."""
        dsc = self.overlap()["dsc"][1:]
        return dsc[np.isfinite(dsc)].mean() if np.isfinite(dsc).any() else np.nan


def score_image(name: str, index: int, truth, found, pixel_size_nm: float, settings) -> Scored:
    """Compare one image's labels with its truth, where that is not 255."""
    count = len(settings.classes)
    known = truth != IGNORE
    distances = np.full((count, len(PERCENTILES)), np.nan)
    for label in range(1, count):
        distances[label] = hausdorff(
            truth == label,
            (found == label) & known,
            pixel_size_nm,
            mode=settings.hausdorff,
            edge=settings.edge,
        )
    return Scored(name, index, confusion_matrix(truth, found, count), distances)


def from_worst(scored: list[Scored]) -> list[Scored]:
    """Return the images by their mean DSC over the material classes, the worst first."""
    present = [image for image in scored if np.isfinite(image.mean_dsc())]
    return sorted(present, key=Scored.mean_dsc) or scored[:1]


def interval_of(scored: list[Scored], settings) -> Callable:
    """Return the function that makes a mean and its interval from one value per image."""
    blocks = [image.index // settings.block_slices for image in scored]
    return partial(mean_ci, interval=settings.interval, blocks=blocks)


def summary(scored: list[Scored], pixel_size_nm: float, settings) -> dict:
    """Return the means over images of every score of every class."""
    mean = interval_of(scored, settings)
    overlap = [image.overlap() for image in scored]
    true = np.array([image.matrix.sum(axis=1) for image in scored])
    found = np.array([image.matrix.sum(axis=0) for image in scored])
    result = {}
    for label, phase in enumerate(settings.classes):
        absent = true[:, label] == 0
        result[phase.name] = {
            **{score: mean([scores[score][label] for scores in overlap]) for score in SCORES},
            "images": {
                "present": np.count_nonzero(~absent),
                "absent": np.count_nonzero(absent),
                "never_predicted": np.count_nonzero(~absent & (found[:, label] == 0)),
                "falsely_predicted": np.count_nonzero(absent & (found[:, label] > 0)),
            },
            "false_area_where_absent_nm2": found[absent, label].sum() * pixel_size_nm**2,
        }
        if label:
            result[phase.name]["rhd_nm"] = {
                str(percentile): mean_se([image.distances[label, k] for image in scored])
                for k, percentile in enumerate(PERCENTILES)
            }
    return result


def volume_scores(pages: Callable, shape, spacing_nm, settings) -> dict:
    """Return the scores of each class in a whole volume, with distances in three dimensions.

    Parameters
    ----------
    pages : callable
        Returns the pages (true, predicted labels) in order, anew each time it is called.
    shape : (int, int, int)
    spacing_nm : (float, float, float)
        Distance between voxels along each axis.
    settings : Evaluate
    """
    count = len(settings.classes)
    matrix = sum(confusion_matrix(true, found, count) for true, found in pages())
    overlap = overlap_scores(matrix)
    result = {}
    for label, phase in enumerate(settings.classes):
        result[phase.name] = {score: overlap[score][label] for score in SCORES}
        if label:
            true, grid = surface((true == label for true, _ in pages()), shape, settings.edge)
            masks = ((found == label) & (true != IGNORE) for true, found in pages())
            found, _ = surface(masks, shape, settings.edge)
            distances = between(true, found, grid, spacing_nm, mode=settings.hausdorff)
            result[phase.name]["rhd_nm"] = dict(zip(map(str, PERCENTILES), distances, strict=True))
    return result


def paper_scores(settings) -> dict:
    """Return the paper's table for the classes that it has."""
    return {
        phase.name: {
            score: {"mean": value[0], "ci95": value[1]}
            if score != "rhd_nm"
            else {str(p): {"mean": mean, "se": error} for p, (mean, error) in value.items()}
            for score, value in PAPER[phase.name].items()
        }
        for phase in settings.classes
        if phase.name in PAPER
    }


def write_images(path: Path, scored: list[Scored], pixel_size_nm: float, settings) -> None:
    """Write one row per image and class; what is no number stays empty."""
    header = ["image", "class", *SCORES, "true_area_nm2", "predicted_area_nm2"]
    rows = []
    for image in scored:
        overlap = image.overlap()
        for label, phase in enumerate(settings.classes):
            areas = image.matrix[label].sum(), image.matrix[:, label].sum()
            numbers = [
                *(overlap[score][label] for score in SCORES),
                *(area * pixel_size_nm**2 for area in areas),
                *image.distances[label],
            ]
            rows.append([image.name, phase.name, *map(word, numbers)])
    write_csv(path, [*header, *(f"rhd{percentile}_nm" for percentile in PERCENTILES)], rows)


def write_table_1(path: Path, classes: dict, paper: dict) -> None:
    """Write the paper's Table 1 with this run's column and the paper's beside each other."""
    rows = []
    for name, entry in classes.items():
        measures = {score: (entry[score], "ci95") for score in SCORES}
        measures |= {f"rhd{p}_nm": (mean, "se") for p, mean in entry.get("rhd_nm", {}).items()}
        published = paper.get(name, {})
        published = published | {
            f"rhd{p}_nm": value for p, value in published.get("rhd_nm", {}).items()
        }
        for measure, (mean, error) in measures.items():
            theirs = published.get(measure, {})
            numbers = [mean["mean"], mean[error], mean["median"], mean["n"]]
            numbers += [theirs.get("mean", np.nan), theirs.get(error, np.nan)]
            rows.append([name, measure, error, *map(word, numbers)])
    header = ["class", "measure", "error_is", "mean", "error", "median", "n"]
    write_csv(path, [*header, "paper_mean", "paper_error"], rows)


def write_csv(path: Path, header: list[str], rows: list[list]) -> None:
    """Write a table as every other table of catomo is written."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def word(value: float) -> str:
    """Return a number as tables hold it: six digits, nothing for what is no number."""
    return f"{value:.6g}" if np.isfinite(value) else ""
