"""A device of backend `cuda` on which the kernels run without a GPU: compiled for the host."""

from __future__ import annotations

import contextlib
import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

from catomo.reconstruct.kernels import SOURCE

HEADER = Path(__file__).with_name("cuda_host.h")
COMPILER = shutil.which("g++") or shutil.which("clang++")


def build(folder: Path) -> ctypes.CDLL:
    """Compile kernels.cu behind the header of thread indices, in `folder`."""
    names = re.findall(r'extern "C" __global__ void (\w+)\(', SOURCE.read_text())
    unit = folder / "kernels.cpp"
    lines = [f'#include "{HEADER}"', f'#include "{SOURCE}"', *(f"HOST({name})" for name in names)]
    unit.write_text("\n".join(lines) + "\n")
    library = folder / "kernels.so"
    options = ["-std=c++17", "-O2", "-march=native", "-fPIC", "-shared"]
    subprocess.run([COMPILER, *options, unit, "-o", library], check=True)
    return ctypes.CDLL(str(library))


class HostDevice:
    """What `catomo.reconstruct.cuda.CudaDevice` is, with NumPy's arrays as the GPU's memory."""

    name = "the host"
    arrays = np
    free = 1 << 34

    def __init__(self, library: ctypes.CDLL):
        self._library = library

    def launch(self, kernel, grid, block, *arguments):
        held = [
            ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray) else _scalar(a)
            for a in arguments
        ]
        for a in arguments:
            assert not isinstance(a, np.ndarray) or a.flags.c_contiguous
        places = (ctypes.c_void_p * len(held))(*(ctypes.addressof(h) for h in held))
        getattr(self._library, f"host_{kernel}")((ctypes.c_uint * 6)(*grid, *block), places)

    def empty(self, shape, dtype=np.float32):
        # Memory of a GPU holds what was there before.
        return np.full(shape, np.nan, dtype)

    def put(self, array):
        return np.array(array, order="C")

    def get(self, array):
        return array.copy()

    def synchronize(self):
        pass

    def free_bytes(self):
        return self.free

    def stream(self):
        return contextlib.nullcontext()


def _scalar(value):
    assert isinstance(value, np.generic), f"{value!r} has no fixed size"
    return np.ctypeslib.as_ctypes_type(value.dtype)(value.item())
