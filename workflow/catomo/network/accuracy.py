"""The Dice coefficient to expect of labels that nobody has checked, from the confidence.

If the probabilities of a network were right, soft Dice, 2 Σ p·l / (Σ p + Σ l) with the
probability p of a class and 1 for l where it is the label, would be close to the Dice coefficient
to be expected. Networks are seldom that right. How many times as large as expected their errors
really were is measured on slices that did not teach them; the interval says how much that differs
from specimen to specimen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from catomo.labels.overlap import confusion_matrix
from catomo.labels.values import IGNORE
from catomo.network.appearance import is_figure

PARTS = ("validate", "test")

# Probabilities are added up as whole numbers, so that no order of adding gives other last digits.
STEPS = 65535

# The standard deviation, from specimen to specimen of one kind, of the logarithm of how many times
# as large as expected errors are, and how many specimens that knowledge is worth. Measured on
# phantoms: one specimen cannot tell how much others differ from it.
_SPREAD = 0.35
_FREEDOM = 6
_LEAST_ERROR = 0.002  # of 1 - DSC; of smaller ones a ratio is chance


@dataclass(frozen=True)
class Expected:
    """The Dice coefficient to expect of a class, with its 95 % interval."""

    dsc: float
    low: float
    high: float

    def record(self) -> dict[str, float]:
        """Return what a record says."""
        return {key: round(value, 4) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Accuracy:
    """How right a network's confidence is about its own labels, class by class.

    Attributes
    ----------
    ratio : list of float or None
        How many times as large as expected the errors 1 - DSC were, the geometric mean over
        specimens; None for a class that none of the slices shows.
    spread : list of float or None
        Standard deviation of the logarithm of that ratio in one more specimen.
    soft_dsc : list of float or None
        Soft Dice of these slices.
    freedom : float
        Degrees of freedom of the interval.
    part : {"validate", "test"}
        The part of the annotated slices that told it.
    images, specimens : int
        How many slices these are, and of how many datasets.
    """

    ratio: list[float | None]
    spread: list[float | None]
    soft_dsc: list[float | None]
    freedom: float
    part: str
    images: int
    specimens: int

    @classmethod
    def of(cls, content: Mapping[str, Any] | None) -> Accuracy | None:
        """Return what a record or a model file says; None where it says nothing.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not possible.
        """
        if content is None:
            return None
        made = cls(**content)
        by_class = (made.ratio, made.spread, made.soft_dsc)
        figures = [v for values in by_class for v in values if v is not None]
        if not all(map(is_figure, [*figures, made.freedom, made.images, made.specimens])):
            raise ValueError("accuracy: must be numbers from 0")
        if len(set(map(len, by_class))) != 1 or not made.freedom or made.part not in PARTS:
            raise ValueError("accuracy: must be figures of each class, of a part of the slices")
        return made

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return len(self.ratio)

    def record(self) -> dict[str, Any]:
        """Return what a record says."""
        return asdict(self)

    def expected(self, label: int, soft: float) -> Expected | None:
        """Return the Dice coefficient to expect of a class whose soft Dice is known.

        None for a class of which nothing is known, or that no pixel is labelled as.
        """
        ratio, spread = self.ratio[label], self.spread[label]
        if ratio is None or spread is None or not soft > 0:
            return None
        reach = float(stdtrit(self.freedom, 0.975)) * spread
        dsc, low, high = (
            min(max(1 + _LEAST_ERROR - ratio * math.exp(way) * (1 - soft + _LEAST_ERROR), 0), 1)
            for way in (0.0, reach, -reach)
        )
        return Expected(dsc, low, high)


def soft_sums(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the three sums of soft Dice of each class in a slice.

    Parameters
    ----------
    probabilities : ndarray of float32, (z, x, classes)
    labels : ndarray of uint8, (z, x)
        The likeliest class; pixels of 255 count for no class.

    Returns
    -------
    ndarray of float64, (classes, 3)
        Of the probabilities, of the pixels with that label, and of the probabilities in them, in
        steps of 1/`STEPS`.
    """
    sums = []
    for label in range(probabilities.shape[-1]):
        steps = np.rint(STEPS * probabilities[..., label])[labels != IGNORE].astype(np.float64)
        is_label = labels[labels != IGNORE] == label
        sums.append([steps.sum(), STEPS * is_label.sum(), steps[is_label].sum()])
    return np.array(sums, np.float64)


def soft_dice(sums: np.ndarray) -> np.ndarray:
    """Return soft Dice from its sums (..., 3) over any pixels; NaN where nothing is.

    References
    ----------
    Borges, Pacheco & Silva, Soft Dice Confidence, arXiv 2402.10665.
    """
    total = sums[..., 0] + sums[..., 1]
    return np.divide(2 * sums[..., 2], total, out=np.full(total.shape, np.nan), where=total > 0)


@dataclass(frozen=True)
class Scored:
    """A slice that did not teach the network: soft sums, and labels against the annotation.

    Attributes
    ----------
    sums : ndarray, (classes, 3)
        Of the annotated pixels, see `soft_sums`.
    matrix : ndarray of int64, (classes, classes)
        Confusion matrix in px, rows truth.
    """

    sums: np.ndarray
    matrix: np.ndarray

    @classmethod
    def of(cls, probabilities: np.ndarray, labels: np.ndarray) -> Scored:
        """Return what the probabilities (z, x, classes) and labels (z, x) of a slice tell."""
        predicted = probabilities.argmax(axis=-1).astype(np.uint8)
        sums = soft_sums(probabilities, np.where(labels == IGNORE, IGNORE, predicted))
        return cls(sums, confusion_matrix(labels, predicted, probabilities.shape[-1]))


def fit_accuracy(specimens: Mapping[str, Iterable[Scored]], part: str) -> Accuracy | None:
    """Measure how right the confidence of a network is about its own labels.

    Parameters
    ----------
    specimens : mapping of str to iterable of Scored
        The slices of each dataset, none of which taught the network.
    part : {"validate", "test"}

    Returns
    -------
    Accuracy or None
        None without slices.
    """
    slices = {name: list(of_one) for name, of_one in specimens.items()}
    count = sum(map(len, slices.values()))
    if not count:
        return None
    sums = np.array([sum(s.sums for s in of_one) for of_one in slices.values()])
    matrices = np.array([sum(s.matrix for s in of_one) for of_one in slices.values()])
    hit = np.diagonal(matrices, axis1=1, axis2=2)
    total = matrices.sum(axis=1) + matrices.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = 1 - 2 * hit / total
    logs = np.log((errors + _LEAST_ERROR) / (1 - soft_dice(sums) + _LEAST_ERROR))
    pooled = soft_dice(sums.sum(axis=0))
    fits = [_ratio_of(logs[np.isfinite(logs[:, k]), k]) for k in range(logs.shape[1])]
    return Accuracy(
        ratio=[ratio for ratio, _ in fits],
        spread=[spread for _, spread in fits],
        soft_dsc=[float(soft) if math.isfinite(soft) else None for soft in pooled],
        freedom=_FREEDOM + len(slices) - 1,
        part=part,
        images=count,
        specimens=len(slices),
    )


def _ratio_of(logs: np.ndarray) -> tuple[float | None, float | None]:
    """Return the mean ratio of errors, and the spread of its logarithm in one more specimen."""
    if not len(logs):
        return None, None
    mean = logs.mean()
    squares = _FREEDOM * _SPREAD**2 + ((logs - mean) ** 2).sum()
    variance = squares / (_FREEDOM + len(logs) - 1) * (1 + 1 / len(logs))
    return float(math.exp(mean)), float(math.sqrt(variance))
