"""Stage `train`: a U-Net learns from annotated slices, of one dataset or several.

The number of steps, never the clock, decides the length; equal seeds give equal weights.
Beside the network stand the scores on slices it never saw, what two baselines score on the
same slices, and how similar those slices are to what it learnt from.
"""

from __future__ import annotations

import csv
import math
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from catomo import augment, baselines, blend, figures, losses, model_file, split, unet
from catomo.errors import UserError
from catomo.labels import TRUTH, load_labels
from catomo.progress import progress, say
from catomo.record import Record, committing, read_record
from catomo.store import StackReader

_STEPS_PER_ROW = 10
_PIXEL_SIZE_TOLERANCE = 0.05
_LEAK = 0.97  # neighbouring slices of a tomogram correlate by more than this


@dataclass(frozen=True)
class Sample:
    """An annotated slice: grey values and mask, both uint8, (z, x)."""

    dataset: str
    name: str
    image: np.ndarray
    labels: np.ndarray


def train(data, output, settings) -> None:
    """Train a network and test it.

    Parameters
    ----------
    data : list of (str, path, path or "truth")
        For each dataset: its name, the folder of its stage `slices`, its labels.
    output : path
        Folder to write: ``model.keras``, ``curves.csv``, ``curves.png``, ``training.json``.
    settings : catomo.settings.train.Train

    Raises
    ------
    UserError
        If labels do not fit the slices, nothing is left to train on, or the pixel sizes
        of the datasets differ by more than 5 %.
    """
    sources = [(name, read_record(folder, "slices"), place) for name, folder, place in data]
    names = [phase.name for phase in settings.classes]
    pixel_size_nm = _common_pixel_size(sources)
    samples, parts = _divided(sources, settings)
    with committing(output, "train", settings, _inputs(sources)) as out:
        check = _baselines(samples, names)
        unet.start(settings.threads, settings.seed)
        precision = unet.resolved_precision(settings.precision)
        network = settings.network.model_dump()
        net = unet.build(len(names), **network, precision=precision)
        predict = unet.runner(net)
        steps, rows = _learn(net, predict, samples, settings)
        scores = {part: _score(predict, samples[part], settings) for part in ("validate", "test")}
        for name, score in scores["test"].items():
            say(f"test DSC {name}: {_figure(score['dsc'])} (n = {score['n']})")
        _write_curves(rows, out.path("curves.csv"))
        _draw_curves(rows, settings.classes, out.path("curves.png"))
        about = {
            "classes": names,
            "pixel_size_nm": pixel_size_nm,
            "input": {"scale": 1 / 255, "dtype": "uint8"},
            "network": network,
            "downsampling": unet.downsampling(settings.network.levels),
            "preset": settings.preset,
        }
        model_file.save(net, out.path("model.keras"), about)
        out.record.update(
            {
                "preset": settings.preset,
                "seed": settings.seed,
                "steps": steps,
                "reproducible": steps == settings.steps,
                "precision": precision,
                "parameters": net.count_params(),
                "classes": names,
                "pixel_size_nm": pixel_size_nm,
                "data": {
                    name: {
                        "slices_sha256": record["files"]["slices.tif"]["sha256"],
                        "pixel_size_nm": record["pixel_size_nm"],
                    }
                    for name, record, _ in sources
                },
                "split": parts,
                **check,
                **scores,
                "operating_point": "argmax",
                "weights_sha256": model_file.weights_sha256(net),
            }
        )


