"""Which of two is better, image by image: two segmentations, or two people's labels.

Images differ far more from each other than models do, so each image is compared with itself
and the interval is that of the differences.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.evaluate import charts as score_figures
from catomo.evaluate import pictures as evaluate_figures
from catomo.evaluate.distances import PERCENTILES
from catomo.evaluate.intervals import mean_ci
from catomo.evaluate.scores import (
    SCORES,
    from_worst,
    interval_of,
    score_image,
    summary,
    word,
    write_csv,
    write_images,
)
from catomo.files.store import StackReader
from catomo.labels.files import IGNORE, TRUTH, stream_labels
from catomo.record.record import Record, committing, read_record

_DISTANCES = tuple(f"rhd{percentile}_nm" for percentile in PERCENTILES)
_WORST = 3


def compare(one, other, output, settings, slices=None) -> None:
    """Compare two of a kind on the images they share.

    Parameters
    ----------
    one, other : path
        Folders (or records) of the stage `evaluate`: two models on one annotation, or one
        model on two. With `slices`, two annotations of those slices.
    output : path
        Folder to write: ``comparison.json``, ``differences.csv`` (other minus one, a row per
        image and class) and ``comparison.png``; for annotations also ``agreement.csv``.
    settings : Evaluate
    slices : path, optional
        Folder or record of the stage `slices`.

    Raises
    ------
    UserError
        If the two share no image, or their slices or classes are not the same.
    """
    if slices is None:
        _compare_scores(read_record(one, "evaluate"), read_record(other, "evaluate"), output,
                        settings)  # fmt: skip
    else:
        _compare_labels(one, other, read_record(slices, "slices"), output, settings)


def _compare_scores(one: Record, other: Record, output, settings) -> None:
    names = _shared_images(one, other)
    index = dict(zip(one["scored"], one["scored_index"], strict=True))
    blocks = [index[name] // settings.block_slices for name in names]
    mean = partial(mean_ci, interval=settings.interval, blocks=blocks)
    tables = [_table(record) for record in (one, other)]
    classes, rows, differences = {}, [], {}
    for phase in one["classes"]:
        values = {
            measure: np.array([[table[name, phase][measure] for name in names] for table in tables])
            for measure in (*SCORES, *_DISTANCES)
        }
        classes[phase] = {
            measure: _paired(*pair, mean, better=-1 if measure in _DISTANCES else 1)
            for measure, pair in values.items()
        }
        differences[phase] = {measure: pair[1] - pair[0] for measure, pair in values.items()}
        for k, name in enumerate(names):
            rows.append([name, phase, *(word(d[k]) for d in differences[phase].values())])
    with committing(output, "compare", settings, {"one": one, "other": other}) as out:
        write_csv(out.path("differences.csv"), ["image", "class", *SCORES, *_DISTANCES], rows)
        score_figures.paired(out.path("comparison.png"), classes, differences, settings.classes)
        out.record.update({"scope": _scope(one, other), "images": names, "classes": classes})


def _shared_images(one: Record, other: Record) -> list[str]:
    if one["inputs"]["slices"] != other["inputs"]["slices"]:
        raise UserError(f"{one.path}: is of other slices than {other.path}; compare like with like")
    if one["classes"].keys() != other["classes"].keys():
        raise UserError(
            f"{one.path}: has the classes {', '.join(one['classes'])}, {other.path} has "
            f"{', '.join(other['classes'])}; they must be the same"
        )
    names = [name for name in one["scored"] if name in set(other["scored"])]
    if not names:
        raise UserError(
            f"{one.path}: has no scored image in common with {other.path}; "
            "evaluate both on the same images"
        )
    return names


def _scope(one: Record, other: Record) -> str:
    same = {
        word: one["inputs"].get(word) == other["inputs"].get(word)
        for word in ("prediction", "labels")
    }
    return (
        f"{'One segmentation' if same['prediction'] else 'Two segmentations'} against "
        f"{'one annotation' if same['labels'] else 'two annotations'}; differences are the "
        "second's score minus the first's on the same image."
    )


def _table(record: Record) -> dict:
    """Return the scores of each image and class, NaN where there is none."""
    with open(record.file("evaluation.csv"), newline="", encoding="utf-8") as file:
        return {
            (row["image"], row["class"]): {
                measure: float(row[measure] or "nan") for measure in (*SCORES, *_DISTANCES)
            }
            for row in csv.DictReader(file)
        }


def _compare_labels(one, other, slices: Record, output, settings) -> None:
    """Score the second annotation with the first as the truth.

    DSC, IoU and distances do not depend on the order; precision and recall change places.
    """
    pixel_size_nm = slices["pixel_size_nm"]
    pairs = partial(_shared_labels, one, other, slices, len(settings.classes))
    scored = [
        score_image(slices["names"][index], index, *pair, pixel_size_nm, settings)
        for index, *pair in pairs()
    ]
    if not scored:
        raise UserError(f"{one}: has no annotated slice in common with {other}")
    mean = interval_of(scored, settings)
    classes = summary(scored, pixel_size_nm, settings)
    rows = []
    for label, phase in enumerate(settings.classes):
        areas_nm2 = pixel_size_nm**2 * np.array(
            [[image.matrix[label].sum(), image.matrix[:, label].sum()] for image in scored]
        )
        classes[phase.name]["area_nm2"] = _paired(*areas_nm2.T, mean)
        rows += [
            [image.name, phase.name, word(after - before)]
            for image, (before, after) in zip(scored, areas_nm2, strict=True)
        ]
    inputs = {"slices": slices}
    given = {"one/labels": one, "other/labels": other}
    inputs |= {word: Path(place) for word, place in given.items() if str(place) != TRUTH}
    with (
        committing(output, "compare", settings, inputs) as out,
        StackReader(slices.file("slices.tif")) as reader,
    ):
        write_images(out.path("agreement.csv"), scored, pixel_size_nm, settings)
        write_csv(out.path("differences.csv"), ["image", "class", "area_nm2"], rows)

        worst = from_worst(scored)[:_WORST]
        shown = {image.index for image in worst}
        drawn = {index: pair for index, *pair in pairs() if index in shown}
        evaluate_figures.comparison(
            out.path("comparison.png"),
            [
                (
                    f"{image.name}\nDSC {image.mean_dsc():.3f}",
                    reader.read(image.index, image.index + 1)[0],
                    *drawn[image.index],
                )
                for image in worst
            ],
            settings.classes,
            pixel_size_nm,
            words=("first", "second", "only the first", "only the second"),
        )
        scope = f"Two annotations of {len(scored)} slices; the first stands for the truth."
        images = [image.name for image in scored]
        out.record.update({"scope": scope, "images": images, "classes": classes})


def _shared_labels(one, other, slices: Record, count: int) -> Iterator:
    """Yield index, first and second labels of each slice that both annotated, one by one.

    What only one of them annotated counts for neither: it is 255 in the first.
    """
    second = stream_labels(other, slices, count)
    index, theirs = next(second)
    for place, labels in stream_labels(one, slices, count):
        while index < place:
            index, theirs = next(second, (np.inf, None))
        if index == place:
            seen = (labels != IGNORE) & (theirs != IGNORE)
            yield place, np.where(seen, labels, IGNORE), np.where(seen, theirs, 0)


def _paired(one: np.ndarray, other: np.ndarray, mean, better: int = 0) -> dict:
    """Return the means of both, where both have a value, and that of the differences.

    `better` says which way is good (1: more, -1: less), so that wins are counted.
    """
    both = np.isfinite(one) & np.isfinite(other)
    one, other = np.where(both, one, np.nan), np.where(both, other, np.nan)
    result = {"one": mean(one), "other": mean(other), "difference": mean(other - one)}
    if better:
        gain = better * (other - one)
        result["wins"] = {"one": np.count_nonzero(gain < 0), "other": np.count_nonzero(gain > 0)}
    return result
