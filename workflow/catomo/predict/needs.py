"""What a prediction takes in memory: known before TensorFlow starts."""

from __future__ import annotations

from catomo.network.inference import Inference
from catomo.network.size import UNetSize

# Measured on CPUs, in both precisions, on 0.1 to 0.8 million pixels at once and networks of 4 and
# 16 filters: what programs take before any pixel has passed, and how many arrays of the size of
# the first level, and of that of the probabilities of one class, exist at the worst moment.
_PROGRAMS_BYTES = 0.62e9
_LAYERS_ALIVE = 9.5
_PROBABILITIES_ALIVE = 20


def memory_bytes(
    network: UNetSize,
    precision: str,
    inference: Inference,
    shape: tuple[int, int, int],
    device: str,
    class_count: int,
) -> float:
    """Estimate the memory, in bytes, that predicting takes; it does not grow with the volume.

    Parameters
    ----------
    network : UNetSize
    precision : {"float32", "bfloat16"}
    inference : Inference
    shape : (int, int, int)
        Number of slices, and their rows and columns.
    device : {"cpu", "gpu"}
    class_count : int
    """
    count, rows, columns = shape
    batch = min(inference.slices_at_once(rows, columns, device), count)
    edge = inference.tile_px if inference.is_tiled(rows, columns) else max(rows, columns)
    passing_px = batch * min(rows, edge) * min(columns, edge)
    width = 2 if precision == "bfloat16" else 4
    base = network.base_filters
    # The three 3x3 convolutions at the deepest level hold nearly all weights. They are kept as
    # float32 and in the precision of the computation.
    weights = 28 * base**2 * 4 ** (network.levels - 1) * (4 + width)
    layers = passing_px * base * width * _LAYERS_ALIVE
    probabilities = batch * rows * columns * class_count * 4 * _PROBABILITIES_ALIVE
    return _PROGRAMS_BYTES + weights + layers + probabilities