def learning_rate(step: int, settings) -> float:
    """Return the learning rate of a step (from 0): linear rise, then half a cosine or flat."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    if settings.decay == "none":
        return settings.learning_rate
    done = (step - settings.warmup_steps) / max(settings.steps - settings.warmup_steps, 1)
    return settings.learning_rate * (1 + math.cos(math.pi * done)) / 2


def _divided(sources, settings) -> tuple[dict[str, list[Sample]], dict]:
    """Return the annotated slices by part, and the names in each part by dataset."""
    samples, places = [], {}
    for dataset, record, place in sources:
        indices, labels = load_labels(place, record, len(settings.classes))
        place_of = split.places_of(record["names"], record["contiguous"])
        with StackReader(record.file("slices.tif")) as reader:
            for index, mask in zip(indices, labels, strict=True):
                name, image = record["names"][index], reader.read(index, index + 1)[0]
                samples.append(Sample(dataset, name, image, mask))
        places[dataset] = {record["names"][i]: place_of[record["names"][i]] for i in indices}
    parts = split.split_parts(places, settings.split, settings.seed)
    by_part = {
        part: [s for s in samples if s.name in parts[s.dataset][part]] for part in split.PARTS
    }
    say(", ".join(f"{len(by_part[part])} {part.replace('_', ' ')}" for part in split.PARTS))
    return by_part, parts


def _baselines(samples: dict[str, list[Sample]], names: list[str]) -> dict:
    """Return ``leak`` and ``baseline`` of the record; both are null without a test part."""
    taught, tests = samples["train"], samples["test"]
    values = baselines.fit_thresholds(
        [s.image for s in taught], [s.labels for s in taught], len(names)
    )
    thresholds = {"sigma_px": baselines.SIGMA_PX, "values": values}
    if not tests:
        say("leak check: no test part, nothing to compare")
        return {
            "leak": {"nearest_correlation": None},
            "baseline": {"copy_nearest": None, "thresholds": thresholds},
        }
    near = baselines.nearest([s.image for s in tests], [s.image for s in taught])
    worst = max(correlation for _, correlation in near)
    say(f"leak check: nearest training image correlates with a test image by {worst:.3f} at most")
    if worst > _LEAK:
        say(
            f"leak check: more than {_LEAK} means that test slices were nearly seen in training; "
            "widen train.split.gap or split by name"
        )
    copied = [
        baselines.resized_mask(taught[j].labels, s.labels.shape)
        for s, (j, _) in zip(tests, near, strict=True)
    ]
    cut = [baselines.apply_thresholds(s.image, values) for s in tests]
    truths = [s.labels for s in tests]
    return {
        "leak": {
            "nearest_correlation": worst,
            "mean_correlation": float(np.mean([correlation for _, correlation in near])),
            "nearest": {
                f"{s.dataset}/{s.name}": {
                    "image": f"{taught[j].dataset}/{taught[j].name}",
                    "correlation": correlation,
                }
                for s, (j, correlation) in zip(tests, near, strict=True)
            },
        },
        "baseline": {
            "copy_nearest": baselines.mean_dsc(truths, copied, names),
            "thresholds": {**thresholds, **baselines.mean_dsc(truths, cut, names)},
        },
    }


def _learn(net, predict, samples, settings) -> tuple[int, list[dict]]:
    """Train `net` in place, watched through `predict`; return steps done and curves."""
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    taught = samples["train"]
    data = augment.batches(
        [s.image for s in taught],
        [s.labels for s in taught],
        settings.augment,
        window=_window(taught, settings),
        batch_size=settings.batch_size,
        steps=settings.steps,
        seed=settings.seed,
        threads=settings.threads,
    )

    @tf.function
    def improve(images, labels):
        with tf.GradientTape() as tape:
            loss = losses.segmentation_loss(labels, net(images, training=True), settings.loss)
        variables = net.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    optimizer.build(net.trainable_variables)
    rows, recent = [], []
    deadline = time.monotonic() + 60 * (settings.max_minutes or math.inf)
    for step, (images, labels) in enumerate(progress(data, "train", settings.steps), start=1):
        rate = learning_rate(step - 1, settings)
        optimizer.learning_rate = rate
        recent.append(float(improve(images, labels)))
        if not math.isfinite(recent[-1]):
            raise UserError(
                f"train.learning_rate: the loss became infinite at step {step} with "
                f"{settings.learning_rate:g}; choose a smaller one"
            )
        late = time.monotonic() > deadline
        last = late or step == settings.steps
        watch = samples["validate"] and (last or step % settings.validate_every == 0)
        if last or watch or step % _STEPS_PER_ROW == 0:
            row = {"step": step, "learning_rate": rate, "loss": float(np.mean(recent))}
            found = _score(predict, samples["validate"], settings) if watch else {}
            for phase in settings.classes:
                row[f"validation_dsc_{phase.name}"] = found.get(phase.name, {}).get("dsc")
            rows.append(row)
            recent = []
        if late and step < settings.steps:
            say(f"train: stopped after step {step}, when max_minutes was over")
            break
    return step, rows


def _window(taught: list[Sample], settings) -> tuple[int, int]:
    """Return the shape of the training window: whole slices, but at most ``patch_px``."""
    multiple = unet.downsampling(settings.network.levels)
    largest = np.max([s.image.shape for s in taught], axis=0)
    rows, columns = (-(-min(int(n), settings.patch_px) // multiple) * multiple for n in largest)
    return rows, columns


def _score(predict, samples: list[Sample], settings) -> dict[str, dict]:
    """Return the mean DSC of each class over whole slices, one view each."""
    found = [
        blend.probabilities(
            predict, s.image[None], multiple=unet.downsampling(settings.network.levels)
        )[0].argmax(axis=-1)
        for s in samples
    ]
    names = [phase.name for phase in settings.classes]
    return baselines.mean_dsc([s.labels for s in samples], found, names)


def _common_pixel_size(sources: list[tuple[str, Record, object]]) -> float:
    """Return the mean pixel size in nm; refuse datasets that differ by more than 5 %."""
    sizes = {name: float(record["pixel_size_nm"]) for name, record, _ in sources}
    small, large = min(sizes, key=sizes.get), max(sizes, key=sizes.get)
    if sizes[large] > sizes[small] * (1 + _PIXEL_SIZE_TOLERANCE):
        raise UserError(
            f"{large}: pixel_size_nm is {sizes[large]:g}, but {sizes[small]:g} in '{small}'; "
            "a model learns one pixel size (5 % apart at most): bin the finer one, or train two"
        )
    return float(np.mean(list(sizes.values())))


def _inputs(sources) -> dict:
    inputs = {}
    for name, record, place in sources:
        inputs[f"{name}/slices"] = record
        if str(place) != TRUTH:
            inputs[f"{name}/labels"] = Path(place)
    return inputs


def _write_curves(rows: list[dict], path) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.6g}" if v is not None else "" for k, v in row.items()})


def _draw_curves(rows: list[dict], classes, path) -> None:
    watched = [row for row in rows if any(row[f"validation_dsc_{c.name}"] for c in classes)]
    figure, axes = figures.new_figure(1, 2 if watched else 1, (8, 3.5), squeeze=False)
    axes[0, 0].plot([r["step"] for r in rows], [r["loss"] for r in rows], color=figures.AFTER)
    axes[0, 0].set(xlabel="step", ylabel="training loss", ylim=(0, None))
    if watched:
        for phase in classes:
            dsc = [row[f"validation_dsc_{phase.name}"] for row in watched]
            dsc = [np.nan if value is None else value for value in dsc]
            axes[0, 1].plot(
                [row["step"] for row in watched],
                dsc,
                "o-",
                clip_on=False,
                color=phase.colour,
                label=phase.title,
            )
        axes[0, 1].set(xlabel="step", ylabel="DSC, validation part", ylim=(0, 1))
        axes[0, 1].legend(frameon=False, loc="lower right")
    figures.save(figure, path)


def _figure(value: float | None) -> str:
    return "none there" if value is None else f"{value:.3f}"
