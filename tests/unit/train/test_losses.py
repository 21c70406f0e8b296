"""The losses, against numbers worked out by hand and against Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from catomo.network import unet
from catomo.train.losses import class_weights, dice_loss, focal_loss, segmentation_loss
from catomo.train.settings import Loss, Train

unet.start(threads=2)  # before anything else wakes TensorFlow

ALPHA = [0.2, 0.3, 0.5]


def pixels(*rows):
    return tf.constant([[list(rows)]], tf.float32)


def test_focal_loss_of_two_pixels_by_hand():
    labels = tf.constant([[[0, 2]]], tf.uint8)
    p = pixels([0.7, 0.2, 0.1], [0.1, 0.5, 0.4])
    expected = (-0.2 * 0.3 * np.log(0.7) - 0.5 * 0.6 * np.log(0.4)) / 2
    assert float(focal_loss(labels, p, ALPHA, 1.0)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("label", "p_true", "gamma", "expected"),
    [
        # alpha_t · (1 - p_t)^gamma · -ln p_t with alpha 0.2, 0.3, 0.5
        (2, 0.5, 1, 0.5 * 0.5 * 0.69314718),
        (0, 0.9, 2, 0.2 * 0.01 * 0.10536052),
        (1, 0.25, 0, 0.3 * 1.38629436),
        (1, 0.25, 2, 0.3 * 0.5625 * 1.38629436),
        (2, 0.01, 1, 0.5 * 0.99 * 4.60517019),
    ],
)
def test_focal_loss_is_equation_1_of_the_paper(label, p_true, gamma, expected):
    others = [(1 - p_true) / 4, 3 * (1 - p_true) / 4]  # how the rest is shared must not matter
    p = pixels([*others[:label], p_true, *others[label:]])
    found = focal_loss(tf.constant([[[label]]]), p, ALPHA, gamma)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_preset_paper_learns_by_equation_1_alone():
    settings = Train(preset="paper")
    labels = tf.constant([[[0, 2]]])
    p = pixels([0.7, 0.2, 0.1], [0.1, 0.5, 0.4])
    weights = class_weights(settings.loss, [0.8, 0.19, 0.01])
    expected = (0.2 * 0.3 * 0.35667494 + 0.5 * 0.6 * 0.91629073) / 2
    found = segmentation_loss(labels, p, settings.loss, weights)
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_pixels_without_annotation_count_nowhere():
    p = pixels([0.7, 0.2, 0.1], [0.1, 0.5, 0.4])
    one = focal_loss(tf.constant([[[0]]]), p[:, :, :1], ALPHA, 1.0)
    two = focal_loss(tf.constant([[[0, 255]]]), p, ALPHA, 1.0)
    assert float(one) == pytest.approx(float(two), rel=1e-7)
    assert float(focal_loss(tf.constant([[[255, 255]]]), p, ALPHA, 1.0)) == 0
    one = dice_loss(tf.constant([[[1]]]), p[:, :, :1])
    two = dice_loss(tf.constant([[[1, 255]]]), p)
    assert float(one) == pytest.approx(float(two), rel=1e-7)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal_loss_equals_that_of_keras(gamma):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (2, 16, 16))
    p = keras.ops.softmax(tf.constant(rng.normal(size=(2, 16, 16, 3)), tf.float32))
    theirs = keras.losses.CategoricalFocalCrossentropy(alpha=ALPHA, gamma=gamma)
    expected = theirs(tf.one_hot(labels, 3), p)
    assert float(focal_loss(labels, p, ALPHA, gamma)) == pytest.approx(float(expected), rel=1e-5)


def test_dice_loss_by_hand():
    labels = tf.constant([[[1, 1, 0, 2]]])
    p = pixels([0.5, 0.5, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1])
    # alumina: 2·1.5 + 1 over 2 + 1.5 + 1; Pt: perfect.
    assert float(dice_loss(labels, p)) == pytest.approx(-np.log(4 / 4.5) / 2, rel=1e-6)


def test_dice_loss_leaves_out_classes_that_are_not_there():
    p = pixels([0.5, 0.3, 0.2], [0.5, 0.3, 0.2])
    assert float(dice_loss(tf.constant([[[0, 255]]]), p)) == 0
    # Only alumina is there: 2·0.3 + 1 over 1 + 0.6 + 1.
    alone = float(dice_loss(tf.constant([[[0, 1]]]), p))
    assert alone == pytest.approx(-np.log(1.6 / 2.6), rel=1e-6)


def test_a_rare_class_that_is_missed_is_felt_at_once():
    """Doubling a small probability of Pt must gain much (1 - Dice would gain 0.09)."""
    labels = tf.constant(np.eye(64, dtype=int)[None])
    gains = []
    for p in (0.05, 0.1):
        found = tf.where(labels[..., None] == 1, [1 - p, p], [1.0, 0.0])
        gains.append(float(dice_loss(labels, found)))
    assert gains[0] - gains[1] > 0.5


def test_a_perfect_prediction_costs_nothing_and_gradients_are_finite():
    labels = tf.constant([[[0, 1, 2, 255]]])
    p = pixels([1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1])
    with tf.GradientTape() as tape:
        tape.watch(p)
        loss = segmentation_loss(labels, p, Loss(), ALPHA)
    assert float(loss) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(tape.gradient(loss, p).numpy()).all()
