"""What the values of an annotation mean: class numbers from 0, and 255 for "not annotated".

A value of no class is refused where it is read. A class that no pixel has is only known when all
annotation is read: an `Annotation` counts the pixels of each value, and says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from catomo.errors import UserError

IGNORE = 255

_ONE_BASED = "labels begin at 0: where yours begin at 1, as ilastik's do, subtract 1 from each"
_MOST_NAMED = 4


@dataclass(frozen=True)
class Annotation:
    """How many pixels an annotation has of each value.

    Attributes
    ----------
    place : str
        The folder or file, for messages.
    pixels : tuple of int, (256,)
        Number of pixels of each value.
    unread : tuple of str
        Names of files beside it that may be labels but are not read.
    shown : dict of frozenset of int
        The classes that each annotated slice shows, by its index; empty where nobody asked.
    """

    place: str
    pixels: tuple[int, ...]
    unread: tuple[str, ...] = ()
    shown: Mapping[int, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, place: object, pages: Iterable[np.ndarray], unread: tuple[str, ...] = ()
    ) -> Annotation:
        """Count the values, classes or 255, of the pages on which anything is annotated."""
        counts = np.zeros(IGNORE + 1, np.int64)
        for page in pages:
            of_page = np.bincount(page.astype(np.uint8).ravel(), minlength=IGNORE + 1)
            if of_page[:IGNORE].any():  # a stack fills the slices that nobody looked at with 255
                counts += of_page
        return cls(str(place), tuple(counts.tolist()), unread)

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return the classes, as ``name (number)``, that no pixel has."""
        return missing_in([self], names)

    def mask_problem(self, names: Sequence[str]) -> str:
        """Return what is wrong if 0 and 255 are the only values; else an empty text."""
        if [value for value, count in enumerate(self.pixels) if count] != [0, IGNORE]:
            return ""
        return (
            f"{self.place}: no pixel is labelled {' or '.join(self.missing(names))}: found only 0 "
            f"({names[0]}) and {IGNORE}, which means 'not annotated'; in masks of 0 and {IGNORE}, "
            f"as Fiji makes them, write the number of the class instead of {IGNORE} (Fiji: "
            f"Process > Math > Divide by {IGNORE} writes 1)"
        )

    def check_no_mask(self, names: Sequence[str]) -> None:
        """Refuse masks of 0 and 255: of them, only the background would be read.

        Raises
        ------
        UserError
            If 0 and 255 are the only values.
        """
        if problem := self.mask_problem(names):
            raise UserError(problem)

    def told(self, names: Sequence[str], then: str) -> list[str]:
        """Return what a person must know: which classes no pixel has, which files are not read.

        Parameters
        ----------
        names : list of str
            Names of the classes.
        then : str
            What follows from a missing class.
        """
        lines = []
        if missing := self.missing(names):
            advice = "" if self.pixels[0] else f"; {_ONE_BASED}"
            named = " or ".join(missing)
            line = f"{self.place}: no pixel is labelled {named}: {then}{advice}"
            mask = self.mask_problem(names)
            lines.append(f"{mask}; if {IGNORE} is meant so, {then}" if mask else line)
        if self.unread:
            more = f" and {len(self.unread) - _MOST_NAMED} more" * (len(self.unread) > _MOST_NAMED)
            lines.append(
                f"{self.place}: not read as labels: {', '.join(self.unread[:_MOST_NAMED])}{more}; "
                "a label file is <slice name>.tif or <slice name>.png"
            )
        return lines


def classes_in(page: np.ndarray) -> frozenset[int]:
    """Return the classes that the pixels of a page have."""
    counts = np.bincount(page.astype(np.uint8).ravel(), minlength=IGNORE + 1)
    return frozenset(np.flatnonzero(counts[:IGNORE]).tolist())


