"""Blocks of slices for testing and validation, and where they lie so that no class is left out.

The usual place of a block says nothing of what its slices show. Where a class would be missing
from the training, the blocks are moved as little as possible until it is there, and likewise
for testing and validation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

Places = dict[str, dict[str, int]]  # dataset → name of a slice → place in the row of slices

_ORDER = ("train", "test", "validate")  # of importance


@dataclass(frozen=True)
class Block:
    """Neighbours in a row of annotated slices: index of the first, and their number."""

    start: int
    count: int


Blocks = dict[str, Block]  # by the parts test and validate


@dataclass(frozen=True)
class Row:
    """The annotated slices of a dataset in their order.

    Attributes
    ----------
    places : list of int
        Their places, ascending, each once.
    shown : ndarray (place + 1, label) of int
        How many slices before each place show each label, and in the end of all.
    gap : int
        Places this near to a block are left out.
    """

    places: list[int]
    shown: np.ndarray
    gap: int

    @classmethod
    def of(
        cls,
        place_of: dict[str, int],
        shows: Mapping[str, frozenset[int]],
        labels: list[int],
        gap: int,
    ) -> Row:
        """Return the row of slices with their places, and which of the labels they show."""
        places = sorted(set(place_of.values()))
        index = {place: number for number, place in enumerate(places)}
        counts = np.zeros((len(places) + 1, len(labels)), np.int32)
        for name, place in place_of.items():
            shown = shows.get(name, frozenset())
            counts[1 + index[place]] += np.isin(labels, sorted(shown))
        return cls(places, counts.cumsum(axis=0, dtype=np.int32), gap)

    def parts_of(self, place_of: dict[str, int], blocks: Blocks) -> dict[str, str]:
        """Return the part of each slice; the test block wins where two overlap."""
        held: dict[int, str] = {}
        for part in ("validate", "test"):
            block = blocks[part]
            held.update(dict.fromkeys(self.places[block.start : block.start + block.count], part))
        part_at = {}
        for place in self.places:
            near = any(abs(place - other) <= self.gap for other in held)
            part_at[place] = held.get(place, "left_out" if near else "train")
        return {name: part_at[place] for name, place in place_of.items()}

    def seen(self, test: np.ndarray, validate: np.ndarray, counts: Blocks) -> dict[str, np.ndarray]:
        """Return which labels each part shows for many places of the two blocks.

        Parameters
        ----------
        test, validate : ndarray of int, (n,)
            Where the blocks begin; they do not overlap.
        counts : Blocks
            How long they are.

        Returns
        -------
        dict of ndarray of bool, (n, label)
        """
        places = np.array(self.places)

        def around(start: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
            if not count:
                return start, start
            low = np.searchsorted(places, places[start] - self.gap, "left")
            return low, np.searchsorted(places, places[start + count - 1] + self.gap, "right")

        def within(low: np.ndarray, high: np.ndarray) -> np.ndarray:
            return self.shown[np.maximum(low, high)] - self.shown[low]

        (low, high), (low_v, high_v) = (
            around(start, counts[part].count)
            for part, start in (("test", test), ("validate", validate))
        )
        both = within(np.maximum(low, low_v), np.minimum(high, high_v))
        return {
            "train": self.shown[-1] - within(low, high) - within(low_v, high_v) + both > 0,
            "test": within(test, test + counts["test"].count) > 0,
            "validate": within(validate, validate + counts["validate"].count) > 0,
        }


def moved(
    rows: Mapping[str, Row], usual: Mapping[str, Blocks], fixed: Collection[str] = ()
) -> dict[str, Blocks]:
    """Return blocks that leave as few classes as possible out of a part.

    One dataset after the other, in the order of their names, until nothing gets better. Blocks
    in whose usual place nothing is left out stay there.

    Parameters
    ----------
    rows : dict of Row
        By dataset.
    usual : dict of Blocks
        Where the blocks of each dataset usually lie.
    fixed : collection of str
        Parts whose blocks must stay.
    """
    blocks = dict(usual)
    every = np.any([row.shown[-1] > 0 for row in rows.values()], axis=0)
    best = _lacks(rows, blocks, every)
    improved = any(best)
    while improved:
        improved = False
        for name in sorted(rows):
            tried = blocks | {name: _best(name, rows, blocks, usual, (every, fixed))}
            if (now := _lacks(rows, tried, every)) < best:
                blocks, best, improved = tried, now, any(now)
    return blocks


def _lacks(
    rows: Mapping[str, Row], blocks: Mapping[str, Blocks], every: np.ndarray
) -> tuple[int, ...]:
    """Return how many of the labels shown anywhere the parts lack, in order of importance."""
    seen = _seen_in_all(rows, blocks)
    return tuple(
        int((every & ~seen[part]).sum())
        if part == "train" or any(of_dataset[part].count for of_dataset in blocks.values())
        else 0
        for part in _ORDER
    )


def _seen_in_all(rows: Mapping[str, Row], blocks: Mapping[str, Blocks]) -> dict[str, np.ndarray]:
    """Return which labels each part shows, in all datasets together."""
    seen: dict[str, np.ndarray] = {}
    for name, row in rows.items():
        test, validate = (np.array([blocks[name][part].start]) for part in ("test", "validate"))
        for part, labels in row.seen(test, validate, blocks[name]).items():
            seen[part] = seen.get(part, False) | labels[0]
    return seen


def _best(
    name: str,
    rows: Mapping[str, Row],
    blocks: Mapping[str, Blocks],
    usual: Mapping[str, Blocks],
    rule: tuple[np.ndarray, Collection[str]],
) -> Blocks:
    """Return the blocks of one dataset that leave out the fewest labels and are moved least."""
    every, fixed = rule
    row, (test, validate) = rows[name], (usual[name][part] for part in ("test", "validate"))

    def starts(part: str, block: Block) -> np.ndarray:
        if part in fixed or not block.count:
            return np.array([block.start])
        return np.arange(len(row.places) - block.count + 1)

    t, v = (
        grid.ravel()
        for grid in np.meshgrid(starts("test", test), starts("validate", validate), indexing="ij")
    )
    apart = (t + test.count <= v) | (v + validate.count <= t)
    if test.count and validate.count:
        t, v = t[apart], v[apart]
    if not len(t):
        return blocks[name]
    elsewhere = _seen_in_all({n: r for n, r in rows.items() if n != name}, blocks)
    seen = row.seen(t, v, usual[name])
    lack = [(every & ~(seen[p] | elsewhere.get(p, False))).sum(axis=1) for p in _ORDER]
    for part, block in (("test", test), ("validate", validate)):
        if not block.count:
            lack[_ORDER.index(part)][:] = 0
    distance = abs(t - test.start) + abs(v - validate.start)
    first = np.lexsort((v, t, distance, *reversed(lack)))[0]
    return {
        "test": Block(int(t[first]), test.count),
        "validate": Block(int(v[first]), validate.count),
    }
