"""A small specimen, the folders of stages that saw it, and the stage evaluate run on them."""

import json

import numpy as np

from catomo.evaluate.settings import Evaluate
from catomo.evaluate.stage import evaluate
from catomo.files.store import write_labels, write_stack
from catomo.record.hashes import sha256_of
from catomo.stages import RECORDS

PIXEL_NM = 0.5
N, EDGE = 6, 48


def scene(move: int = 0) -> np.ndarray:
    """A slab of alumina with two Pt balls, the second only in the later slices."""
    y, z, x = np.indices((N, EDGE, EDGE))
    labels = np.zeros((N, EDGE, EDGE), np.uint8)
    labels[:, 14:30] = 1
    labels[(y - 1) ** 2 + (z - 12) ** 2 + (x - 12 - move) ** 2 <= 4**2] = 2
    labels[(y - 6) ** 2 + (z - 32) ** 2 + (x - 36 - move) ** 2 <= 3**2] = 2
    return labels


def stage(folder, name, record, **files):
    """Write a stage's folder as far as `evaluate` reads it."""
    folder.mkdir(exist_ok=True)
    for file, (write, stack) in files.items():
        write(folder / f"{file}.tif", stack)
    hashes = {path.name: {"sha256": sha256_of(path)} for path in sorted(folder.glob("*.tif"))}
    content = {"stage": name, "files": hashes, **record}
    (folder / RECORDS[name]).write_text(json.dumps(content))
    return folder


def as_labels(path, stack):
    write_labels(path, stack, stack.shape, PIXEL_NM)


def as_stack(path, stack):
    write_stack(path, stack, PIXEL_NM)


def run(stages, tmp_path, labels="truth", training=True, settings=None):
    prediction, slices, trained = stages
    output = tmp_path / "07_evaluate"
    evaluate(
        prediction, slices, labels, output, settings or Evaluate(), trained if training else None
    )
    return json.loads((output / "metrics.json").read_text())
