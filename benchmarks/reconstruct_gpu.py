"""The sides of `reconstruct.py --gpu`: backend `cuda` beside ASTRA on the card and the CPU.

- ``cuda``: catomo's own kernels. ``astra``: catomo's loop with ASTRA's projectors on arrays that
  stay on the card. ``sirt3d_cuda``: ASTRA's own SIRT, all on the card. ``cpu``: backend `cpu` with
  all cores. Seconds per iteration are differences of runs with few and with many iterations, so
  copies and set-up count for nothing; they are the least of three.
- The whole verb is the stage in a process of its own, reading and writing included.
"""

from __future__ import annotations

import importlib.metadata
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.projection.shear import threads
from catomo.reconstruct.backends import make_solver
from catomo.reconstruct.cuda import cuda_device
from catomo.reconstruct.method import Method, TiltGeometry
from reconstruct_peers import TILT_DEG, phantom_case
from reconstruct_stage import VOLUME, run_stage

SLABS = (1, 16, 64, 256)
ROUNDS = 3

# Few and many iterations of each side: so many that copies do not hide their difference.
COUNTS = {"cuda": (2, 102), "astra": (2, 22), "sirt3d_cuda": (2, 22), "cpu": (1, 3)}


def figures(folder: Path, quick: bool) -> dict:
    """Print and return the figures of a card."""
    try:
        cuda_device()
    except UserError as error:
        raise SystemExit(str(error)) from None
    shape = (128, 256) if quick else VOLUME[1:]
    found = {"versions_gpu": versions()}
    found["speed_gpu"] = speed(phantom_case(folder, shape), quick)
    return found | {"volume_gpu": volume(folder, 48 if quick else VOLUME[0])}


def speed(case: Path, quick: bool) -> dict:
    """Print milliseconds per iteration of slabs, and the agreement with `cpu`; return them."""
    content = np.load(case)
    shape, line = content["truth"].shape, content["sinogram"]
    geometry = TiltGeometry(TILT_DEG, shape, line.shape[1])
    sides = {"cuda": _loop("cuda"), "astra": _loop("astra_cuda"), "sirt3d_cuda": _sirt3d}
    sides["cpu"] = _loop("cpu")
    found: dict = {"gpu": cuda_device().name, "threads": threads(), "milliseconds": {}}
    missing: dict = {}
    for side, make in sides.items():
        for slices in (4, 16) if quick else SLABS:
            try:
                run = make(geometry, _data(line, slices))
                few, many = (1, 3) if quick else COUNTS[side]
                value = 1e3 * _per_iteration(run, few, many)
            except (ImportError, UserError) as error:
                missing[side] = str(error)
                break
            found["milliseconds"].setdefault(side, {})[str(slices)] = value
    found["missing"] = missing
    found["agreement"] = _agreement(geometry, line, content["truth"], content["inside"])
    _print(found, shape)
    return found


def _data(line: np.ndarray, slices: int) -> np.ndarray:
    scale = np.random.default_rng(0).uniform(0.5, 1.5, slices).astype(np.float32)
    return line * scale[:, None, None]


def _loop(backend: str) -> Callable:
    """Return a function from geometry and data to a run of MLEM with so many iterations."""

    def make(geometry: TiltGeometry, data: np.ndarray) -> Callable[[int], object]:
        solvers: dict = {}

        def run(iterations: int) -> object:
            if iterations not in solvers:
                solvers[iterations] = make_solver(backend, geometry, Method("mlem", iterations))
            return solvers[iterations](data)

        return run

    return make


def _sirt3d(geometry: TiltGeometry, data: np.ndarray) -> Callable[[int], object]:
    import astra

    if not astra.use_cuda():
        raise UserError("ASTRA finds no GPU")
    slices, angles = len(data), -np.radians(geometry.tilt_deg)
    beam = astra.create_proj_geom("parallel3d", 1, 1, slices, geometry.detector, angles)
    grid = astra.create_vol_geom(*geometry.shape, slices)
    config = astra.astra_dict("SIRT3D_CUDA")
    config["ProjectionDataId"] = astra.data3d.create("-sino", beam, data)
    config["ReconstructionDataId"] = astra.data3d.create("-vol", grid, 0)
    config["option"] = {"MinConstraint": 0}
    algorithm = astra.algorithm.create(config)
    return lambda iterations: astra.algorithm.run(algorithm, iterations)


