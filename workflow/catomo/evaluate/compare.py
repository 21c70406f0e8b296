"""Which of two is better, image by image: two segmentations, or two persons' labels (`compare`).

Scores differ more between images than between models. So the two scores of each image are
subtracted, and the interval is that of the mean difference.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.evaluate import charts, pictures
from catomo.evaluate.distances import PERCENTILES
from catomo.evaluate.images import say_what_is_missing
from catomo.evaluate.intervals import mean_ci
from catomo.evaluate.scores import (
    SCORES,
    AnnotatedImage,
    ImageScores,
    from_worst,
    interval_of,
    score_image,
    summary,
)
from catomo.evaluate.settings import Evaluate
from catomo.evaluate.tables import write_images
from catomo.files.store import StackReader
from catomo.files.tables import number_text, write_csv
from catomo.labels.files import TRUTH, stream_labels
from catomo.labels.values import IGNORE
from catomo.record.classes import check_classes, classes_in, with_classes_of
from catomo.record.record import Output, Record, committing, read_record

_DISTANCES = tuple(f"rhd{percentile}_nm" for percentile in PERCENTILES)
_MEASURES = (*SCORES, *_DISTANCES)
_WORST = 3
_WAY_OUT = "compare with the classes of the records"


def compare(
    one: Path | str,
    other: Path | str,
    output: Path,
    settings: Evaluate,
    slices: Path | None = None,
) -> None:
    """Compare two segmentations, or two annotations, on the images they share.

    Parameters
    ----------
    one, other : path
        Folders (or records) of the stage `evaluate`: two models on one annotation, or one
        model on two. With `slices`, two annotations of these slices.
    output : path
        Folder to write: ``comparison.json``, ``differences.csv`` (other minus one, a row per
        image and class) and ``comparison.png``; for annotations also ``agreement.csv``.
    settings : Evaluate
        Without classes of their own they take those of the records.
    slices : path, optional
        Folder or record of the stage `slices`.

    Raises
    ------
    UserError
        If the two share no image, have different slices, classes, pixel sizes or measures, or
        the settings name other classes than the records.
    """
    if slices is None:
        records = read_record(one, "evaluate"), read_record(other, "evaluate")
        _compare_scores(*records, output, settings)
    else:
        _compare_labels((one, other), read_record(slices, "slices"), output, settings)


def paired_means(
    one: np.ndarray, other: np.ndarray, mean: Callable[..., dict], better: int = 0
) -> dict[str, dict]:
    """Return the means of two, and of their differences, over the images where both are finite.

    Parameters
    ----------
    one, other : ndarray of float, (images,)
    mean : callable
        Makes a mean and its interval from one value per image.
    better : int
        1 if more is better and -1 if less is; then ``wins`` counts the images in which each
        of the two is better.

    Returns
    -------
    dict of str to dict
        ``one``, ``other``, ``difference`` (other minus one) and, with `better`, ``wins``.
    """
    both = np.isfinite(one) & np.isfinite(other)
    one, other = np.where(both, one, np.nan), np.where(both, other, np.nan)
    result = {"one": mean(one), "other": mean(other), "difference": mean(other - one)}
    if better:
        gain = better * (other - one)
        result["wins"] = {"one": np.count_nonzero(gain < 0), "other": np.count_nonzero(gain > 0)}
    return result


def _compare_scores(one: Record, other: Record, output: Path, settings: Evaluate) -> None:
    names = _shared_images(one, other)
    settings = with_classes_of(one, settings, _WAY_OUT)
    index = dict(zip(one["scored"], one["scored_index"], strict=True))
    blocks = [index[name] // settings.block_slices for name in names]
    mean = partial(mean_ci, interval=settings.interval, blocks=blocks)
    tables = [_table(record) for record in (one, other)]
    classes: dict[str, dict] = {}
    differences: dict[str, dict[str, np.ndarray]] = {}
    rows = []
    for phase in one["classes"]:
        values = {
            measure: np.array([[table[name, phase][measure] for name in names] for table in tables])
            for measure in _MEASURES
        }
        classes[phase] = {
            measure: paired_means(pair[0], pair[1], mean, -1 if measure in _DISTANCES else 1)
            for measure, pair in values.items()
        }
        differences[phase] = {measure: pair[1] - pair[0] for measure, pair in values.items()}
        for k, name in enumerate(names):
            rows.append([name, phase, *(number_text(d[k]) for d in differences[phase].values())])
    with committing(output, "compare", settings, {"one": one, "other": other}) as out:
        write_csv(out.path("differences.csv"), ["image", "class", *_MEASURES], rows)
        charts.paired(out.path("comparison.png"), classes, differences, settings.classes)
        out.record.update({"scope": _scope(one, other), "images": names, "classes": classes})


def _shared_images(one: Record, other: Record) -> list[str]:
    if not _are_of_the_same_images(one["inputs"], other["inputs"]):
        raise UserError(f"{one.path}: is of other slices than {other.path}; compare like with like")
    check_classes(other, classes_in(one) or [], f"those of {one.path}; they must be the same")
    facts = [
        (
            record.get("pixel_size_nm"),
            *(record.get("settings", {}).get(key) for key in ("hausdorff", "edge")),
        )
        for record in (one, other)
    ]
    for words, a, b in zip(("pixel_size_nm", "hausdorff", "edge"), *facts, strict=True):
        if a is not None and b is not None and a != b:
            raise UserError(
                f"{one.path}: was scored with {words} {a}, {other.path} with {b}; evaluate both "
                "alike"
            )
    names = [name for name in one["scored"] if name in set(other["scored"])]
    if not names:
        raise UserError(
            f"{one.path}: has no scored image in common with {other.path}; "
            "evaluate both on the same images"
        )
    return names


def _are_of_the_same_images(one: dict[str, dict], other: dict[str, dict]) -> bool:
    """Return whether two evaluations are of the same slices.

    A segmentation made elsewhere comes without slices: then the same labels, which must fit
    the images of both, tell.
    """
    word = "slices" if "slices" in one and "slices" in other else "labels"
    return word in one and word in other and one[word] == other[word]


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


def _table(record: Record) -> dict[tuple[str, str], dict[str, float]]:
    """Return the scores of each image and class, NaN where there is none."""
    with open(record.file("evaluation.csv"), newline="", encoding="utf-8") as file:
        return {
            (row["image"], row["class"]): {
                measure: float(row[measure] or "nan") for measure in _MEASURES
            }
            for row in csv.DictReader(file)
        }


def _compare_labels(
    places: tuple[Path | str, Path | str], slices: Record, output: Path, settings: Evaluate
) -> None:
    """Score the second annotation with the first as the truth.

    DSC, IoU and distances do not depend on the order; precision and recall change places.
    """
    one, other = places
    settings = with_classes_of(slices, settings, "compare with the classes of the record")
    for place in places:
        say_what_is_missing(place, slices, settings, None)
    pixel_size_nm = slices["pixel_size_nm"]
    scored = [
        score_image(image, pixel_size_nm, settings)
        for image in _shared_labels(places, slices, len(settings.classes))
    ]
    if not scored:
        raise UserError(f"{one}: has no annotated slice in common with {other}")
    classes = summary(scored, pixel_size_nm, settings)
    rows = _compare_areas(scored, classes, pixel_size_nm, settings)
    inputs: dict[str, Record | Path] = {"slices": slices}
    given = {"one/labels": one, "other/labels": other}
    inputs |= {word: Path(place) for word, place in given.items() if str(place) != TRUTH}
    with committing(output, "compare", settings, inputs) as out:
        names = [phase.name for phase in settings.classes]
        write_images(out.path("agreement.csv"), scored, pixel_size_nm, names)
        write_csv(out.path("differences.csv"), ["image", "class", "area_nm2"], rows)
        _draw_worst(out, scored, places, slices, settings)
        scope = f"Two annotations of {len(scored)} slices; the first stands for the truth."
        images = [image.name for image in scored]
        out.record.update({"scope": scope, "images": images, "classes": classes})


def _compare_areas(
    scored: list[ImageScores], classes: dict[str, dict], pixel_size_nm: float, settings: Evaluate
) -> list[list[str]]:
    """Add ``area_nm2`` to each class; return the rows of ``differences.csv``."""
    mean = interval_of(scored, settings)
    rows = []
    for label, phase in enumerate(settings.classes):
        areas_nm2 = pixel_size_nm**2 * np.array(
            [[image.matrix[label].sum(), image.matrix[:, label].sum()] for image in scored]
        )
        classes[phase.name]["area_nm2"] = paired_means(areas_nm2[:, 0], areas_nm2[:, 1], mean)
        rows += [
            [image.name, phase.name, number_text(after - before)]
            for image, (before, after) in zip(scored, areas_nm2, strict=True)
        ]
    return rows


def _draw_worst(
    out: Output,
    scored: list[ImageScores],
    places: tuple[Path | str, Path | str],
    slices: Record,
    settings: Evaluate,
) -> None:
    """Draw the images in which the two annotations agree least."""
    worst = from_worst(scored)[:_WORST]
    shown = {image.index for image in worst}
    labels = {
        image.index: (image.truth, image.predicted)
        for image in _shared_labels(places, slices, len(settings.classes))
        if image.index in shown
    }
    with StackReader(slices.file("slices.tif")) as reader:
        rows = [
            (
                f"{image.name}\nDSC {image.mean_dsc():.3f}",
                reader.read(image.index, image.index + 1)[0],
                *labels[image.index],
            )
            for image in worst
        ]
    pictures.comparison(
        out.path("comparison.png"),
        rows,
        settings.classes,
        slices["pixel_size_nm"],
        titles=("first", "second", "only the first", "only the second"),
    )


def _shared_labels(
    places: tuple[Path | str, Path | str], slices: Record, count: int
) -> Iterator[AnnotatedImage]:
    """Yield the slices that both annotated, one by one, the first annotation as the truth.

    Pixels that only one of them annotated are not counted: they are 255 in the first.
    """
    one, other = places
    second = stream_labels(other, slices, count)
    index, theirs = next(second)
    for place, labels in stream_labels(one, slices, count):
        while index < place:
            index, theirs = next(second, (len(slices["names"]), theirs))
        if index == place:
            both = (labels != IGNORE) & (theirs != IGNORE)
            yield AnnotatedImage(
                slices["names"][place],
                place,
                np.where(both, labels, IGNORE),
                np.where(both, theirs, 0),
            )
