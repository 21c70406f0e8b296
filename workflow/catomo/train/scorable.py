"""Whether a split can be learnt from and scored: which classes the slices of each part show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from catomo.labels.values import IGNORE, Annotation
from catomo.train.settings import Split

PARTS = ("train", "validate", "test", "left_out")

PartOf = dict[str, dict[str, str]]  # dataset → name of a slice → its part
PartNames = dict[str, dict[str, list[str]]]  # dataset → part → names of slices
Shows = Mapping[str, Mapping[str, frozenset[int]]]  # dataset → name of a slice → its labels

_WORDS = {"train": "training", "validate": "validation", "test": "test", "left_out": "left out"}
_MOST_NAMED = 4


def names_by_part(part_of: PartOf) -> PartNames:
    """Return the names of the slices of each dataset by their part."""
    return {
        dataset: {part: [n for n in parts if parts[n] == part] for part in PARTS}
        for dataset, parts in part_of.items()
    }


def lacks(part_of: PartOf, shows: Shows) -> tuple[int, int, int]:
    """Return how many of the classes shown anywhere the training, test and validation lack.

    A part that has no slice at all lacks nothing, except the training.
    """
    seen: dict[str, set[int]] = {}
    for dataset, parts in part_of.items():
        for name, part in parts.items():
            seen.setdefault(part, set()).update(shows.get(dataset, {}).get(name, ()))
    every = set().union(*seen.values())
    missing = {part: len(every - labels) for part, labels in seen.items()}
    return missing.get("train", len(every)), missing.get("test", 0), missing.get("validate", 0)


@dataclass(frozen=True)
class Labelled:
    """What the annotation of all datasets of a model holds.

    Attributes
    ----------
    names : list of str
        Names of the classes.
    held : set of int
        The classes that any pixel is labelled with.
    shows : dict of dict of frozenset
        The classes that each slice shows outside black borders, by dataset and name.
    """

    names: list[str]
    held: Set[int]
    shows: Shows

    @classmethod
    def of(cls, names: list[str], annotations: Iterable[Annotation], shows: Shows) -> Labelled:
        """Return what annotations hold, of whose slices it is known what each shows."""
        held = {n for one in annotations for n in range(IGNORE) if one.pixels[n]}
        return cls(names, held, shows)


def lines_of_split(
    parts: PartNames, labelled: Labelled, settings: Split
) -> tuple[list[str], list[str]]:
    """Say which classes a part of the split does not show, and what to do about it.

    Parameters
    ----------
    parts : dict
        As `catomo.train.split.split_parts` returns them.
    labelled : Labelled
        A class that no pixel is labelled with is not looked for.
    settings : catomo.train.settings.Split

    Returns
    -------
    problems : list of str
        A line for each class that no training slice shows, so that it would not be learnt.
    told : list of str
        A line for each class that no test or no validation slice shows.
    """
    problems, told = [], []
    for label, name in enumerate(labelled.names):
        shown = _slices_that_show(label, parts, labelled.shows)
        if not any(shown.values()):
            if label in labelled.held:
                problems.append(
                    f"labels: all pixels of {name} ({label}) lie in black borders of their "
                    f"slices, where nothing was measured; label {name} inside the specimen"
                )
            continue
        where = f"train.split (method {settings.method}): no {{}} slice shows {name} ({label})"
        if not shown["train"]:
            found = " and ".join(
                f"{_listed(shown[part])} ({_WORDS[part]})"
                for part in ("test", "validate", "left_out")
                if shown[part]
            )
            do = "do" if sum(map(len, shown.values())) > 1 else "does"
            problems.append(
                f"{where.format('training')}, but {found} {do}; {_into_training(name, settings)}"
            )
            continue
        for part in ("test", "validate"):
            if not shown[part] and any(of_dataset[part] for of_dataset in parts.values()):
                told.append(
                    f"{where.format(_WORDS[part])}, so it gets no {_WORDS[part]} score; "
                    f"{_into(part, name, shown['train'], settings)}"
                )
    return problems, told


def _slices_that_show(label: int, parts: PartNames, shows: Shows) -> dict[str, list[str]]:
    """Return the slices that show a label, by part, with their dataset where there are several."""
    several = len(parts) > 1
    return {
        part: [
            f"{dataset}/{name}" if several else name
            for dataset, of_dataset in parts.items()
            for name in of_dataset[part]
            if label in shows.get(dataset, {}).get(name, ())
        ]
        for part in PARTS
    }


def _into_training(name: str, settings: Split) -> str:
    """Return how a class comes into the training part."""
    more = f"label {name} in more slices"
    if settings.method == "names":
        key = "test, validation or leave_out"
        return f"take some of them out of train.split.{key}, or {more}"
    if settings.method == "folds":
        return (
            f"train another fold than {settings.fold} of {settings.folds} (train.split.fold), or "
            f"{more}, further apart than a fold and its gap of {settings.gap}"
        )
    if settings.method == "random_patches":
        return f"{more}, or lower train.split.test_fraction or validation_fraction"
    return (
        f"{more}, lower train.split.gap ({settings.gap}) or test_fraction, or choose the parts "
        "by name (train.split.method: names)"
    )


def _into(part: str, name: str, taught: list[str], settings: Split) -> str:
    """Return how a class that the training slices show comes into another part."""
    key = {"test": "test", "validate": "validation"}[part]
    gap = settings.gap if settings.method in ("blocks", "folds") else 0
    apart = f" (more than {gap} slices away)" if gap else ""
    if len(taught) == 1:
        return f"{taught[0]} alone shows it, for training: label {name} in another slice{apart}"
    here = f"{_listed(taught)} show it for training: "
    if settings.method == "names":
        return f"{here}name one of them in train.split.{key}"
    if settings.method == "folds" and part == "test":
        return f"{here}another fold than {settings.fold} tests it"
    return (
        f"{here}label {name} in other slices too{apart}, or choose the parts by name "
        f"(train.split.method: names, {key}: [{taught[-1]}])"
    )


def _listed(slices: list[str]) -> str:
    """Return names in words, cut to the first ones."""
    more = len(slices) - _MOST_NAMED
    if more > 0:
        return f"{', '.join(slices[:_MOST_NAMED])} and {more} more"
    return " and ".join(filter(None, [", ".join(slices[:-1]), slices[-1]]))
