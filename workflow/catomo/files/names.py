"""The order of file names, by the numbers in them, and the tilt angles that names may be.

Names are read together with their neighbours, because one name alone does not tell whether a
hyphen is a sign or only joins words, or whether a point is a decimal point.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

_WHOLE = re.compile(r"[0-9]+")
# Not inside 2024.01.05, which is a date, nor inside 1,2,3.
_DECIMAL = re.compile(r"(?<![0-9])(?<![0-9][.,])[0-9]+[.,][0-9]+(?![.,]?[0-9])|[0-9]+")
_SUFFIX = re.compile(r"\.[A-Za-z]\w*$")  # not the ".5deg" of a folder run1.5deg
_DASHES = str.maketrans("−–", "--")  # the minus sign and the dash of word processors
_SIGNS = "+-"
# t_m40 … t_p35, or minus40 … plus35
_SPELLED = (
    (re.compile(r"(?<![^\W_])(minus|neg|m|n)[_ ]?(?=[0-9])", re.IGNORECASE), "-"),
    (re.compile(r"(?<![^\W_])(plus|pos|p)[_ ]?(?=[0-9])", re.IGNORECASE), "+"),
)
_DEGREES = re.compile(r"[ _]?(°|º|˚|deg)", re.IGNORECASE)

# Decimal numbers that span less may as well be versions or hours.
_LEAST_SPAN_DEG = 10
_LARGEST_ANGLE_DEG = 180


@dataclass
class _Name:
    """A file name cut at its numbers, so that names can be compared number by number.

    ``run2_-1.50deg.tif`` is cut into the texts ``run``, ``_-``, ``deg`` and the numbers 2 and
    1.50. Before the first number, between two, and after the last stands a text, which may be
    empty; so there is always one text more than numbers. At first the minus belongs to the text
    ``_-``. When all names together show that it is a sign, the text becomes ``_`` and the number
    -1.50.

    Attributes
    ----------
    name : str
        The name as the file has it.
    written : str
        The name with the letters of ``m40`` and ``p35`` replaced by - and +, where they stand for
        signs; else the same as `name`.
    suffix : str
        ``.tif`` in the example, in small letters.
    texts : list of str
        ``run``, ``_-`` (later ``_``) and ``deg``.
    numbers : list of Decimal
        2 and 1.50 (later -1.50).
    decimals : list of str
        The digits after each number's point: none, and ``50``. How many there are tells decimals
        from counts.
    signed : set of int
        Which of the numbers, counted from 0, have a sign: later 1.
    degrees : set of int
        Which of the numbers a degree mark follows: 1.
    """

    name: str
    written: str
    suffix: str
    texts: list[str]
    numbers: list[Decimal]
    decimals: list[str]
    signed: set[int]
    degrees: set[int]

    def frame(self) -> tuple[str, ...]:
        """Return what names of one kind have in common, whatever their numbers and signs."""
        *before, last = self.texts
        return (*(text.rstrip(_SIGNS) for text in before), last, self.suffix)

    def key(self) -> tuple:
        """Return what to sort by."""
        # The last text is followed by no number, which sorts before any: img before img1.
        numbers = [*((number,) for number in self.numbers), ()]
        return (*zip(self.texts, numbers, strict=True), self.name)


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Return names in the order of the numbers in them, as a person counts.

    ``img_2`` comes before ``img_10``, ``1.25`` before ``1.5``, and ``-40`` before ``-5`` and
    ``35``. A hyphen is a sign only where it can be nothing else: where names with and
    without it, or with a plus, stand beside each other, before a number with decimals or a degree
    mark, and at the beginning of the name or after an underscore. ``scan-01 … scan-35`` keep
    their order.

    Parameters
    ----------
    names : iterable of str
        With or without suffix.
    """
    return [name.name for name in sorted(_understood(names), key=_Name.key)]


