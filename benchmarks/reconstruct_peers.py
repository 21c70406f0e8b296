"""The sides of `reconstruct.py`: what is measured, each in a process of its own, and the data.

- ``cpu``: catomo's backend `cpu`; ``cpu_osem``: the same with 10 subsets; ``cpu_2``: 2 cores.
  Their set-up is the import; the sensitivity costs a back projection, when iterations begin.
- ``tomopy``: ``tomopy.recon(algorithm="mlem", ncore=1)``. Not on PyPI; from conda-forge, or
  built with -DCMAKE_BUILD_TYPE=Release (a build with assertions is left out).
- ``astra_sirt``: ASTRA's SIRT on the CPU with its projector `linear` (it has no MLEM there).
- ``scipy_csr_1``, ``scipy_csr_16``: MLEM with ASTRA's matrix of `line` weights, its smallest,
  and the transpose stored too, both float32 CSR of SciPy; 1 and 16 slices as columns.
- ``skimage_sart``: one sweep of ``iradon_sart``; its image is as deep as it is wide.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np

TILT_DEG = np.arange(-68.0, 69.0, 2.0)

# side: (worker, threads, slices in a call, iterations in a call)
METHODS = {
    "cpu": ("catomo_mlem", 1, 8, 10),
    "cpu_2": ("catomo_mlem", 2, 16, 10),
    "cpu_osem": ("catomo_osem", 1, 4, 5),
    "tomopy": ("tomopy", 1, 1, 2),
    "astra_sirt": ("astra_sirt", 1, 1, 4),
    "scipy_csr_1": ("scipy_csr", 1, 1, 4),
    "scipy_csr_16": ("scipy_csr", 1, 16, 2),
    "skimage_sart": ("skimage_sart", 1, 1, 1),
}
ONCE = {"skimage_sart"}  # so slow that one round is enough


# --- sides: functions (case) -> run(slices, iterations) -> the first slice ---------------------


def _catomo(case, subsets: int):
    from catomo.reconstruct.backends import make_solver
    from catomo.reconstruct.method import Method, TiltGeometry

    geometry = TiltGeometry(TILT_DEG, case["truth"].shape, case["sinogram"].shape[1])
    solvers = {}

    def run(slices, iterations):
        if iterations not in solvers:
            method = Method("osem", iterations, subsets)
            solvers[iterations] = make_solver("cpu", geometry, method)
        return solvers[iterations](np.repeat(case["sinogram"][None], slices, axis=0))[0]

    return run


def catomo_mlem(case):
    return _catomo(case, 1)


def catomo_osem(case):
    return _catomo(case, 10)


def tomopy(case):
    import tomopy

    loaded = [line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()]
    library = next(path for path in loaded if "libtomo-recon" in path)
    if b"__assert_fail" in Path(library).read_bytes():
        raise ImportError("TomoPy was built with assertions: not a Release build")
    depth, width = case["truth"].shape
    sinogram = case["sinogram"]
    scale = sinogram.mean()

    def run(slices, iterations):
        return (
            scale
            * tomopy.recon(
                np.repeat(sinogram[None] / scale, slices, axis=0),
                np.radians(TILT_DEG),
                center=sinogram.shape[1] / 2,
                sinogram_order=True,
                algorithm="mlem",
                num_gridx=depth,
                num_gridy=width,
                num_iter=iterations,
                ncore=1,
            )[0]
        )

    return run


def astra_sirt(case):
    import astra

    depth, width = case["truth"].shape
    beam = astra.create_proj_geom("parallel", 1, case["sinogram"].shape[1], np.radians(TILT_DEG))
    grid = astra.create_vol_geom(depth, width)
    config = astra.astra_dict("SIRT")
    config["ProjectorId"] = astra.create_projector("linear", beam, grid)
    config["ProjectionDataId"] = astra.data2d.create("-sino", beam, case["sinogram"])
    config["ReconstructionDataId"] = image = astra.data2d.create("-vol", grid)
    config["option"] = {"MinConstraint": 0}
    algorithm = astra.algorithm.create(config)

    def run(slices, iterations):
        astra.data2d.store(image, 0)
        astra.algorithm.run(algorithm, iterations)
        return astra.data2d.get(image)

    return run


def scipy_csr(case):
    import astra

    shape = case["truth"].shape
    beam = astra.create_proj_geom("parallel", 1, case["sinogram"].shape[1], np.radians(TILT_DEG))
    projector = astra.create_projector("line", beam, astra.create_vol_geom(*shape))
    matrix = astra.projector.matrix(projector)
    forward = astra.matrix.get(matrix).astype(np.float32)
    astra.matrix.delete(matrix)
    backward = forward.T.tocsr()
    sensitivity = backward @ np.ones(forward.shape[0], np.float32)
    gain = (1 / np.maximum(sensitivity, 1e-3))[:, None]

    def run(slices, iterations):
        measured = np.repeat(case["sinogram"].reshape(-1, 1), slices, axis=1)
        images = np.full((forward.shape[1], slices), measured.mean() / shape[0], np.float32)
        for _ in range(iterations):
            ratio = measured / np.maximum(forward @ images, 1e-6)
            images *= (backward @ ratio) * gain
        return images[:, 0].reshape(shape)

    return run


def skimage_sart(case):
    from skimage.transform import iradon_sart

    depth, width = case["truth"].shape
    sinogram = np.ascontiguousarray(case["sinogram"].T)
    if len(sinogram) != width:
        raise ImportError("iradon_sart needs a detector as wide as the image")
    # Its axis lies at pixel n // 2, half a pixel from the middle of an even number of them.
    angle = np.radians(TILT_DEG)
    shifts = (1 + np.sin(angle) - np.cos(angle)) / 2

    def run(slices, iterations):
        image = None
        for _ in range(iterations):
            image = iradon_sart(
                sinogram, TILT_DEG, image=image, projection_shifts=shifts, clip=(0, np.inf)
            )
        top = (width - depth) // 2
        return image[top : top + depth]

    return run


def limits(case):
    """`run(0, n)`: sgemm in GFLOP/s; `run(1, n)`: copying a large array, GB/s."""
    rng = np.random.default_rng(0)
    square = rng.random((2048, 2048), np.float32)
    large = np.ones(2**26, np.float32)
    target = np.empty_like(large)

    def run(which, repeats):
        start = time.process_time()
        if which == 0:
            square @ square
            return 2 * 2048**3 / (time.process_time() - start) / 1e9
        np.copyto(target, large)
        return 2 * large.nbytes / (time.process_time() - start) / 1e9

    return run


# --- workers: one process a side -----------------------------------------------------------


class Worker:
    """A function `case -> run` in a process of its own, with so many threads and cores."""

    def __init__(self, case: Path, name: str, threads: int):
        wanted = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"))
        wanted = wanted | {"MKL_NUM_THREADS": None}
        before = {key: os.environ.get(key) for key in wanted}
        os.environ.update(dict.fromkeys(wanted, str(threads)))
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(other, case, name, threads), daemon=True
        )
        self._process.start()
        for key, value in before.items():
            os.environ.pop(key)
            if value is not None:
                os.environ[key] = value
        self.setup, self.missing, _ = self._answer()

    def run(self, slices: int, iterations: int):
        """Return core-seconds, seconds by the wall, the first slice, and the peak memory."""
        self._pipe.send((slices, iterations))
        return self._answer()

    def _answer(self):
        peak = 0.0
        while not self._pipe.poll(0.01):
            peak = max(peak, anonymous_gb(self._process.pid))
            if not self._process.is_alive() and not self._pipe.poll(0.1):
                raise SystemExit("a side ended without an answer: see its message above")
        return (*self._pipe.recv(), max(peak, anonymous_gb(self._process.pid)))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        self._process.join()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()


def start_workers(case: Path, methods: dict, missing: dict) -> dict[str, Worker]:
    """Start the workers of sides that can be had; say why of those that cannot."""
    workers, started = {}, {}
    for side, (name, threads, _, _) in methods.items():
        if threads > len(os.sched_getaffinity(0)):
            missing[side] = f"needs {threads} cores"
            continue
        if (name, threads) not in started:
            started[name, threads] = Worker(case, name, threads)
        worker = started[name, threads]
        if worker.missing:
            missing[side] = worker.missing
            worker.close()
        else:
            workers[side] = worker
    return workers


def _serve(pipe, case: Path, name: str, threads: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    try:
        start = time.process_time()
        run = globals()[name](dict(np.load(case)))
        setup = time.process_time() - start
    except ImportError as reason:
        text = str(reason)
        pipe.send((0.0, "not installed" if text.startswith("No module") else text))
        return
    if name.startswith("catomo"):
        for iterations in {count for worker, _, _, count in METHODS.values() if worker == name}:
            run(1, iterations)  # compiles
    pipe.send((setup, None))
    while (asked := pipe.recv()) is not None:
        core, wall = time.process_time(), time.perf_counter()
        image = run(*asked)
        pipe.send((time.process_time() - core, time.perf_counter() - wall, image))


def anonymous_gb(pid: int) -> float:
    """Return the anonymous memory of a process now: without files it has mapped."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024 / 1e9
    return 0.0


