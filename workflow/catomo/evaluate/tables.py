"""The tables of the stage `evaluate`: a row per image and class, and the paper's Table 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catomo.evaluate.distances import PERCENTILES
from catomo.evaluate.scores import SCORES, ImageScores
from catomo.files.tables import number_text, write_csv


def write_images(
    path: Path, scored: list[ImageScores], pixel_size_nm: float, class_names: Sequence[str]
) -> None:
    """Write one row per image and class; a score that is NaN is an empty cell."""
    header = ["image", "class", *SCORES, "true_area_nm2", "predicted_area_nm2"]
    rows = []
    for image in scored:
        overlap = image.overlap()
        for label, name in enumerate(class_names):
            areas = image.matrix[label].sum(), image.matrix[:, label].sum()
            numbers = [
                *(overlap[score][label] for score in SCORES),
                *(area * pixel_size_nm**2 for area in areas),
                *image.distances[label],
            ]
            rows.append([image.name, name, *map(number_text, numbers)])
    write_csv(path, [*header, *(f"rhd{percentile}_nm" for percentile in PERCENTILES)], rows)


def write_table_1(path: Path, classes: dict[str, dict], paper: dict[str, dict]) -> None:
    """Write the scores as in the paper's Table 1, with the paper's own beside them.

    Parameters
    ----------
    path : Path
    classes : dict
        Of `catomo.evaluate.scores.summary`.
    paper : dict
        Of `catomo.evaluate.presets.paper_scores`.
    """
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
            rows.append([name, measure, error, *map(number_text, numbers)])
    header = ["class", "measure", "error_is", "mean", "error", "median", "n"]
    write_csv(path, [*header, "paper_mean", "paper_error"], rows)
