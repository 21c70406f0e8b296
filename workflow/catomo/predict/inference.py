"""A trained network at work on slices: whole or in tiles, what it decides, what memory it needs.

Also the conveyor on which slabs are read, computed and written at the same time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from catomo.network import blend, unet
from catomo.network.temperature import tempered
from catomo.predict.slabs import Slabs
from catomo.progress import progress

T = TypeVar("T")
R = TypeVar("R")

# Measured on the default network, 0.25 to 2 million pixels in both precisions, one view:
# what TensorFlow takes before a pixel has passed; how many arrays of the size of the first
# level, and of the probabilities, are alive at once.
_TENSORFLOW_BYTES = 0.45e9
_LAYERS_ALIVE = 5
_PROBABILITIES_ALIVE = 6


def segmenter(net, downsampling: int, whole: bool, settings) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from grey values (n, z, x) to the mean probabilities of all views.

    Parameters
    ----------
    net : keras.Model
        As `catomo.network.model_file.load` returns it.
    downsampling : int
        What the edges it takes are multiples of.
    whole : bool
        Whether slices pass whole, or in tiles.
    settings : catomo.predict.settings.Predict
    """
    run = unet.runner(net)
    return lambda grey: blend.probabilities(
        run,
        grey,
        multiple=downsampling,
        average=settings.average,
        tile=None if whole else settings.tile_px,
        overlap=settings.overlap_px,
        window=settings.window,
    )


def decided(
    probabilities: np.ndarray, temperature: float, names: Iterable[str] = ()
) -> dict[str, np.ndarray]:
    """Return what is written of a slab, all uint8 of shape (n, z, x).

    Parameters
    ----------
    probabilities : ndarray, (n, z, x, classes)
    temperature : float
        See `catomo.evaluate.calibration.tempered`; it never changes a label.
    names : iterable of str
        Of all classes, to have their probabilities too.

    Returns
    -------
    dict
        ``labels``: the likeliest class, of equals the first. ``confidence``: its probability,
        255 for certain. ``probability_<name>``, if names are given.
    """
    p = tempered(probabilities, temperature)
    # Plane by plane: NumPy's own argmax and max along an axis of three are slow.
    labels, first = np.zeros(p.shape[:-1], np.uint8), probabilities[..., 0].copy()
    top = p[..., 0].copy()
    for label in range(1, p.shape[-1]):
        labels[probabilities[..., label] > first] = label
        np.maximum(first, probabilities[..., label], out=first)
        np.maximum(top, p[..., label], out=top)
    found = {"labels": labels, "confidence": _bytes(top)}
    for label, name in enumerate(names):
        found[f"probability_{name}"] = _bytes(p[..., label])
    return found


def memory_bytes(
    network: dict, precision: str, passing: int, pixels: int, class_count: int
) -> float:
    """Estimate the memory, in bytes, that predicting takes; it does not grow with the volume.

    Parameters
    ----------
    network : dict
        ``levels`` and ``base_filters``.
    precision : {"float32", "bfloat16"}
    passing, pixels : int
        That pass the network at once; of the slices in work, tiles of which may pass.
    class_count : int
    """
    width = 2 if precision == "bfloat16" else 4
    base = network["base_filters"]
    # Of three 3x3 convolutions at the deepest levels, nearly all weights; kept as float32 and
    # as what is computed with.
    weights = 28 * base**2 * 4 ** (network["levels"] - 1) * (4 + width)
    layers = passing * base * width * _LAYERS_ALIVE
    return _TENSORFLOW_BYTES + weights + layers + pixels * class_count * 4 * _PROBABILITIES_ALIVE


def convey(
    slabs: Slabs,
    read: Callable[[int], np.ndarray],
    segment: Callable[[np.ndarray], np.ndarray],
    decide: Callable[[np.ndarray], dict[str, np.ndarray]],
    followers: list[Callable[[], None]],
    label: str,
) -> None:
    """Make all missing slabs, each step at work on another one.

    Parameters
    ----------
    slabs : Slabs
    read : callable
        From the number of a slab to its grey values.
    segment, decide : callable
        From grey values to probabilities; from these to the arrays of the slab.
    followers : list of callable
        Run in threads of their own: those that read `Slabs.pages`.
    label : str
        For the progress shown.
    """
    with (
        ThreadPoolExecutor(1) as reading,
        ThreadPoolExecutor(1) as deciding,
        ThreadPoolExecutor(len(followers)) as writing,
        slabs,
    ):
        written = [writing.submit(follow) for follow in followers]
        found = zip(slabs.missing, map(segment, _ahead(reading, read, slabs.missing)), strict=True)
        kept = _ahead(deciding, lambda one: slabs.save(one[0], decide(one[1])), found)
        for _ in progress(kept, label, len(slabs.missing)):
            for follower in written:
                if follower.done():  # nothing left to follow, or an error that ends all
                    follower.result()
        for follower in written:
            follower.result()


def _ahead(
    pool: Executor, function: Callable[[T], R], items: Iterable[T], depth: int = 2
) -> Iterator[R]:
    """Yield ``function(item)`` in order, computed in the pool for `depth` items ahead."""
    waiting: deque = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _bytes(probability: np.ndarray) -> np.ndarray:
    return np.rint(255 * probability).astype(np.uint8)