def angles_in(names: Sequence[str]) -> list[float] | None:
    """Return the tilt angles in degrees that names are, in the order of the names.

    Names are angles only where all differ in one number alone, and that has a sign, decimals or
    a degree mark. Running numbers are no angles. Where other numbers differ as well, such as the
    count of ``001_-40.0 … 035_40.0`` or a time, the one number that has a degree mark, or both
    signs and decimals, is the angle.

    Parameters
    ----------
    names : sequence of str
        With or without suffix.

    Returns
    -------
    list of float, or None
        None where the names are no angles.
    """
    read = _understood(names)
    if len(read) < 2 or len({(tuple(name.texts), name.suffix) for name in read}) > 1:
        return None
    columns = list(zip(*(name.numbers for name in read), strict=True))
    varied = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    if len(varied) > 1:
        varied = [place for place in varied if _can_only_be_angles(read, columns[place], place)]
    if len(varied) != 1:
        return None
    place = varied[0]
    angles = columns[place]
    marked = place in read[0].degrees or min(angles) < 0
    if len(set(angles)) < len(angles) or max(map(abs, angles)) > _LARGEST_ANGLE_DEG:
        return None
    if not marked and (_is_running(angles) or not _is_wide(angles)):
        return None
    if not marked and place not in read[0].signed and not any(n.decimals[place] for n in read):
        return None
    return [float(angle) for angle in angles]


def _can_only_be_angles(read: Sequence[_Name], numbers: Sequence[Decimal], place: int) -> bool:
    """Return whether numbers are angles even though other numbers in the names differ, too.

    Numbers below zero alone do not show that: a focus series ``001_-0.5 … 020_-3.0`` has them,
    too. Nor do whole numbers of both signs, which places on the specimen may be.
    """
    if place in read[0].degrees:
        return True
    is_wide = max(numbers) - min(numbers) >= 2 * _LEAST_SPAN_DEG
    is_precise = any(name.decimals[place] or "+" in name.written for name in read)
    return min(numbers) < 0 < max(numbers) and is_wide and is_precise


def _is_running(numbers: Sequence[Decimal]) -> bool:
    """Return whether numbers count in steps of one."""
    ordered = sorted(numbers)
    return all(number == ordered[0] + step for step, number in enumerate(ordered))


def _is_wide(numbers: Sequence[Decimal]) -> bool:
    """Return whether decimal numbers span as much as a tilt series does."""
    return max(numbers) - min(numbers) >= _LEAST_SPAN_DEG


def _understood(names: Iterable[str]) -> list[_Name]:
    """Return all names, cut, with decimals and signs where the names together show them."""
    names = list(names)
    read = [
        _cut(name, written, _DECIMAL)
        for name, written in zip(names, _with_signs(names), strict=True)
    ]
    for alike in _alike(read):
        if not _are_decimals(alike):
            for name in alike:
                vars(name).update(vars(_cut(name.name, name.written, _WHOLE)))
    for alike in _alike(read):
        for place in range(len(alike[0].numbers)):
            _find_signs(alike, place)
    return read


def _with_signs(names: list[str]) -> list[str]:
    """Return names with signs for m40 and p35, where only that makes a series of angles of them."""
    by_suffix = defaultdict(list)
    for place, name in enumerate(names):
        by_suffix[Path(name).suffix.lower()].append(place)
    written = list(names)
    for places in by_suffix.values():
        spelled = [_signs_for_letters(names[place]) for place in places]
        if spelled != [names[place] for place in places] and _are_a_series(angles_in(spelled)):
            for place, name in zip(places, spelled, strict=True):
                written[place] = name
    return written


def _signs_for_letters(name: str) -> str:
    for letters, sign in _SPELLED:
        name = letters.sub(sign, name)
    return name


def _are_a_series(angles: list[float] | None) -> bool:
    """Return whether numbers with signs make one tilt series, not two lists that count.

    ``m40 m35 … m5 p0 p5 … p35`` becomes -40 … 35: the step across zero is no larger than the
    others, so m and p are signs. ``m1 m2 m3 p1 p2 p3`` becomes -3 -2 -1 1 2 3, where zero is left
    out and the step across it is 2 instead of 1: m and p name two kinds of image.
    """
    if angles is None or not min(angles) < 0 < max(angles):
        return False
    ordered = sorted(angles)
    steps = {one: other - one for one, other in pairwise(ordered)}
    last = max(angle for angle in ordered if angle < 0)
    return steps[last] <= max(step for one, step in steps.items() if one != last or len(steps) == 1)


