"""Slices to annotate, and a prediction that gives them draft labels."""

import json

import numpy as np

from catomo.files.store import write_labels, write_stack
from catomo.record.hashes import sha256_of
from catomo.settings.base import DEFAULT_CLASSES

SHAPE = (6, 10, 12)
NAMES = [f"slice_{i:04d}" for i in range(6)]


def write_slices(folder, seed=0):
    folder.mkdir(exist_ok=True)
    greys = np.random.default_rng(seed).integers(0, 256, SHAPE, dtype=np.uint8)
    write_stack(folder / "slices.tif", greys, 0.25)
    record = {
        "stage": "slices",
        "names": NAMES,
        "suggested": [1, 4],
        "shape": list(SHAPE),
        "pixel_size_nm": 0.25,
        "settings": {"classes": [phase.model_dump() for phase in DEFAULT_CLASSES]},
        "files": {"slices.tif": {"sha256": sha256_of(folder / "slices.tif")}},
    }
    (folder / "slices.json").write_text(json.dumps(record))
    return greys


def write_annotation_input(place):
    """Write slices, and a prediction of them: all alumina, by a model trained on phantoms alone."""
    write_slices(place / "slices")
    folder = place / "prediction"
    folder.mkdir()
    write_labels(folder / "labels.tif", np.ones(SHAPE, np.uint8), SHAPE, 0.25)
    record = {
        "stage": "predict",
        "draft": True,
        "inputs": {"slices": {"sha256": sha256_of(place / "slices" / "slices.json")}},
        "files": {"labels.tif": {"sha256": sha256_of(folder / "labels.tif")}},
    }
    (folder / "prediction.json").write_text(json.dumps(record))
    return place
