"""The tilt axis of specimens that hide it: crystals, round rods, bare plates, films, sparse maps.

    python benchmarks/axis.py --output FILE.jsonl [--kinds crystal rod ...] [--seeds 100 101]

with ``PYTHONPATH=workflow``. Each row has the errors in degrees of both methods and of the axis
used, without projection matching, which leaves the axis as it is, and the standard errors that
parts of the tilts give. Rows that are in the file are not computed again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from align import quiet
from catomo.align.axis_check import uncertain_axis
from catomo.align.chain import solve
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from detector_faults import plate
from rows import add, read

TILTS = np.arange(-68.0, 69, 4)
FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
KINDS = ("crystal", "rod", "bare", "plate", "film", "map")
MAP_COUNTS = 0.12  # of a pixel, on average

Series = tuple[np.ndarray, np.ndarray, float]  # images, tilts, angle of the axis


def series(kind: str, seed: int) -> Series:
    """Return images, tilts and the true angle of the axis."""
    if kind == "crystal":
        return crystal(seed)
    if kind == "rod":
        return rod(seed)
    made = plate(seed, kind == "film", particles=kind != "bare")
    images = made.images
    if kind == "map":
        rng = np.random.default_rng(seed + 3)
        signal = np.maximum(images.astype(float) - np.percentile(images, 40), 0)
        images = rng.poisson(signal / signal.mean() * MAP_COUNTS)
    return images, TILTS, made.truth.axis_angle_deg


def crystal(seed: int) -> Series:
    """Return counts of a small fcc crystal in some orientation."""
    rng = np.random.default_rng(seed)
    n = np.arange(-8, 9)
    corners = np.stack(np.meshgrid(n, n, n, indexing="ij"), -1).reshape(-1, 1, 3)
    atoms = 5.0 * (corners + FCC).reshape(-1, 3)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    atoms = atoms[(np.abs(atoms).sum(1) < 33) & (np.abs(atoms).max(1) < 22)] @ turn
    tilts = np.arange(-70, 71, 4.0)
    u = np.arange(72) - 35.5
    images = []
    for t in np.deg2rad(tilts):
        x = atoms[:, 0] * np.cos(t) + atoms[:, 2] * np.sin(t) + rng.integers(-3, 4)
        y = atoms[:, 1] + rng.integers(-3, 4)
        across = np.exp(-((u - x[:, None]) ** 2) / 2.4)
        along = np.exp(-((u - y[:, None]) ** 2) / 2.4)
        images.append(rng.poisson(60 * along.T @ across / 2.4 + 8))
    return np.array(images), tilts, 0.0


def rod(seed: int) -> Series:
    """Return counts of a round rod along the tilt axis with a few particles."""
    rng = np.random.default_rng(seed)
    tilts = np.arange(-60, 61, 10.0)
    y, x = np.indices((64, 64)) - 31.5
    dots = np.c_[rng.uniform(0, 2 * np.pi, 5), rng.uniform(3, 10, 5), rng.uniform(-27.5, 27.5, 5)]
    images = []
    for t in np.deg2rad(tilts):
        image = 2 * np.sqrt(np.maximum(12**2 - x**2, 0))
        for turn, radius, height in dots:
            across = radius * np.cos(turn + t)
            image = image + 9 * np.exp(-((x - across) ** 2 + (y - height) ** 2) / 8)
        images.append(rng.poisson(image + 2))
    return np.array(images), tilts, 0.0


def row_of(kind: str, seed: int) -> dict:
    """Return errors and standard errors of the axis, and whether the verdict would tell."""
    with quiet():
        images, tilts, truth_deg = series(kind, seed)
        settings = Align(projection_matching=False)
        found = solve(clean(np.array(images, np.float32), tilts, settings), settings)
    axis, check, used = found.axis, found.axis_check, found.geometry.axis_angle_deg
    row: dict = {"kind": kind, "seed": seed, "used_deg": used - truth_deg}
    if axis is None:
        return row
    row |= {"scan_deg": axis.angle_deg - truth_deg, "scan_error_deg": axis.error_deg}
    if check is not None:
        apart = abs(check.angle_deg - axis.angle_deg)
        row |= {
            "check_deg": check.angle_deg - truth_deg,
            "check_error_deg": check.error_deg,
            "warned": bool(check.doubt) or apart > settings.verdict.warn_axis_check_deg,
        }
    row["mentioned"] = bool(uncertain_axis(axis, check, used, settings.verdict))
    return row


def main() -> None:
    options = _options()
    path = options.output
    rows = read(path)
    done = {(row["kind"], row["seed"]) for row in rows}
    for kind in options.kinds:
        for seed in options.seeds:
            if (kind, seed) not in done:
                add(path, rows, row_of(kind, seed))
    for row in sorted(rows, key=lambda row: (row["kind"], row["seed"])):
        print(", ".join(f"{k} {v:.2f}" if isinstance(v, float) else f"{v}" for k, v in row.items()))


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(100, 120)))
    return parser.parse_args()


if __name__ == "__main__":
    main()
