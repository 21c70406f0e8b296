"""How slices too large to pass the network whole are cut, where nobody says otherwise.

`predict` takes these values as the defaults of its settings, and `train` scores with them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tiling:
    """Cutting of large slices into overlapping tiles.

    Attributes
    ----------
    whole_slice_max_px : int
        Slices of at most this many pixels pass whole.
    tile_px, overlap_px : int
        Edge of a tile, and overlap of neighbouring tiles.
    window : str
        How the weight of a tile falls towards its border, as in `catomo.network.blend`.
    """

    whole_slice_max_px: int = 2_097_152
    tile_px: int = 1024
    overlap_px: int = 256
    window: str = "spline"
