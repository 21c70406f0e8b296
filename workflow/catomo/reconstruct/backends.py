"""Reconstruction backends by name: `cpu`, `astra`, `tomopy`, and `auto`.

A backend turns a slab of sinograms into a slab of slices. `cpu` and `astra` run catomo's own
loop with their projectors; `tomopy` runs its own. `astra_cuda` and `tomopy_cuda` require a
GPU. All keep the same orientation, with the tilt axis in the middle of the detector.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from catomo.errors import UserError
from catomo.projection.iteration import Iteration, solve_in_threads
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.projector import Projector
from catomo.projection.shear import ShearProjector, threads
from catomo.projection.sirt import Sirt
from catomo.reconstruct.astra import AstraProjector, check_agreement
from catomo.reconstruct.method import Method, Solver, TiltGeometry
from catomo.reconstruct.tomopy import tomopy_solver


def resolve(name: str) -> str:
    """Return the backend that `auto` stands for here: astra on a usable GPU, else cpu."""
    if name != "auto":
        return name
    try:
        projector = AstraProjector([-40.0, 25.0], (24, 32), 32)
        if projector.gpu:
            check_agreement(projector)
        return "astra" if projector.gpu else "cpu"
    except Exception:  # whatever a driver raises: that GPU is not usable
        return "cpu"


def make_solver(backend: str, geometry: TiltGeometry, method: Method) -> Solver:
    """Return a function from sinograms (n, tilt, detector) to slices (n, depth, width).

    Parameters
    ----------
    backend : str
        ``cpu``, ``astra``, ``astra_cuda``, ``tomopy`` or ``tomopy_cuda``.
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
    if backend in ("tomopy", "tomopy_cuda"):
        if method.subsets != 1 or method.tv or method.algorithm == "sirt":
            raise UserError(f"reconstruct: backend {backend} runs plain MLEM; set algorithm: mlem")
        return tomopy_solver(backend, geometry, method.iterations, threads())
    loop = _loop(_projector(backend, geometry), method)
    return partial(solve_in_threads, loop) if backend == "cpu" else loop


def check_finite(backend: str, images: np.ndarray) -> np.ndarray:
    """Return the images that a backend computed, after checking that all values are finite.

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
    check_agreement(projector)
    return projector


def _loop(projector: Projector, method: Method) -> Iteration:
    if method.algorithm == "sirt":
        return Sirt(projector, method.iterations, method.unit)
    subsets = min(method.subsets, len(projector.tilt_deg))
    return MaximumLikelihood(
        projector, method.iterations, subsets, method.unit, method.tv, method.across
    )
