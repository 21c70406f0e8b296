"""Slices segmented by a trained network: labels and confidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from catomo.network import blend, unet
from catomo.network.accuracy import STEPS
from catomo.network.inference import VIEWS, Average, Inference
from catomo.network.model_file import Model
from catomo.network.temperature import tempered


def segment(
    model: Model | Path | str, slices: np.ndarray, average: Average = Inference.average
) -> tuple[np.ndarray, np.ndarray]:
    """Label every pixel of slices with a trained network, as the stage `predict` does.

    Parameters
    ----------
    model : Model or path
        As `train_unet` returns it, or a ``.keras`` file that catomo wrote.
    slices : ndarray of uint8, (n, z, x)
        Grey values, at the pixel size at which the model was trained.
    average : {"none", "flips", "turns", "dihedral"}
        Average over no other view, 4 flips, 4 quarter turns, or all 8.

    Returns
    -------
    labels : ndarray of uint8, (n, z, x)
        The likeliest class; of equally likely ones the first.
    confidence : ndarray of uint8, (n, z, x)
        Its probability at the model's temperature, 255 for certain.

    Raises
    ------
    ValueError
        If slices are not uint8 with three axes, or there is no such average.
    UserError
        If the model file is missing or was not written by catomo.
    """
    if slices.dtype != np.uint8 or slices.ndim != 3:
        raise ValueError(
            f"slices: found {slices.dtype} of shape {slices.shape}, must be uint8 (n, z, x)"
        )
    if average not in VIEWS:
        raise ValueError(f"average: found {average!r}, must be one of {', '.join(VIEWS)}")
    if not isinstance(model, Model):
        model = Model.load(model)
    inference = Inference(average=average)
    segmented = segmenter(model, inference)
    labels, confidence = np.empty_like(slices), np.empty_like(slices)
    _, rows, columns = slices.shape
    batch = inference.slices_at_once(rows, columns, unet.device())
    for start in range(0, len(slices), batch):
        slab = slice(start, start + batch)
        arrays = segmented(slices[slab])
        labels[slab], confidence[slab] = arrays["labels"], arrays["confidence"]
    return labels, confidence


def segmenter(
    model: Model, inference: Inference, names: Sequence[str] = ()
) -> Callable[[np.ndarray], dict[str, Any]]:
    """Return a function from grey values to what is written of them.

    Parameters
    ----------
    model : Model
    inference : Inference
        Views, and size, overlap and weights of the tiles.
    names : sequence of str
        Names of all classes, to get their probabilities too.

    Returns
    -------
    callable
        From grey values (n, z, x) uint8 to what `decided` returns; see
        `catomo.network.blend.blended`.
    """
    finish = partial(decided, temperature=model.info.temperature, names=names)
    forward, multiple = unet.forward_of(model.net), model.info.network.downsampling
    return blend.blended(forward, multiple, inference, finish)


def decided(
    probabilities: Any, temperature: float | None, names: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what is made of a slab: tensors of uint8, (n, z, x), and sums.

    Parameters
    ----------
    probabilities : tensor, (n, z, x, classes)
    temperature : float or None
        See `catomo.network.temperature.tempered`; it never changes a label. None counts as 1.
    names : sequence of str
        Names of all classes, to get their probabilities too.

    Returns
    -------
    dict
        ``labels``: the likeliest class; of equally likely ones the first. ``confidence``: its
        probability, 255 for certain. ``probability_<name>``, if names are given. ``sums``: those
        of soft Dice, (n, classes, 3) float64, see `catomo.network.accuracy.soft_sums`.
    """
    # Class by class: argmax and max along a last axis of three are slow.
    highest, *others = tf.unstack(probabilities, axis=-1)
    labels = tf.zeros_like(highest)
    for label, plane in enumerate(others, 1):
        labels = tf.where(plane > highest, float(label), labels)
        highest = tf.maximum(highest, plane)
    planes = tf.unstack(tempered(probabilities, temperature or 1.0), axis=-1)
    confidence = reduce(tf.maximum, planes)
    arrays = {"labels": tf.cast(labels, tf.uint8), "confidence": _as_bytes(confidence)}
    for name, plane in zip(names, planes, strict=bool(names)):
        arrays[f"probability_{name}"] = _as_bytes(plane)
    arrays["sums"] = _sums(planes, labels)
    return arrays


def _sums(planes: Sequence[Any], labels: Any) -> Any:
    """Return what `catomo.network.accuracy.soft_sums` returns, of each slice."""
    sums = []
    for label, plane in enumerate(planes):
        steps = tf.cast(tf.round(STEPS * plane), tf.float64)
        is_label = tf.cast(tf.equal(labels, float(label)), tf.float64)
        for values in (steps, STEPS * is_label, steps * is_label):
            sums.append(tf.reduce_sum(values, axis=(1, 2)))
    return tf.reshape(tf.stack(sums, axis=-1), (-1, len(planes), 3))


def _as_bytes(probability: Any) -> Any:
    return tf.cast(tf.round(255 * probability), tf.uint8)
