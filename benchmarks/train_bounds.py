"""What of `train.py` needs no network: baselines, and the best score that masks can get."""

from __future__ import annotations

import time

import numpy as np


def clocks() -> np.ndarray:
    """Return CPU and wall time in minutes."""
    return np.array([time.process_time(), time.perf_counter()]) / 60


def dsc_of_each(truths, found) -> dict[str, list]:
    """Return the DSC of every image; not a number where a class is not in the truth."""
    from catomo.labels.baselines import mean_dsc

    names = ["background", "alumina", "pt"]
    single = [mean_dsc([t], [f], names) for t, f in zip(truths, found, strict=True)]
    return {
        name: [float("nan") if s[name]["dsc"] is None else float(s[name]["dsc"]) for s in single]
        for name in names[1:]
    }


def baselines_of(taught, tests) -> dict[str, dict]:
    """Return scores and CPU-minutes, reading aside, of what needs no network."""
    from catomo.labels import baselines

    images, labels = [s.image for s in taught], [s.labels for s in taught]
    greys, truths = [s.image for s in tests], [s.labels for s in tests]

    def thresholds():
        values = baselines.fit_thresholds(images, labels, 3)
        return [baselines.apply_thresholds(grey, values) for grey in greys]

    def copy_nearest():
        near = zip(greys, baselines.nearest(greys, images), strict=True)
        return [baselines.resized_mask(labels[j], grey.shape) for grey, (j, _) in near]

    sides = {}
    for name, find in (("thresholds", thresholds), ("copy_nearest", copy_nearest)):
        begun = clocks()
        found = find()
        cpu, wall = clocks() - begun
        sides[name] = {"dsc": dsc_of_each(truths, found), "cpu_min": cpu, "wall_min": wall}
    return sides


def ceiling_of(tests, sigma_px: float = 0.5, patch_px: float = 4.0, repeats: int = 5) -> dict:
    """Score masks against themselves, moved by a smooth random field of `sigma_px` rms per axis."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    rng = np.random.default_rng(1)
    moved = []
    for s in [s for s in tests for _ in range(repeats)]:
        field = [gaussian_filter(rng.normal(size=s.labels.shape), patch_px) for _ in range(2)]
        moves = [sigma_px * f / f.std() for f in field]
        places = np.indices(s.labels.shape) + moves
        moved.append(map_coordinates(s.labels, places, order=0, mode="nearest"))
    return {"dsc": dsc_of_each([s.labels for s in tests for _ in range(repeats)], moved)}
