"""A network led over images of any size, without seams.

Small images pass whole; large ones in overlapping tiles whose probabilities are averaged
with weights that fall towards the border of each tile. Tiles lie on the grid of the network's
deepest level, so that beyond its receptive field a tile gives what the whole image would.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]

# The views of an image: number of quarter turns, then mirrored along x or not. Flips leave
# the directions that the missing wedge has blurred where they are, quarter turns do not.
VIEWS = {
    "none": [(0, False)],
    "flips": [(0, False), (0, True), (2, False), (2, True)],
    "turns": [(turns, False) for turns in range(4)],
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
    average : {"none", "flips", "turns", "dihedral"}
        Views to average over: 1, 4, 4 or 8.
    tile : int, optional
        Edge of the tiles in px, rounded up to a multiple; an image narrower than that has
        narrower tiles. Without it images pass whole.
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
            found = _tiled(predict, view, multiple, tile, overlap, window)
        found = found[:, :, ::-1] if mirror else found
        found = np.rot90(found, -turns, axes=(1, 2))
        if total is None:
            total = np.array(found, np.float32, order="C")
        else:
            total += found
    total /= len(VIEWS[average])
    return total


def tile_weights(shape: tuple[int, int], window: str) -> np.ndarray:
    """Return the weights of a tile: positive, symmetric, largest in the middle.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the tile.
    window : {"spline", "gaussian", "hann"}
        ``spline`` is the quadratic B-spline (the squared triangle made smooth, as common
        U-Net blending code has it), ``hann`` a raised cosine, ``gaussian`` has a sigma of an
        eighth of the edge.

    Returns
    -------
    ndarray of float32
    """
    return np.outer(*(_window(edge, window) for edge in shape)).astype(np.float32)


def tile_starts(length: int, edge: int, overlap: int, step: int = 1) -> list[int]:
    """Return where tiles begin to cover a length evenly.

    Parameters
    ----------
    length, edge : int
        Of the image and of a tile, in px; multiples of `step`.
    overlap : int
        Neighbours share at least this many px, but never all.
    step : int
        Tiles begin at multiples of it.
    """
    length, edge, overlap = length // step, edge // step, -(-overlap // step)
    if length <= edge:
        return [0]
    advance = max(edge - overlap, 1)
    count = 1 + -(-(length - edge) // advance)
    return [step * round(k * (length - edge) / (count - 1)) for k in range(count)]


def _whole(predict: Predict, images: np.ndarray, multiple: int) -> np.ndarray:
    _, rows, columns = images.shape
    return predict(_padded(images, multiple))[:, :rows, :columns]


def _tiled(
    predict: Predict, images: np.ndarray, multiple: int, tile: int, overlap: int, window: str
) -> np.ndarray:
    _, rows, columns = images.shape
    padded = _padded(images, multiple)
    shape = padded.shape[1:]
    edges = [min(_up(tile, multiple), length) for length in shape]
    weights = tile_weights(edges, window)[..., None]
    total, weight = None, np.zeros((*shape, 1), np.float32)
    tops, lefts = (
        tile_starts(length, edge, overlap, multiple)
        for length, edge in zip(shape, edges, strict=True)
    )
    for top in tops:
        for left in lefts:
            here = (slice(top, top + edges[0]), slice(left, left + edges[1]))
            found = predict(padded[:, *here])
            if total is None:
                total = np.zeros((*padded.shape, found.shape[-1]), np.float32)
            total[:, *here] += weights * found
            weight[here] += weights
    total /= weight
    return total[:, :rows, :columns]


def _window(edge: int, window: str) -> np.ndarray:
    t = np.abs((np.arange(edge) + 0.5) / edge * 2 - 1)  # 0 in the middle, towards 1 outside
    if window == "spline":
        return np.where(t < 0.5, 1 - 2 * t**2, 2 * (1 - t) ** 2)
    if window == "hann":
        return 0.5 + 0.5 * np.cos(np.pi * t)
    return np.exp(-8 * t**2)


def _padded(images: np.ndarray, multiple: int) -> np.ndarray:
    """Continue images by reflection to the next multiple; what is there stays in the corner."""
    more = [(0, _up(length, multiple) - length) for length in images.shape[1:]]
    return np.pad(images, [(0, 0), *more], mode="reflect")


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
