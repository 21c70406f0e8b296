"""Whether the slices of a volume go on from one to the next, or are unrelated images."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

_BLOCK_PX = 4  # thin sheets that lean move by less from slice to slice
_MOST_PAIRS = 32
_LEAST_PAIRS = 3
# Neighbours in every eighth slice of phantoms and of the needle are alike by 0.59 and more, balls
# of 3 px across by 0.43; the paper's patches in the order of their names by 0.05 (measured).
_ALIKE = 0.3
_MORE_ALIKE = 0.2


def unrelated(read: Callable[[int], np.ndarray], count: int) -> str:
    """Return in words that the slices of a volume are unlike their neighbours; empty if not.

    Parameters
    ----------
    read : callable
        Returns the labels (z, x) of a slice by its number.
    count : int
        Number of slices.

    Notes
    -----
    Two slices are as alike as the correlation of the shares that each class has of their blocks,
    over all pairs of neighbours or 32 of them. Slices of one class alone are like no other.
    """
    if count <= _LEAST_PAIRS:
        return ""
    pairs = min(_MOST_PAIRS, count - 1)
    places = np.linspace(0, count - 2, pairs).round().astype(int)
    slices = [_shares(read(int(place))) for place in places]
    next_ones = [_shares(read(int(place) + 1)) for place in places]
    near = _median(_likeness(*pair) for pair in zip(slices, next_ones, strict=True))
    half = pairs // 2
    distant = slices[half:] + slices[:half]
    far = _median(_likeness(*pair) for pair in zip(slices, distant, strict=True))
    if near is None or near >= _ALIKE or near >= (far or 0.0) + _MORE_ALIKE:
        return ""
    return (
        f"each slice is as little like the next one (correlation {near:.2f}) as like a distant one "
        f"({far or 0.0:.2f}), as in a stack of unrelated images, or of slices in a wrong order; if "
        "it is one, volumes, areas and all else measured in three dimensions mean nothing"
    )


def _shares(labels: np.ndarray) -> np.ndarray | None:
    """Return the share of each block that each class has, without its mean; None if all alike."""
    rows, columns = (n // _BLOCK_PX or 1 for n in labels.shape)
    part = labels[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    height, width = part.shape[0] // rows, part.shape[1] // columns
    blocks = part.reshape(rows, height, columns, width)
    classes = range(int(labels.max()) + 1)
    shares = np.stack([(blocks == label).mean(axis=(1, 3)) for label in classes])
    shares -= shares.mean(axis=(1, 2), keepdims=True)
    return shares if shares.any() else None


def _likeness(one: np.ndarray | None, other: np.ndarray | None) -> float | None:
    if one is None or other is None:
        return None
    both = min(len(one), len(other))
    return float((one[:both] * other[:both]).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


def _median(values: Iterable[float | None]) -> float | None:
    """Return the median of what is known, None of too little."""
    known = [value for value in values if value is not None]
    return float(np.median(known)) if len(known) >= _LEAST_PAIRS else None
