"""Division of the annotated slices into training, validation and test part.

Neighbouring slices of a tomogram are nearly the same image, so a test slice whose neighbour
was used for training tests nothing. Slices are therefore split in contiguous blocks with a gap
around them, or by name; two patches of one slice always stay together. Where the usual blocks
would leave a class out of a part, they are moved (`catomo.train.blocks`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

import numpy as np

from catomo.errors import UserError
from catomo.train.blocks import Block, Places, Row, moved
from catomo.train.scorable import PartNames, PartOf, Shows, lacks, names_by_part
from catomo.train.settings import Split

# Where the middle of a block lies in the row of slices, as a fraction of its length. The
# outermost slices of a particle show little of it and would make an easy test.
_MIDDLE = {"validate": 1 / 3, "test": 2 / 3}

_DRAWS = 100  # random splits that are tried until one leaves no class out of a part


def split_parts(
    datasets: Places, settings: Split, seed: int, shows: Shows | None = None
) -> PartNames:
    """Divide the annotated slices into parts.

    With the methods ``blocks`` and ``random_patches``, and for the validation part of
    ``folds``, a split that leaves a class out of a part gives way to the nearest one that
    leaves out fewer; training counts most, then testing.

    Parameters
    ----------
    datasets : dict of dict
        For each dataset, its annotated slices: name → place in the row of slices.
    settings : catomo.train.settings.Split
        Method, fractions, gap and name patterns.
    seed : int
        Seed of the random numbers; only the method ``random_patches`` uses it.
    shows : dict of dict of frozenset, optional
        The labels that each slice shows, by dataset and name. Without it no split gives way.

    Returns
    -------
    dict
        ``{dataset: {"train": [names], "validate": […], "test": […], "left_out": […]}}``.

    Raises
    ------
    UserError
        If nothing is left to train on, there are fewer slices than folds, a pattern matches no
        slice, a slice falls into two parts, or two patches of one slice fall into different ones.
    """
    shows = shows or {}
    if settings.method == "names":
        part_of = _by_names(datasets, settings)
    elif settings.method in ("blocks", "folds"):
        part_of = _by_blocks(datasets, settings, shows)
    else:
        part_of = _at_random(datasets, settings, np.random.default_rng(seed), shows)
    parts = names_by_part(part_of)
    if not any(part["train"] for part in parts.values()):
        raise UserError(
            f"train.split: no slice is left to train on ({sum(map(len, datasets.values()))} "
            "annotated); annotate more slices, or lower test_fraction or gap"
        )
    return parts


def slice_of(name: str) -> str:
    """Return the slice an image was cut from: its name without ``_patch<number>``."""
    return re.sub(r"_patch\d+$", "", name)


def places_of(names: Iterable[str], contiguous: bool) -> dict[str, int]:
    """Return the place of each image in the row of slices.

    In a volume that is the index. Loose images are ranked in the order given; the patches
    of one slice share a place.
    """
    if contiguous:
        return {name: index for index, name in enumerate(names)}
    names = list(names)
    rank = {key: index for index, key in enumerate(dict.fromkeys(map(slice_of, names)))}
    return {name: rank[slice_of(name)] for name in names}


def _by_blocks(datasets: Places, settings: Split, shows: Shows) -> PartOf:
    """Return the part of each slice where blocks are for testing and validation.

    Places within the gap around them are left out.
    """
    lay = _middle_blocks if settings.method == "blocks" else _fold
    labels = sorted({n for of_dataset in shows.values() for s in of_dataset.values() for n in s})
    rows = {
        name: Row.of(places, shows.get(name, {}), labels, settings.gap)
        for name, places in datasets.items()
    }
    blocks = {name: lay(row.places, settings) for name, row in rows.items()}
    if shows:
        blocks = moved(rows, blocks, fixed=() if settings.method == "blocks" else ("test",))
    return {name: rows[name].parts_of(places, blocks[name]) for name, places in datasets.items()}


def _middle_blocks(row: list[int], settings: Split) -> dict[str, Block]:
    """Return the blocks for testing and validation, each in its usual place."""
    blocks = {}
    for part, fraction in (
        ("validate", settings.validation_fraction),
        ("test", settings.test_fraction),
    ):
        count = _count(fraction, row)
        start = min(round(_MIDDLE[part] * len(row) - count / 2), len(row) - count)
        blocks[part] = Block(start, count)
    return blocks


def _fold(row: list[int], settings: Split) -> dict[str, Block]:
    """Return one fold for testing; validation is amid the longer remaining row."""
    if len(row) < settings.folds:
        raise UserError(
            f"train.split.folds: found {settings.folds}, but only {len(row)} annotated slices of a "
            "dataset to cut into folds; annotate more or ask for fewer folds"
        )
    edges = [round(k * len(row) / settings.folds) for k in range(settings.folds + 1)]
    start, stop = edges[settings.fold - 1 : settings.fold + 1]
    count = _count(settings.validation_fraction, row)
    low, high = (0, start) if start >= len(row) - stop else (stop, len(row))
    first = max(0, (high - low - count) // 2)
    return {
        "validate": Block(low + first, min(count, high - low - first)),
        "test": Block(start, stop - start),
    }


def _count(fraction: float, row: list[int]) -> int:
    return max(1, round(fraction * len(row))) if fraction else 0


def _by_names(datasets: Places, settings: Split) -> PartOf:
    patterns = {
        "test": settings.test,
        "validate": settings.validation,
        "left_out": settings.leave_out,
    }
    part_of = {dataset: dict.fromkeys(places, "train") for dataset, places in datasets.items()}
    for part, pattern in ((word, p) for word in patterns for p in patterns[word]):
        hits = [
            (dataset, name)
            for dataset, places in datasets.items()
            for name in places
            if fnmatchcase(name, pattern) or fnmatchcase(f"{dataset}/{name}", pattern)
        ]
        if not hits:
            raise UserError(
                f"train.split: pattern '{pattern}' matches no annotated slice; "
                f"names are such as '{next(iter(next(iter(datasets.values()))))}'"
            )
        for dataset, name in hits:
            if part_of[dataset][name] not in ("train", part):
                raise UserError(
                    f"train.split: '{name}' is named for both {part_of[dataset][name]} and "
                    f"{part}; name it once"
                )
            part_of[dataset][name] = part
    _check_patches_together(datasets, part_of)
    return part_of


def _check_patches_together(datasets: Places, part_of: PartOf) -> None:
    for dataset, places in datasets.items():
        first: dict[str, str] = {}
        for name in places:
            other = first.setdefault(slice_of(name), name)
            if part_of[dataset][other] != part_of[dataset][name]:
                raise UserError(
                    f"train.split: '{other}' and '{name}' are patches of one slice but fall into "
                    f"{part_of[dataset][other]} and {part_of[dataset][name]}; keep them together"
                )


def _at_random(datasets: Places, settings: Split, rng: np.random.Generator, shows: Shows) -> PartOf:
    """Return a random split: the first that leaves no class out of a part, else the best one."""
    every = [(dataset, name) for dataset, places in datasets.items() for name in places]
    tests = round(settings.test_fraction * len(every))
    validated = round(settings.validation_fraction * len(every))
    best: PartOf = {}
    for _ in range(_DRAWS):
        order = rng.permutation(len(every))
        part_of = {dataset: dict.fromkeys(places, "train") for dataset, places in datasets.items()}
        for rank, number in enumerate(order[: tests + validated]):
            dataset, name = every[number]
            part_of[dataset][name] = "test" if rank < tests else "validate"
        if not best or lacks(part_of, shows) < lacks(best, shows):
            best = part_of
        if not any(lacks(best, shows)):
            break
    return best
