"""Stage `train`: a U-Net learns from annotated slices, of one dataset or several.

The number of steps, never the clock, decides the length; equal seeds give equal weights, and
a killed training goes on from its checkpoint to the same weights. Beside the network stand
its scores on slices it never saw, and what two baselines score on the same slices.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np

from catomo.labels import baselines
from catomo.labels.files import TRUTH
from catomo.labels.tie import mark_of
from catomo.network import blend, model_file, unet
from catomo.network.checkpoints import Checkpoint, key_of
from catomo.network.temperature import fit_temperature
from catomo.network.tiling import Tiling
from catomo.progress import progress, say
from catomo.record import code
from catomo.record.hashes import sha256_of
from catomo.record.record import committing, read_record
from catomo.train import figures as curves
from catomo.train import losses
from catomo.train.learning import Learner, learning_rate
from catomo.train.samples import (
    Sample,
    class_fractions,
    common_pixel_size,
    read_samples,
    training_batches,
)

_STEPS_PER_ROW = 10
_SLICES_FOR_TEMPERATURE = 8
_LEAK = 0.97  # neighbouring slices of a tomogram correlate by more than this
_NO_MATTER = {"checkpoint_every", "max_minutes", "init_from"}  # for what a step does


def train(data, output, settings, init_from=None) -> None:
    """Train a network and test it.

    Parameters
    ----------
    data : list of (str, path, path or "truth")
        For each dataset: its name, the folder of its stage `slices`, its labels.
    output : path
        Folder to write: ``model.keras``, ``curves.csv``, ``curves.png``, ``training.json``.
    settings : catomo.train.settings.Train
    init_from : path, optional
        Model to start from, instead of the one that the settings name.

    Raises
    ------
    UserError
        If labels do not fit the slices, nothing is left to train on, the pixel sizes of the
        datasets differ by more than 5 %, or the model to start from is of another kind.
    """
    sources = [(name, read_record(folder, "slices"), place) for name, folder, place in data]
    names = [phase.name for phase in settings.classes]
    pixel_size_nm = common_pixel_size({name: r["pixel_size_nm"] for name, r, _ in sources})
    samples, parts = read_samples(sources, settings)
    inputs = _inputs(sources)
    start, known = None, set()
    if place := init_from or settings.init_from:
        start, inputs["init_from"] = model_file.locate(place)
        known.update(model_file.read_about(start).get("taught", []))
        samples = _unseen(samples, parts, known)
    with committing(output, "train", settings, inputs) as out:
        check = _baselines(samples, names)
        unet.start(settings.threads, settings.seed)
        precision = unet.resolved_precision(settings.precision)
        about = {
            "classes": names,
            "pixel_size_nm": pixel_size_nm,
            "input": {"scale": 1 / 255, "dtype": "uint8"},
            "network": settings.network.model_dump(),
            "downsampling": unet.downsampling(settings.network.levels),
            "preset": settings.preset,
            "draft": _is_draft(sources, samples["train"], start),
            "taught": sorted(known.union(mark_of(s.image) for s in samples["train"])),
        }
        if about["draft"]:
            say("train: learns from phantoms alone; for a real specimen the model is a draft")
        net = unet.build(len(names), **about["network"], precision=precision)
        if start:
            model_file.fill(net, start, about)
        predict = unet.runner(net)
        fractions = class_fractions(samples["train"], len(names))
        weights = losses.class_weights(settings.loss, fractions)
        checkpoint = Checkpoint(
            out.folder / ".train.checkpoint", _key(samples, settings, precision, start)
        )
        steps, rows = _learn(
            Learner(net, settings, weights), predict, samples, settings, checkpoint
        )
        found = _judged(predict, samples, settings)
        about["temperature"] = found["temperature"]
        for name, score in found["test"].items():
            say(f"test DSC {name}: {_figure(score['dsc'])} (n = {score['n']})")
        curves.write(rows, out.path("curves.csv"))
        curves.draw(rows, settings.classes, out.path("curves.png"))
        model_file.save(net, out.path("model.keras"), about)
        out.record.update(
            {
                "preset": settings.preset,
                "changed_from_preset": settings.changed_from_preset(),
                "draft": about["draft"],
                "seed": settings.seed,
                "steps": steps,
                "reproducible": steps == settings.steps,
                "precision": precision,
                "parameters": net.count_params(),
                "classes": names,
                "class_fractions": dict(zip(names, fractions, strict=True)),
                "class_weights": dict(zip(names, weights, strict=True)),
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
                **found,
                "weights_sha256": model_file.weights_sha256(net),
            }
        )
    checkpoint.remove()


def _unseen(samples: dict[str, list[Sample]], parts: dict, known: set[str]) -> dict:
    """Return the samples without those that watch or test but taught the model to start from.

    They are moved to the names left out of `parts`, in place.
    """
    kept = dict(samples)
    for part in ("validate", "test"):
        kept[part] = [s for s in samples[part] if mark_of(s.image) not in known]
        for s in samples[part]:
            if mark_of(s.image) in known:
                parts[s.dataset][part].remove(s.name)
                parts[s.dataset]["left_out"].append(s.name)
                say(f"{s.dataset}/{s.name}: taught the model to start from, so it cannot {part}")
    return kept


def _learn(learner, predict, samples, settings, checkpoint) -> tuple[int, list[dict]]:
    """Train in place, watched through `predict`; return steps done and curves."""
    rows, recent = [], []
    if kept := checkpoint.load():
        state, notes = kept
        learner.restore(state, notes["step"])
        rows, recent = notes["rows"], notes["recent"]
        say(f"train: goes on after step {learner.step}, where it was ended")
    data = training_batches(samples["train"], settings, first=learner.step)
    deadline = time.monotonic() + 60 * (settings.max_minutes or math.inf)
    for images, labels in progress(data, "train", settings.steps - learner.step):
        recent.append(learner.improve(images, labels))
        step = learner.step
        late = time.monotonic() > deadline
        last = late or step == settings.steps
        watch = samples["validate"] and (last or step % settings.validate_every == 0)
        if last or watch or step % _STEPS_PER_ROW == 0:
            found = _score(predict, samples["validate"], settings) if watch else {}
            rate = learning_rate(step - 1, settings)
            row = {"step": step, "learning_rate": rate, "loss": float(np.mean(recent))}
            for phase in settings.classes:
                row[f"validation_dsc_{phase.name}"] = found.get(phase.name, {}).get("dsc")
            rows.append(row)
            recent = []
        if last or step % settings.checkpoint_every == 0:
            checkpoint.save(learner.state(), {"step": step, "rows": rows, "recent": recent})
        if late and step < settings.steps:
            say(f"train: stopped after step {step}, when max_minutes was over")
            break
    return learner.step, rows


def _key(samples, settings, precision: str, start: Path | None) -> str:
    """Return the hash of all that decides the weights, for the checkpoint."""
    facts = {
        "settings": settings.model_dump(mode="json", exclude=_NO_MATTER),
        "code": code.code_of("train"),
        "versions": code.versions_of("train"),
        "precision": precision,
        "init_from": start and sha256_of(start),
    }
    seen = [*samples["train"], *samples["validate"]]
    return key_of(facts, [array for s in seen for array in (s.image, s.labels)])


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


def _judged(predict, samples, settings) -> dict:
    """Return scores and temperature as `predict` works: mean of 4 flips, likeliest class.

    Without a validation part the temperature is fitted on training slices.
    """
    tests = samples["test"]
    datasets = list(dict.fromkeys(s.dataset for part in samples.values() for s in part))
    part = "validate" if samples["validate"] else "train"
    few = samples[part][:: -(-len(samples[part]) // _SLICES_FOR_TEMPERATURE)]
    pairs = ((_probabilities(predict, s, settings, "flips"), s.labels) for s in few)
    return {
        "validate": _score(predict, samples["validate"], settings, "flips"),
        "test": _score(predict, tests, settings, "flips"),
        "test_by_dataset": {
            name: _score(predict, [s for s in tests if s.dataset == name], settings, "flips")
            for name in (datasets if len(datasets) > 1 else [])
        },
        "temperature": fit_temperature(pairs),
        "temperature_from": part,
    }


def _score(predict, samples: list[Sample], settings, average: str = "none") -> dict[str, dict]:
    """Return the mean DSC of each class over whole slices; `average` as in `blend`."""
    found = [_probabilities(predict, s, settings, average).argmax(axis=-1) for s in samples]
    names = [phase.name for phase in settings.classes]
    return baselines.mean_dsc([s.labels for s in samples], found, names)


def _probabilities(predict, sample: Sample, settings, average: str) -> np.ndarray:
    """Return probabilities as the stage `predict` finds them by default: large slices in tiles."""
    usual, tiles = Tiling(), {}
    if sample.image.size > usual.whole_slice_max_px:
        tiles = {"tile": usual.tile_px, "overlap": usual.overlap_px, "window": usual.window}
    multiple = unet.downsampling(settings.network.levels)
    image = sample.image[None]
    return blend.probabilities(predict, image, multiple=multiple, average=average, **tiles)[0]


def _is_draft(sources, taught: list[Sample], start: Path | None) -> bool:
    """Return whether nothing but phantoms was learnt from, by the model to start from either."""
    real = {name for name, _, place in sources if str(place) != TRUTH}
    if any(sample.dataset in real for sample in taught):
        return False
    return start is None or model_file.read_about(start).get("draft", False)


def _inputs(sources) -> dict:
    inputs = {}
    for name, record, place in sources:
        inputs[f"{name}/slices"] = record
        if str(place) != TRUTH:
            inputs[f"{name}/labels"] = Path(place)
    return inputs


def _figure(value: float | None) -> str:
    return "none there" if value is None else f"{value:.3f}"
