"""What training makes small: the paper's weighted focal loss, plus an optional Dice term."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from catomo.labels.files import IGNORE

_SMALLEST = 1e-7  # as keras.backend.epsilon: keeps the logarithm finite


def focal_loss(labels, probabilities, class_weights, gamma: float):
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
    p = tf.clip_by_value(tf.reduce_sum(truth * probabilities, axis=-1), _SMALLEST, 1 - _SMALLEST)
    weight = tf.reduce_sum(truth * tf.constant(class_weights, probabilities.dtype), axis=-1)
    annotated = tf.reduce_sum(truth)
    loss = -weight * (1 - p) ** gamma * tf.math.log(p)
    return tf.reduce_sum(loss) / tf.maximum(annotated, 1)


def dice_loss(labels, probabilities):
    """-log of the soft Dice coefficient, averaged over the classes that are there, 0 aside.

    The logarithm wakes rare classes: at the start the network gives Pt (0.3 % of the pixels)
    nearly no probability, and there 1 - Dice is flat while -log Dice is steep. Near the end
    the two are the same. Sums run over all annotated pixels of the batch, one pixel added to
    either side of the fraction. A class that is not there does not count: the logarithm would
    reward its last traces as much as its first half, and a few empty slices at the start then
    drive the network to where softmax is flat and nothing is learnt any more.

    References
    ----------
    Wong et al., MICCAI 2018 (exponential logarithmic loss).
    """
    truth = _one_hot(labels, probabilities)
    annotated = tf.reduce_sum(truth, axis=-1, keepdims=True)
    found = probabilities * annotated
    both = tf.reduce_sum(truth * found, axis=(0, 1, 2))
    either = tf.reduce_sum(truth + found, axis=(0, 1, 2))
    dice = (2 * both + 1) / (either + 1)
    there = tf.reduce_any(truth > 0, axis=(0, 1, 2))[1:]
    cost = tf.where(there, -tf.math.log(dice[1:]), 0.0)
    return tf.reduce_sum(cost) / tf.maximum(tf.reduce_sum(tf.cast(there, cost.dtype)), 1)


def segmentation_loss(labels, probabilities, settings, weights):
    """Return the focal loss plus ``dice_weight`` times the Dice loss (settings: `Loss`)."""
    loss = focal_loss(labels, probabilities, weights, settings.focal_gamma)
    if settings.dice_weight:
        loss += settings.dice_weight * dice_loss(labels, probabilities)
    return loss


def class_weights(settings, fractions) -> list[float]:
    """Return the weight of each class: as given, or from how much area each class covers.

    ``density`` means the inverse square root of the fraction, scaled to a sum of 1: a class
    100 times rarer weighs 10 times more. A class that is nowhere weighs nothing.
    """
    if settings.class_weights != "density":
        return list(settings.class_weights)
    fractions = np.asarray(fractions, np.float64)
    weights = np.zeros_like(fractions)
    weights[fractions > 0] = fractions[fractions > 0] ** -0.5
    return (weights / weights.sum()).tolist()


def _one_hot(labels, probabilities):
    """Return one channel per class; a pixel that is not annotated is zero in all."""
    classes = probabilities.shape[-1]
    assert classes <= IGNORE
    return tf.one_hot(tf.cast(labels, tf.int32), classes, dtype=probabilities.dtype)
