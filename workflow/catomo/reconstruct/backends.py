"""Reconstruction backends by name: `cpu`, `astra`, `tomopy`, and `auto`.

A backend turns a slab of sinograms into a slab of slices. `cpu` and `astra` run catomo's own
loop over their projectors; `tomopy` runs its own. `astra_cuda` and `tomopy_cuda` insist on a
GPU. All keep the same orientation, with the tilt axis in the middle of the detector.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from catomo.errors import UserError
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector, threads
from catomo.projection.sirt import Sirt
from catomo.reconstruct.astra import AstraProjector, agrees
from catomo.reconstruct.tomopy import tomopy_solver


def resolve(name: str) -> str:
    """Return the backend that `auto` stands for here: a usable GPU, else the CPU."""
    if name != "auto":
        return name
    try:
        projector = AstraProjector([-40.0, 25.0], (24, 32), 32)
        if projector.gpu:
            agrees(projector)
        return "astra" if projector.gpu else "cpu"
    except Exception:  # whatever a driver raises: that GPU is not usable
        return "cpu"


def make_solver(
    name: str,
    tilt_deg,
    shape,
    detector: int,
    iterations: int,
    subsets: int = 1,
    algorithm: str = "mlem",
    unit: float | None = None,
    tv: float = 0.0,
    across: bool = False,
):
    """Return a function from sinograms (n, tilt, detector) to slices (n, depth, width).

    Parameters
    ----------
    name : str
        ``cpu``, ``astra``, ``astra_cuda``, ``tomopy`` or ``tomopy_cuda``.
    tilt_deg : sequence of float
    shape : (int, int)
        Depth and width of a slice.
    detector : int
    iterations, subsets : int
        As in `Iteration`.
    algorithm : str
        ``sirt``, or ``mlem`` and ``osem``, which differ in `subsets` alone.
    unit, tv, across
        As in `MaximumLikelihood`.

    Returns
    -------
    callable
        ``solve(sinograms, watch=None)``; `watch` as in `Iteration`, not called by TomoPy.

    Raises
    ------
    UserError
        If the package of the backend or the GPU is missing or cannot do what is asked.
    """
    if name in ("tomopy", "tomopy_cuda"):
        if subsets != 1 or tv or algorithm == "sirt":
            raise UserError(f"reconstruct: backend {name} runs plain MLEM; set algorithm: mlem")
        return tomopy_solver(name, tilt_deg, shape, iterations, threads())
    if name == "cpu":
        projector = ShearProjector(tilt_deg, shape, detector)
    elif name in ("astra", "astra_cuda"):
        projector = AstraProjector(tilt_deg, shape, detector)
        if name == "astra_cuda" and not projector.gpu:
            raise UserError(
                "reconstruct: backend astra_cuda finds no CUDA GPU here (astra.use_cuda() is "
                "false); use backend: cpu, or auto to take a GPU where there is one"
            )
        agrees(projector)
    else:
        raise ValueError(f"unknown backend {name!r}")
    if algorithm == "sirt":
        solve = Sirt(projector, iterations, unit)
    else:
        solve = MaximumLikelihood(projector, iterations, subsets, unit, tv, across)
    if name != "cpu":
        return solve
    return _pooled(solve) if across else _slice_per_thread(solve)


def finite(name: str, images: np.ndarray) -> np.ndarray:
    """Return the images of backend `name`, or refuse them when a value is not finite.

    Raises
    ------
    UserError
        If the images hold not-a-number or infinity.
    """
    if not np.isfinite(images).all():
        raise UserError(f"reconstruct: backend {name} returned values that are not finite")
    return images


def _slice_per_thread(solve):
    """Return a solver that gives every slice a thread of its own, from first to last pass.

    Only when it is watched do the slices keep step with each other.
    """

    def run(sinograms, watch=None):
        with ThreadPoolExecutor(threads()) as pool:
            if watch is not None:
                return solve(sinograms, watch, pool)
            images = np.empty((len(sinograms), *solve.shape), np.float32)

            def one(i):
                images[i] = solve(sinograms[i : i + 1])[0]

            list(pool.map(one, range(len(sinograms))))
            return images

    return run


def _pooled(solve):
    """Return a solver whose slices keep step, so that each can look at its neighbours."""

    def run(sinograms, watch=None):
        with ThreadPoolExecutor(threads()) as pool:
            return solve(sinograms, watch, pool)

    return run
