"""How fast, how well and in how much memory a trained network is led over slices.

    PYTHONPATH=workflow CATOMO_GENC2022=FOLDER python benchmarks/predict.py --model FILE
        [--phantom FOLDER] [--quick] [--slices 702] [--only stage|schemes|calibration]
        [--json FILE]

Three tables, printed as Markdown; `--json` writes the figures and versions.

- stage: the stage `predict` itself on a stack of 702 slices of 512 x 1024 px (the patches of
  the data set put together to slices, repeated), each run in a process of its own: wall and CPU
  time, peak of anonymous memory (RssAnon), for one view, 4 flips, and in tiles.
- schemes: ways to lead the network over test slices, sides alternating slice by slice: DSC and
  its difference from `published` (mean of the slices' differences ± standard error), seconds,
  and the share of wrong pixels within 32 px of the borders of the tiles and elsewhere,
  beside that of the whole-slice pass on the same pixels. `published` rebuilds, from its
  description and not from its code, the patch blending that the paper's authors name (Vooban's
  smoothly blended patches, 2017, as used for U-Nets): the slice is padded by 256 px of
  reflection and turned and mirrored in 8 ways; in each, tiles of 512 px are predicted every
  256 px, weighted by a spline window and added. `halves` are the two patches apart.
- calibration: expected calibration error on the test slices within 3 px of a boundary, at the
  temperature of the model (fitted on the other slices if it has none), and without.

Test slices are those of the split in the `training.json` beside the model; without one, set 2,
slices 10-14. With `--phantom`, a phantom's 04_slices, they are the test slices of its model
(else every twelfth), scored against the truth. Without either only the stage is timed, on
random slices; without a model the network is an untrained `compact`. Two threads unless
`--threads` says otherwise.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from catomo.record.code import versions_of
from predict_inputs import CLASSES, loaded, patches, tests_and_others, untrained, written

RUNS = {
    "whole": {"average": "none"},
    "whole, 4 flips": {"average": "flips"},
    "tiles of 512, overlap 256": {
        "average": "none",
        "whole_slice_max_px": 0,
        "tile_px": 512,
        "overlap_px": 256,
    },
}
NEAR_PX = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help=".keras file of catomo")
    parser.add_argument("--phantom", type=Path, help="04_slices of a phantom, to score on")
    parser.add_argument("--slices", type=int, default=702, help="for the stage")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="6 slices, one test slice")
    parser.add_argument("--only", choices=["stage", "schemes", "calibration"])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    options = parser.parse_args()
    options.slices = 6 if options.quick else options.slices
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            name = pool.apply(_device)
        print(f"Device: {name}")
        found = {"versions": versions_of("predict"), "threads": options.threads, "device": name}
        for part in (stage, schemes, calibration):
            if options.only in (None, part.__name__):
                found[part.__name__] = part(options)
    if options.json:
        options.json.write_text(json.dumps(_headline(found) | found, indent=1) + "\n")


def _device() -> str:
    from catomo.network import unet

    return unet.device_name()


def _headline(found: dict) -> dict:
    """Return the figures by which runs are compared, of those parts that ran."""
    headline = {}
    if led := {row["way"]: row for row in found.get("schemes", [])}:
        ways = {"whole": "whole", "flips": "whole, 4 flips", "overlap_dihedral": "published"}
        headline["slice_core_seconds"] = {k: led[w]["CPU s per slice"] for k, w in ways.items()}
        headline["dsc_difference"] = {
            phase: led["whole, 4 flips"][f"DSC {phase}"] - led["published"][f"DSC {phase}"]
            for phase in CLASSES[1:]
        }
    if rows := found.get("stage"):
        headline["peak_gb"] = max(row["peak anonymous GB"] for row in rows)
        headline["minutes_702_slices"] = {row["way"]: row["702 slices: minutes"] for row in rows}
    return headline


def stage(options) -> list[dict]:
    """Time the stage on a whole volume, one process per way."""
    images = [image for image, _ in patches(["*"]) if image.shape == (512, 1024)]
    images = images or [np.random.default_rng(0).integers(0, 256, (512, 1024), np.uint8)]
    source = written(images, options.slices, options.folder / "slices")
    rows = []
    for name, settings in RUNS.items():
        few = source
        if name.startswith("tiles"):
            few = written(images, max(1, options.slices // 20), options.folder / "few")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            settings = settings | {"threads": options.threads}
            row = pool.apply(_stage, (few, options.model, settings, options.folder / "out"))
        rows.append({"way": name, **row})
    _table(rows, "stage `predict`, slices of 512 x 1024 px")
    return rows


def _stage(source: Path, model: Path | None, settings: dict, output: Path) -> dict:
    from catomo.predict.settings import Predict
    from catomo.predict.stage import predict

    file = model or untrained(source.parent / "untrained.keras", settings["threads"])
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            status = Path("/proc/self/status").read_text()
            peak[0] = max(peak[0], int(status.split("RssAnon:")[1].split()[0]) / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    predict(source, file, output, Predict(**settings))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    done.set()
    watcher.join()
    count = json.loads((source / "slices.json").read_text())["shape"][0]
    return {
        "slices": count,
        "wall s": wall,
        "CPU s": cpu,
        "CPU s per slice": cpu / count,
        "slices per s": count / wall,
        "702 slices: minutes": wall / count * 702 / 60,
        "peak anonymous GB": peak[0],
    }


def schemes(options) -> list[dict]:
    """Score and time ways to lead the network over the test slices."""
    from catomo.labels.overlap import confusion_matrix, overlap_scores
    from catomo.network import blend, unet
    from catomo.network.inference import Inference

    tests, _ = tests_and_others(options)
    if not tests:
        print("\nschemes: neither CATOMO_GENC2022 nor --phantom, nothing to score\n")
        return []
    if options.quick:
        tests = sorted(tests, key=lambda pair: -pair[0].size)[:1]
    model = loaded(options)
    forward, multiple = unet.forward_of(model.net), model.info.network.downsampling

    def way(average="none", **tiles):
        whole = 0 if tiles else 2**62
        inference = Inference(average=average, whole_slice_max_px=whole, **tiles)
        led = blend.blended(forward, multiple, inference)
        return lambda images: led(images).numpy()

    ways = {
        "whole": way(),
        "halves": way(tile_px=512, overlap_px=0),
        **{
            f"tiles, {window}": way(tile_px=512, overlap_px=256, window=window)
            for window in ("spline", "gaussian", "hann")
        },
        "whole, 4 flips": way("flips"),
        "whole, 4 turns": way("turns"),
        "whole, 8 dihedral": way("dihedral"),
        "published": partial(_published, forward),  # the last: all are compared with it
    }
    seconds = {name: [] for name in ways}
    wrong = {name: [] for name in ways}
    dsc = {name: [] for name in ways}  # of each slice and class; NaN where the class is absent
    for segment in ways.values():  # their graphs are made before the clock runs
        segment(tests[0][0][None])
    for image, truth in tests:
        for segment in list(ways.values())[:2]:  # shapes are met once before the clock runs
            segment(image[None])
        for name, segment in ways.items():
            start = np.array([time.perf_counter(), time.process_time()])
            found = segment(image[None])[0]
            seconds[name].append([time.perf_counter(), time.process_time()] - start)
            labels = found.argmax(axis=-1).astype(np.uint8)
            wrong[name].append(labels != truth)
            dsc[name].append(overlap_scores(confusion_matrix(truth, labels, len(CLASSES)))["dsc"])
    near = [_near_borders(truth.shape, multiple) for _, truth in tests]
    slices = sum(truth.size for _, truth in tests) / (512 * 1024)
    rows = []
    for name in ways:
        row = {"way": name}
        for label, phase in list(enumerate(CLASSES))[1:]:
            scores = np.array(dsc[name])[:, label]
            more = scores - np.array(dsc["published"])[:, label]
            more = more[~np.isnan(more)]
            error = np.std(more, ddof=1) / np.sqrt(more.size) if more.size > 1 else np.nan
            row[f"DSC {phase}"] = float(np.nanmean(scores))
            row[f"{phase} - published"] = f"{more.mean():+.4f} ± {error:.4f}"
        row["wall s per slice"], row["CPU s per slice"] = np.sum(seconds[name], axis=0) / slices
        row["wrong % near borders"] = 100 * _share(wrong[name], near)
        row["elsewhere"] = 100 * _share(wrong[name], [~n for n in near])
        rows.append(row)
    for row in rows:
        row["faster than published (CPU)"] = rows[-1]["CPU s per slice"] / row["CPU s per slice"]
    _table(rows, f"schemes, {len(tests)} test slices, borders every 256 px")
    return rows


def calibration(options) -> list[dict]:
    """Return the expected calibration error near boundaries, with and without temperature."""
    from catomo.evaluate.calibration import (
        expected_calibration_error,
        risk_coverage,
        tally,
        without_temperature,
    )
    from catomo.network import blend, unet
    from catomo.network.inference import Inference
    from catomo.network.temperature import fit_temperature, tempered

    tests, others = tests_and_others(options)
    if not tests:
        return []
    model = loaded(options)
    led = blend.blended(
        unet.forward_of(model.net),
        model.info.network.downsampling,
        Inference(whole_slice_max_px=2**62),
    )

    def probabilities_of(images):
        return led(images).numpy()

    temperature = model.info.temperature
    if temperature is None:
        few = others[:: -(-len(others) // (2 if options.quick else 8))]
        temperature = fit_temperature((probabilities_of(i[None])[0], t) for i, t in few) or 1.0
    counts = {}
    for image, truth in tests:
        found = probabilities_of(image[None])[0]
        for name, t in (("without", 1.0), ("with", temperature)):
            p = tempered(found, t).numpy()
            sure = np.rint(255 * p.max(axis=-1)).astype(np.uint8)
            one = tally(p.argmax(axis=-1).astype(np.uint8), sure, truth, len(CLASSES))
            counts[name] = counts.get(name, 0) + one
    counts["without, from bytes"] = without_temperature(counts["with"], temperature)
    rows = []
    for name, table in counts.items():
        curve = risk_coverage(table[0])
        rows.append(
            {
                "temperature": f"{name} {temperature:.2f}" if name == "with" else name,
                "ECE near": expected_calibration_error(table[1]),
                **{
                    f"near, {word}": expected_calibration_error(table[1, label])
                    for label, word in enumerate(CLASSES)
                },
                "ECE anywhere": expected_calibration_error(table[0]),
                "risk-coverage area": curve["area"],
                "best": curve["best_area"],
                "wrong": curve["risk"][-1],
            }
        )
    _table(rows, f"calibration on {len(tests)} test slices, 4 flips")
    return rows


def _published(run, images: np.ndarray) -> np.ndarray:
    """Lead the network over square tiles as the published script describes it."""
    from catomo.network.blend import VIEWS, tile_weights

    edge, step = 512, 256
    padded = np.pad(images[0], step, mode="reflect")
    weights = tile_weights((edge, edge), "spline")[..., None]
    total = 0
    for turns, mirror in VIEWS["dihedral"]:
        view = np.rot90(padded, turns)
        view = view[:, ::-1] if mirror else view
        found = np.zeros((*view.shape, len(CLASSES)), np.float32)
        for top in range(0, view.shape[0] - edge + 1, step):
            for left in range(0, view.shape[1] - edge + 1, step):
                here = (slice(top, top + edge), slice(left, left + edge))
                found[here] += weights * run(view[here][None])[0].numpy()
        found = found[:, ::-1] if mirror else found
        total = total + np.rot90(found, -turns)
    total = total[step:-step, step:-step]
    return (total / total.sum(axis=-1, keepdims=True))[None]


def _near_borders(shape: tuple[int, int], multiple: int) -> np.ndarray:
    """Return the pixels near the inner borders of tiles of 512 px that overlap by 256."""
    from catomo.network.blend import tile_starts

    near = np.zeros(shape, bool)
    for axis, length in enumerate(shape):
        edge = min(512, length)
        for start in tile_starts(length, edge, 256, multiple):
            for border in {start, start + edge} - {0, length}:
                at = [slice(None)] * 2
                at[axis] = slice(max(border - NEAR_PX, 0), border + NEAR_PX)
                near[tuple(at)] = True
    return near


def _share(wrong: list[np.ndarray], chosen: list[np.ndarray]) -> float:
    picked = np.concatenate([w[c] for w, c in zip(wrong, chosen, strict=True)])
    return float(picked.mean()) if picked.size else float("nan")


def _table(rows: list[dict], title: str) -> None:
    """Print rows as Markdown."""
    print(f"\n{title}\n\n| " + " | ".join(rows[0]) + " |\n|" + " --- |" * len(rows[0]))
    for row in rows:
        cells = (f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values())
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
