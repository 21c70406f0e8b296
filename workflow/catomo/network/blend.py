"""The probabilities that a network gives for images of any size, without seams.

Small images pass whole; large ones pass in overlapping tiles, whose probabilities are averaged
with weights that fall towards the border of each tile. Tiles lie on the grid of the network's
deepest level. A pixel farther from the border of its tile than the network's receptive field
therefore gets the same value as in the whole image.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from catomo.network.inference import VIEWS, Inference, Window

Forward = Callable[[Any], Any]


def blended(
    forward: Forward,
    multiple: int,
    inference: Inference,
    finish: Callable[[Any], Any] = tf.identity,
) -> Callable[[np.ndarray], Any]:
    """Return a function from grey values to the probability of every class at every pixel.

    Grey values go to the device as bytes. All views of a whole slice, their mean and what
    `finish` makes of it are one graph, so nothing but the result comes back. It need not have
    been computed when the function returns; whoever takes it as an array waits for it.

    Parameters
    ----------
    forward : callable
        The network, ``(n, z, x)`` uint8 → ``(n, z, x, classes)``, for edges that are multiples
        of `multiple`; see `catomo.network.unet.forward_of`.
    multiple : int
        What the edges of the network's input must be divisible by. Images are continued by
        reflection, and the edge of tiles is rounded up. An image narrower than a tile has
        narrower tiles.
    inference : Inference
        Views, and size, overlap and weights of the tiles.
    finish : callable
        What to make of the probabilities, a float32 tensor ``(n, z, x, classes)``.

    Returns
    -------
    callable
        From images, an ndarray ``(n, z, x)`` of uint8 that pass at once, to what `finish` returns.
    """
    views = VIEWS[inference.average]

    @tf.function(
        autograph=False,  # no branch depends on the values of tensors
        input_signature=[tf.TensorSpec((None,) * 3, tf.uint8), tf.TensorSpec((3,), tf.int32)],
    )
    def whole(padded: Any, shape: Any) -> Any:
        return finish(_mean(forward, padded, views)[:, : shape[1], : shape[2]])

    def of(images: np.ndarray) -> Any:
        rows, columns = images.shape[1:]
        padded = tf.constant(_padded(images, multiple))
        if not inference.is_tiled(rows, columns):
            return whole(padded, tf.constant(images.shape))
        tiles = partial(_tiled, forward, multiple, inference)
        return finish(_mean(tiles, padded, views)[:, :rows, :columns])

    return of


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


def _mean(run: Forward, grey: Any, views: list[tuple[int, bool]]) -> Any:
    """Return the mean of what all views give, each turned back."""

    def of_view(turns: int, mirror: bool) -> Any:
        view = _turned(grey, turns)
        p = run(tf.reverse(view, [2]) if mirror else view)
        return _turned(tf.reverse(p, [2]) if mirror else p, -turns)

    total = of_view(*views[0])
    for view in views[1:]:
        with tf.control_dependencies([total]):  # one after the other: memory is that of one
            total += of_view(*view)
    return total / len(views)


def _turned(images: Any, turns: int) -> Any:
    """Return images (n, z, x, …) after so many quarter turns."""
    if turns % 2:
        images = tf.transpose(images, [0, 2, 1, *range(3, len(images.shape))])
    axes = {0: [], 1: [1], 2: [1, 2], 3: [2]}[turns % 4]
    return tf.reverse(images, axes) if axes else images


def _tiled(forward: Forward, multiple: int, inference: Inference, padded: Any) -> Any:
    padded = padded.numpy()
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
            p = forward(tf.constant(padded[:, *tile])).numpy()
            if total is None:
                total = np.zeros((*padded.shape, p.shape[-1]), np.float32)
            total[:, *tile] += weights * p
            weight[tile] += weights
    assert total is not None  # there is at least one tile
    total /= weight
    return tf.constant(total)


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
