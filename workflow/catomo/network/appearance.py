"""How slices look to a network, told by what hardly differs between specimens of one kind.

How much of each class there is, and in what shapes, is the specimen's own affair. How bright a
class is, how noisy inside, and how steep at its edges is that of the microscope, the
reconstruction and the contrast rule. It is measured with the network's labels, on training slices
as on others, so that both are measured alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.ndimage import binary_erosion, convolve

_INSIDE_PX = 2  # pixels nearer to another class are not inside
_LEAST_PX, _LEAST_PAIRS = 100, 40  # of fewer pixels, or pairs of them, a figure is chance
_BRIGHT = 0.999  # of the pixels inside a class are not brighter than its `bright`

# Zero for planes, and for independent noise as strong as that (Immerkær, CVIU 64, 1996).
_NOISE_FILTER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
_MEAN_TO_SIGMA = math.sqrt(math.pi / 2)  # of the size of a normally distributed number
_ROUNDING = 1 / 12  # variance that whole greys add

_Figures = tuple[float | None, ...]


@dataclass(frozen=True)
class Appearance:
    """How each class looks, in grey levels; None where too few pixels show it.

    Attributes
    ----------
    grey : tuple of float or None
        Mean grey inside the class.
    texture : tuple of float or None
        Standard deviation of the greys inside the class.
    noise : tuple of float or None
        Standard deviation of what changes there from pixel to pixel.
    bright : tuple of float or None
        The 99.9th percentile of the greys inside the class; None in models of an older catomo.
    edge_z, edge_x : tuple of float or None
        Mean step of grey from one pixel to the next where the class meets one of those before
        it, along the beam and across it.
    """

    grey: _Figures
    texture: _Figures
    noise: _Figures
    bright: _Figures
    edge_z: _Figures
    edge_x: _Figures

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Appearance:
        """Return what a record or a model file says.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not possible.
        """
        content = {"bright": [None] * len(content["grey"]), **content}
        made = cls(**{name: tuple(content[name]) for name in cls.__dataclass_fields__})
        figures = [value for values in asdict(made).values() for value in values]
        if any(v is not None and not is_figure(v) for v in figures):
            raise ValueError("appearance: must be numbers from 0")
        if len({len(values) for values in asdict(made).values()}) != 1:
            raise ValueError("appearance: must be figures of each class")
        return made

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return len(self.grey)

    def record(self) -> dict[str, list[float | None]]:
        """Return what a record says."""
        return {name: list(values) for name, values in asdict(self).items()}


def is_figure(value: object) -> bool:
    """Return whether a value of a file is a finite number from 0."""
    return type(value) in (int, float) and 0 <= float(value) < math.inf  # type: ignore[arg-type]


def appearance_of(slices: Iterable[tuple[np.ndarray, np.ndarray]], count: int) -> Appearance:
    """Measure how the classes look in slices.

    Parameters
    ----------
    slices : iterable of (ndarray of uint8, ndarray of uint8), (z, x)
        Greys as the network sees them, and its labels.
    count : int
        Number of classes.
    """
    inside = np.zeros((count, 256))  # pixels of each grey
    rough_sum = np.zeros(count)
    edges = np.zeros((2, count, 2))  # by direction: pairs of pixels, sum of steps
    for greys, labels in slices:
        values = greys.astype(np.float32)
        rough = np.abs(convolve(values, _NOISE_FILTER, mode="nearest"))
        for label in np.unique(labels[labels < count]):
            core = binary_erosion(labels == label, iterations=_INSIDE_PX, border_value=1)
            inside[label] += np.bincount(greys[core], minlength=256)
            rough_sum[label] += rough[core].sum(dtype=np.float64)
        for axis in (0, 1):
            edges[axis] += _steps(values, labels, axis, count)
    pixels = inside.sum(axis=1)
    pixels[pixels < _LEAST_PX] = np.nan
    every = np.arange(256)
    mean, squares = inside @ every / pixels, inside @ every**2 / pixels
    ends = [np.searchsorted(of.cumsum(), _BRIGHT * of.sum()) for of in inside]
    bright = np.where(np.isnan(pixels), np.nan, ends)
    pairs = np.where(edges[..., 0] >= _LEAST_PAIRS, edges[..., 0], np.nan)
    step_z, step_x = edges[..., 1] / pairs
    return Appearance(
        grey=_figures(mean),
        texture=_figures(np.sqrt(np.maximum(squares - mean**2, 0) + _ROUNDING)),
        noise=_figures(np.sqrt((_MEAN_TO_SIGMA * rough_sum / pixels) ** 2 + _ROUNDING)),
        bright=_figures(bright),
        edge_z=_figures(step_z),
        edge_x=_figures(step_x),
    )


def _steps(values: np.ndarray, labels: np.ndarray, axis: int, count: int) -> np.ndarray:
    """Return the number and the sum of steps along an axis at the edges of each class."""
    one, other = (np.moveaxis(labels, axis, 0)[part] for part in (slice(-1), slice(1, None)))
    size = np.abs(np.diff(np.moveaxis(values, axis, 0), axis=0))
    is_edge = (one != other) & (one < count) & (other < count)
    later = np.maximum(one, other)[is_edge]
    sums = np.bincount(later, size[is_edge], count)
    return np.stack([np.bincount(later, minlength=count), sums], axis=1)


def _figures(values: np.ndarray) -> _Figures:
    return tuple(round(float(v), 3) if math.isfinite(v) else None for v in values)
