"""The edge of an image, in blocks: what lies around the specimen."""

from __future__ import annotations

import numpy as np

_BLOCKS = 8  # along each edge of the frame


def strips_of(image: np.ndarray, depth: int) -> list[np.ndarray]:
    """Return the strips along the four sides, so many pixels deep, lying along x: top first."""
    return [image[:depth], image[-depth:], image[:, :depth].T, image[:, -depth:].T]


def ring_of(image: np.ndarray) -> list[np.ndarray]:
    """Return the blocks along the edge of an image: 1/32 of its width deep, 1/8 long."""
    strips = strips_of(image, max(2, min(image.shape) // 32))
    return [block for strip in strips for block in np.array_split(strip, _BLOCKS, axis=1)]
