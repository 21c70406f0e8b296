"""The conveyor on which slabs are read, segmented and written at the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from catomo.predict.slabs import Slabs
from catomo.progress import progress

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Steps:
    """The steps that make a slab, in order.

    Attributes
    ----------
    read : callable
        From the number of a slab to its grey values.
    segment : callable
        From grey values to tensors, which a GPU may still be computing.
    """

    read: Callable[[int], np.ndarray]
    segment: Callable[[np.ndarray], dict[str, Any]]


def convey(slabs: Slabs, steps: Steps, followers: list[Callable[[], None]], label: str) -> None:
    """Make all missing slabs; while one is segmented, the next are read and the last kept.

    Parameters
    ----------
    slabs : Slabs
    steps : Steps
    followers : list of callable
        Called in threads of their own: they read `Slabs.pages` while slabs are being made.
    label : str
        For the progress shown.
    """

    def keep(one: tuple[int, dict[str, Any]]) -> None:
        number, tensors = one
        slabs.save(number, {name: np.asarray(tensor) for name, tensor in tensors.items()})

    with (
        ThreadPoolExecutor(1) as reading,
        ThreadPoolExecutor(1) as keeping,
        ThreadPoolExecutor(len(followers)) as writing,
        slabs,
    ):
        written = [writing.submit(follow) for follow in followers]
        greys = _ahead(reading, steps.read, slabs.missing)
        segmented = zip(slabs.missing, map(steps.segment, greys), strict=True)
        kept = _ahead(keeping, keep, segmented)
        for _ in progress(kept, label, len(slabs.missing)):
            for follower in written:
                if follower.done():  # it has read all slabs, or raises the error that ends all
                    follower.result()
        for follower in written:
            follower.result()


def _ahead(
    pool: Executor, function: Callable[[T], R], items: Iterable[T], depth: int = 2
) -> Iterator[R]:
    """Yield ``function(item)`` in order, computed in the pool for `depth` items ahead."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
