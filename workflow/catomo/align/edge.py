"""The edge of an image, in blocks: what lies around the specimen."""

from __future__ import annotations

import numpy as np

_BLOCKS = 8  # along each edge of the frame


def ring_of(image: np.ndarray) -> list[np.ndarray]:
    """Return the blocks along the edge of an image: 1/32 of its width deep, 1/8 long."""
    depth = max(2, min(image.shape) // 32)
    sides = image[:depth], image[-depth:], image[:, :depth].T, image[:, -depth:].T
    return [block for side in sides for block in np.array_split(side, _BLOCKS, axis=1)]
