"""Reconstruction backends by name: `cpu`, `cuda`, `astra`, `tomopy`, and `auto`.

A backend turns a slab of sinograms into a slab of slices. `cpu` and `astra` run catomo's own
loop with their projectors, `cuda` the same loop on a GPU; `tomopy` runs its own. `cuda`,
`astra_cuda` and `tomopy_cuda` require a GPU. All keep the same orientation, with the tilt axis
in the middle of the detector.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from catomo.errors import UserError
from catomo.progress import say
from catomo.projection.iteration import Iteration, solve_in_threads
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.projector import Projector
from catomo.projection.shear import ShearProjector, threads
from catomo.projection.sirt import Sirt
from catomo.reconstruct.agreement import check_agreement
from catomo.reconstruct.astra import AstraProjector
from catomo.reconstruct.cuda import cuda_device
from catomo.reconstruct.kernels import VECTOR, Device, Kernels
from catomo.reconstruct.linked import LinkedAstra
from catomo.reconstruct.method import Method, Solver, TiltGeometry
from catomo.reconstruct.resident import DeviceProjector, Resident, gpu_bytes
from catomo.reconstruct.tomopy import tomopy_solver

# Slices computed at once where the memory does not decide: enough to keep a processor or a card
# busy, few enough for its caches.
_CPU_SLICES, _GPU_SLICES = 16, 64

# A slab of larger slices has fewer: several of them are in memory at a time.
_SLAB_BYTES = 256e6

# The part of a GPU's free memory that is used.
_USED = 0.8


def make_solver(backend: str, geometry: TiltGeometry, method: Method) -> Solver:
    """Return a function from sinograms (n, tilt, detector) to slices (n, depth, width).

    Parameters
    ----------
    backend : str
        ``cpu``, ``cuda``, ``astra``, ``astra_cuda``, ``tomopy`` or ``tomopy_cuda``.
    geometry : TiltGeometry
    method : Method

    Returns
    -------
    callable
        ``solve(sinograms, watch=None)``; `watch` as in `Iteration`. TomoPy cannot be watched.

    Raises
    ------
    UserError
        If the package of the backend or the GPU is missing or cannot do what is asked.
    """
    if backend == "cuda":
        kernels = Kernels(cuda_device(), geometry.tilt_deg, geometry.shape, geometry.detector)
        check_agreement(DeviceProjector(kernels), "cuda")
        return Resident(kernels, method)
    if backend in ("tomopy", "tomopy_cuda"):
        if method.subsets != 1 or method.tv or method.algorithm == "sirt":
            raise UserError(f"reconstruct: backend {backend} runs plain MLEM; set algorithm: mlem")
        return tomopy_solver(backend, geometry, method.iterations, threads())
    projector = _projector(backend, geometry)
    if isinstance(projector, AstraProjector) and projector.gpu:
        device = usable_device()
        if projector.links and device:
            return LinkedAstra(projector, device, method)
        say(
            f"reconstruct: backend {backend} copies every projection to the GPU and back, which is "
            "slow; ASTRA 2.5 and CuPy (the extra cuda) avoid it"
        )
    loop = _loop(projector, method)
    return partial(solve_in_threads, loop) if backend == "cpu" else loop


def slab_slices(backend: str, geometry: TiltGeometry, wanted: int | None, length: int) -> int:
    """Return how many slices to compute at once.

    Parameters
    ----------
    backend : str
    geometry : TiltGeometry
    wanted : int, optional
        What is asked for; without it, as many as keep the processor or the GPU busy and fit into
        the GPU's memory.
    length : int
        Slices in all.

    Raises
    ------
    UserError
        If the GPU's free memory does not suffice.
    """
    device = usable_device() if backend in ("cuda", "astra", "astra_cuda") else None
    if device is None or (backend == "astra" and not astra_has_gpu()):
        return wanted or max(_CPU_SLICES, threads())
    free = device.free_bytes()

    choices = [wanted] if wanted else range(gpu_slices(geometry), 0, -VECTOR)
    for slices in choices:
        need = gpu_memory(backend, geometry, slices, length)
        if need <= free:
            return slices
    raise UserError(
        f"reconstruct: {choices[-1]} slices at once need {need / 1e9:.1f} GB of the GPU's memory, "
        f"of which {free / 1e9:.1f} GB are free; lower slab_slices, set tv_across to false, or "
        "use backend: cpu"
    )


def gpu_slices(geometry: TiltGeometry) -> int:
    """Return how many slices a GPU is given at once where its memory suffices."""
    depth, width = geometry.shape
    room = int(_SLAB_BYTES / (4.0 * depth * width)) // VECTOR * VECTOR
    return min(max(room, VECTOR), _GPU_SLICES)


def gpu_memory(backend: str, geometry: TiltGeometry, slices: int, length: int) -> float:
    """Return how many bytes of a GPU's memory should be free for slabs of so many slices.

    `length` is the number of slices in all: a slab that holds them all is the only one.
    """
    # ASTRA has copies of its own for the card's textures, but works on one slab at a time.
    at_once = 2 if backend.startswith("astra") else min(Resident.lanes, -(-length // slices))
    return at_once * gpu_bytes(geometry, slices) / _USED


def usable_device() -> Device | None:
    """Return the GPU of backend `cuda`, None where there is none that can be used."""
    try:
        return cuda_device()
    except UserError:
        return None


def astra_has_gpu() -> bool:
    """Return whether ASTRA is here and finds a GPU."""
    try:
        return AstraProjector([0.0], (4, 4), 4).gpu
    except UserError:
        return False


def check_finite(backend: str, images: np.ndarray) -> np.ndarray:
    """Return the images that a backend computed, after checking that all values are finite.

    Sums of the images in double precision serve as well: one value that is not finite makes its
    sum so.

    Raises
    ------
    UserError
        If the images hold NaN or infinity.
    """
    if not np.isfinite(images).all():
        raise UserError(f"reconstruct: backend {backend} returned values that are not finite")
    return images


def _projector(backend: str, geometry: TiltGeometry) -> Projector:
    given = geometry.tilt_deg, geometry.shape, geometry.detector
    if backend == "cpu":
        return ShearProjector(*given)
    if backend not in ("astra", "astra_cuda"):
        raise ValueError(f"unknown backend {backend!r}")
    projector = AstraProjector(*given)
    if backend == "astra_cuda" and not projector.gpu:
        raise UserError(
            "reconstruct: backend astra_cuda finds no CUDA GPU here (astra.use_cuda() is "
            "false); use backend: cpu, or auto to take a GPU where there is one"
        )
    check_agreement(projector, backend)
    return projector


def _loop(projector: Projector, method: Method) -> Iteration:
    if method.algorithm == "sirt":
        return Sirt(projector, method.iterations, method.unit)
    subsets = min(method.subsets, len(projector.tilt_deg))
    return MaximumLikelihood(
        projector, method.iterations, subsets, method.unit, method.tv, method.across
    )
