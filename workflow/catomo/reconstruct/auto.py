"""Which backend `auto` is: the one that is measured to be faster here, on this shape.

A machine without a usable GPU takes `cpu` and measures nothing. What was measured is remembered
(`catomo.reconstruct.choices`), so the choice stays the same.
"""

from __future__ import annotations

import math
import platform
import time
from dataclasses import replace

import numpy as np

from catomo.errors import UserError, line_of
from catomo.progress import say
from catomo.projection.shear import threads
from catomo.reconstruct import backends
from catomo.reconstruct.choices import PLACE, Choice, remember, remembered
from catomo.reconstruct.cuda import NoGpuError, cuda_device
from catomo.reconstruct.method import Method, TiltGeometry

# Each side is measured for about this long, with so many iterations at a time.
_SECONDS = 1.0
_ITERATIONS = 3


def resolve(name: str, geometry: TiltGeometry, method: Method) -> str:
    """Return the backend that `auto` stands for here; other names stand for themselves."""
    if name != "auto":
        return name
    gpu, found = _gpu_backend(geometry, method)
    if gpu is None:
        say(f"reconstruct: backend auto takes cpu, no GPU can be used here ({found})")
        return "cpu"
    machine = f"{platform.node()}, {found}, {threads()} threads"
    choice = _known(machine, _kind(geometry, method))
    if choice is None:
        try:
            choice = _measured(gpu, machine, geometry, method)
        except UserError as error:
            say(f"reconstruct: backend auto takes cpu, the GPU failed ({line_of(error)})")
            return "cpu"
        remember(choice)
    times = ", ".join(f"{name} {value:.3g} ms" for name, value in choice.milliseconds.items())
    say(
        f"reconstruct: backend auto takes {choice.backend}, per slice and iteration: {times} "
        f"(measured on {machine}; {PLACE})"
    )
    return choice.backend


def _gpu_backend(geometry: TiltGeometry, method: Method) -> tuple[str | None, str]:
    """Return the backend that could use a GPU here and the GPU's name, or None and why not."""
    try:
        device = cuda_device()
        backends.make_solver("cuda", geometry, method)
        return "cuda", device.name
    except NoGpuError as error:
        reason = error.found
    except Exception as error:  # whatever a driver raises: that GPU is not usable
        reason = line_of(error)
    try:
        if backends.astra_has_gpu():
            backends.make_solver("astra_cuda", geometry, method)
            return "astra", "GPU of ASTRA"
    except Exception as error:  # likewise
        reason = line_of(error)
    return None, reason


def _kind(geometry: TiltGeometry, method: Method) -> str:
    sizes = (*geometry.shape, geometry.detector, len(geometry.tilt_deg))
    rounded = "x".join(str(2 ** round(math.log2(max(size, 1)))) for size in sizes)
    prior = "" if not method.tv else " with tv in 3-D" if method.across else " with tv"
    return f"{rounded} {method.algorithm} {method.subsets}{prior}"


def _known(machine: str, work: str) -> Choice | None:
    for choice in remembered():
        if (choice.machine, choice.work) == (machine, work):
            return choice
    return None


def _measured(gpu: str, machine: str, geometry: TiltGeometry, method: Method) -> Choice:
    """Reconstruct noise with both sides for a second, and compare."""
    milliseconds = {}
    for backend in (gpu, "cpu"):
        count = backends.slab_slices(backend, geometry, None, 1 << 20)
        if backend == "cpu":
            count = threads()
        shape = (count, len(geometry.tilt_deg), geometry.detector)
        sinograms = np.random.default_rng(0).random(shape, np.float32)
        solve = backends.make_solver(backend, geometry, replace(method, iterations=_ITERATIONS))
        solve(sinograms[: max(1, threads())])  # compiles
        runs, start = 0, time.perf_counter()
        while not runs or time.perf_counter() - start < _SECONDS:
            solve(sinograms)
            runs += 1
        spent = time.perf_counter() - start
        milliseconds[backend] = 1e3 * spent / (runs * count * _ITERATIONS)
    fastest = min(milliseconds, key=lambda backend: milliseconds[backend])
    return Choice(machine, _kind(geometry, method), milliseconds, fastest)
