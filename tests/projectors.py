"""The projectors and loops of all backends, for tests that hold of each of them.

`cuda_host` is backend `cuda` with its kernels compiled for the host; `cuda` and `astra_cuda`
need a GPU and are skipped where there is none.
"""

from __future__ import annotations

import pytest

from catomo.errors import UserError
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.projection.sirt import Sirt
from catomo.reconstruct.astra import AstraProjector
from catomo.reconstruct.cuda import cuda_device
from catomo.reconstruct.kernels import Kernels
from catomo.reconstruct.method import Method
from catomo.reconstruct.resident import DeviceProjector, Resident

GPU = pytest.mark.gpu
OWN = ["cpu", "cuda_host", pytest.param("cuda", marks=GPU)]
ALL = [*OWN, "astra", pytest.param("astra_cuda", marks=GPU)]
DEVICES = ["cuda_host", pytest.param("cuda", marks=GPU)]


def device_of(backend, request):
    """Return the device of `cuda_host` or `cuda`."""
    if backend == "cuda_host":
        return request.getfixturevalue("host")
    try:
        return cuda_device()
    except UserError as error:
        pytest.skip(f"no CUDA GPU here: the CUDA path is unverified ({error})")


def projector_of(backend, request, *geometry):
    """Return the projector of a backend for tilts, shape, detector and centre."""
    if backend == "cpu":
        return ShearProjector(*geometry)
    if backend in ("cuda", "cuda_host"):
        return DeviceProjector(Kernels(device_of(backend, request), *geometry))
    pytest.importorskip("astra")
    if backend == "astra_cuda":
        request.getfixturevalue("cuda")
    projector = AstraProjector(*geometry)
    if backend == "astra":
        projector.gpu = False  # its CPU kernels, also where there is a GPU
    return projector


def likelihood(projector, iterations, subsets=1, unit=None, tv=0.0, across=False):
    """Return `MaximumLikelihood`, or the loop of `cuda` for a projector of that backend."""
    if not isinstance(projector, DeviceProjector):
        return MaximumLikelihood(projector, iterations, subsets, unit, tv, across)
    method = Method("osem", iterations, subsets, unit, tv, across)
    return Resident(projector.kernels, method)


def sirt(projector, iterations):
    """Return `Sirt`, or the loop of `cuda` for a projector of that backend."""
    if not isinstance(projector, DeviceProjector):
        return Sirt(projector, iterations)
    return Resident(projector.kernels, Method("sirt", iterations))
