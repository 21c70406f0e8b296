"""A network led over images of any size, without seams.

Small images pass whole; large ones in overlapping tiles whose probabilities are averaged
with weights that fall towards the border of each tile. Flips and quarter turns can be
averaged too. Memory is that of one pass and of the probabilities of one batch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]

# The views of an image: number of quarter turns, then mirrored along x or not.
VIEWS = {
    "none": [(0, False)],
    "flips": [(0, False), (0, True), (2, False), (2, True)],
    "dihedral": [(turns, mirror) for turns in range(4) for mirror in (False, True)],
}


def probabilities(
    predict: Predict,
    images: np.ndarray,
    *,
    multiple: int,
    average: str = "none",
    tile: int | None = None,
    overlap: int = 0,
    window: str = "spline",
) -> np.ndarray:
    """Return the probability of every class at every pixel.

    Parameters
    ----------
    predict : callable
        ``(n, z, x)`` → ``(n, z, x, classes)``, for edges that are multiples of `multiple`.
    images : ndarray, (n, z, x)
    multiple : int
        What the network's input edges must be divisible by.
    average : {"none", "flips", "dihedral"}
        Views to average over: 1, 4 or 8.
    tile : int, optional
        Edge of the tiles in px, rounded up to a multiple; without it images pass whole.
    overlap : int
        Overlap of neighbouring tiles in px (at least this; tiles are spread evenly).
    window : {"spline", "gaussian", "hann"}
        Weight of a tile, see `tile_weights`.

    Returns
    -------
    ndarray of float32, (n, z, x, classes)
    """
    total = None
    for turns, mirror in VIEWS[average]:
        view = np.rot90(images, turns, axes=(1, 2))
        view = view[:, :, ::-1] if mirror else view
        if tile is None:
            found = _whole(predict, view, multiple)
        else:
            found = _tiled(predict, view, _up(tile, multiple), overlap, window)
        found = found[:, :, ::-1] if mirror else found
        found = np.rot90(found, -turns, axes=(1, 2))
        total = found if total is None else total + found
    return np.ascontiguousarray(total) / np.float32(len(VIEWS[average]))


def tile_weights(edge: int, window: str) -> np.ndarray:
    """Return the weights ``(edge, edge)`` of a tile: positive, largest in the middle.

    ``spline`` is the squared triangle smoothed as in common U-Net blending code (quadratic
    B-spline), ``hann`` a raised cosine, ``gaussian`` has a sigma of an eighth of the edge.
    """
    t = np.abs((np.arange(edge) + 0.5) / edge * 2 - 1)  # 0 in the middle, towards 1 outside
    if window == "spline":
        line = np.where(t < 0.5, 1 - 2 * t**2, 2 * (1 - t) ** 2)
    elif window == "hann":
        line = 0.5 + 0.5 * np.cos(np.pi * t)
    else:
        line = np.exp(-8 * t**2)
    return np.outer(line, line).astype(np.float32)


def tile_starts(length: int, edge: int, overlap: int) -> list[int]:
    """Return where tiles begin so that they cover `length` evenly and overlap enough."""
    if length <= edge:
        return [0]
    count = -(-(length - overlap) // (edge - overlap))
    return [round(k * (length - edge) / (count - 1)) for k in range(count)]


def _whole(predict: Predict, images: np.ndarray, multiple: int) -> np.ndarray:
    _, rows, columns = images.shape
    padded = _padded(images, _up(rows, multiple), _up(columns, multiple))
    return predict(padded)[:, :rows, :columns]


def _tiled(predict: Predict, images: np.ndarray, edge: int, overlap: int, window: str):
    _, rows, columns = images.shape
    padded = _padded(images, max(rows, edge), max(columns, edge))
    weights = tile_weights(edge, window)[..., None]
    total, weight = None, np.zeros((*padded.shape[1:], 1), np.float32)
    for top in tile_starts(padded.shape[1], edge, overlap):
        for left in tile_starts(padded.shape[2], edge, overlap):
            here = (slice(top, top + edge), slice(left, left + edge))
            found = predict(padded[:, *here])
            if total is None:
                total = np.zeros((*padded.shape, found.shape[-1]), np.float32)
            total[:, *here] += weights * found
            weight[here] += weights
    return (total / weight)[:, :rows, :columns]


def _padded(images: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Continue images by reflection to the given size; what is there stays in the corner."""
    _, z, x = images.shape
    return np.pad(images, ((0, 0), (0, rows - z), (0, columns - x)), mode="reflect")


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
