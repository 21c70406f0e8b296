"""The U-Net of the paper, at any size, and how TensorFlow is set up for it.

Two 3×3 convolutions with ReLU per level, average pooling down, 2×2 transpose convolutions
up, skip connections, softmax at the end; no normalisation, no dropout.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from catomo.errors import UserError
from catomo.network import cpu
from catomo.network.size import UNetSize
from catomo.progress import say


def build_unet(
    classes: int,
    levels: int = UNetSize.levels,
    base_filters: int = UNetSize.base_filters,
    precision: str = "float32",
) -> Any:
    """Return an untrained U-Net for images of any size divisible by ``2 ** (levels - 1)``.

    Parameters
    ----------
    classes : int
        Number of classes, the channels of the output.
    levels : int
        Resolution levels; the paper has 6.
    base_filters : int
        Filters of the first level, doubled at each further one; the paper has 32 (… 1024).
    precision : {"float32", "bfloat16"}
        Arithmetic inside; weights and the softmax are float32 in any case.

    Returns
    -------
    keras.Model
        ``(n, z, x, 1)`` float32, 0 … 1 → ``(n, z, x, classes)`` probabilities, float32.

    Notes
    -----
    ``catomo.network.unet.start`` fixes the seed of the initial weights.

    References
    ----------
    Genc, Kovarik & Fraser, Sci. Rep. 12 (2022), and its public ``unet.py``.
    """
    policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    filters = [base_filters << level for level in range(levels)]
    x = inputs = keras.Input((None, None, 1), name="image")
    skips = []
    for level in range(levels - 1):
        x = _convolutions(x, f"down{level}", filters[level], policy)
        skips.append(x)
        x = keras.layers.AveragePooling2D(2, dtype=policy, name=f"pool{level}")(x)
    x = _convolutions(x, "bottom", filters[-1], policy)
    for level in reversed(range(levels - 1)):
        x = keras.layers.Conv2DTranspose(
            filters[level], 2, strides=2, padding="same", dtype=policy, name=f"rise{level}"
        )(x)
        x = keras.layers.Concatenate(dtype=policy, name=f"join{level}")([x, skips[level]])
        x = _convolutions(x, f"up{level}", filters[level], policy)
    outputs = keras.layers.Conv2D(
        classes, 1, activation="softmax", dtype="float32", name="probability"
    )(x)
    return keras.Model(inputs, outputs, name="unet")


def _convolutions(x: Any, name: str, filters: int, policy: str) -> Any:
    for part in "ab":
        x = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            dtype=policy,
            name=f"{name}_{part}",
        )(x)
    return x


def size_of(net: Any) -> UNetSize:
    """Return the size of a network that `build_unet` returned."""
    levels = 1 + sum(layer.name.startswith("pool") for layer in net.layers)
    first = net.get_layer("down0_a" if levels > 1 else "bottom_a")
    return UNetSize(levels, first.filters)


def forward_of(net: Any) -> Callable[[Any], Any]:
    """Return a keras.Model as a function of grey values.

    The function takes ``(n, z, x)`` uint8 and returns a tensor ``(n, z, x, classes)`` float32.
    TensorFlow traces it once, for all sizes.
    """

    # As a call of its own it is one node in a larger graph. Taken apart, its weights would be cast
    # for several views at once, which takes memory.
    @tf.function(
        autograph=False,  # no branch depends on the values of tensors
        input_signature=[tf.TensorSpec((None, None, None), tf.uint8)],
        experimental_attributes={"_noinline": True},
    )
    def forward(grey: Any) -> Any:
        return net(tf.cast(grey, tf.float32)[..., None] / 255, training=False)

    return forward


def start(threads: int, seed: int = 0) -> None:
    """Set TensorFlow up for repeatable results: seed, deterministic operations, threads.

    float32 is then float32 on a GPU too, which by itself would multiply with 10 bits of the
    mantissa (TF32). On a GPU TensorFlow then allocates memory as needed, not all of it, so that
    jobs may share one. Threads and memory can only be chosen before TensorFlow first computes
    something; where it already has, as in a notebook, they stay as they are and a line says so.
    """
    try:
        _configure(threads)
    except RuntimeError:
        say(
            f"TensorFlow runs already and keeps its number of threads instead of {threads}: "
            "results may differ in their last digits from those of a new process"
        )
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    tf.config.experimental.enable_tensor_float_32_execution(False)


def device() -> str:
    """Return on which kind of device TensorFlow computes, "gpu" or "cpu".

    The two round in other ways, so each has results of its own.
    """
    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def device_name() -> str:
    """Return the name of the GPU on which TensorFlow computes, or "CPU"."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")


def cpu_class() -> str:
    """Return the sets of instructions that this CPU has, as NumPy names them, oldest first.

    TensorFlow takes the newest that it knows, and each rounds in its own way: weights and
    probabilities are the same bytes only on CPUs of the same class.
    """
    return " ".join(np.show_config(mode="dicts")["SIMD Extensions"]["found"])


def feeding_threads(threads: int) -> int:
    """Return how many threads prepare the training images.

    A GPU would wait for two of them, so beside one they are as many as the cores that this
    process may use. They change no result.
    """
    if device() == "cpu":
        return threads
    try:
        return max(threads, len(os.sched_getaffinity(0)))
    except AttributeError:  # not Linux
        return max(threads, os.cpu_count() or 1)


@contextmanager
def memory_of(key: str) -> Iterator[None]:
    """Turn TensorFlow's error that memory is too small into one line that names a setting."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise UserError(
            f"{key}: the memory of the {device().upper()} is too small for this; choose a "
            "smaller value, or end what else runs there"
        ) from None


def resolved_precision(wanted: str) -> str:
    """Return "float32" or "bfloat16"; "auto" takes bfloat16 where the hardware computes in it."""
    if wanted != "auto":
        return wanted
    precision = "bfloat16" if _has_bfloat16() else "float32"
    say(f"precision: {precision}, on {device_name()}")
    return precision


def _configure(threads: int) -> None:
    for gpu in tf.config.list_physical_devices("GPU"):
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def _has_bfloat16() -> bool:
    """Return whether the GPU, or without one the CPU, has instructions for bfloat16."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return details.get("compute_capability", (0, 0)) >= (8, 0)
    return cpu.has_bfloat16()
