"""Untrained models, and slices of noise for them to label."""

import json

import numpy as np

from catomo.files.store import write_stack
from catomo.network import unet
from catomo.network.model_file import Model
from catomo.network.model_info import ModelInfo
from catomo.network.size import UNetSize
from catomo.record.hashes import sha256_of

SIZE = UNetSize(levels=3, base_filters=4)
CLASSES = ["background", "alumina", "pt"]


def write_noise(folder, shape):
    """Write a folder as stage `slices` does: random grey values, 0.12 nm per pixel."""
    folder.mkdir()
    stack = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_stack(folder / "slices.tif", stack, 0.12)
    record = {
        "stage": "slices",
        "names": [f"slice_{i:04d}" for i in range(len(stack))],
        "contiguous": True,
        "shape": shape,
        "pixel_size_nm": 0.12,
        "files": {"slices.tif": {"sha256": sha256_of(folder / "slices.tif")}},
    }
    (folder / "slices.json").write_text(json.dumps(record))
    return folder


def make_model(path, pixel_size_nm=0.12, classes=CLASSES, **more):
    """Write an untrained model and return its path and network; `more` is of its `ModelInfo`."""
    unet.start(2, seed=7)
    net = unet.build_unet(len(classes), SIZE.levels, SIZE.base_filters)
    Model(net, ModelInfo(classes, pixel_size_nm, SIZE, **more)).save(path)
    return path, net
