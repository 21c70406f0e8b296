"""Training windows, changed at random: one warp for image and mask, then grey values.

All random numbers are a function of the seed and the number of the sample, so the order in
which threads work cannot change them. Masks take the nearest pixel: interpolated labels
would turn the rim of every Pt particle into alumina (as in the paper's own code).
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

# Distance of the nodes of the elastic shift: wider than a Pt particle, so that particles
# move and lean but keep their shape.
_ELASTIC_SPACING_PX = 64


def batches(
    images, labels, settings, *, window, batch_size: int, steps: int, seed: int, threads, first=0
):
    """Return the training data as a dataset of the batches `first` … `steps` - 1.

    Parameters
    ----------
    images, labels : lists of ndarray of uint8, (z, x)
        Shapes may differ from image to image.
    settings : Augment
    window : (int, int)
        Shape of what the network sees. Images larger than that are cropped at random
        places, smaller ones continue by reflection.
    batch_size, steps, seed, threads, first : int

    Returns
    -------
    tf.data.Dataset
        Of ``(batch_size, *window, 1)`` float32, 0 … 1, and ``(batch_size, *window)`` uint8.
    """
    shapes = np.array([image.shape for image in images], np.int32)
    stacked = [_stacked(arrays, shapes.max(axis=0)) for arrays in (images, labels)]
    image_stack, label_stack = (tf.constant(stack) for stack in stacked)
    shapes = tf.constant(shapes)
    order = tf.constant(_order(len(images), steps * batch_size, seed))

    def sample(number):
        chosen = order[number]
        return augmented(
            image_stack[chosen], label_stack[chosen], shapes[chosen], settings, window, seed, number
        )

    data = tf.data.Dataset.range(first * batch_size, steps * batch_size)
    data = data.map(sample, num_parallel_calls=threads, deterministic=True)
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    return data.batch(batch_size, drop_remainder=True).prefetch(2).with_options(options)


def augmented(image, label, shape, settings, window, seed: int, number):
    """Return one random window of an image and its mask.

    Parameters
    ----------
    image, label : tensor of uint8, (z, x)
    shape : tensor of int32, (2,)
        The part of them that is filled, from the corner 0, 0.
    settings : Augment
    window : (int, int)
    seed : int
    number : int tensor
        Number of the sample; with the seed it fixes every random number.

    Returns
    -------
    image : float32, (*window, 1), 0 … 1
    label : uint8, window
    """
    seeds = [tf.stack([tf.constant(seed, tf.int64), 3 * number + part]) for part in range(3)]
    draws = tf.random.stateless_uniform((11,), seeds[0], -1.0, 1.0)
    rows, columns = _source(tf.cast(shape, tf.float32), draws[:9], settings, window, seeds[1])
    rows = _reflected(rows, shape[0])
    columns = _reflected(columns, shape[1])
    grey = _bilinear(tf.cast(image, tf.float32) / 255, rows, columns)
    near = tf.stack([tf.round(rows), tf.round(columns)], axis=-1)
    mask = tf.gather_nd(label, tf.cast(near, tf.int32))
    grey = grey ** (1 + settings.gamma * draws[9]) * (1 + settings.gain * draws[10])
    if settings.noise:
        grey += settings.noise * tf.random.stateless_normal(window, seeds[2])
    return tf.ensure_shape(tf.clip_by_value(grey, 0, 1)[..., None], (*window, 1)), mask


def _source(shape, draws, settings, window, elastic_seed):
    """Return where in the image each pixel of the window comes from (rows, columns)."""
    size = tf.constant(window, tf.float32)
    slack = tf.maximum(shape - size, 0) / 2
    shift = settings.shift_fraction * size * draws[0:2]
    centre = (shape - 1) / 2 + slack * draws[2:4] + shift
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


def _reflected(position, length):
    """Fold positions back into 0 … length - 1 as by mirrors through the outermost pixels."""
    last = tf.cast(length - 1, tf.float32)
    folded = tf.math.floormod(position, tf.maximum(2 * last, 1))
    return tf.clip_by_value(tf.minimum(folded, 2 * last - folded), 0, last)


def _bilinear(image, rows, columns):
    row, column = tf.floor(rows), tf.floor(columns)
    down, right = rows - row, columns - column
    row, column = tf.cast(row, tf.int32), tf.cast(column, tf.int32)
    row_below = tf.minimum(row + 1, tf.shape(image)[0] - 1)
    column_right = tf.minimum(column + 1, tf.shape(image)[1] - 1)

    def at(r, c):
        return tf.gather_nd(image, tf.stack([r, c], axis=-1))

    above = at(row, column) * (1 - right) + at(row, column_right) * right
    below = at(row_below, column) * (1 - right) + at(row_below, column_right) * right
    return above * (1 - down) + below * down


def _order(count: int, length: int, seed: int) -> np.ndarray:
    """Return which image each sample shows: every image once, in random order, and again."""
    rng = np.random.default_rng(seed)
    rounds = [rng.permutation(count) for _ in range(-(-length // count))]
    return np.concatenate(rounds)[:length]


def _stacked(arrays, shape) -> np.ndarray:
    stack = np.zeros((len(arrays), *shape), np.uint8)
    for page, array in zip(stack, arrays, strict=True):
        page[: array.shape[0], : array.shape[1]] = array
    return stack
