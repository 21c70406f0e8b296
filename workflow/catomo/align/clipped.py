"""Grey values that were cut off at the bright end, by the detector or when images were saved.

A saturated detector, or a grey scale stretched until the brightest parts are white, gives all of
these one and the same value. The matter there looks thinner than it is, and no alignment shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from catomo.align.black_level import find_black_level

_LEVELS = 20  # whole numbers between background and brightest, below which values coincide anyway
_NEIGHBOURS = 3  # of four, with the same value: a detector's single hot pixel has none
_FEWEST_PX = 4  # in an image that is called clipped
_BAND = 0.05  # of the range below the brightest value,
_CROWD = 2.0  # beside whose pixels so many times as many have the brightest value itself
_TWO_VALUES = 0.95  # of the specimen with one value: a mask, or made without noise and blur
_FEWEST_IMAGES = 3
_DARK = 2  # percentile of an image: what is dark in any
_SPECIMEN = 0.1  # of the way from background to the brightest value
# Of the specimen: clipped 4 to 7 % make the error of a volume 1.0 to 1.3 times, 15 % 1.2 to 1.5
# times as large, depending on how much of it is dense.
_HARMFUL = 0.04
_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.uint8)


@dataclass(frozen=True)
class Clipping:
    """What was cut off of the images.

    Attributes
    ----------
    tilt_deg : tuple of float
        Tilts of the images that were clipped.
    share : float
        Share of the specimen, in these images, that has the brightest value.
    """

    tilt_deg: tuple[float, ...]
    share: float

    @property
    def harmful(self) -> bool:
        """Whether so much was cut off that volumes are wrong."""
        return self.share >= _HARMFUL

    def words(self, images: int) -> str:
        """Return what was found and what to do, in a sentence; of so many images in all."""
        clipped = len(self.tilt_deg)
        which = "all images" if clipped == images else f"{clipped} of {images} images"
        return (
            f"in {which} the brightest {100 * self.share:.2g} % of the specimen have one and the "
            "same grey value: they were cut off by a saturated detector, or when the images were "
            "saved, and what is dense is reconstructed too thin; record with less gain, or save "
            "without stretching the contrast"
        )


def clipping(
    images: np.ndarray, tilt_deg: np.ndarray
) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """Return what is recorded, doubted and only mentioned of what was cut off at both ends."""
    notes: dict[str, Any] = {}
    doubts: list[str] = []
    mentioned: list[str] = []
    if bright := find_clipping(images, tilt_deg):
        notes["clipped"] = {"share": bright.share, "tilt_deg": bright.tilt_deg}
        (doubts if bright.harmful else mentioned).append(bright.words(len(images)))
    if dark := find_black_level(images):
        notes["black_level"] = {"part": dark.part}
        (doubts if dark.harmful else mentioned).append(dark.words())
    return notes, tuple(doubts), tuple(mentioned)


def find_clipping(images: np.ndarray, tilt_deg: np.ndarray) -> Clipping | None:
    """Return what was cut off at the bright end, None if nothing.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        With their bad pixels mended, before a gain pattern is divided out, which makes unequal what
        was cut off alike, and before the background is subtracted.
    tilt_deg : ndarray (tilt,)
    """
    tilts, shares = [], []
    for image, tilt in zip(images, tilt_deg.tolist(), strict=True):
        top, background = float(image.max()), _background(image)
        span = top - background
        if span <= 0 or (span < _LEVELS and np.array_equal(image, np.rint(image))):
            continue
        white = image == top
        beside = ndimage.convolve(white.astype(np.uint8), _CROSS, mode="constant")
        together = int((white & (beside >= _NEIGHBOURS)).sum())
        band = int(((image >= top - _BAND * span) & ~white).sum())
        share = white.sum() / (image > background + _SPECIMEN * span).sum()
        if together >= _FEWEST_PX and white.sum() > _CROWD * band and share < _TWO_VALUES:
            tilts.append(tilt)
            shares.append(share)
    if len(tilts) < _FEWEST_IMAGES:
        return None
    return Clipping(tuple(tilts), float(np.mean(shares)))


def _background(image: np.ndarray) -> float:
    """Return the median of an image, or what is dark there if most of it is bright."""
    middle, low = float(np.median(image)), float(np.percentile(image, _DARK))
    return middle if 2 * middle < low + float(image.max()) else low
