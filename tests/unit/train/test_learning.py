"""The steps of training: each setting of the optimiser reaches the weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from catomo.errors import UserError
from catomo.network import unet
from catomo.train import losses
from catomo.train.learning import Learner, learning_rate
from catomo.train.settings import Train

unet.start(threads=2)  # before anything else wakes TensorFlow


def learner(class_weights=(0.2, 0.3, 0.5), **changes):
    """Return a learner of a tiny network, from the seed of its settings, and one batch."""
    settings = Train.model_validate(
        {"network": {"levels": 2, "base_filters": 2}, "warmup_steps": 4, "steps": 10} | changes
    )
    unet.start(2, settings.seed)
    net = unet.build_unet(3, **settings.network.model_dump())
    rng = np.random.default_rng(0)
    batch = rng.random((1, 16, 16, 1), np.float32), rng.integers(0, 3, (1, 16, 16), np.uint8)
    return Learner(net, settings, class_weights), batch, settings


def weights(one):
    return np.concatenate([v.numpy().ravel() for v in one.net.trainable_variables])


def test_learning_rate_rises_then_falls():
    settings = Train(steps=100, warmup_steps=10, learning_rate=1e-3)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[9] == rates[10] == 1e-3
    assert rates[55] == pytest.approx(5e-4)
    assert 0 < rates[99] < 1e-6
    flat = Train(preset="paper", steps=100)
    assert {learning_rate(step, flat) for step in range(100)} == {5e-4}


def test_weights_move_as_far_as_the_learning_rate_of_the_step_says():
    one, batch, settings = learner()
    # Adam's first steps go by the learning rate along every weight (Kingma & Ba 2015, §2.1).
    for step in range(4):
        before = weights(one)
        one.improve(*batch)
        moved = np.abs(weights(one) - before)
        assert np.quantile(moved, 0.9) == pytest.approx(learning_rate(step, settings), rel=0.35)


def test_a_gradient_longer_than_clip_norm_is_shortened():
    lengths = []
    for clip_norm in (0.0, 1e-3):
        one, batch, _ = learner(clip_norm=clip_norm)
        one.improve(*batch)
        count = len(one.net.variables)
        first_moment = [v.numpy().ravel() for v in one.state()[count : 2 * count]]
        lengths.append(10 * np.linalg.norm(np.concatenate(first_moment)))  # 1 - beta1 is 0.1
    assert lengths[0] > 0.1
    assert lengths[1] == pytest.approx(1e-3, rel=1e-3)


def test_the_loss_goes_with_the_class_weights():
    only_focal = {"loss": {"dice_weight": 0.0}}
    one, batch, _ = learner(**only_focal)
    double, _, _ = learner(class_weights=(0.4, 0.6, 1.0), **only_focal)
    for learning in (one, double):
        learning.improve(*batch)
    assert double.losses() == pytest.approx([2 * one.losses()[0]], rel=1e-5)


def test_the_seed_decides_the_first_weights():
    first, again, other = (weights(learner(seed=seed)[0]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.corrcoef(first, other)[0, 1] < 0.5


def test_the_weights_go_where_the_adam_of_keras_leads_them():
    one, batch, settings = learner(clip_norm=0.1)
    start = [v.numpy() for v in one.net.variables]
    net = unet.build_unet(3, **settings.network.model_dump())
    net.set_weights(start)
    adam = keras.optimizers.Adam(global_clipnorm=0.1)
    for step in range(3):
        one.improve(*batch)
        with tf.GradientTape() as tape:
            p = net(batch[0])
            loss = losses.segmentation_loss(batch[1], p, settings.loss, (0.2, 0.3, 0.5))
        adam.learning_rate = learning_rate(step, settings)
        adam.apply(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
    expected = np.concatenate([v.numpy().ravel() for v in net.trainable_variables])
    moved = np.abs(expected - np.concatenate([v.ravel() for v in start]))
    assert np.quantile(np.abs(weights(one) - expected), 0.95) < 1e-3 * np.quantile(moved, 0.95)


def test_a_loss_that_is_not_finite_is_told_with_its_step():
    one, batch, _ = learner()
    one.improve(*batch)
    one.improve(*batch)
    assert len(one.losses()) == 2
    one.improve(*batch)
    one.net.variables[-1].assign([np.nan] * 3)
    one.improve(*batch)
    one.improve(*batch)
    with pytest.raises(
        UserError, match=r"became infinite at step 4 with 0\.0005; choose a smaller"
    ):
        one.losses()
