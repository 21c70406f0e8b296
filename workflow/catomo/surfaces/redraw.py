"""Labels as they may have been: drawn anew from the confidence of a network.

The classes of a voxel, in their order, are thresholds of one hidden Gaussian number. Its values
hang together as the errors of the network did on annotated slices, so boundaries move in pieces
and, in part, all together; voxel by voxel they would only get rough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import find_objects, gaussian_filter, gaussian_filter1d, uniform_filter
from scipy.special import ndtri

_SURE = 255
_AROUND_PX = 5  # edge of the cube in which the other class of a voxel is looked for
_REACH = 4.0  # standard deviations after which a Gaussian filter is cut


@dataclass(frozen=True)
class Doubt:
    """How sure labels are, and how their errors hang together.

    Attributes
    ----------
    confidence : ndarray of uint8, (y, z, x)
        Calibrated probability of each label, 255 for certain.
    length_px : float
        Distance at which the correlation of errors has fallen to 1/e.
    common : float
        Share of the variance, 0 to 1, that the whole volume has in common.
    redraws : int
        How often labels are drawn.
    seed : int
    others : int or None
        How many other specimens told how errors hang together; None if this one did.
    """

    confidence: np.ndarray
    length_px: float
    common: float
    redraws: int
    seed: int
    others: int | None = None

    def settled(self, places: np.ndarray) -> Doubt:
        """Return the same with nothing left open at `places`, bool (y, z, x)."""
        return replace(self, confidence=np.where(places, np.uint8(_SURE), self.confidence))

    def record(self) -> dict[str, Any]:
        """Return what a record says."""
        return {
            "number": self.redraws,
            "seed": self.seed,
            "length_px": self.length_px,
            "common": self.common,
        } | ({} if self.others is None else {"others": self.others})

    def together(self) -> np.ndarray:
        """Return what each redraw has in common, float64: evenly spread standard normals."""
        even = ndtri((np.arange(self.redraws) + 0.5) / self.redraws)
        even /= np.sqrt(np.mean(even**2))
        return np.random.default_rng(self.seed).permutation(even)


def redrawn(labels: np.ndarray, doubt: Doubt) -> Iterator[np.ndarray]:
    """Yield labels (y, z, x), uint8, as often as asked.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    doubt : Doubt
    """
    unsure = doubt.confidence < _SURE
    if not unsure.any():
        yield from (labels for _ in range(doubt.redraws))
        return
    box = find_objects(unsure.view(np.int8))[0]
    here = unsure[box].copy()
    del unsure
    own = labels[box][here]
    other = _others(labels[box], here)
    upward = other > own
    # Of a byte there are few values.
    limits = ndtri(np.maximum(np.arange(_SURE + 1) / _SURE, 0.5)).astype(np.float32)
    confidence = doubt.confidence[box][here]
    rng = np.random.default_rng([doubt.seed, 1])
    local, shared = np.float32(np.sqrt(1 - doubt.common)), np.float32(np.sqrt(doubt.common))
    for together in doubt.together():
        hidden = _field(here, doubt.length_px, rng)
        hidden *= local
        hidden += shared * np.float32(together)
        np.negative(hidden, out=hidden, where=~upward)
        is_other = hidden > limits[confidence]
        del hidden
        result = labels.copy()
        result[box][here] = np.where(is_other, other, own)
        yield result
        del result


def _others(labels: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Return which class each voxel has if not its own: the most frequent other one around it.

    Where there is none, it is the class before its own, of background the one after it.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    here : ndarray of bool, (y, z, x)
        The voxels, (n,) in the order of the array.
    """
    own = labels[here]
    other = np.where(own > 0, own - 1, 1).astype(np.uint8)
    most = np.zeros(len(own), np.float32)
    for label in np.unique(labels):
        share = (labels == label).astype(np.float32)
        uniform_filter(share, _AROUND_PX, output=share, mode="nearest")
        share = np.where(own == label, np.float32(0), share[here])
        # The mean of no voxel at all is not always exactly zero.
        other[share > most + 1e-4] = label
        most = np.maximum(most, share)
    return other


def _field(here: np.ndarray, length_px: float, rng: np.random.Generator) -> np.ndarray:
    """Return a Gaussian field of unit variance whose correlation is exp(-(r / length)²).

    Of a box it returns the values (n,) at the voxels `here`, bool.
    """
    shape = here.shape
    sigma = length_px / 2
    margin = int(np.ceil(_REACH * sigma))
    noise = rng.standard_normal([n + 2 * margin for n in shape], dtype=np.float32)
    gaussian_filter(noise, sigma, output=noise, truncate=_REACH)
    line = np.zeros(2 * margin + 1)
    line[margin] = 1
    weights = gaussian_filter1d(line, sigma, truncate=_REACH, mode="constant")
    inside = tuple(slice(margin, margin + n) for n in shape)
    return noise[inside][here] / np.float32((weights**2).sum() ** (len(shape) / 2))
