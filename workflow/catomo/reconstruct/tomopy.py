"""TomoPy's own MLEM, on the CPU or through its ASTRA wrapper on a GPU, with its traps avoided.

TomoPy starts from 1e-6, has no guard against empty or negative data, leaves its start where no
tilt looks, and its accelerated MLEM ignores the centre: so the data come scaled, clipped and
centred, empty slices never reach it, what is unseen is zero, and the GPU is reached through
ASTRA's EM_CUDA alone.
"""

from __future__ import annotations

import numpy as np

from catomo.errors import UserError
from catomo.projection.iteration import inverse_sensitivity
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.astra import missing


def tomopy_solver(name: str, tilt_deg, shape, iterations: int, threads: int):
    """Return a function from sinograms (n, tilt, detector) to slices (n, depth, width).

    Parameters
    ----------
    name : str
        ``tomopy``, or ``tomopy_cuda`` for EM_CUDA of its ASTRA wrapper.
    tilt_deg : sequence of float
    shape : (int, int)
        Depth and width of a slice.
    iterations : int
    threads : int
        For the CPU.

    Raises
    ------
    UserError
        If TomoPy, or for ``tomopy_cuda`` ASTRA or the GPU, is missing.
    """
    try:
        import tomopy
    except ImportError as error:
        raise missing("tomopy", "tomopy, from conda-forge only", error) from None
    depth, width = shape
    how = {"algorithm": "mlem", "num_iter": int(iterations), "ncore": threads}
    if name == "tomopy_cuda":
        _need_gpu()
        # Named in gpu_list, a GPU's errors would be swallowed and the start returned.
        options = {"proj_type": "cuda", "method": "EM_CUDA", "num_iter": int(iterations)}
        how = {"algorithm": tomopy.astra, "options": options, "ncore": 1}

    def run(sinograms, watch=None):
        images = np.zeros((len(sinograms), depth, width), np.float32)
        filled = np.flatnonzero((sinograms > 0).any(axis=(1, 2)))  # an empty one would give NaN
        if len(filled):
            data = np.maximum(sinograms[filled], 0)
            scale = data.mean(axis=(1, 2), dtype=np.float64, keepdims=True)
            seen = inverse_sensitivity(ShearProjector(tilt_deg, shape, data.shape[2])) > 0
            images[filled] = (scale * seen) * tomopy.recon(
                (data / scale).astype(np.float32),
                np.radians(tilt_deg),
                center=data.shape[2] / 2,  # its pixel centres lie at half-integers
                sinogram_order=True,
                # Its own start is too small for ASTRA's floor; it writes into what it is given.
                init_recon=np.full((len(filled), depth, width), 1 / depth, np.float32),
                num_gridx=depth,
                num_gridy=width,
                **how,
            )
        return images

    return run


def _need_gpu() -> None:
    try:
        import astra
    except ImportError as error:
        raise missing("tomopy_cuda", "astra-toolbox", error) from None
    if not astra.use_cuda():
        raise UserError(
            "reconstruct: backend tomopy_cuda finds no CUDA GPU here (astra.use_cuda() is "
            "false); use backend: tomopy, or cpu"
        )
