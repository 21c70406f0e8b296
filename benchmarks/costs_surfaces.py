"""What the stage `surfaces` takes for labels of any size, beside what `catomo check` estimates.

    PYTHONPATH=workflow python benchmarks/costs_surfaces.py FOLDER SPECIMEN.yaml ...
        [--shape Y Z X] [--redraws 20] [--specks SHARE] [--quick]

The true labels of each specimen take the place of a model's: with a confidence that falls towards
the surfaces, as that of a network does, and a made-up length of 3 px over which errors hang
together. With `--specks`, that share of all voxels gets another class, as from a badly taught
model. The depth is cut to what the specimen takes, as a reconstruction is.

Each cell holds the estimate from the counted faces, the measured value and their ratio. Memory is
the peak of all processes of the stage, sampled every 50 ms; disk is its folder; time is that of all
cores together. FOLDER/costs_surfaces.jsonl keeps the rows.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter

from catomo.files.store import StackWriter, pages_of, write_labels
from catomo.phantom.shares import labels_of
from catomo.phantom.specimen import read_specimen, render_specimen
from catomo.predict.settings import Predict
from catomo.record.record import committing
from catomo.surfaces.needs import area_of, count_faces, needs
from catomo.surfaces.settings import Surfaces
from costs import ROOT, Watch

UNSURE_PX = 2  # how far from a surface a network is unsure
SURE = 255
ERRORS = {"length_px": 3.0, "common": 0.2, "images": 8, "specimens": 1}


def true_labels(specimen: Path, shape: list[int] | None, specks: float) -> np.ndarray:
    """Return the true labels (y, z, x) of a specimen, uint8, cut to the depth that it takes."""
    read = read_specimen(specimen)
    if shape:
        read = read.model_copy(update={"shape_px": tuple(shape)})
    phantom = render_specimen(read, read.seeds[0])
    labels = np.stack([labels_of(share) for share in phantom.shares()])
    del phantom
    deep = np.flatnonzero(labels.any(axis=(0, 2)))
    labels = np.ascontiguousarray(labels[:, max(deep[0] - 4, 0) : deep[-1] + 5])
    rng = np.random.default_rng(1)
    for page in labels if specks else ():
        is_speck = rng.random(page.shape) < specks
        page[is_speck] = (page[is_speck] + rng.integers(1, 3, is_speck.sum())) % 3
    return labels


def confidences(labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield for each slice how sure a network would be of its labels, uint8 (z, x)."""
    for start in range(0, len(labels), 16):
        low, stop = max(start - UNSURE_PX, 0), min(start + 16, len(labels))
        slab = labels[low : stop + UNSURE_PX]
        sure = np.full(slab.shape, SURE, np.uint8)
        if slab.any():
            box = tuple(slice(max(n.min() - 3, 0), n.max() + 4) for n in np.nonzero(slab.any(0)))
            part = slab[:, *box]
            share = np.zeros(part.shape, np.float32)
            for label in np.unique(part):
                own = part == label
                around = uniform_filter(own.astype(np.float32), 2 * UNSURE_PX + 1, mode="nearest")
                share[own] = around[own]
            sure[:, *box] = np.round(share * SURE)
        yield from sure[start - low : stop - low]


def write_prediction(folder: Path, labels: np.ndarray, pixel_size_nm: float) -> None:
    """Write labels with a confidence as the stage `predict` does."""
    with committing(folder, "predict", Predict(), {}) as out:
        write_labels(out.path("labels.tif"), labels, labels.shape, pixel_size_nm)
        writer = StackWriter(out.path("confidence.tif"), labels.shape, np.uint8, pixel_size_nm)
        for number, page in enumerate(confidences(labels)):
            writer.write(number, page[None])
        writer.close()
        out.record.update(
            {
                "pixel_size_nm": pixel_size_nm,
                "shape": list(labels.shape),
                "contiguous": True,
                "classes": [phase.name for phase in Predict().classes],
                "draft": False,
                "errors": {**ERRORS, "here": True, "of_a_kind": True},
            }
        )


def measure(prediction: Path, output: Path, redraws: int) -> dict:
    """Run the stage; return what it was estimated to take, and took."""
    with open(prediction / "prediction.json") as file:
        shape = json.load(file)["shape"]
    faces = count_faces(pages_of(prediction / "labels.tif"))
    voxels = int(np.prod(shape))
    foreseen = needs(area_of(voxels, len(Surfaces().classes)), faces, voxels, redraws)
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, str(ROOT / "workflow/catomo"), "surfaces", str(prediction)]
    command += ["--output", str(output), "--threads", "1"]
    command += ["--settings", json.dumps({"redraws": redraws})]
    watch = Watch(os.getpid())
    watch.start()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    watch.over.set()
    watch.join()
    disk = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    return {
        "shape": shape,
        "redraws": redraws,
        "faces": faces,
        "memory_gb": [foreseen.memory / 1e9, watch.memory["surfaces"] / 1e9],
        "disk_mb": [foreseen.disk / 1e6, disk / 1e6],
        "seconds": [foreseen.seconds, watch.seconds["surfaces"]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("specimens", type=Path, nargs="+")
    parser.add_argument("--shape", type=int, nargs=3, help="instead of the specimens' own")
    parser.add_argument("--redraws", type=int, default=20)
    parser.add_argument("--specks", type=float, default=0.0)
    parser.add_argument("--quick", action="store_true", help="no redraws")
    options = parser.parse_args()
    redraws = 0 if options.quick else options.redraws
    for specimen in options.specimens:
        size = "x".join(map(str, options.shape or []))
        place = options.folder / f"{specimen.stem}_{size}_{options.specks:g}"
        if not (place / "06_predict/prediction.json").is_file():
            labels = true_labels(specimen, options.shape, options.specks)
            write_prediction(place / "06_predict", labels, read_specimen(specimen).pixel_size_nm)
            del labels
        row = {"specimen": specimen.stem, "specks": options.specks}
        row |= measure(place / "06_predict", place / "08_surfaces", redraws)
        with open(options.folder / "costs_surfaces.jsonl", "a") as rows:
            rows.write(json.dumps(row) + "\n")
        cells = (f"{a:.2f} / {b:.2f} = {a / b:.2f}" for a, b in list(row.values())[-3:])
        print(f"| {row['specimen']} {row['shape']} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
