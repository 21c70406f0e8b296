"""Slices and networks for `predict.py`: real patches, a phantom's slices, or made-up ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

CLASSES = ["background", "alumina", "pt"]


def patches(names: list[str], but: tuple | list[str] = ()) -> list:
    """Return (image, truth) of patches, the two halves of a slice put together."""
    from fnmatch import fnmatch

    from tifffile import imread

    folder = os.environ.get("CATOMO_GENC2022")
    if not folder:
        return []
    halves: dict[str, list] = {}
    for path in sorted(Path(folder, "images").glob("*.tif")):
        wanted, spared = (any(fnmatch(path.stem, n) for n in some) for some in (names, but))
        if wanted and not spared:
            pair = imread(path), imread(Path(folder, "labels", path.name))
            halves.setdefault(path.stem.rpartition("_")[0], []).append(pair)
    return [tuple(np.hstack(both) for both in zip(*h, strict=True)) for h in halves.values()]


def tests_and_others(options) -> tuple[list, list]:
    """Return (image, truth) of the test slices and of others."""
    record = options.model and options.model.with_name("training.json")
    names = []
    if record and record.is_file():
        parts = json.loads(record.read_text())["split"]
        names = [name for part in parts.values() for name in part["test"]]
    if options.phantom:
        from catomo.files.store import read_pages

        stacks = (read_pages(options.phantom / f"{n}.tif") for n in ("slices", "truth_labels"))
        pairs = list(zip(*stacks, strict=True))
        here = json.loads((options.phantom / "slices.json").read_text())["names"]
        tests = [i for i, name in enumerate(here) if name in names] or range(0, len(here), 12)
        return [pairs[i] for i in tests], [p for i, p in enumerate(pairs) if i not in tests]
    if not patches(names):
        names = ["set2_slice1[0-4]_*"]
    return patches(names), patches(["*"], names)


def written(images: list[np.ndarray], count: int, folder: Path) -> Path:
    """Write a stage `slices` of so many slices, the images repeated and rolled along."""
    from catomo.files.store import StackWriter
    from catomo.record.hashes import sha256_of

    folder.mkdir()
    shape = (count, *images[0].shape)
    with StackWriter(folder / "slices.tif", shape, np.uint8, 0.12) as writer:
        for i in range(count):
            writer.write(i, np.roll(images[i % len(images)], 7 * i, axis=1)[None])
    record = {
        "stage": "slices",
        "names": [f"slice_{i:04d}" for i in range(count)],
        "contiguous": True,
        "shape": shape,
        "pixel_size_nm": 0.12,
        "files": {"slices.tif": {"sha256": sha256_of(folder / "slices.tif")}},
    }
    (folder / "slices.json").write_text(json.dumps(record))
    return folder


def untrained(path: Path, threads: int) -> Path:
    """Write an untrained `compact` unless it is there; return its path."""
    from catomo.network import unet
    from catomo.network.model_file import Model
    from catomo.network.model_info import ModelInfo

    if not path.is_file():
        unet.start(threads)
        Model(unet.build_unet(len(CLASSES)), ModelInfo(list(CLASSES), 0.12)).save(path)
    return path


def loaded(options):
    """Return the network that was asked for, else an untrained one."""
    from catomo.network import unet
    from catomo.network.model_file import Model

    unet.start(options.threads)
    file = options.model or untrained(options.folder / "untrained.keras", options.threads)
    return Model.load(file)
