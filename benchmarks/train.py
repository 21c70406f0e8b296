"""How well, how fast and from how few labels the network learns the authors' own patches.

    PYTHONPATH=workflow CATOMO_GENC2022=FOLDER python benchmarks/train.py [--quick]
        [--only WORD ...] [--output runs.jsonl] [--json FILE]

The comparison is cut into cells, each run in a process of its own. A cell appends one line of
JSON to the output, and a cell found there is not run again: long sweeps can be done piecewise.
`--only` takes the cells whose name holds all the words; `--cell NAME` runs any name, also one
that is not in the list. At the end the table of all lines is printed as Markdown, and written with
`--json` as figures by fixed keys (`train_table.py` says which).

Names are RECIPE/SPLIT/seedN, then any of /patchesN (so many training patches, spread evenly;
/patchesN.K begins at the Kth), /key=value (a setting of `train`, blocks with dots) and
/start=FILE (a model to begin with):

- recipes: `compact` and `paper` are the presets. `published` is the paper's recipe rebuilt from
  its text: the preset `paper` with the transformations of Keras' ImageDataGenerator (rotation
  45°, shifts and zoom 10 %, shear 0.1°, flips, reflection), applied to the mask as to the image,
  that is bilinearly and cut to integers. It was also published with float32 and 32 filters;
  `/precision=bfloat16/network.base_filters=16` makes it affordable, and must be told.
- splits: `blocked` tests on set 2, slices 10-14 (9 left out, 35 patches teach); `choice` tests
  on set 1, slices 8-9, and set 2, slices 6-8, and never sees the test slices of `blocked`, so
  all choices of settings belong there; `set1`, `set2` test on a whole set (set 1, slices 2-4,
  repeat set 2 and are left out); `fold1` … `fold5`; `random` is the paper's way and leaks.
- `baselines/SPLIT` scores what needs no network: two thresholds after a blur, and the mask of the
  most similar training image.
- `speed/PRECISION/FILTERS` times a training step, a forward pass and the augmentation of one
  image of 512 × 512, seconds per image.
- `ceiling/SPLIT` scores the annotation against itself with contours moved by half a pixel at
  random: what a perfect network would reach if people draw that well.

CPU-minutes are of the training alone, all threads added up; scores are of one view (no flips)
unless said otherwise, the last weights, nothing chosen.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

import train_table
from catomo.record.code import versions_of
from train_bounds import baselines_of, ceiling_of, clocks, dsc_of_each
from train_published import published_batches

SPLITS = {
    "blocked": {"test": ["set2_slice1[0-4]_*"], "leave_out": ["set2_slice09_*"]},
    "choice": {
        "test": ["set2_slice0[678]_*", "set1_slice0[89]_*"],
        "leave_out": ["set2_slice09_*", "set2_slice1[0-4]_*"],
    },
    "set1": {"test": ["set1_slice0[015-9]_*", "set1_slice1*"], "leave_out": ["set1_slice0[2-4]_*"]},
    "set2": {"test": ["set2_*"], "leave_out": ["set1_slice0[2-4]_*"]},
}
CHOICES = [
    "",
    "/batch_size=2/steps=1000/warmup_steps=40/learning_rate=0.0007",
    "/patch_px=384/steps=3500",
    "/learning_rate=0.00025",
    "/learning_rate=0.001",
    "/clip_norm=0",
    "/loss.dice_weight=0",
    "/loss.class_weights=density",
    "/steps=1000",
]
CELLS = [
    *(f"compact/choice/seed1{change}" for change in CHOICES),
    "ceiling/blocked",
    "baselines/blocked",
    *(f"compact/blocked/seed{n}" for n in (1, 2, 3)),
    "published/blocked/seed1/precision=bfloat16/network.base_filters=16",
    "paper/blocked/seed1/precision=bfloat16/network.base_filters=16",
    *(f"compact/{split}/seed1" for split in ("set1", "set2", "random")),
    *(f"compact/fold{n}/seed1" for n in range(1, 6)),
    *(
        f"compact/blocked/seed1/patches{count}.{first}/steps=1000"
        for count in (2, 5, 10, 20, 35)
        for first in ((1, 2, 3) if count < 35 else (1,))
    ),
    *(f"speed/{kind}/{width}" for kind in ("float32", "bfloat16") for width in (8, 16, 32)),
]
_SMALL = "steps=4/warmup_steps=1/patch_px=64/network.base_filters=4/network.levels=4"
QUICK = [
    "ceiling/blocked",
    "baselines/blocked",
    *(f"{recipe}/blocked/seed1/{_SMALL}" for recipe in ("compact", "paper", "published")),
    f"compact/blocked/seed1/patches2.1/{_SMALL}",
    "speed/float32/4",
]
_LOOKS = 8  # how often a training is scored on its way
_BATCHES = 20  # augmented for one measurement of time: a single one is too quick


def main() -> None:
    options = _options()
    cells = options.cell or (QUICK if options.quick else CELLS)
    cells = [name for name in cells if all(word in name for word in options.only)]
    if options.here:
        print(json.dumps(_run(options.here, options.data)))
        return
    lines = options.output.read_text().splitlines() if options.output.is_file() else []
    done = {line["cell"]: line for line in map(json.loads, lines)}
    for name in cells:
        if name not in done:
            print(name, file=sys.stderr, flush=True)
            call = [sys.executable, __file__, "--here", name, "--data", options.data]
            run = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
            done[name] = json.loads(run.stdout.splitlines()[-1])
            with open(options.output, "a") as file:
                file.write(json.dumps(done[name]) + "\n")
    lines = [done[name] for name in cells]
    print("Device:", ", ".join(sorted({line.get("device", "CPU") for line in lines})))
    print(train_table.table(lines))
    if options.json:
        options.json.write_text(json.dumps(train_table.figures(lines), indent=1) + "\n")


def _options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=os.environ.get("CATOMO_GENC2022", ""))
    parser.add_argument("--output", type=Path, default=Path("train.jsonl"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD")
    parser.add_argument("--cell", action="append", metavar="NAME", help="run this; repeatable")
    parser.add_argument("--here", metavar="NAME", help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(name: str, data: str) -> dict:
    """Run one cell in this process and return its line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kind, *rest = name.split("/")
    if kind == "speed":
        result = _speed(rest[0], int(rest[1]))
    elif kind == "ceiling":
        result = ceiling_of(*_parts(data, _settings("compact", rest[0], {}))[1:])
    elif kind == "baselines":
        result = {"sides": baselines_of(*_parts(data, _settings("compact", rest[0], {})))}
    else:
        result = _training(name, data)
    result["peak_memory_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    from catomo.network import unet

    return {"cell": name, "device": unet.device_name(), **result, "versions": versions_of("train")}


def _settings(recipe: str, split: str, changes: dict):
    """Return the settings `train` of a cell."""
    from catomo.train.settings import Train

    if split in SPLITS:
        parting = {"method": "names", **SPLITS[split]}
    elif split == "random":
        parting = {"method": "random_patches", "test_fraction": 0.2}
    else:
        parting = {"method": "folds", "fold": int(split.removeprefix("fold")), "gap": 1}
    preset = "paper" if recipe == "published" else recipe
    return Train.model_validate({"preset": preset, "split": parting, **changes})


def _changes(words: list[str]) -> dict:
    """Return settings from words such as ``loss.dice_weight=1``."""
    found: dict = {}
    for word in words:
        dotted, _, text = word.partition("=")
        *blocks, last = dotted.split(".")
        place = found
        for block in blocks:
            place = place.setdefault(block, {})
        try:
            place[last] = json.loads(text)
        except ValueError:
            place[last] = text
    return found


def _parts(data: str, settings) -> tuple[list, list]:
    """Return the training and the test samples."""
    import tifffile

    from catomo.train import split
    from catomo.train.samples import Sample, without_black_border

    files = sorted(Path(data, "images").glob("*.tif"))
    if not files:
        sys.exit("CATOMO_GENC2022 (or --data) must name the folder of the genc2022 patches")
    places = split.places_of([file.stem for file in files], contiguous=False)
    parts = split.split_parts({"genc2022": places}, settings.split, settings.seed)["genc2022"]

    def sample(name):
        image, labels = (
            tifffile.imread(Path(data, d, f"{name}.tif")) for d in ("images", "labels")
        )
        return Sample("genc2022", name, image, labels)

    taught = [without_black_border(sample(name)) for name in parts["train"]]
    return taught, [sample(name) for name in parts["test"]]


def _training(name: str, data: str) -> dict:
    """Train as the name says; score the test part on the way and at the end."""
    from catomo.labels import baselines
    from catomo.network import unet
    from catomo.network.model_file import Model
    from catomo.train import losses
    from catomo.train.learning import Learner
    from catomo.train.samples import class_fractions, training_batches
    from catomo.train.scores import Scorer
    from catomo.train.training import new_net

    name, _, start = name.partition("/start=")
    recipe, split, seed, *more = name.split("/")
    changes = _changes([word for word in more if "=" in word])
    changes["seed"] = int(seed.removeprefix("seed"))
    settings = _settings(recipe, split, changes)
    taught, tests = _parts(data, settings)
    for word in more:
        if word.startswith("patches"):
            taught = _spread(taught, *map(int, f"{word[7:]}.1".split(".")[:2]))
    unet.start(settings.threads, settings.seed)
    precision = unet.resolved_precision(settings.precision)
    net = new_net(settings, precision)
    if start:
        net.set_weights(Model.load(start, "float32").net.get_weights())
    weights = losses.class_weights(settings.loss, class_fractions(taught, 3))
    learner = Learner(net, settings, weights)
    scorer = Scorer.of(unet.forward_of(net), settings)
    images, labels = [s.image for s in taught], [s.labels for s in taught]
    if recipe == "published":
        batches = published_batches(images, labels, settings)
    else:
        batches = training_batches(taught, settings)
    looks = {round(settings.steps * (k + 1) / _LOOKS) for k in range(_LOOKS)}
    course, spent = [], np.zeros(2)
    begun = clocks()
    for batch in batches:
        learner.improve(*batch)
        if learner.step in looks:
            spent += clocks() - begun
            scores = _scores(scorer.quick(), tests)
            means = {c: float(np.nanmean(v)) for c, v in scores.items()}
            course.append(
                {"step": learner.step, "cpu_min": spent[0], "wall_min": spent[1], **means}
            )
            begun = clocks()
    values = baselines.fit_thresholds(images, labels, 3)
    cut = [baselines.apply_thresholds(s.image, values) for s in tests]
    return {
        "patches": len(taught),
        "precision": precision,
        "steps": learner.step,
        "cpu_min": spent[0],
        "wall_min": spent[1],
        "course": course,
        "dsc": _scores(scorer.quick(), tests),
        "dsc_flips": _scores(scorer, tests),
        "dsc_thresholds": dsc_of_each([s.labels for s in tests], cut),
    }


def _spread(taught: list, count: int, first: int) -> list:
    """Return `count` of the training patches at equal distances, beginning at the `first`."""
    numbers = (np.arange(count) * len(taught) / count + first - 1).astype(int) % len(taught)
    return [taught[n] for n in sorted(set(numbers.tolist()))]


def _scores(scorer, tests) -> dict[str, list]:
    found = [scorer.probabilities(s.image).argmax(axis=-1) for s in tests]
    return dsc_of_each([s.labels for s in tests], found)


def _speed(precision: str, filters: int, images: int = 2, repeats: int = 4) -> dict:
    """Return the seconds per image of a training step, a forward pass and the augmentation."""
    from catomo.network import unet
    from catomo.train import augment
    from catomo.train.learning import Learner
    from catomo.train.settings import Train
    from catomo.train.training import new_net

    settings = Train.model_validate(
        {"network": {"base_filters": filters}, "batch_size": images, "steps": _BATCHES, "seed": 0}
    )
    unet.start(settings.threads)
    net = new_net(settings, precision)
    learner, forward = Learner(net, settings, settings.loss.class_weights), unet.forward_of(net)
    rng = np.random.default_rng(0)
    greys = rng.integers(0, 256, (images, 512, 512), np.uint8)
    labels = rng.integers(0, 3, greys.shape, np.uint8)
    changed = augment.batches(list(greys), list(labels), settings, greys.shape[1:])

    def learn() -> None:
        learner.improve(grey, labels)
        learner.losses()  # waits for a GPU

    grey = greys[..., None].astype(np.float32) / 255
    times = {}
    for word, batches, action in (
        ("train", 1, learn),
        ("forward", 1, lambda: forward(greys).numpy()),
        ("augment", _BATCHES, lambda: list(changed)),
    ):
        action()  # traces the graph
        laps = []
        for _ in range(repeats):
            begun = clocks()
            action()
            laps.append((clocks() - begun) * 60 / images / batches)
        cpu, wall = np.median(laps, axis=0)
        times |= {f"{word}_cpu_s": cpu, f"{word}_wall_s": wall}
    return times | {"parameters": net.count_params()}


if __name__ == "__main__":
    main()
