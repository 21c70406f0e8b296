"""Stage `train`: a U-Net learns from annotated slices, of one dataset or several.

The number of steps, never the clock, decides the length. Equal seeds give equal weights, and
a killed training goes on from its checkpoint to the same weights. The record holds the scores
on slices that were not used for training, and what two baselines score on the same slices.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from catomo.labels.tie import mark_of
from catomo.network import model_file, unet
from catomo.network.checkpoints import Checkpoint, key_of
from catomo.network.fit import common_pixel_size
from catomo.network.matching import Match
from catomo.network.model_file import Model
from catomo.network.model_info import ModelInfo
from catomo.progress import say
from catomo.record import code
from catomo.record.classes import check_classes
from catomo.record.hashes import sha256_of
from catomo.record.record import Record, committing, read_record
from catomo.train import figures
from catomo.train.samples import Parts, Sample, Source, read_samples, to_common_levels
from catomo.train.scorable import PartNames
from catomo.train.scores import compare_with_baselines
from catomo.train.settings import Train
from catomo.train.training import Fit, describe, fit, new_net

# Settings that do not change what a step computes; of `init_from` the file's hash counts.
_WITHOUT_EFFECT = {"checkpoint_every", "max_minutes", "init_from"}


def train(
    data: Iterable[tuple[str, Path | str, Path | str]],
    output: Path | str,
    settings: Train,
    init_from: Path | str | None = None,
) -> None:
    """Train a network and test it.

    Parameters
    ----------
    data : list of (str, path, path or "truth")
        Name, folder of the stage `slices` and labels of each dataset, in any order.
    output : path
        Folder to write: ``model.keras``, ``curves.csv``, ``curves.png``, ``training.json``.
    settings : catomo.train.settings.Train
    init_from : path, optional
        Model to start from, instead of the one that the settings name.

    Raises
    ------
    UserError
        If labels do not fit, a class has no pixel, nothing is left to train on, the pixel sizes of
        the datasets differ by more than 5 %, or the model to start from is of another kind.

    See Also
    --------
    catomo.train.training.train_unet : The same training on arrays.
    """
    sources = _sources(data, settings)
    pixel_size_nm = common_pixel_size({s.dataset: s.slices["pixel_size_nm"] for s in sources})
    place = init_from or settings.init_from
    samples, parts = read_samples(sources, settings, starts_from_model=bool(place))
    start, before, inputs = None, None, _inputs(sources)
    if place:
        start, inputs["init_from"] = model_file.locate(place)
        before = model_file.read_info(start)
        samples = _without_taught(samples, parts, set(before.taught))
    taught, scored = _marks(samples, before)
    samples, levels, matches = to_common_levels(samples, sources, before)
    with committing(output, "train", settings, inputs) as out:
        comparison = compare_with_baselines(samples, [phase.name for phase in settings.classes])
        unet.start(settings.threads, settings.seed)
        precision = unet.resolved_precision(settings.precision)
        if draft := _is_draft(sources, samples["train"], before):
            say("train: trains on phantoms alone; for a real specimen the model is a draft")
        info = describe(settings, pixel_size_nm, taught, draft)
        info = replace(info, levels=levels, missing_wedge_deg=_wedge(sources, samples, before))
        model = Model(new_net(settings, precision), info)
        if start:
            model_file.copy_weights(start, model)
        key = _key(samples, settings, precision, start)
        checkpoint = Checkpoint(out.folder / ".train.checkpoint", key)
        fitted = fit(model, samples, settings, checkpoint)
        _say_scores(fitted.scores["test"])
        figures.write(fitted.rows, out.path("curves.csv"))
        figures.draw(fitted.rows, settings.classes, out.path("curves.png"))
        _with_marks(fitted.model, scored).save(out.path("model.keras"))
        facts = _facts(fitted, settings, sources, matches) | {"precision": precision}
        out.record.update(facts | {"split": parts, **comparison, **fitted.scores})
    checkpoint.remove()


def _sources(data: Iterable[tuple[str, Path | str, Path | str]], settings: Train) -> list[Source]:
    """Return the datasets by name, whose classes must be those that are trained.

    The order of a table's rows must not change weights.
    """
    sources = [Source(name, read_record(place, "slices"), labels) for name, place, labels in data]
    names = [phase.name for phase in settings.classes]
    for source in sources:
        check_classes(source.slices, names, "train the classes for which slices were exported")
    return sorted(sources, key=lambda source: source.dataset)


def _wedge(sources: list[Source], samples: Parts, before: ModelInfo | None) -> float | None:
    """Return the widest missing wedge of what teaches the model, None if one is not known."""
    teachers = {sample.dataset for sample in samples["train"]}
    wedges = [s.slices.get("missing_wedge_deg") for s in sources if s.dataset in teachers]
    wedges += [before.missing_wedge_deg] if before else []
    known = [wedge for wedge in wedges if wedge is not None]
    return max(known) if len(known) == len(wedges) else None


def _marks(samples: Parts, before: ModelInfo | None) -> tuple[list[str], list[str]]:
    """Return the marks of all slices that teach the model and the one that it starts from.

    And of those that tell how its errors hang together.
    """
    taught = [mark_of(s.image) for s in samples["train"]] + (before.taught if before else [])
    return taught, [mark_of(s.image) for s in samples["test"] or samples["validate"]]


def _with_marks(model: Model, scored: list[str]) -> Model:
    """Return a model that says which slices told how its errors hang together."""
    errors = model.info.errors
    if errors is None:
        return model
    errors = replace(errors, marks=sorted(set(scored)))
    return replace(model, info=replace(model.info, errors=errors))


def _facts(
    fitted: Fit, settings: Train, sources: list[Source], matches: dict[str, Match]
) -> dict[str, Any]:
    """Return what the record says of the model, its training and its data."""
    net, info = fitted.model.net, fitted.model.info
    return {
        "preset": settings.preset,
        "changed_from_preset": settings.changed_from_preset(),
        "draft": info.draft,
        "seed": settings.seed,
        "device": unet.device(),
        "cpu": unet.cpu_class(),
        "steps": fitted.steps,
        "reproducible": fitted.steps == settings.steps,
        "parameters": net.count_params(),
        "classes": info.classes,
        "class_fractions": dict(zip(info.classes, fitted.fractions, strict=True)),
        "class_weights": dict(zip(info.classes, fitted.weights, strict=True)),
        "pixel_size_nm": info.pixel_size_nm,
        "levels": info.levels and info.levels.record(),
        "missing_wedge_deg": info.missing_wedge_deg,
        "data": {
            source.dataset: {
                "slices_sha256": source.slices["files"]["slices.tif"]["sha256"],
                "pixel_size_nm": source.slices["pixel_size_nm"],
                "levels": matches[source.dataset].record(),
            }
            for source in sources
        },
        "weights_sha256": model_file.weights_sha256(net),
    }


def _say_scores(scores: dict[str, dict[str, Any]]) -> None:
    for name, score in scores.items():
        dsc = "none there" if score["dsc"] is None else f"{score['dsc']:.3f}"
        say(f"test DSC {name}: {dsc} (n = {score['n']})")


def _without_taught(samples: Parts, parts: PartNames, taught: set[str]) -> Parts:
    """Return the samples without those for validation or testing that taught the first model.

    Their names are moved to those left out in `parts`, in place.
    """
    kept = dict(samples)
    for part in ("validate", "test"):
        kept[part] = [s for s in samples[part] if mark_of(s.image) not in taught]
        for s in samples[part]:
            if mark_of(s.image) in taught:
                parts[s.dataset][part].remove(s.name)
                parts[s.dataset]["left_out"].append(s.name)
                say(f"{s.dataset}/{s.name}: taught the model to start from, so it cannot {part}")
    return kept


def _key(samples: Parts, settings: Train, precision: str, start: Path | None) -> str:
    """Return the hash of all that decides the weights, for the checkpoint."""
    facts = {
        "settings": settings.model_dump(mode="json", exclude=_WITHOUT_EFFECT),
        "code": code.code_of("train"),
        "versions": code.versions_of("train"),
        "precision": precision,
        "device": unet.device(),
        "init_from": start and sha256_of(start),
    }
    seen = [*samples["train"], *samples["validate"]]
    return key_of(facts, [array for s in seen for array in (s.image, s.labels)])


def _is_draft(sources: list[Source], taught: list[Sample], before: ModelInfo | None) -> bool:
    """Return whether phantoms alone taught the model, and the one it starts from, if any."""
    real = {source.dataset for source in sources if not source.is_phantom}
    if any(sample.dataset in real for sample in taught):
        return False
    return before is None or before.draft


def _inputs(sources: list[Source]) -> dict[str, Record | Path]:
    inputs: dict[str, Record | Path] = {}
    for source in sources:
        inputs[f"{source.dataset}/slices"] = source.slices
        if not source.is_phantom:
            inputs[f"{source.dataset}/labels"] = Path(source.labels)
    return inputs