def _cut(name: str, written: str, pattern: re.Pattern[str]) -> _Name:
    suffix = _SUFFIX.search(written)
    stem = (written[: suffix.start()] if suffix else written).translate(_DASHES)
    numbers = pattern.findall(stem)
    texts = pattern.split(stem)
    return _Name(
        name,
        written,
        suffix.group().lower() if suffix else "",
        texts,
        [Decimal(number.replace(",", ".")) for number in numbers],
        [re.split("[.,]", number + ".")[1] for number in numbers],
        set(),
        {place for place in range(len(numbers)) if _DEGREES.match(texts[place + 1])},
    )


def _alike(read: Iterable[_Name]) -> list[list[_Name]]:
    """Return the names in groups that differ in their numbers and signs alone."""
    groups = defaultdict(list)
    for name in read:
        groups[name.frame()].append(name)
    return list(groups.values())


def _are_decimals(alike: list[_Name]) -> bool:
    """Return whether the points in names are decimal points, or only part two counts.

    Decimal numbers are written with as many digits each, or without zeros at the end: 1.9 and
    1.10 are counts. So are 1.1, 1.2, 1.3, 2.1, 2.2 …, and the 1.001 … 1.035 of a file "run1".
    """
    for place in range(len(alike[0].numbers)):
        digits = {name.decimals[place] for name in alike} - {""}
        if len({len(one) for one in digits}) > 1 and any(
            len(one) > 1 and one.endswith("0") for one in digits
        ):
            return False
        counts = defaultdict(set)
        for name in alike:
            if name.decimals[place]:
                counts[int(name.numbers[place])].add(Decimal(name.decimals[place]))
        if (
            len(set(_tails(alike, place))) == 1
            and any(len(count) > 1 for count in counts.values())
            and all(min(count) <= 1 and _is_running(list(count)) for count in counts.values())
        ):
            return False
    return True


def _tails(alike: list[_Name], place: int) -> list[str]:
    """Return for each name the hyphens and plus signs right before its number at one place.

    Of ``tilt-5``, ``tilt--5`` and ``tilt_5`` these are ``-``, ``--`` and nothing. What all names
    have (here nothing) joins words; what some names have beyond that can be their sign.
    """
    return [name.texts[place][len(name.texts[place].rstrip(_SIGNS)) :] for name in alike]


def _find_signs(alike: list[_Name], place: int) -> None:
    """Move signs from the texts before the numbers at one place into the numbers."""
    tails = _tails(alike, place)
    common = min(tails, key=len)
    while not all(tail.startswith(common) for tail in tails):
        common = common[:-1]
    signs = [tail[len(common) :] for tail in tails]
    if set(signs) == {""}:
        if not common or not _is_sign(alike, place, common):
            return
        signs = [common[-1]] * len(alike)
    if not set(signs) <= {"", *_SIGNS}:
        return
    for name, sign in zip(alike, signs, strict=True):
        name.texts[place] = name.texts[place].removesuffix(sign)
        name.signed.add(place)
        if sign == "-":
            name.numbers[place] = -name.numbers[place]


def _is_sign(alike: list[_Name], place: int, tail: str) -> bool:
    """Return whether what stands before the number of every name alike is a sign."""
    if tail[-1] == "+":
        return True
    before = alike[0].texts[place].removesuffix(tail)
    if (not before and place > 0 and len(tail) == 1) or any(n.numbers[place] == 0 for n in alike):
        return False  # 1-40.5 has a hyphen between numbers; zero has no sign
    if not before or before[-1] in "_([=" or len(tail) > 1:
        return True
    numbers = [name.numbers[place] for name in alike]
    decimals = any(name.decimals[place] for name in alike)
    return place in alike[0].degrees or (decimals and _is_wide(numbers))