# --- data ----------------------------------------------------------------------------------


def phantom_case(folder: Path, shape) -> Path:
    """Return a file with a phantom slice, where to compare it, and its strip integrals."""
    path = folder / f"case_{shape[0]}x{shape[1]}.npz"
    if not path.is_file():
        from scipy.ndimage import binary_dilation

        fine = _phantom(shape, 2)
        truth = fine.reshape(shape[0], 2, shape[1], 2).mean(axis=(1, 3), dtype=np.float32)
        inside = binary_dilation(truth > 0.5, iterations=2)
        np.savez(path, truth=truth, inside=inside, sinogram=_strip_integrals(fine, 2, shape[1]))
    return path


def _phantom(shape, fold: int) -> np.ndarray:
    """Draw a tilted plate with slit pores and bright particles, `fold` times as fine."""
    from scipy.ndimage import gaussian_filter

    depth, width = shape
    z, x = np.ogrid[: depth * fold, : width * fold]
    z, x = (z + 0.5) / fold - depth / 2, (x + 0.5) / fold - width / 2
    angle = np.radians(6)
    u, v = x * np.cos(angle) + z * np.sin(angle), z * np.cos(angle) - x * np.sin(angle)
    size = min(shape)
    plate = (np.abs(u) < 0.36 * size) & (np.abs(v + 4 * np.sin(u / 7)) < 0.11 * size)
    slits = (np.abs(v % 31 - 15) < 2.5) & (np.abs(u % 67 - 33) < 21)
    image = np.where(plate & ~slits, 1, 0).astype(np.float32)
    rng = np.random.default_rng(0)
    for across, side in zip(rng.uniform(-0.34, 0.34, 24) * size, [-1, 1] * 12, strict=True):
        along, radius = side * 0.11 * size, rng.uniform(2, 7)
        image[(u - across) ** 2 + (v - along) ** 2 < radius**2] = 20
    return gaussian_filter(image, 0.7 * fold)


def _strip_integrals(fine: np.ndarray, fold: int, detector: int) -> np.ndarray:
    """Share the cells of a finer image, nine points each, among the detector's pixels."""
    z, x = np.nonzero(fine > 1e-4)
    weights = fine[z, x].astype(np.float64) / (9 * fold**2)
    z, x = ((i + 0.5) / fold - n / fold / 2 for i, n in zip((z, x), fine.shape, strict=True))
    sinogram = np.zeros((len(TILT_DEG), detector))
    steps = np.array([-1, 0, 1]) / (3 * fold)
    for line, angle in zip(sinogram, np.radians(TILT_DEG), strict=True):
        s = x * np.cos(angle) - z * np.sin(angle) + detector / 2
        for step in (dx * np.cos(angle) - dz * np.sin(angle) for dz in steps for dx in steps):
            pixel = np.floor(s + step).astype(int)
            seen = (pixel >= 0) & (pixel < detector)
            line += np.bincount(pixel[seen], weights[seen], detector)
    return sinogram.astype(np.float32)
