"""Images on a coarser grid."""

from __future__ import annotations

import numpy as np


def binned(image: np.ndarray, factor: int) -> np.ndarray:
    """Return the means of blocks of `factor` × `factor` pixels.

    Parameters
    ----------
    image : ndarray (y, x)
    factor : int
        Edge of a block in px. Rows and columns left over at the far edges are cut.

    Returns
    -------
    ndarray of float64, (y // factor, x // factor)
    """
    rows, columns = (n // factor * factor for n in image.shape)
    blocks = image[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float64)