def _per_iteration(run: Callable[[int], object], few: int, many: int) -> float:
    run(few), run(many)
    least = {few: np.inf, many: np.inf}
    for _ in range(ROUNDS):
        for count in least:
            start = time.perf_counter()
            run(count)
            least[count] = min(least[count], time.perf_counter() - start)
    return (least[many] - least[few]) / (many - few)


def _agreement(geometry: TiltGeometry, line: np.ndarray, truth, inside) -> dict:
    """Return how far `cuda` is from `cpu` after 10 iterations, and both from the truth."""
    method = Method("mlem", 10)
    found, own = (make_solver(one, geometry, method)(line[None])[0] for one in ("cuda", "cpu"))

    def apart(image, wanted):
        return float(np.linalg.norm((image - wanted)[inside]) / np.linalg.norm(wanted[inside]))

    again = make_solver("cuda", geometry, method)(line[None])[0]
    return {
        "cuda_from_cpu": apart(found, own),
        "cuda_from_truth": apart(found, truth),
        "cpu_from_truth": apart(own, truth),
        "repeats_to_the_byte": bool((found == again).all()),
    }


def _print(found: dict, shape: tuple[int, int]) -> None:
    print(
        f"## MLEM on {found['gpu']}, {shape[0]}x{shape[1]}, {len(TILT_DEG)} tilts, "
        f"{found['threads']} threads\n"
    )
    counts = list(next(iter(found["milliseconds"].values())))
    print("| ms per iteration of a slab of | " + " | ".join(counts) + " |")
    print("|---" * (len(counts) + 1) + "|")
    for side, values in found["milliseconds"].items():
        print(f"| {side} | " + " | ".join(f"{values.get(n, np.nan):.2f}" for n in counts) + " |")
    for side, reason in found["missing"].items():
        print(f"| {side}: {reason} |" + " |" * len(counts))
    cuda = found["milliseconds"]["cuda"]
    for side, values in found["milliseconds"].items():
        if side != "cuda":
            ratios = (f"{values[n] / cuda[n]:.1f} at {n}" for n in counts if n in values)
            print(f"cuda is faster than {side} by {', '.join(ratios)}")
    print("\n" + ", ".join(f"{k}: {v}" for k, v in found["agreement"].items()) + "\n", flush=True)


def volume(folder: Path, rows: int) -> dict:
    """Print the seconds of the whole verb with `cpu` and with `cuda`; return them."""
    case = phantom_case(folder, VOLUME[1:])
    cores = len(os.sched_getaffinity(0))
    found: dict = {"rows": rows, "cores": cores}
    for backend in ("cpu", "cuda"):
        run_stage(folder / "first", case, 8, backend, cores)  # compiles
        seconds = [run_stage(folder / "measured", case, rows, backend, cores)[0]]
        if backend == "cuda":
            seconds.append(run_stage(folder / "measured", case, rows, backend, cores)[0])
        found[backend] = min(seconds)
        found[f"{backend}_all"] = seconds
    found["faster"] = found["cpu"] / found["cuda"]
    print(f"## The stage `reconstruct`, {rows} slices, OSEM 10 subsets x 5 with the prior\n")
    print(f"| cpu, {cores} threads | cuda | cuda is faster by |\n|---|---|---|")
    print(f"| {found['cpu']:.1f} s | {found['cuda']:.1f} s | {found['faster']:.1f} |\n", flush=True)
    return found


def versions() -> dict:
    """Return the versions of what takes part."""
    names = ("numpy", "numba", "cupy-cuda13x", "cupy-cuda12x", "astra-toolbox")
    installed = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}
    return {name: installed[name] for name in names if name in installed}