def without_black_border(labels: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return labels (z, x) in which black outermost rows and columns are not annotated.

    Where a reconstruction ends, nothing was measured: such pixels are no pores. An image
    that is black all over is left as it is.
    """
    filled = image > 0
    if not filled.any():
        return labels
    rows, columns = (np.flatnonzero(filled.any(axis=axis)) for axis in (1, 0))
    inside = np.zeros(filled.shape, bool)
    inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return np.where(inside, labels, IGNORE).astype(np.uint8)


def missing_in(annotations: Iterable[Annotation], names: Sequence[str]) -> list[str]:
    """Return the classes, as ``name (number)``, that no pixel of any annotation has."""
    pixels = np.sum([annotation.pixels for annotation in annotations], axis=0)
    return [f"{name} ({number})" for number, name in enumerate(names) if not pixels[number]]


def check_no_masks(annotations: Sequence[Annotation], names: Sequence[str]) -> None:
    """Refuse masks of 0 and 255 among the annotations of one model, unless it learns all the same.

    Where the annotations together show every class, one of 0 and 255 alone may be what it says:
    background in some places, and the rest not annotated. It is told then, not refused
    (`Annotation.told`).

    Raises
    ------
    UserError
        If a class has no pixel in any annotation, and one of them is a mask.
    """
    if missing_in(annotations, names):
        for annotation in annotations:
            annotation.check_no_mask(names)


def check_every_class(annotations: Sequence[Annotation], names: Sequence[str]) -> None:
    """Check that the annotations from which one model learns show every class together.

    Parameters
    ----------
    annotations : list of Annotation
        Those of all datasets that train the model.
    names : list of str
        Names of the classes.

    Raises
    ------
    UserError
        If a class has no pixel in any of them; where one is a mask, that is named as the reason.
    """
    missing = missing_in(annotations, names)
    if not missing:
        return
    check_no_masks(annotations, names)
    places = ", ".join(dict.fromkeys(annotation.place for annotation in annotations))
    ways = [f"label some pixels of {'it' if len(missing) == 1 else 'each'}"]
    pixels = np.sum([annotation.pixels for annotation in annotations], axis=0)[: len(names)]
    if not pixels[0]:
        ways.insert(0, _ONE_BASED)
    elif np.count_nonzero(pixels) > 1:
        lower = not pixels[: np.flatnonzero(pixels)[-1]].all()
        then = " and lower the labels above, because its place counts" if lower else ""
        absent = " and ".join(name for name, count in zip(names, pixels, strict=True) if not count)
        ways.append(f"remove {absent} from 'classes'{then}")
    raise UserError(
        f"{places}: no pixel is labelled {' or '.join(missing)}, so a model cannot learn it; "
        f"{', or '.join(ways)}"
    )


def wrong_values(page: np.ndarray, class_count: int, may_lack: bool = True) -> np.ndarray:
    """Return the values, ascending, that are no class; 255 is allowed where pixels may lack one."""
    values = np.unique(page)
    return values[~np.isin(values, [*range(class_count), *[IGNORE] * may_lack])]


def problem_of_values(page: np.ndarray, class_count: int, may_lack: bool = True) -> str:
    """Return what is wrong with the values of a page; empty if there are no `wrong_values`."""
    wrong = wrong_values(page, class_count, may_lack)
    if not wrong.size:
        return ""
    named = ", ".join(f"{value:g}" for value in wrong[:_MOST_NAMED])
    more = f" and {wrong.size - _MOST_NAMED} more" if wrong.size > _MOST_NAMED else ""
    return (
        f"found label{'s' if wrong.size > 1 else ''} {named}{more}, allowed are 0 to "
        f"{class_count - 1} for the classes{f' and {IGNORE} for not annotated' * may_lack}"
    )


def check_values(page: np.ndarray, class_count: int, origin: str, may_lack: bool = True) -> None:
    """Check that all values are classes, or 255 where pixels may lack one.

    Raises
    ------
    UserError
        If there is another value; the message begins with `origin` and says how to mend it.
    """
    problem = problem_of_values(page, class_count, may_lack)
    if problem:
        way_out = _way_out(np.unique(page), class_count, may_lack)
        raise UserError(f"{origin}: {problem}; {way_out}")


def _way_out(values: np.ndarray, class_count: int, may_lack: bool) -> str:
    """Return how to mend the values of a page, of which some are no class."""
    labels = values[values != IGNORE]
    if (values != np.rint(values)).any():  # NaN, too
        return "labels are whole numbers: save them without smoothing or scaling"
    if values[0] < 0:
        instead = f"{IGNORE} where nothing is annotated" if may_lack else "a class there"
        return f"write {instead}"
    if labels[-1] == class_count:
        if labels[0] > 0:
            return f"{_ONE_BASED}, or add a class to 'classes' for label {class_count}"
        unknown = f"write {IGNORE} instead of 0" if may_lack else "write a class instead of 0"
        return (
            f"add a class to 'classes' for label {class_count}; or, if 0 means not annotated and "
            f"the classes begin at 1, as ilastik's labels do, {unknown} and subtract 1 from the "
            "others"
        )
    if labels[-1] > class_count and _are_counted(labels, class_count):
        return (
            "if each particle has a number of its own (instance labels), write the number of its "
            "class instead of each"
        )
    if values[0] == 0 and len(values) == class_count and values[1] > class_count:
        greys = ", ".join(f"{value:g}" for value in values)
        numbers = ", ".join(str(number) for number in range(class_count))
        return f"labels are numbers of classes: write {numbers} instead of {greys}"
    if not may_lack and labels[-1] < class_count:
        return f"{IGNORE} stands for 'not annotated': write a class instead, in every voxel"
    return "labels are numbers of classes: paint over it, or write the number of its class instead"


def _are_counted(labels: np.ndarray, class_count: int) -> bool:
    """Return whether most numbers up to the largest occur, as where particles are numbered."""
    count = np.count_nonzero(labels > 0)
    return bool(count > class_count and 2 * count >= labels[-1])
