"""Training windows, changed at random: one warp for image and mask, then grey values.

All random numbers are a function of the seed and the number of the sample, so the order in
which threads work cannot change them. Masks take the nearest pixel: interpolated labels
would turn the rim of every bright particle into the class between it and the background.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from catomo.labels.values import IGNORE
from catomo.network import unet
from catomo.train.settings import Augment, Train

Shape = tuple[int, int]

# Distance of the nodes of the elastic shift: wider than a particle, so that particles move and
# lean but keep their shape.
_ELASTIC_SPACING_PX = 64

_CANDIDATE_PLACES = 64  # random places of which one is chosen for each window


class Cutout(NamedTuple):
    """An annotated image and the place of a window in it.

    Attributes
    ----------
    image, label : tensor of uint8, (z, x)
        Grey values and mask, filled up to the size of the largest image.
    shape : tensor of int32, (2,)
        Shape of the image itself, which lies at the corner 0, 0.
    corner : tensor of int32, (2,)
        The pixel of the image at which the window begins before it is moved.
    """

    image: Any
    label: Any
    shape: Any
    corner: Any


def batches(
    images: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    settings: Train,
    window: Shape,
    first: int = 0,
) -> Any:
    """Return the training data as a dataset of the batches from `first` to the last step.

    Parameters
    ----------
    images, labels : sequences of ndarray of uint8, (z, x)
        Shapes may differ from image to image.
    settings : catomo.train.settings.Train
        Random changes, size of a batch, steps, seed and threads.
    window : (int, int)
        Shape of what the network sees. Images larger than that are cropped at random places,
        more often where more is annotated; smaller ones continue by reflection.
    first : int
        Number of the first step, from 0.

    Returns
    -------
    tf.data.Dataset
        Of ``(batch_size, *window, 1)`` float32, 0 … 1, and ``(batch_size, *window)`` uint8.
    """
    shapes = np.array([image.shape for image in images], np.int32)
    stacked = [_stacked(arrays, shapes.max(axis=0)) for arrays in (images, labels)]
    seed, size = settings.seed, settings.batch_size
    shown = _order(len(images), settings.steps * size, seed)
    places = _corners(labels, shown, window, seed)
    with tf.device("CPU:0"):  # that is where windows are cut out; a GPU gets the windows alone
        image_stack, label_stack = (tf.constant(stack) for stack in stacked)
        shapes, order, corners = (tf.constant(array) for array in (shapes, shown, places))

    def sample(number: Any) -> tuple[Any, Any]:
        chosen = order[number]
        cutout = Cutout(image_stack[chosen], label_stack[chosen], shapes[chosen], corners[number])
        return augmented(cutout, settings.augment, window, seed, number)

    data = tf.data.Dataset.range(first * size, settings.steps * size)
    threads = unet.feeding_threads(settings.threads)
    data = data.map(sample, num_parallel_calls=threads, deterministic=True)
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    options.threading.max_intra_op_parallelism = 1  # one thread per window, not all per window
    data = data.batch(size, drop_remainder=True).prefetch(2).with_options(options)
    if unet.device() == "gpu":
        data = data.apply(tf.data.experimental.prefetch_to_device("/GPU:0", 2))
    return data


def augmented(
    cutout: Cutout, settings: Augment, window: Shape, seed: int, number: Any
) -> tuple[Any, Any]:
    """Return one random window of an image and its mask.

    Parameters
    ----------
    cutout : Cutout
    settings : catomo.train.settings.Augment
    window : (int, int)
        Shape of the window.
    seed : int
    number : int64 tensor
        Number of the sample; with the seed it fixes every random number.

    Returns
    -------
    image : tensor of float32, (*window, 1)
        Grey values, 0 … 1.
    label : tensor of uint8, window
    """
    # The third and fourth draw are not used. Leaving them out would change all later ones, and
    # with them every training of the same seed.
    seeds = [tf.stack([tf.constant(seed, tf.int64), 3 * number + part]) for part in range(3)]
    draws = tf.random.stateless_uniform((11,), seeds[0], -1.0, 1.0)
    corner = tf.cast(cutout.corner, tf.float32)
    rows, columns = _source(corner, draws[:9], settings, window, seeds[1])
    rows = _reflected(rows, cutout.shape[0])
    columns = _reflected(columns, cutout.shape[1])
    grey = _bilinear(tf.cast(cutout.image, tf.float32) / 255, rows, columns)
    nearest = tf.stack([tf.round(rows), tf.round(columns)], axis=-1)
    mask = tf.gather_nd(cutout.label, tf.cast(nearest, tf.int32))
    grey = grey ** (1 + settings.gamma * draws[9]) * (1 + settings.gain * draws[10])
    if settings.noise:
        grey += settings.noise * tf.random.stateless_normal(window, seeds[2])
    return tf.ensure_shape(tf.clip_by_value(grey, 0, 1)[..., None], (*window, 1)), mask


def _source(
    corner: Any, draws: Any, settings: Augment, window: Shape, elastic_seed: Any
) -> tuple[Any, Any]:
    """Return where in the image each pixel of the window comes from (rows, columns)."""
    size = tf.constant(window, tf.float32)
    centre = corner + (size - 1) / 2 + settings.shift_fraction * size * draws[0:2]
    angle = math.radians(settings.rotation_deg) * draws[4]
    zoom = tf.exp(math.log1p(settings.zoom_fraction) * draws[5])
    cos, sin = tf.cos(angle) * zoom, tf.sin(angle) * zoom
    shear = settings.shear * draws[6]
    mirror = tf.where(draws[7:9] < 0, -1.0, 1.0) if settings.flips else tf.ones(2)
    row, column = (tf.range(n, dtype=tf.float32) - (n - 1) / 2 for n in window)
    row = mirror[0] * row[:, None] + tf.zeros_like(column)
    column = mirror[1] * column + shear * row
    rows = centre[0] + cos * row - sin * column
    columns = centre[1] + sin * row + cos * column
    if settings.elastic_px:
        nodes = [math.ceil(n / _ELASTIC_SPACING_PX) + 1 for n in window]
        field = settings.elastic_px * tf.random.stateless_normal((1, *nodes, 2), elastic_seed)
        field = tf.image.resize(field, window, method="bicubic")[0]
        rows, columns = rows + field[..., 0], columns + field[..., 1]
    return rows, columns


def _reflected(position: Any, length: Any) -> Any:
    """Return positions folded back into 0 … length - 1 by reflection about the outermost pixels."""
    last = tf.cast(length - 1, tf.float32)
    folded = tf.math.floormod(position, tf.maximum(2 * last, 1))
    return tf.clip_by_value(tf.minimum(folded, 2 * last - folded), 0, last)


def _bilinear(image: Any, rows: Any, columns: Any) -> Any:
    row, column = tf.floor(rows), tf.floor(columns)
    down, right = rows - row, columns - column
    row, column = tf.cast(row, tf.int32), tf.cast(column, tf.int32)
    row_below = tf.minimum(row + 1, tf.shape(image)[0] - 1)
    column_right = tf.minimum(column + 1, tf.shape(image)[1] - 1)

    def at(r: Any, c: Any) -> Any:
        return tf.gather_nd(image, tf.stack([r, c], axis=-1))

    above = at(row, column) * (1 - right) + at(row, column_right) * right
    below = at(row_below, column) * (1 - right) + at(row_below, column_right) * right
    return above * (1 - down) + below * down


def _order(count: int, length: int, seed: int) -> np.ndarray:
    """Return which image each sample shows: every image once, in random order, and again."""
    rng = np.random.default_rng(seed)
    rounds = [rng.permutation(count) for _ in range(-(-length // count))]
    return np.concatenate(rounds)[:length]


def _corners(
    labels: Sequence[np.ndarray], order: np.ndarray, window: Shape, seed: int
) -> np.ndarray:
    """Return where in its image the window of each sample begins, int32 (sample, 2).

    One of several random places is chosen with a probability proportional to its annotated
    pixels, so that a slice annotated in one corner does not mostly show pixels without
    annotation. One of the places lies on an annotated pixel, so that at least one window can be
    chosen that shows some, however few there are.
    """
    rng = np.random.default_rng([seed, 1])
    corners = np.empty((len(order), 2), np.int32)
    for number, mask in enumerate(labels):
        here = order == number
        spare = np.array(mask.shape) - window
        free = np.maximum(spare, 0)
        low = rng.integers(0, free + 1, (np.count_nonzero(here), _CANDIDATE_PLACES, 2))
        chosen = np.zeros(len(low), np.intp)
        known = mask != IGNORE
        if free.any() and known.any() and not known.all():
            pixels = np.unravel_index(rng.choice(np.flatnonzero(known), len(low)), mask.shape)
            low[:, 0] = np.clip(np.stack(pixels, axis=1) - np.array(window) // 2, 0, free)
            ahead = np.cumsum(_sums(known, low, window), axis=1)
            chosen = np.sum(ahead <= rng.random((len(low), 1)) * ahead[:, -1:], axis=1)
        corners[here] = low[np.arange(len(low)), chosen] + np.minimum(spare, 0) // 2
    return corners


def _sums(known: np.ndarray, low: np.ndarray, window: Shape) -> np.ndarray:
    """Return the number of known pixels in the windows that begin at `low` (…, 2)."""
    total = np.pad(known.cumsum(0, np.int32).cumsum(1, np.int32), ((1, 0), (1, 0)))
    high = np.minimum(low + window, known.shape)
    (top, left), (bottom, right) = np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0)
    return total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]


def _stacked(arrays: Sequence[np.ndarray], shape: np.ndarray) -> np.ndarray:
    """Return images of different shapes as one stack, each filled up with zeros."""
    stack = np.zeros((len(arrays), *shape), np.uint8)
    for page, array in zip(stack, arrays, strict=True):
        page[: array.shape[0], : array.shape[1]] = array
    return stack
