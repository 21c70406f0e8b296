"""Measure catomo's MLEM beside other packages, and the stage `reconstruct` on a whole volume.

    PYTHONPATH=workflow python benchmarks/reconstruct.py [--quick] [--only PART] [--json FILE]
    PYTHONPATH=workflow python benchmarks/reconstruct.py --gpu [--quick] [--json FILE]

Parts: ``speed`` (core-seconds per slice and iteration), ``error`` (against the truth of a
phantom, at equal iterations), ``gaps`` (time and error where some pixels were not measured,
which get no weight, beside zeros in their place), ``tv`` (the default prior in noise beside
plain MLEM at its best), ``volume`` (time and memory of the stage). Each side runs in a
process of its own, pinned to one core with one thread, and the sides take turns, so that
what disturbs the machine disturbs all. A package that cannot be imported is said so.

With ``--gpu``: backend `cuda` beside ASTRA on the card and all cores (`reconstruct_gpu.py`).

The sides and their settings: `reconstruct_peers.py`. Data: strip integrals of a phantom drawn
twice as fine, so no side projects its own model. Core-seconds are the least of the rounds,
without set-up (matrix, sensitivity), which is reported apart; memory is the peak of the
anonymous memory of a side's process while it iterates.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

from reconstruct_peers import (
    METHODS,
    ONCE,
    TILT_DEG,
    Worker,
    phantom_case,
    start_workers,
)
from reconstruct_stage import volume

SIZES = ((512, 512), (512, 1024), (1024, 1024))  # depth, width
STANDARD = (512, 1024)
PARTS = ("speed", "error", "gaps", "tv", "volume")

# Counting: a row of the shear adds g·a[x] + f·a[x+1] to a sum, 4 operations per voxel and
# tilt, forward as backward; resampling, ratio and update are not counted. The least traffic
# of an iteration is four passes over the image (read, write, and read and write to update).
OPERATIONS = 8
PASSES = 4

NOISE = {400: 5, 60: 3}  # counts in the middle of the plate: read noise in counts

# voxel·tilt·iteration per second, from published times (voxels × angles × iterations / time).
_SLICE = 2048**2 * 1501 * 100
_NERSC, _DOCS = "NERSC TomoPy case study", "TomoPy doc/source/gpu.rst, 1.5.0"
PUBLISHED = (
    ("TomoPy MLEM, 1 core (Edison)", _SLICE / 28733, _NERSC),
    ("TomoPy MLEM, CPU (cores not said)", _SLICE / (6.5 * 3600), _DOCS),
    ("TomoPy MLEM, V100", _SLICE / 40, _DOCS),
    ("TomoPy MLEM, 4 cores + A100, 1 slice", _SLICE / 57, _NERSC),
    ("TomoPy MLEM, 64 cores + A100s, 24 slices", 24 * _SLICE / 178, _NERSC),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one size, fewer rounds, about 1 min")
    parser.add_argument("--only", choices=PARTS, help="one part alone")
    parser.add_argument(
        "--volume", action="store_const", const="volume", dest="only", help="= --only volume"
    )
    parser.add_argument("--gpu", action="store_true", help="a card beside all cores, no other part")
    parser.add_argument("--json", "--output", type=Path, metavar="FILE", help="write the figures")
    options = parser.parse_args()
    figures = {"versions": _versions(), "tilts": len(TILT_DEG), "quick": options.quick}
    print(f"Versions: {figures['versions']}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(folder) / "numba"))
        if options.gpu:
            import reconstruct_gpu  # a backend's packages are loaded where they are asked for

            figures |= reconstruct_gpu.figures(Path(folder), options.quick)
        for part, measure in zip(PARTS, (speed, error, gaps, tv, volume), strict=True):
            if options.only in (None, part) and not options.gpu:
                figures |= measure(Path(folder), options.quick)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


# --- speed ---------------------------------------------------------------------------------


def speed(folder: Path, quick: bool) -> dict:
    """Print core-seconds per slice and iteration of all sides; return the figures."""
    sizes = {}
    for shape in (STANDARD,) if quick else SIZES:
        name = f"{shape[0]}x{shape[1]}"
        sizes[name] = _speed_of(phantom_case(folder, shape), 2 if quick else 4)
        _print_speed(name, shape, sizes[name])
    standard = sizes["{}x{}".format(*STANDARD)]
    return {**standard, "sizes": sizes, "published_rate": {a: b for a, b, _ in PUBLISHED}}


def _speed_of(case: Path, rounds: int) -> dict:
    seconds, walls, memory, setup, missing = {}, {}, {}, {}, {}
    workers = start_workers(case, METHODS, missing)
    limits = {"sgemm_gflops": [], "copy_gb_per_s": []}
    with Worker(case, "limits", 1) as machine:
        for number in range(rounds):
            for side, worker in workers.items():
                _, _, slices, iterations = METHODS[side]
                if number and side in ONCE:
                    continue
                core, wall, _, peak = worker.run(slices, iterations)
                seconds.setdefault(side, []).append(core / slices / iterations)
                walls.setdefault(side, []).append(wall / slices / iterations)
                memory[side] = max(memory.get(side, 0), peak)
            for name, repeats in (("sgemm_gflops", 0), ("copy_gb_per_s", 1)):
                limits[name].append(machine.run(repeats, 1)[2])
    for side, worker in workers.items():
        setup[side] = worker.setup
        worker.close()
    least = {side: min(values) for side, values in seconds.items()}
    limits = {name: max(values) for name, values in limits.items()}
    voxels = float(np.prod(np.load(case)["truth"].shape))
    cpu = least["cpu"]
    two = min(walls["cpu_2"]) if "cpu_2" in walls else None
    two_core = least.pop("cpu_2", None)
    return {
        "core_seconds": least,
        "speedup": {side: value / cpu for side, value in least.items() if side != "cpu"},
        "two_core_scaling": min(walls["cpu"]) / two if two else None,
        "two_core_core_seconds": two_core,
        "rate": {s: voxels * len(TILT_DEG) / value for s, value in least.items()},
        "sgemm_fraction": OPERATIONS * voxels * len(TILT_DEG) / cpu / limits["sgemm_gflops"] / 1e9,
        "bandwidth_fraction": PASSES * 4 * voxels / cpu / limits["copy_gb_per_s"] / 1e9,
        **limits,
        "memory_gb": memory,
        "setup_core_seconds": setup,
        "not_installed": missing,
    }


def _print_speed(name: str, shape, found: dict) -> None:
    print(f"## {name} (depth x width), {len(TILT_DEG)} tilts, one core\n")
    print("| side | core-s / slice / iteration | cpu is faster by | set-up s | memory GB | rate |")
    print("|---|---|---|---|---|---|")
    for side, value in found["core_seconds"].items():
        faster = f"{found['speedup'][side]:.1f}" if side in found["speedup"] else "-"
        print(
            f"| {side} | {value:.5f} | {faster} | {found['setup_core_seconds'][side]:.2f} "
            f"| {found['memory_gb'][side]:.2f} | {found['rate'][side]:.2e} |"
        )
    for side, reason in found["not_installed"].items():
        print(f"| {side} | {reason} | | | | |")
    if shape == STANDARD:
        for label, rate, source in PUBLISHED:
            print(f"| published: {label} ({source}) | | | | | {rate:.1e} |")
    print(
        "\nrate: voxel·tilt·iteration per second. skimage_sart has its own depth, so its rate is "
        "understated where depth < width. cpu_osem counts a pass of 10 updates as an iteration."
    )
    if found["two_core_scaling"]:
        print(
            f"Two cores against one: {found['two_core_scaling']:.2f}x by the wall (tells only on "
            f"a quiet machine), {found['two_core_core_seconds']:.5f} core-seconds."
        )
    print(
        f"Machine, one core: sgemm {found['sgemm_gflops']:.0f} GFLOP/s (2·n³, n = 2048), copy "
        f"{found['copy_gb_per_s']:.1f} GB/s (bytes read + written). cpu runs at "
        f"{100 * found['sgemm_fraction']:.0f} % of sgemm ({OPERATIONS} operations per voxel and "
        f"tilt) and needs {100 * found['bandwidth_fraction']:.0f} % of the bandwidth at the least "
        f"({PASSES} passes over the image).\n",
        flush=True,
    )


# --- error ---------------------------------------------------------------------------------


def error(folder: Path, quick: bool) -> dict:
    """Print nRMSE against the truth at equal iterations; return the figures."""
    shape = (256, 256) if quick else STANDARD
    clean = phantom_case(folder, shape)
    return {
        "nrmse": _error_of(clean, f"{shape[0]}x{shape[1]}, without noise"),
        "nrmse_400_counts": _error_of(
            _with_noise(clean, 400), f"{shape[0]}x{shape[1]}, 400 counts"
        ),
    }


def _with_noise(case: Path, counts: int) -> Path:
    """Return the case as a detector records it, clipped at zero: below it TomoPy diverges."""
    content = dict(np.load(case))
    noisy = _recorded(content["sinogram"], counts, np.random.default_rng(1))
    content["sinogram"] = np.maximum(noisy, 0)
    path = case.with_stem(f"{case.stem}_{counts}")
    np.savez(path, **content)
    return path


def _error_of(case: Path, title: str) -> dict:
    content = np.load(case)
    truth, inside = content["truth"], content["inside"]
    found, missing = {}, {}
    for side in ("cpu", "tomopy", "astra_sirt", "scipy_csr_1", "skimage_sart"):
        worker = start_workers(case, {side: METHODS[side]}, missing).get(side)
        if worker is None:
            continue
        for count in (1, 2) if side in ONCE else (10, 20, 50):
            image = worker.run(1, count)[2]
            left = np.linalg.norm((image - truth)[inside]) / np.linalg.norm(truth[inside])
            found.setdefault(side, {})[str(count)] = float(left)
        worker.close()
    print(f"## nRMSE against the truth, within the plate, {title}\n")
    print("| side | 10 | 20 | 50 |\n|---|---|---|---|")
    for side, values in found.items():
        if side in ONCE:
            print(f"| {side} | " + ", ".join(f"{n}: {v:.4f}" for n, v in values.items()) + " | | |")
        else:
            print(f"| {side} | " + " | ".join(f"{v:.4f}" for v in values.values()) + " |")
    for side, reason in missing.items():
        print(f"| {side} | {reason} | | |")
    if "tomopy" in found:
        ratios = (found["cpu"][n] / v for n, v in found["tomopy"].items())
        print("| cpu / tomopy | " + " | ".join(f"{v:.4f}" for v in ratios) + " |")
    print(flush=True)
    return found


def _recorded(clean: np.ndarray, counts: int, rng) -> np.ndarray:
    """Return sinograms with so many counts in the middle of the plate at 0°, in their unit."""
    middle = clean[len(clean) // 2]
    gain = counts / np.median(middle[middle > 0.1 * middle.max()])
    noisy = rng.poisson(gain * clean) + rng.normal(0, NOISE[counts], clean.shape)
    return (noisy / gain).astype(np.float32)


# --- pixels that were not measured -----------------------------------------------------------


def gaps(folder: Path, quick: bool) -> dict:
    """Print core-seconds and error with a fifth of the pixels not measured; return the figures."""
    from catomo.projection.iteration import UNMEASURED
    from catomo.projection.mlem import MaximumLikelihood
    from catomo.projection.shear import ShearProjector

    content = np.load(phantom_case(folder, (256, 256) if quick else STANDARD))
    whole, truth, inside = content["sinogram"], content["truth"], content["inside"]
    missing = np.random.default_rng(1).random(whole.shape) < 0.1
    missing[: len(whole) // 8] = True
    projector = ShearProjector(TILT_DEG, truth.shape, whole.shape[1])
    sides = {
        "all measured": whole,
        "no weight": np.where(missing, UNMEASURED, whole),
        "zeros": np.where(missing, 0, whole),
    }
    found: dict = {name: {"core_s": [], "nrmse": 0.0} for name in sides}
    solve = MaximumLikelihood(projector, 10)
    for _ in range(3 if quick else 6):
        for name, sinogram in sides.items():
            start = time.process_time()
            image = solve(sinogram[None])[0]
            found[name]["core_s"].append((time.process_time() - start) / 10)
            left = np.linalg.norm((image - truth)[inside])
            found[name]["nrmse"] = float(left / np.linalg.norm(truth[inside]))
    print(f"## {missing.mean():.0%} of the pixels not measured, MLEM, 10 iterations\n")
    print("| | core-s per slice and iteration | nRMSE |\n|---|---|---|")
    for name, figures in found.items():
        figures["core_s"] = min(figures["core_s"][1:])
        print(f"| {name} | {figures['core_s']:.5f} | {figures['nrmse']:.4f} |")
    print(flush=True)
    return {"gaps": found}


# --- total variation -------------------------------------------------------------------------

PARTICLE = 10  # brighter than this is a particle


def tv(folder: Path, quick: bool) -> dict:
    """Print MLEM-TV by the default settings beside plain MLEM at its best; return the figures."""
    from catomo.reconstruct.backends import make_solver
    from catomo.reconstruct.method import Method, TiltGeometry
    from catomo.reconstruct.settings import Reconstruct

    shape, seeds = ((256, 512), (1,)) if quick else (STANDARD, (1, 2, 3))
    content = np.load(phantom_case(folder, shape))
    truth, inside, clean = content["truth"], content["inside"], content["sinogram"]
    settings, found = Reconstruct(), {}

    def against_truth(image):
        left = np.linalg.norm((image - truth)[inside]) / np.linalg.norm(truth[inside])
        pt = truth > PARTICLE
        dices = (
            2 * np.sum(pt & (image > t)) / (pt.sum() + np.sum(image > t)) for t in range(3, 17)
        )
        return float(left), float(max(dices))

    print(
        f"## MLEM-TV by default beside plain MLEM at its best, {shape[0]}x{shape[1]}, one slice\n"
    )
    print("| counts | seed | best iteration | nRMSE | of TV | ratio | Dice | of TV |")
    print("|---|---|---|---|---|---|---|---|")
    for counts in NOISE:
        for seed in seeds:
            data = _recorded(clean, counts, np.random.default_rng(seed))[None]
            curve = []

            def watch(images, curve=curve):
                curve.append(against_truth(images[0]))
                return len(curve) > 20 and curve[-1][0] > curve[-20][0]  # it rises again

            geometry = TiltGeometry(TILT_DEG, shape, shape[1])
            make_solver("cpu", geometry, Method("mlem", 300))(data, watch)
            best, (plain, dice) = min(enumerate(curve, 1), key=lambda one: one[1][0])
            method = Method("osem", settings.iterations, settings.subsets, 1.0, settings.tv)
            prior, dice_tv = against_truth(make_solver("cpu", geometry, method)(data)[0])
            print(
                f"| {counts} | {seed} | {best} | {plain:.4f} | {prior:.4f} | {prior / plain:.3f} "
                f"| {dice:.4f} | {dice_tv:.4f} |",
                flush=True,
            )
            figures = found.setdefault(str(counts), {"ratio": [], "dice_gain": []})
            figures["ratio"].append(prior / plain)
            figures["dice_gain"].append(dice_tv - dice)
    print(flush=True)
    return {"tv": found}


def _versions() -> dict:
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("numpy", "scipy", "numba", "tomopy", "astra-toolbox", "scikit-image"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


if __name__ == "__main__":
    main()
