"""How many annotated slices does a model need, and what does it gain by beginning with another?

    PYTHONPATH=workflow python benchmarks/few_labels.py FOLDER
        [--genc2022 FOLDER] [--phantom 04_SLICES ...] [--start NAME=MODEL.keras ...]
        [--counts 0 1 2 3 5 10] [--draws 1 2] [--steps 200] [--svg FILE] [--quick]

For each data set, beginning (`scratch` are random weights, others are given with `--start`) and
number of slices, the stage `train` learns from so many annotated slices, evenly spread over those
that may teach, and is scored on slices that taught nothing: DSC, mean over the test images. Each
draw takes other slices (the middle of each part, the first quarter, the last one) and another seed.
A single slice is the one nearest to there that shows all classes. All trainings have the same
settings: `compact`, but so many steps on windows of 256² px, or as many pixels of smaller slices.
With 0 slices the other model itself labels the test images: its draft.

- `genc2022`: the paper's patches, tested on the block of `train.py`'s split `blocked`.
- a phantom: the folder of its stage `slices`, with truth; tested on the middle fifth of the slices
  that show it, two more on either side are left out.

FOLDER/few_labels.csv gets a row after each training, and what is there is not done again. The table
and, with `--svg`, the figure show the means of its draws of so many steps.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from fnmatch import fnmatch
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from catomo.figures import AFTER, ALERT, INK, new_figure
from catomo.files.store import read_pages
from catomo.labels.baselines import mean_dsc
from catomo.network import model_file, unet
from catomo.network.levels import recorded_levels
from catomo.network.matching import match
from catomo.network.size import UNetSize
from catomo.predict.segmentation import segment
from catomo.record.record import read_record
from catomo.slices.settings import Slices
from catomo.slices.stage import slices_of_stack
from catomo.train.settings import Train
from catomo.train.stage import train
from train import SPLITS

CLASSES = ("alumina", "pt")
KEYS = ("data", "start", "slices", "steps", "draw")
COLUMNS = (*KEYS, "cpu_min", *(f"dsc_{name}" for name in CLASSES))
DRAWS = {1: 0.5, 2: 0.25, 3: 0.75}  # where a slice lies in its part of those that may teach
WINDOW_PX = 256
GENC_NM = 0.12
COLOURS = (INK, AFTER, ALERT)


class Data(NamedTuple):
    """Slices, their labels by name, and which of them test and may teach."""

    name: str
    slices: Path
    labels: dict[str, np.ndarray]
    tests: list[str]
    teachers: list[str]


def main() -> None:
    options = _options()
    file = options.folder / "few_labels.csv"
    starts = {"scratch": None} | dict(word.split("=", 1) for word in options.start)
    for data in _data(options):
        for draw, (start, model), count in product(options.draws, starts.items(), options.counts):
            # A draft learns nothing, so it is the same in each draw.
            key = (data.name, start, str(count), str(options.steps), str(draw if count else 1))
            is_new = key not in {tuple(row[name] for name in KEYS) for row in _rows(file)}
            if is_new and (count or model):
                print(*key, file=sys.stderr, flush=True)
                begun = time.process_time()
                found = (
                    _learnt(options, data, model, count, draw, options.folder / "_".join(key))
                    if count
                    else _as_is(data, model)
                )
                minutes = (time.process_time() - begun) / 60
                scores = [f"{found[name]['dsc']:.4f}" for name in CLASSES]
                _append(file, [*key, f"{minutes:.2f}", *scores])
    rows = [row for row in _rows(file) if row["steps"] == str(options.steps)]
    print(_table(rows))
    if options.svg:
        _draw(rows, options.svg)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--genc2022", type=Path, help="folder of the paper's patches")
    parser.add_argument("--phantom", type=Path, nargs="+", default=[], metavar="SLICES")
    parser.add_argument("--start", nargs="+", default=[], metavar="NAME=MODEL")
    parser.add_argument("--counts", type=int, nargs="+", default=[0, 1, 2, 3, 5, 10])
    parser.add_argument("--draws", type=int, nargs="+", default=[1, 2], choices=list(DRAWS))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the figure")
    parser.add_argument("--quick", action="store_true", help="one count, four steps")
    options = parser.parse_args()
    if options.quick:
        options.counts, options.draws, options.steps = [2], [1], 4
    return options


def _data(options):
    """Yield what is learnt."""
    if options.genc2022:
        place = options.folder / "genc2022"
        if not (place / "slices.json").is_file():
            images = options.genc2022 / "images"
            slices_of_stack(images, place, Slices(), "genc2022", GENC_NM)
        files = sorted((options.genc2022 / "labels").glob("*.tif"))
        labels = {path.stem: tifffile.imread(path) for path in files}
        tests, out = (
            [n for n in labels if _is_of(n, SPLITS["blocked"][w])] for w in SPLITS["blocked"]
        )
        yield Data("genc2022", place, labels, tests, [n for n in labels if n not in (*tests, *out)])
    for place in options.phantom:
        record = read_record(place, "slices")
        truth = read_pages(record.file("truth_labels.tif"))
        labels = dict(zip(record["names"], truth, strict=True))
        shown = [name for name, page in labels.items() if page.any()]
        fifth = len(shown) // 5
        kept = [*shown[: 2 * fifth - 2], *shown[3 * fifth + 2 :]]
        yield Data(place.parent.name, place, labels, shown[2 * fifth : 3 * fifth], kept)


def _is_of(name: str, patterns: list[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _learnt(options, data: Data, model: str | None, count: int, draw: int, place: Path) -> dict:
    """Train on some slices and return the scores of the test images."""
    chosen = _chosen(data, count, DRAWS[draw])
    labels = place / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    for name in (*chosen, *data.tests):
        tifffile.imwrite(labels / f"{name}.tif", data.labels[name], photometric="minisblack")
    size = model_file.read_info(model).network if model else UNetSize()
    pixels = next(iter(data.labels.values())).size
    settings = {
        "steps": options.steps,
        "warmup_steps": options.steps // 10,
        "learning_rate": 1e-3,
        "patch_px": WINDOW_PX,
        "batch_size": max(1, round(WINDOW_PX**2 / pixels)),
        "network": {"levels": size.levels, "base_filters": size.base_filters},
        "threads": options.threads,
        "seed": draw,
        "init_from": model or "",
        "split": {"method": "names", "test": data.tests},
    }
    out = place / "05_train"
    train([(data.name, data.slices, labels)], out, Train.model_validate(settings))
    return read_record(out, "train")["test"]


def _chosen(data: Data, count: int, share: float) -> list[str]:
    """Return the slices that teach: so far inside each of as many parts of those that may."""
    places = ((np.arange(count) + share) * len(data.teachers) / count).astype(int)
    if count == 1:
        wanted, pages = range(len(CLASSES) + 1), [data.labels[name] for name in data.teachers]
        shows_all = np.flatnonzero([np.isin(wanted, page).all() for page in pages])
        places = shows_all[[np.abs(shows_all - places).argmin()]]
    return [data.teachers[place] for place in places]


def _as_is(data: Data, model: str) -> dict:
    """Return the scores of a model that has seen nothing of these data."""
    unet.start(1)
    record, loaded = read_record(data.slices, "slices"), model_file.Model.load(model)
    pages = read_pages(record.file("slices.tif"))
    index = [record["names"].index(name) for name in data.tests]
    matched = match(recorded_levels(record), loaded.info.levels)
    found, _ = segment(loaded, matched.apply(pages[index]))
    truth = [data.labels[name] for name in data.tests]
    return mean_dsc(truth, list(found), loaded.info.classes)


def _rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with open(file, newline="") as lines:
        reader = csv.DictReader(lines)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise SystemExit(f"{file}: its columns are not {', '.join(COLUMNS)}; move it away")
        return list(reader)


def _append(file: Path, row: list[str]) -> None:
    is_new = not file.is_file()
    with open(file, "a", newline="") as lines:
        csv.writer(lines).writerows([COLUMNS, row] if is_new else [row])


def _table(rows: list[dict[str, str]]) -> str:
    counts = sorted({int(row["slices"]) for row in rows})
    lines = [f"| data | class | begins with | {' | '.join(map(str, counts))} |"]
    lines.append("| --- | --- | --- |" + " ---: |" * len(counts))
    for data, start in dict.fromkeys((row["data"], row["start"]) for row in rows):
        for name in CLASSES:
            curve = dict(_curve(_points(rows, data, start, name)))
            cells = [f"{curve[count]:.3f}" if count in curve else "" for count in counts]
            lines.append(f"| {data} | {name} | {start} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _points(rows: list[dict[str, str]], data: str, start: str, name: str):
    """Return the number of slices and the DSC of every training."""
    mine = [row for row in rows if (row["data"], row["start"]) == (data, start)]
    return [(int(row["slices"]), float(row[f"dsc_{name}"])) for row in mine]


def _curve(points: list[tuple[int, float]]):
    """Return numbers of slices and the mean DSC of all draws, in order."""
    counts = sorted({count for count, _ in points})
    return [(n, float(np.mean([dsc for count, dsc in points if count == n]))) for n in counts]


def _draw(rows: list[dict[str, str]], path: Path) -> None:
    datas = list(dict.fromkeys(row["data"] for row in rows))
    colours = dict(zip(dict.fromkeys(row["start"] for row in rows), COLOURS, strict=False))
    figure, axes = new_figure(
        len(datas), len(CLASSES), (7, 2.6 * len(datas)), squeeze=False, sharey="col"
    )
    for line, data in zip(axes, datas, strict=True):
        for axis, name in zip(line, CLASSES, strict=True):
            for start, colour in colours.items():
                if points := _points(rows, data, start, name):
                    axis.plot(*zip(*points, strict=True), ".", color=colour, alpha=0.4)
                    curve = zip(*_curve(points), strict=True)
                    axis.plot(*curve, "o-", color=colour, label=start)
            axis.set(title=f"{data}: {name}", xlabel="annotated slices", ylabel="DSC")
            axis.set_xscale("symlog", linthresh=2)
            counts = sorted({int(row["slices"]) for row in rows})
            axis.set_xticks(counts, map(str, counts))
    axes[0][0].legend(frameon=False)
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "few_labels", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
