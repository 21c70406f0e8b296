"""How slices pass a trained network: which views are averaged, whole or in tiles.

The stage `predict` takes these values as the defaults of its settings, and the stage `train`
scores its test slices with them, so that its scores hold for what `predict` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Average = Literal["none", "flips", "turns", "dihedral"]
Window = Literal["spline", "gaussian", "hann"]

# The views of an image: number of quarter turns, then whether it is mirrored along x. The
# missing wedge blurs along one direction: flips keep that direction, quarter turns do not.
VIEWS: dict[Average, list[tuple[int, bool]]] = {
    "none": [(0, False)],
    "flips": [(0, False), (0, True), (2, False), (2, True)],
    "turns": [(turns, False) for turns in range(4)],
    "dihedral": [(turns, mirror) for turns in range(4) for mirror in (False, True)],
}

# More pixels at once gain nothing on a CPU. A GPU is busy with several slices only; the network
# of the paper takes about 3 GB for them. How much is free must not count: other numbers of
# slices at once may give other last digits.
BATCH_PX = {"cpu": 524_288, "gpu": 4_194_304}


@dataclass(frozen=True)
class Inference:
    """How slices pass a network.

    Attributes
    ----------
    average : {"none", "flips", "turns", "dihedral"}
        Views of each slice whose probabilities are averaged, see `VIEWS`.
    whole_slice_max_px : int
        Slices of at most this many pixels pass whole, larger ones in tiles.
    tile_px : int
        Edge of a tile in pixels.
    overlap_px : int
        Smallest overlap of neighbouring tiles in pixels.
    window : {"spline", "gaussian", "hann"}
        How the weight of a tile falls towards its border, see `catomo.network.blend.tile_weights`.
    batch_px : int
        Pixels that pass the network at once, at least one slice; sets the memory needed. 0 for
        `BATCH_PX` of the device.
    """

    average: Average = "flips"
    whole_slice_max_px: int = 2_097_152
    tile_px: int = 1024
    overlap_px: int = 256
    window: Window = "spline"
    batch_px: int = 0

    def is_tiled(self, rows: int, columns: int) -> bool:
        """Return whether slices of this shape pass in tiles."""
        return rows * columns > self.whole_slice_max_px

    def slices_at_once(self, rows: int, columns: int, device: str) -> int:
        """Return how many slices of this shape pass the network at once on a "cpu" or "gpu"."""
        return max(1, (self.batch_px or BATCH_PX[device]) // (rows * columns))
