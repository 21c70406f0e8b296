"""The size of a U-Net. Settings name it, so nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UNetSize:
    """Size of a U-Net.

    Attributes
    ----------
    levels : int
        Resolution levels; the paper has 6.
    base_filters : int
        Filters of the first level, doubled at each further one; the paper has 32.
    """

    levels: int = 6
    base_filters: int = 16

    @property
    def downsampling(self) -> int:
        """How many pixels of the image one pixel of the deepest level covers, along an axis."""
        return 2 ** (self.levels - 1)
