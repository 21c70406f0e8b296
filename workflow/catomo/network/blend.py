"""The probabilities that a network gives for images of any size, without seams.

Small images pass whole; large ones pass in overlapping tiles, whose probabilities are averaged
with weights that fall towards the border of each tile. Tiles lie on the grid of the network's
deepest level. A pixel farther from the border of its tile than the network's receptive field
therefore gets the same value as in the whole image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from catomo.network.inference import Average, Inference, Window

Forward = Callable[[np.ndarray], np.ndarray]

# The views of an image: number of quarter turns, then whether it is mirrored along x. The
# missing wedge blurs along one direction: flips keep that direction, quarter turns do not.
VIEWS: dict[Average, list[tuple[int, bool]]] = {
    "none": [(0, False)],
    "flips": [(0, False), (0, True), (2, False), (2, True)],
    "turns": [(turns, False) for turns in range(4)],
    "dihedral": [(turns, mirror) for turns in range(4) for mirror in (False, True)],
}


def probabilities(
    forward: Forward, images: np.ndarray, multiple: int, inference: Inference
) -> np.ndarray:
    """Return the probability of every class at every pixel.

    Parameters
    ----------
    forward : callable
        The network, ``(n, z, x)`` → ``(n, z, x, classes)``, for edges that are multiples of
        `multiple`; see `catomo.network.unet.forward_of`.
    images : ndarray, (n, z, x)
        All of them pass at once.
    multiple : int
        What the edges of the network's input must be divisible by. Images are continued by
        reflection, and the edge of tiles is rounded up. An image narrower than a tile has
        narrower tiles.
    inference : Inference
        Views, and size, overlap and weights of the tiles.

    Returns
    -------
    ndarray of float32, (n, z, x, classes)
    """
    tiled = inference.is_tiled(*images.shape[1:])

    def of_view(turns: int, mirror: bool) -> np.ndarray:
        view = np.rot90(images, turns, axes=(1, 2))
        view = view[:, :, ::-1] if mirror else view
        p = _tiled(forward, view, multiple, inference) if tiled else _whole(forward, view, multiple)
        p = p[:, :, ::-1] if mirror else p
        return np.rot90(p, -turns, axes=(1, 2))

    first, *others = VIEWS[inference.average]
    total = np.array(of_view(*first), np.float32, order="C")
    for view in others:
        total += of_view(*view)
    total /= 1 + len(others)
    return total


def tile_weights(shape: tuple[int, int], window: Window) -> np.ndarray:
    """Return the weights of a tile: positive, symmetric, largest in the middle.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the tile.
    window : {"spline", "gaussian", "hann"}
        ``spline`` is a quadratic B-spline, as common code for blending U-Net tiles has it;
        ``hann`` is a raised cosine; ``gaussian`` has a standard deviation of an eighth of the
        edge.

    Returns
    -------
    ndarray of float32, `shape`
    """
    return np.outer(*(_window(edge, window) for edge in shape)).astype(np.float32)


def tile_starts(length: int, edge: int, overlap: int, step: int = 1) -> list[int]:
    """Return where tiles begin, so that they cover a length evenly.

    Parameters
    ----------
    length, edge : int
        Length to cover and edge of a tile, in px; multiples of `step`.
    overlap : int
        Neighbours share at least this many px, but a tile advances at least by one step.
    step : int
        Tiles begin at multiples of it.
    """
    length, edge, overlap = length // step, edge // step, -(-overlap // step)
    if length <= edge:
        return [0]
    advance = max(edge - overlap, 1)
    count = 1 + -(-(length - edge) // advance)
    return [step * round(k * (length - edge) / (count - 1)) for k in range(count)]


def _whole(forward: Forward, images: np.ndarray, multiple: int) -> np.ndarray:
    _, rows, columns = images.shape
    return forward(_padded(images, multiple))[:, :rows, :columns]


def _tiled(forward: Forward, images: np.ndarray, multiple: int, inference: Inference) -> np.ndarray:
    _, rows, columns = images.shape
    padded = _padded(images, multiple)
    height, width = padded.shape[1:]
    edge = _rounded_up(inference.tile_px, multiple)
    tile_height, tile_width = min(edge, height), min(edge, width)
    tops = tile_starts(height, tile_height, inference.overlap_px, multiple)
    lefts = tile_starts(width, tile_width, inference.overlap_px, multiple)
    weights = tile_weights((tile_height, tile_width), inference.window)[..., None]
    total = None
    weight = np.zeros((height, width, 1), np.float32)
    for top in tops:
        for left in lefts:
            tile = (slice(top, top + tile_height), slice(left, left + tile_width))
            p = forward(padded[:, *tile])
            if total is None:
                total = np.zeros((*padded.shape, p.shape[-1]), np.float32)
            total[:, *tile] += weights * p
            weight[tile] += weights
    assert total is not None  # there is at least one tile
    total /= weight
    return total[:, :rows, :columns]


def _window(edge: int, window: Window) -> np.ndarray:
    t = np.abs((np.arange(edge) + 0.5) / edge * 2 - 1)  # 0 in the middle, towards 1 outside
    if window == "spline":
        return np.where(t < 0.5, 1 - 2 * t**2, 2 * (1 - t) ** 2)
    if window == "hann":
        return 0.5 + 0.5 * np.cos(np.pi * t)
    return np.exp(-8 * t**2)


def _padded(images: np.ndarray, multiple: int) -> np.ndarray:
    """Continue images by reflection at the bottom and right to the next multiple."""
    more = [(0, _rounded_up(length, multiple) - length) for length in images.shape[1:]]
    return np.pad(images, [(0, 0), *more], mode="reflect")


def _rounded_up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
