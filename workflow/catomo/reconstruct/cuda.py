"""CuPy behind the interface of `catomo.reconstruct.kernels.Device`: all that only a GPU runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from catomo.errors import UserError, line_of
from catomo.reconstruct.kernels import SOURCE


class CudaDevice:
    """The first GPU that CUDA shows, with the kernels of backend `cuda` compiled for it."""

    def __init__(self, cupy: Any, cupyx: Any):
        self.arrays, self._cupyx = cupy, cupyx
        self.name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
        module = cupy.RawModule(code=SOURCE.read_text(), options=("--std=c++17",))
        self._kernel = cache(module.get_function)
        self._kernel("project")  # compiles, or says what is wrong
        self._thread = threading.local()

    def launch(
        self, kernel: str, grid: tuple[int, ...], block: tuple[int, ...], *arguments: Any
    ) -> None:
        """Start a kernel on the calling thread's stream."""
        self._kernel(kernel)(grid, block, arguments)

    def empty(self, shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
        """Return an array on the GPU, with whatever its memory holds."""
        return self.arrays.empty(shape, dtype)

    def put(self, array: np.ndarray) -> Any:
        """Copy an array to the GPU, through memory that cannot be paged out."""
        pinned = self._cupyx.empty_pinned(array.shape, array.dtype)
        pinned[...] = array
        made = self.empty(array.shape, array.dtype)
        stream = self.arrays.cuda.get_current_stream()
        made.set(pinned, stream)
        stream.synchronize()
        return made

    def get(self, array: Any) -> np.ndarray:
        """Copy an array from the GPU into memory that cannot be paged out."""
        pinned = self._cupyx.empty_pinned(array.shape, array.dtype)
        stream = self.arrays.cuda.get_current_stream()
        array.get(stream, out=pinned)
        stream.synchronize()
        return pinned

    def synchronize(self) -> None:
        """Wait for all that runs on the GPU."""
        self.arrays.cuda.Device().synchronize()

    def free_bytes(self) -> int:
        """Return how much of the GPU's memory is free."""
        pool = self.arrays.get_default_memory_pool()
        return int(self.arrays.cuda.runtime.memGetInfo()[0]) + int(pool.free_bytes())

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Give the calling thread its stream; what CUDA reports becomes one line.

        The stream stays with the thread: memory that it freed is taken again on that stream.
        """
        cuda = self.arrays.cuda
        try:
            if not hasattr(self._thread, "stream"):
                self._thread.stream = cuda.Stream(non_blocking=True)
            with self._thread.stream as stream:
                yield
                stream.synchronize()
        except (cuda.memory.OutOfMemoryError, cuda.runtime.CUDARuntimeError) as error:
            raise UserError(
                f"reconstruct: the GPU {self.name} failed ({line_of(error)}); end what else runs "
                "on it, lower reconstruct.slab_slices, or use backend: cpu"
            ) from None


class NoGpuError(UserError):
    """CuPy or a GPU is missing, or cannot be used; `found` says what is wrong."""

    def __init__(self, found: str):
        self.found = found
        super().__init__(
            f"reconstruct: backend cuda cannot use a GPU here ({found}); it needs an NVIDIA card "
            "and CuPy (the extra cuda); use backend: cpu"
        )


@cache
def cuda_device() -> CudaDevice:
    """Return the GPU; raise `NoGpuError` where there is none that can be used."""
    try:
        import cupy
        import cupyx

        if cupy.cuda.runtime.getDeviceCount():
            return CudaDevice(cupy, cupyx)
        found = "no CUDA GPU"
    except Exception as error:  # whatever CuPy, a driver or the compiler reports
        found = line_of(error)
    raise NoGpuError(found)
