"""Do the slices that catomo suggests teach more than as many at equal distances?

    PYTHONPATH=workflow python benchmarks/suggest.py [--specimen FILE ...] [--seeds 1 2 3 4 5]
        [--count 10] [--work FOLDER] [--quick] [--json FILE]

Every seed is a specimen of its own, led through the stages 01 to 04 with their default settings.
Then a small network (5 levels, 8 filters) learns from the truth of ten slices, chosen by each
strategy in turn, for the same number of steps from the same random weights:

- `suggest`: what the stage `slices` suggests;
- `even`: the middles of ten equal parts of the stack, empty ends included;
- `specimen`: equal distances from the first slice with material to the last.

Scored are all slices that no strategy chose, their pixels together: Dice coefficient of alumina
and of Pt. The table gives the mean over the seeds and, for each strategy, how much `suggest` lies
above it, seed by seed, with the 95 % interval (Student's t). `--work` keeps the slices for the
next run; `--quick` shows in a minute that the script works.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from align import DEMO, quiet, simulated
from catomo.align.settings import Align
from catomo.align.stage import align
from catomo.evaluate.intervals import mean_ci
from catomo.files.store import read_pages
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stage import reconstruct
from catomo.record.record import read_record
from catomo.slices.settings import Slices
from catomo.slices.spread import material_per_slice, spread, suggest
from catomo.slices.stage import slices_of_reconstruction
from catomo.train.settings import Train

CLASSES = ("alumina", "pt")


def _even(slices, count: int) -> list[int]:
    return spread(np.ones(len(slices)), count)


def _specimen(slices, count: int) -> list[int]:
    filled = np.flatnonzero(material_per_slice(slices))
    return np.linspace(filled[0], filled[-1], count).round().astype(int).tolist()


STRATEGIES = {"suggest": suggest, "even": _even, "specimen": _specimen}


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = _options()
    figures = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        for specimen in options.specimen:
            scores: dict[str, list[dict]] = {name: [] for name in STRATEGIES}
            for seed in options.seeds:
                slices, truth = _stack(specimen, seed, work)
                for name, found in _scores(slices, truth, options).items():
                    scores[name].append(found)
                    print(specimen.stem, seed, name, found, flush=True)
            figures[specimen.stem.removesuffix("-256")] = _summary(scores)
    print(_table(figures))
    if options.json:
        asked = {name: getattr(options, name) for name in ("seeds", "count", "steps")}
        options.json.write_text(json.dumps({"conditions": asked, **figures}, indent=1) + "\n")


def _stack(specimen: Path, seed: int, work: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the slices of a phantom and their true labels, uint8 (y, z, x)."""
    series = simulated(specimen, seed, None, None, work)
    stages = Path(f"{series}-stages")
    out = stages / "04_slices"
    if not (out / "slices.json").is_file():
        with quiet():
            align(series, stages / "02_align", Align())
            reconstruct(stages / "02_align", stages / "03_reconstruct", Reconstruct(), series)
            slices_of_reconstruction(
                stages / "03_reconstruct", out, Slices(), specimen.stem, series
            )
    record = read_record(out, "slices")
    return read_pages(record.file("slices.tif")), read_pages(record.file("truth_labels.tif"))


def _scores(slices, truth, options) -> dict[str, dict]:
    """Return the slices each strategy chooses, and what the network learns from them."""
    chosen = {name: list(choose(slices, options.count)) for name, choose in STRATEGIES.items()}
    unseen = np.ones(len(slices), bool)
    unseen[[index for indices in chosen.values() for index in indices]] = False
    return {
        name: {"slices": [int(i) for i in indices]}
        | _learnt(slices[indices], truth[indices], slices[unseen], truth[unseen], options.steps)
        for name, indices in chosen.items()
    }


def _learnt(images, labels, unseen, truth, steps: int) -> dict[str, float]:
    """Train on some slices and return the DSC on the others, all pixels together."""
    from catomo.network import blend, unet
    from catomo.train.learning import Learner
    from catomo.train.samples import Sample, training_batches

    settings = Train.model_validate(
        {"steps": steps, "threads": 1, "network": {"levels": 5, "base_filters": 8}}
    )
    unet.start(settings.threads, settings.seed)
    precision = unet.resolved_precision(settings.precision)
    net = unet.build(3, **settings.network.model_dump(), precision=precision)
    learner = Learner(net, settings, settings.loss.class_weights)
    taught = [Sample("", "", *pair) for pair in zip(images, labels, strict=True)]
    for batch in training_batches(taught, settings):
        learner.improve(*batch)
    predict, multiple = unet.runner(net), unet.downsampling(settings.network.levels)
    counts = np.zeros((3, 2), np.int64)  # of each class: in both, in either (twice the mean)
    for image, mask in zip(unseen, truth, strict=True):
        found = blend.probabilities(predict, image[None], multiple=multiple)[0].argmax(axis=-1)
        for value in range(3):
            is_found, is_true = found == value, mask == value
            counts[value] += 2 * np.sum(is_found & is_true), is_found.sum() + is_true.sum()
    return {name: float(counts[i, 0] / counts[i, 1]) for i, name in enumerate(CLASSES, start=1)}


def _summary(scores: dict[str, list[dict]]) -> dict:
    result = {}
    for name, seeds in scores.items():
        result[name] = {"seeds": seeds}
        for phase in CLASSES:
            each = np.array([s[phase] for s in seeds])
            ours = np.array([s[phase] for s in scores["suggest"]])
            gain = mean_ci(ours - each, "student")
            result[name][phase] = {
                "dsc": float(each.mean()),
                "suggest_above": float(gain["mean"]),
                "ci95": float(gain["ci95"]),
            }
    return result


def _table(figures: dict) -> str:
    rows = ["| specimen | slices | alumina | `suggest` above | Pt | `suggest` above |"]
    rows.append("| --- | --- |" + " ---: |" * 4)
    for specimen, sides in figures.items():
        for name, side in sides.items():
            cells = []
            for phase in CLASSES:
                value = side[phase]
                gain = f"{value['suggest_above']:+.4f} ± {value['ci95']:.4f}"
                cells += [f"{value['dsc']:.4f}", "" if name == "suggest" else gain]
            rows.append(f"| {specimen} | {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--specimen", type=Path, nargs="+", default=[DEMO])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--count", type=int, default=10, help="slices to learn from")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--work", type=Path, help="folder for the slices")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--quick", action="store_true", help="two seeds, few steps")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.steps = options.seeds[:2], 20
    return options


if __name__ == "__main__":
    main()
