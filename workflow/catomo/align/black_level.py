"""Grey values that were cut off at the dark end, where the detector's black level was set too low.

All that is darker than the black level gets one and the same value. Where that is empty space, no
harm is done. But thin parts of the specimen may vanish with it, and all others lose as much. How
much was cut off shows in the noise: where few electrons are counted it is low, and of a count that
seems to be nearly nothing it must be nearly nothing, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.stats import theilslopes

from catomo.align.noise import second_difference

_LOOKED_AT = 8  # images
_LEAST_SHARE = 0.01  # of an image that has the lowest value
_DEEP = 0.8  # of it, which has no other value beside it: noise of empty space that is cut has many
_ALONE = 5.5 / 9  # of a pixel and those beside it with the lowest value: noise stands out of it,
_FEWEST_ALONE = 10  # pixels in all
_COUNTS = 2.0  # electrons that these show; where nothing is cut off, they are single ones
_GROUPS = 12  # of equal brightness, in each of which the noise is measured
_HARMFUL = 0.12  # part of the brightest places, from which on the volume is wrong
_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class BlackLevel:
    """What was cut off at the dark end.

    Attributes
    ----------
    part : float
        How much, as a part of what the brightest places show with it.
    """

    part: float

    @property
    def harmful(self) -> bool:
        """Whether so much was cut off that volumes are wrong."""
        return self.part >= _HARMFUL

    def words(self) -> str:
        """Return what was found and what to do, in a sentence."""
        return (
            "the darkest pixels have one and the same grey value, and by the noise of the others "
            f"about {self.part:.0%} of what the brightest places show was cut off everywhere: the "
            "black level of the detector was too low, or the images were saved without what is "
            "dark, and thin parts vanish; raise the black level (brightness), or save all values"
        )


def find_black_level(images: np.ndarray) -> BlackLevel | None:
    """Return what was cut off at the dark end, None if nothing that matters.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        With their bad pixels mended, before the background is subtracted.

    Notes
    -----
    Counts have a variance of g·(m + c), where m is the grey value above the lowest one, c what was
    cut off, and g the grey value of one electron.
    """
    chosen = np.linspace(0, len(images) - 1, min(len(images), _LOOKED_AT)).astype(int)
    alone: list[np.ndarray] = []
    brightness: list[np.ndarray] = []
    difference: list[np.ndarray] = []
    for image in images[chosen]:
        lowest = image == image.min()
        beside = ndimage.uniform_filter(lowest.astype(np.float32), 3)
        if lowest.mean() < _LEAST_SHARE or (beside[lowest] > 0.99).mean() < _DEEP:
            continue
        above = (image - image.min()).astype(np.float64)
        clear = beside < 0.01
        alone.append(above[~lowest & (beside > _ALONE)])
        brightness.append(ndimage.uniform_filter(above, 3)[clear])
        difference.append(np.abs(second_difference(above))[clear])
    if 2 * len(alone) < len(chosen) or sum(map(len, alone)) < _FEWEST_ALONE:
        return None
    values, variances = _noise(np.concatenate(brightness), np.concatenate(difference))
    if not values.size or (variances <= 0).any():
        return None
    steepness, electron, *_ = theilslopes(variances / values, 1 / values)
    if steepness <= 0 or electron <= 0 or np.median(np.concatenate(alone)) < _COUNTS * electron:
        return None
    cut = float(steepness / electron)
    return BlackLevel(cut / (cut + float(values.max())))


def _noise(brightness: np.ndarray, difference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return brightness and variance of the noise in groups of equal brightness."""
    order = np.argsort(brightness)
    groups = [group for group in np.array_split(order, _GROUPS) if group.size]
    values = np.array([np.median(brightness[group]) for group in groups])
    sigmas = np.array([_TO_SIGMA * np.median(difference[group]) for group in groups])
    return values, sigmas**2
