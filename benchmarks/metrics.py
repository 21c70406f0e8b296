"""How fast are the Hausdorff distances, and do they agree with other packages?

    PYTHONPATH=workflow python benchmarks/metrics.py [--quick] [--json FILE]

One pair of masks, both directions, from masks to numbers; the sides take turns, the least of
the rounds counts, one thread. Two classes: `matrix` (a third of the picture, long edges, like
alumina) and `particles` (0.4 % of it in small balls, like Pt), the prediction being the truth
disturbed at its edges, with some particles missed and some invented. With CATOMO_GENC2022 also
the labels of neighbouring slices of the authors' patches, as truth and prediction (2-D only).

- `catomo`: six percentiles (100, 99, 95, 90, 75, 50), edge pixels, directed.
- `catomo_corners`: the same with the edges of surface-distance.
- `medpy`: MedPy 0.5.2, `hd` and `hd95`, all that it has (pooled, edge pixels); `medpy_hd95`:
  the 95th percentile alone.
- `surface_distance`: surface-distance 0.1, `compute_surface_distances` (weighted contours) and
  `compute_robust_hausdorff` at the same six percentiles.

`difference` is the largest difference, in pixels, from what the peer computes when catomo is
asked for the same: MedPy's two numbers with mode `pooled`; the percentiles of
surface-distance's own distances, not weighted, with edge `corners`. A millisecond figure is the
mean over the pairs.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from importlib import metadata
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.ndimage import gaussian_filter

from catomo.evaluate.distances import PERCENTILES, hausdorff_distance

PIXEL_NM = 0.12
SHAPES = {"2d": (512, 512), "3d": (64, 512, 512)}
QUICK = {"2d": (256, 256), "3d": (24, 128, 128)}


def matrix(shape, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return smooth shapes that fill a third, and the same with other edges."""
    field, change = (gaussian_filter(rng.normal(size=shape), 6) for _ in range(2))
    level = np.quantile(field, 2 / 3)
    return field > level, field + 0.15 * change > level


