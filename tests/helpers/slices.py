"""Slices of a synthetic catalyst with their truth, and a training that is done in seconds."""

import json

import numpy as np
from scipy.ndimage import gaussian_filter

from catomo.files.store import write_labels, write_stack
from catomo.record.hashes import sha256_of

TINY = {
    "seed": 2,
    "steps": 120,
    "batch_size": 4,
    "patch_px": 64,
    "learning_rate": 5e-3,
    "warmup_steps": 5,
    "validate_every": 40,
    "network": {"levels": 3, "base_filters": 8},
    "split": {"validation_fraction": 0.1, "gap": 1},
}


def make_slices(folder, count=20, size=(56, 64), pixel_size_nm=0.25, names=None, seed=0):
    """Write a folder as stage `slices` does: grey supports with bright particles, noisy."""
    rng = np.random.default_rng(seed)
    shape = (count, *size)
    support = gaussian_filter(rng.normal(size=shape), (1, 6, 6)) > 0.01
    metal = gaussian_filter(rng.normal(size=shape), (1, 5, 5))
    truth = np.where(support, 1, 0).astype(np.uint8)
    truth[support & (metal > 1.2 * metal.std())] = 2
    grey = np.array([12, 80, 190])[truth] + rng.normal(scale=8, size=shape)
    folder.mkdir(parents=True)
    image = np.clip(gaussian_filter(grey, (0, 0.7, 0.7)), 0, 255).astype(np.uint8)
    write_stack(folder / "slices.tif", image, pixel_size_nm)
    write_labels(folder / "truth_labels.tif", truth, shape, pixel_size_nm)
    record = {
        "stage": "slices",
        "names": names or [f"slice_{i:04d}" for i in range(count)],
        "suggested": list(range(count)),
        "contiguous": names is None,
        "shape": list(shape),
        "pixel_size_nm": pixel_size_nm,
        "missing_wedge_deg": 44.0,
        "settings": {},
        "files": {
            name: {"sha256": sha256_of(folder / name)}
            for name in ("slices.tif", "truth_labels.tif")
        },
    }
    (folder / "slices.json").write_text(json.dumps(record))
    return folder
