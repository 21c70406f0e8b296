"""TomoPy's own MLEM, on the CPU or through its ASTRA wrapper on a GPU, with its traps avoided.

TomoPy starts from 1e-6, does not guard against empty or negative data, keeps its start value
where no tilt looks, and its accelerated MLEM ignores the centre. Therefore it is given scaled,
clipped and centred data without empty slices, what no tilt sees is set to zero, and the GPU is
used through ASTRA's EM_CUDA only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.projection.iteration import Watch, inverse_sensitivity
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.astra import missing_package
from catomo.reconstruct.method import Solver, TiltGeometry


def tomopy_solver(name: str, geometry: TiltGeometry, iterations: int, threads: int) -> Solver:
    """Return a function from sinograms (n, tilt, detector) to slices (n, depth, width).

    Parameters
    ----------
    name : str
        ``tomopy``, or ``tomopy_cuda`` for EM_CUDA of its ASTRA wrapper.
    geometry : TiltGeometry
    iterations : int
    threads : int
        For the CPU.

    Returns
    -------
    callable
        ``solve(sinograms)``; it raises ValueError when it is given something to `watch`.

    Raises
    ------
    UserError
        If TomoPy, or for ``tomopy_cuda`` ASTRA or the GPU, is missing.
    """
    try:
        import tomopy
    except ImportError as error:
        raise missing_package("tomopy", "tomopy, from conda-forge only", error) from None
    depth, width = geometry.shape
    seen = (
        inverse_sensitivity(ShearProjector(geometry.tilt_deg, geometry.shape, geometry.detector))
        > 0
    )
    how: dict[str, Any] = {"algorithm": "mlem", "num_iter": int(iterations), "ncore": threads}
    if name == "tomopy_cuda":
        _need_gpu()
        # Without gpu_list: with it TomoPy hides errors of the GPU and returns the start values.
        options = {"proj_type": "cuda", "method": "EM_CUDA", "num_iter": int(iterations)}
        how = {"algorithm": tomopy.astra, "options": options, "ncore": 1}

    def solve(sinograms: np.ndarray, watch: Watch | None = None) -> np.ndarray:
        if watch is not None:
            raise ValueError("TomoPy runs its own loop, which cannot be watched")
        images = np.zeros((len(sinograms), depth, width), np.float32)
        filled = np.flatnonzero((sinograms > 0).any(axis=(1, 2)))  # an empty one would give NaN
        if len(filled):
            data = np.maximum(sinograms[filled], 0)
            scale = data.mean(axis=(1, 2), dtype=np.float64, keepdims=True)
            images[filled] = (scale * seen) * tomopy.recon(
                (data / scale).astype(np.float32),
                np.radians(geometry.tilt_deg),
                center=data.shape[2] / 2,  # its pixel centres lie at half-integers
                sinogram_order=True,
                # Its own start is too small for ASTRA's floor. It is overwritten: a new array.
                init_recon=np.full((len(filled), depth, width), 1 / depth, np.float32),
                num_gridx=depth,
                num_gridy=width,
                **how,
            )
        return images

    return solve


def _need_gpu() -> None:
    """Raise UserError unless ASTRA can use a GPU."""
    try:
        import astra
    except ImportError as error:
        raise missing_package("tomopy_cuda", "astra-toolbox", error) from None
    if not astra.use_cuda():
        raise UserError(
            "reconstruct: backend tomopy_cuda finds no CUDA GPU here (astra.use_cuda() is "
            "false); use backend: tomopy, or cpu"
        )
