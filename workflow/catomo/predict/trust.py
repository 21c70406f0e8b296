"""How far the labels of a prediction can be trusted: the accuracy to expect, and what differs.

A model fits a volume if its slices look like those that taught it. Then its confidence foretells
its accuracy, as measured on slices that it did not learn from. Where they look different nothing
foretells it: a person must annotate some of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catomo.files.tables import number_text, write_csv
from catomo.labels.coverage import ranked
from catomo.network.accuracy import soft_dice
from catomo.network.appearance import Appearance
from catomo.network.levels import Levels
from catomo.network.matching import Match
from catomo.network.model_info import ModelInfo
from catomo.network.shift import (
    Difference,
    contrast_differences,
    differences,
    wedge_differences,
)

_LOOKED_AT = 32  # slices; more of them hardly change a figure
# A network is less sure where the errors to expect are so many times those where its confidence was
# measured, and the DSC is lower by so much: nobody annotates more for 0.98 instead of 0.99.
_LESS_SURE, _LOWER = 1.75, 0.02
_NEXT = 3  # slices that are named for annotation
_UNKNOWN = (
    "the model was made by a catomo that did not keep how its training slices looked, so nobody "
    "can tell whether it fits these slices; train it again to know"
)


def looked_at(count: int) -> set[int]:
    """Return which of so many slices are looked at, evenly spread."""
    return set(np.linspace(0, count - 1, min(count, _LOOKED_AT)).round().astype(int).tolist())


@dataclass(frozen=True)
class Trust:
    """What is known of how well a model fits a volume.

    Attributes
    ----------
    info : ModelInfo
    sums : ndarray, (n, classes, 3)
        Of every slice, see `catomo.network.accuracy.soft_sums`.
    differs : list of Difference
        In which ways the slices differ from those that taught the model.
    appearance : Appearance
        How they look.
    missing_wedge_deg : float or None
        How many degrees of directions their tilts leave out, if that is known.
    """

    info: ModelInfo
    sums: np.ndarray
    differs: list[Difference]
    appearance: Appearance
    missing_wedge_deg: float | None = None

    @classmethod
    def of(
        cls,
        info: ModelInfo,
        sums: np.ndarray,
        appearance: Appearance,
        levels: Levels | None,
        matched: Match,
        missing_wedge_deg: float | None = None,
    ) -> Trust:
        """Compare a volume with what a model knows of its training.

        Parameters
        ----------
        info : ModelInfo
        sums : ndarray, (n, classes, 3)
        appearance : Appearance
        levels : Levels or None
            Of the slices.
        matched : Match
            How their greys came to the levels of the model.
        missing_wedge_deg : float, optional
            See the attribute.
        """
        differs: list[Difference] = []
        if info.appearance:
            differs += contrast_differences(levels, info.levels, matched.factor)
            looks = appearance, info.appearance, info.classes
            differs += differences(*looks)
            differs += wedge_differences(*looks, missing_wedge_deg, info.missing_wedge_deg)
        return cls(info, sums, differs, appearance, missing_wedge_deg)

    @property
    def less_sure(self) -> list[Difference]:
        """Classes of which the network is less sure than on slices like those that taught it."""
        if self.info.accuracy is None or self.differs:
            return []
        lines = []
        totals, measured = self.sums.sum(axis=0), self.info.accuracy.soft_dsc
        for k, (name, soft, usual) in enumerate(
            zip(self.info.classes, soft_dice(totals), measured, strict=True)
        ):
            if usual is None or not totals[k, 1]:
                continue
            expected = (self.info.accuracy.expected(k, value) for value in (soft, usual))
            here, there = (one.dsc if one else 0.0 for one in expected)
            if 1 - soft > _LESS_SURE * (1 - usual) and here < there - _LOWER:
                text = f"a DSC of {here:.3g} is expected of {name} here, {there:.3g} there"
                lines.append(Difference("confidence", text))
        return lines

    def warning(self) -> str:
        """Return what a person must be told, in a sentence; empty if there is nothing."""
        if not self.info.appearance:
            return f"{_UNKNOWN[0].upper()}{_UNKNOWN[1:]}."
        if self.differs:
            return (
                f"The slices differ from those that taught the model in {_words(self.differs)}: "
                f"{_texts(self.differs)}. Its labels may be wrong however sure it is, so no "
                "accuracy is foretold."
            )
        if self.less_sure:
            return (
                "The model is less sure of these slices than of others that it had not seen: "
                f"{_texts(self.less_sure)}."
            )
        return ""

    def next_slices(self, known: list[int], left_out: Sequence[int]) -> list[int]:
        """Return which slices to annotate next: near to most of what is expected to be wrong.

        Parameters
        ----------
        known : list of int
            Slices that taught the model.
        left_out : sequence of int
            Slices that too few tilts recorded.
        """
        wrong = (self.sums[..., 1] - self.sums[..., 2]).sum(axis=1)
        wrong[list(left_out)] = 0
        return [index for index, _, _ in ranked(wrong, known, _NEXT, left_out)]

    def record(self) -> dict[str, Any]:
        """Return what the record of the prediction says."""
        accuracy = self.info.accuracy
        return {
            "fit": {
                "judged": bool(self.info.appearance),
                "warning": self.warning(),
                "differs": [one.record() for one in (*self.differs, *self.less_sure)],
                "appearance": self.appearance.record(),
                "learnt": [one.record() for one in self.info.appearance],
                "missing_wedge_deg": self.missing_wedge_deg,
                "learnt_missing_wedge_deg": self.info.missing_wedge_deg,
            },
            "accuracy": accuracy and accuracy.record(),
            "expected_dsc": self._expected(),
        }

    def write(self, path: Path, names: Sequence[str]) -> None:
        """Write a table of soft Dice and of the DSC to expect, of each slice and class."""
        classes, accuracy = self.info.classes, self.info.accuracy
        header = [f"{kind}_dsc_{name}" for name in classes for kind in ("soft", "expected")]
        rows = []
        for name, soft in zip(names, soft_dice(self.sums), strict=True):
            row = [name]
            for k, value in enumerate(soft):
                expected = accuracy and not self.differs and accuracy.expected(k, value)
                row += [number_text(value), number_text(expected.dsc if expected else None)]
            rows.append(row)
        write_csv(path, ["slice", *header], rows)

    def _expected(self) -> dict[str, dict[str, float] | None]:
        """Return the DSC to expect of each class in all slices together."""
        classes, accuracy = self.info.classes, self.info.accuracy
        if accuracy is None or self.differs:
            return dict.fromkeys(classes)
        found = {}
        for k, (name, soft) in enumerate(
            zip(classes, soft_dice(self.sums.sum(axis=0)), strict=True)
        ):
            expected = accuracy.expected(k, soft)
            found[name] = expected.record() if expected else None
        return found


def _words(differs: Sequence[Difference]) -> str:
    *first, last = dict.fromkeys(one.what for one in differs)
    return f"{', '.join(first)} and {last}" if first else last


def _texts(differs: Sequence[Difference]) -> str:
    return "; ".join(one.text for one in differs)
