"""The steps of training: Adam on a schedule of learning rates, and a state to go on from.

The weights, Adam's moments and the number of the step are the whole state: a learner that is
given the state of another computes bit for bit what that one would have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from catomo.errors import UserError
from catomo.train import losses
from catomo.train.settings import Train


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
        self._optimizer = keras.optimizers.Adam(
            settings.learning_rate,
            global_clipnorm=settings.clip_norm or None,
        )
        self._optimizer.build(net.trainable_variables)

        @tf.function
        def improve(images: Any, labels: Any) -> Any:
            with tf.GradientTape() as tape:
                p = net(images, training=True)
                loss = losses.segmentation_loss(labels, p, settings.loss, class_weights)
            variables = net.trainable_variables
            self._optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        self._improve = improve

    def improve(self, images: Any, labels: Any) -> float:
        """Do one step and return its loss.

        Parameters
        ----------
        images : tensor of float32, (n, z, x, 1)
            Grey values, 0 … 1.
        labels : tensor of uint8, (n, z, x)
            Classes; 255 is ignored.

        Raises
        ------
        UserError
            If the loss is no longer finite.
        """
        self._optimizer.learning_rate = learning_rate(self.step, self._settings)
        loss = float(self._improve(images, labels))
        self.step += 1
        if not math.isfinite(loss):
            raise UserError(
                f"train.learning_rate: the loss became infinite at step {self.step} with "
                f"{self._settings.learning_rate:g}; choose a smaller one"
            )
        return loss

    def state(self) -> list[Any]:
        """Return the variables that the next step depends on, except the step's number."""
        return [*self.net.variables, *self._optimizer.variables]

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
