"""Slabs worked on side by side, so that one is copied while another one is computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def in_order(work: Callable[[A], B], items: Iterable[A], lanes: int) -> Iterator[B]:
    """Yield ``work(item)`` of every item, in order.

    Parameters
    ----------
    work : callable
    items : iterable
    lanes : int
        Threads. With one there is none but the caller's, and nothing is computed ahead. With
        more, as many results are computed while the caller uses the one before.
    """
    if lanes == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(lanes) as pool:
        ahead: deque[Future[B]] = deque()
        try:
            for item in items:
                ahead.append(pool.submit(work, item))
                if len(ahead) > lanes:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
