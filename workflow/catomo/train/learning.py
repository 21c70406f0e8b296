"""The steps of training: Adam on a schedule of learning rates, and a state to go on from.

The weights, Adam's moments and the number of the step are the whole state: a learner that is
given the state of another computes bit for bit what that one would have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from catomo.errors import UserError
from catomo.train import losses
from catomo.train.settings import Train

# As Keras and the paper's code have them.
_ADAM = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}


class Learner:
    """A network, its optimiser and the number of steps done.

    Parameters
    ----------
    net : keras.Model
        As `catomo.network.unet.build_unet` returns it; it is trained in place.
    settings : catomo.train.settings.Train
    class_weights : sequence of float
        alpha of the focal loss, one per class.
    """

    def __init__(self, net: Any, settings: Train, class_weights: Sequence[float]):
        self.net = net
        self.step = 0
        self._settings = settings
        self._losses: list[Any] = []
        variables = [variable.value for variable in net.trainable_variables]
        self._moments = [[tf.Variable(tf.zeros_like(v)) for v in variables] for _ in range(2)]

        @tf.function(autograph=False)  # no branch depends on the values of tensors
        def improve(images: Any, labels: Any, rate: Any) -> Any:
            with tf.GradientTape() as tape:
                p = net(images, training=True)
                loss = losses.segmentation_loss(labels, p, settings.loss, class_weights)
            gradients = tape.gradient(loss, variables)
            if settings.clip_norm:
                gradients, _ = tf.clip_by_global_norm(gradients, settings.clip_norm)
            # One operation per variable; Keras' optimiser is forty.
            for variable, m, v, gradient in zip(variables, *self._moments, gradients, strict=True):
                tf.raw_ops.ResourceApplyAdam(
                    var=variable.handle,
                    m=m.handle,
                    v=v.handle,
                    beta1_power=0.0,  # `rate` is already corrected for the first steps
                    beta2_power=0.0,
                    lr=rate,
                    grad=gradient,
                    **_ADAM,
                )
            return loss

        self._improve = improve

    def improve(self, images: Any, labels: Any) -> None:
        """Do one step, or on a GPU have it begun; `losses` waits for it.

        Parameters
        ----------
        images : tensor of float32, (n, z, x, 1)
            Grey values, 0 … 1.
        labels : tensor of uint8, (n, z, x)
            Classes; 255 is ignored.
        """
        rate = learning_rate(self.step, self._settings)
        self.step += 1
        rate *= math.sqrt(1 - _ADAM["beta2"] ** self.step) / (1 - _ADAM["beta1"] ** self.step)
        self._losses.append(self._improve(images, labels, tf.constant(rate, tf.float32)))

    def losses(self) -> list[float]:
        """Return the losses of the steps since the last call.

        Raises
        ------
        UserError
            If one of them is not finite.
        """
        values = [float(loss) for loss in self._losses]
        self._losses = []
        for step, value in enumerate(values, self.step - len(values) + 1):
            if not math.isfinite(value):
                raise UserError(
                    f"train.learning_rate: the loss became infinite at step {step} with "
                    f"{self._settings.learning_rate:g}; choose a smaller one"
                )
        return values

    def state(self) -> list[Any]:
        """Return the variables that the next step depends on, except the step's number."""
        return [*self.net.variables, *self._moments[0], *self._moments[1]]

    def restore(self, state: list[np.ndarray], step: int) -> None:
        """Continue where another learner of the same settings was after `step` steps."""
        for variable, value in zip(self.state(), state, strict=True):
            variable.assign(value)
        self.step = step


def learning_rate(step: int, settings: Train) -> float:
    """Return the learning rate of a step (from 0): linear rise, then half a cosine or flat."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    if settings.decay == "none":
        return settings.learning_rate
    done = (step - settings.warmup_steps) / max(settings.steps - settings.warmup_steps, 1)
    return settings.learning_rate * (1 + math.cos(math.pi * done)) / 2
