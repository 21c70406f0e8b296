"""The loss function: the paper's weighted focal loss, plus an optional Dice term."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from catomo.labels.values import IGNORE
from catomo.train.settings import Loss

_SMALLEST_PROBABILITY = 1e-7  # as keras.backend.epsilon: keeps the logarithm finite


def focal_loss(
    labels: Any, probabilities: Any, class_weights: Sequence[float], gamma: float
) -> Any:
    """Weighted focal loss, averaged over the annotated pixels.

    ``-alpha_t (1 - p_t)^gamma log p_t`` with p_t the probability of the true class
    (Genc et al. 2022, eq. 1; Lin et al. 2017).

    Parameters
    ----------
    labels : tensor of integers, (n, z, x)
        Classes 0, 1, …; 255 is ignored.
    probabilities : float tensor, (n, z, x, classes)
    class_weights : sequence of float
        alpha, one per class.
    gamma : float

    Returns
    -------
    float tensor, ()
    """
    truth = _one_hot(labels, probabilities)
    p = tf.clip_by_value(
        tf.reduce_sum(truth * probabilities, axis=-1),
        _SMALLEST_PROBABILITY,
        1 - _SMALLEST_PROBABILITY,
    )
    weight = tf.reduce_sum(truth * tf.constant(class_weights, probabilities.dtype), axis=-1)
    annotated = tf.reduce_sum(truth)
    loss = -weight * (1 - p) ** gamma * tf.math.log(p)
    return tf.reduce_sum(loss) / tf.maximum(annotated, 1)


def dice_loss(labels: Any, probabilities: Any) -> Any:
    """-log of the soft Dice coefficient, averaged over the classes present, background left out.

    At the start of a training the network gives a rare class (such as Pt, 0.3 % of the pixels)
    almost no probability. There the gradient of 1 - Dice is nearly zero while that of -log Dice
    is large; for a Dice coefficient near 1 the two are equal. Sums run over all annotated pixels
    of the batch, and one pixel is added to numerator and denominator. A class without pixels in
    the batch does not count: the logarithm would reward removing its last small probabilities
    as much as the first large ones, and a few empty slices at the start then drive the network
    to where the softmax is flat and nothing more is learnt.

    Parameters
    ----------
    labels : tensor of integers, (n, z, x)
        Classes 0, 1, …; 255 is ignored.
    probabilities : float tensor, (n, z, x, classes)

    Returns
    -------
    float tensor, ()

    References
    ----------
    Wong et al., MICCAI 2018 (exponential logarithmic loss).
    """
    truth = _one_hot(labels, probabilities)
    annotated = tf.reduce_sum(truth, axis=-1, keepdims=True)
    predicted = probabilities * annotated
    both = tf.reduce_sum(truth * predicted, axis=(0, 1, 2))
    either = tf.reduce_sum(truth + predicted, axis=(0, 1, 2))
    dice = (2 * both + 1) / (either + 1)
    present = tf.reduce_any(truth > 0, axis=(0, 1, 2))[1:]
    cost = tf.where(present, -tf.math.log(dice[1:]), 0.0)
    return tf.reduce_sum(cost) / tf.maximum(tf.reduce_sum(tf.cast(present, cost.dtype)), 1)


def segmentation_loss(
    labels: Any, probabilities: Any, settings: Loss, weights: Sequence[float]
) -> Any:
    """Return the focal loss plus ``dice_weight`` times the Dice loss."""
    loss = focal_loss(labels, probabilities, weights, settings.focal_gamma)
    if settings.dice_weight:
        loss += settings.dice_weight * dice_loss(labels, probabilities)
    return loss


def class_weights(settings: Loss, fractions: Sequence[float]) -> list[float]:
    """Return the weight of each class: as given, or from how much area each class covers.

    ``density`` means the inverse square root of the fraction, scaled to a sum of 1: a class
    100 times rarer weighs 10 times more. A class without pixels has the weight 0.

    Parameters
    ----------
    settings : catomo.train.settings.Loss
    fractions : sequence of float
        Share of each class in the annotated pixels.
    """
    if settings.class_weights != "density":
        return list(settings.class_weights)
    share = np.asarray(fractions, np.float64)
    weights = np.zeros_like(share)
    weights[share > 0] = share[share > 0] ** -0.5
    return (weights / weights.sum()).tolist()


def _one_hot(labels: Any, probabilities: Any) -> Any:
    """Return one channel per class; a pixel that is not annotated is zero in all."""
    classes = probabilities.shape[-1]
    assert classes <= IGNORE
    return tf.one_hot(tf.cast(labels, tf.int32), classes, dtype=probabilities.dtype)