def particles(shape, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return balls, and the same balls moved and resized, one in ten missed, one invented."""
    pair = np.zeros((2, *shape), bool)
    count = max(10, int(0.004 * np.prod(shape) / (140 if len(shape) == 2 else 1100)))
    for number in range(count):
        centre, radius = rng.uniform(8, np.array(shape) - 8), rng.uniform(4, 8)
        for mask in range(2):
            if number % 10 != mask:  # every tenth is in one of the two only
                moved = centre + mask * rng.normal(0, 0.7, len(shape))
                _ball(pair[mask], moved, radius + mask * rng.normal(0, 0.5))
    return tuple(pair)


def _ball(mask, centre, radius) -> None:
    low = np.maximum(0, np.floor(centre - radius)).astype(int)
    high = np.minimum(mask.shape, np.ceil(centre + radius) + 1).astype(int)
    grid = np.indices(high - low)
    distance = sum((g + a - c) ** 2 for g, a, c in zip(grid, low, centre, strict=True))
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] |= distance <= radius**2


def real_pairs(label: int, count: int) -> list:
    """Return masks of neighbouring slices of the authors' patches, if they are there."""
    import tifffile

    files = sorted(Path(os.environ["CATOMO_GENC2022"], "labels").glob("*.tif"))
    masks = [tifffile.imread(file) == label for file in files]
    return [(a, b) for a, b in zip(masks, masks[2:], strict=False) if a.any() and b.any()][:count]


# --- sides: functions (truth, prediction) -> anything ------------------------------------------


def sides() -> dict:
    """Return the functions to time, for those packages that are installed."""
    found = {
        "catomo": lambda a, b: hausdorff_distance(a, b, PIXEL_NM, PERCENTILES),
        "catomo_corners": lambda a, b: hausdorff_distance(
            a, b, PIXEL_NM, PERCENTILES, edge="corners"
        ),
        "medpy": None,
        "medpy_hd95": None,
        "surface_distance": None,
    }
    try:
        from medpy.metric.binary import hd, hd95

        found["medpy"] = lambda a, b: (_medpy(hd, a, b), _medpy(hd95, a, b))
        found["medpy_hd95"] = lambda a, b: _medpy(hd95, a, b)
    except ImportError:
        pass
    try:
        import surface_distance

        def robust(a, b):
            table = surface_distance.compute_surface_distances(a, b, (PIXEL_NM,) * a.ndim)
            return [surface_distance.compute_robust_hausdorff(table, p) for p in PERCENTILES]

        found["surface_distance"] = robust
    except ImportError:
        pass
    return found


def _medpy(function, a, b):
    return function(a, b, voxelspacing=(PIXEL_NM,) * a.ndim)


def differences(pairs) -> dict:
    """Return by how many pixels catomo, asked for the same, differs from each peer."""
    result = {}
    for peer, both in (("medpy", _like_medpy), ("surface_distance", _like_surface_distance)):
        try:
            far = [np.abs(np.subtract(*both(a, b))).max() for a, b in pairs]
            result[peer] = float(max(far) / PIXEL_NM)
        except ImportError:
            result[peer] = None
    return result


def _like_medpy(a, b):
    from medpy.metric.binary import hd, hd95

    theirs = [_medpy(hd, a, b), _medpy(hd95, a, b)]
    return hausdorff_distance(a, b, PIXEL_NM, (100, 95), mode="pooled"), theirs


def _like_surface_distance(a, b):
    import surface_distance

    table = surface_distance.compute_surface_distances(a, b, (PIXEL_NM,) * a.ndim)
    ways = [table[f"distances_{way}"] for way in ("gt_to_pred", "pred_to_gt")]
    theirs = np.max([np.percentile(way, PERCENTILES) for way in ways], axis=0)
    return hausdorff_distance(a, b, PIXEL_NM, PERCENTILES, edge="corners"), theirs


def milliseconds(functions: dict, pairs, rounds: int) -> dict:
    """Return the milliseconds of each side per pair, the least of the rounds."""
    best = {name: np.inf if function else None for name, function in functions.items()}
    for function in filter(None, functions.values()):
        function(*pairs[0])  # what it imports at its first call is no part of the time
    for _ in range(rounds):
        for name, function in functions.items():
            if function:
                start = time.perf_counter()
                for a, b in pairs:
                    function(a, b)
                best[name] = min(best[name], 1e3 * (time.perf_counter() - start) / len(pairs))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small masks, one round")
    parser.add_argument("--json", "--output", type=Path, metavar="FILE", help="write the figures")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the peers use names that SciPy has deprecated
    shapes = QUICK if options.quick else SHAPES
    rng = np.random.default_rng(0)
    cases = {
        f"{kind}_{dimensions}": [make(shape, rng) for _ in range(4 if dimensions == "2d" else 1)]
        for dimensions, shape in shapes.items()
        for kind, make in (("matrix", matrix), ("particles", particles))
    }
    if os.environ.get("CATOMO_GENC2022"):
        cases |= {f"genc_{c}_2d": real_pairs(k, 20) for k, c in ((1, "alumina"), (2, "pt"))}
    functions = sides()
    times, agreement = {}, {}
    for case, pairs in cases.items():
        times[case] = milliseconds(functions, pairs, 1 if options.quick else 3)
        agreement[case] = differences(pairs)
    _print(times, agreement)
    if options.json:
        packages = ("numpy", "scipy", "MedPy", "surface-distance")
        figures = {
            "milliseconds": {name: _means(times, name) for name in functions},
            "cases": times,
            "difference_px": agreement,
            "versions": {name: _version(name) for name in packages},
            "quick": options.quick,
        }
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


def _means(times: dict, name: str) -> dict:
    """Return the mean over the cases of two, and of three dimensions."""
    result = {}
    for dimensions in SHAPES:
        values = [row[name] for case, row in times.items() if case.endswith(dimensions)]
        result[dimensions] = None if None in values else float(np.mean(values))
    return result


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _print(times: dict, agreement: dict) -> None:
    names = list(next(iter(times.values())))
    print("| ms per pair | " + " | ".join(times) + " |\n|" + " --- |" * (len(times) + 1))
    for name in names:
        cells = [
            "not installed"
            if row[name] is None
            else f"{row[name]:.2f} ({row[name] / row['catomo']:.1f}×)"
            for row in times.values()
        ]
        print(f"| {name} | " + " | ".join(cells) + " |")
    for peer in ("medpy", "surface_distance"):
        cells = [
            "not installed" if row[peer] is None else f"{row[peer]:.1e}"
            for row in agreement.values()
        ]
        print(f"| difference from {peer} / px | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
