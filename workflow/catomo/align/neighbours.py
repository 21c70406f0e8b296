"""How bright images are beside their neighbours, in what both show.

Neighbours are laid on each other by their correlation and compared where they overlap, in three
measures that a dose changes alike and a specimen does not: the mass above the background, the
contrast of fine structures, and the mass above the lowest background of the series. Their sums from
tilt to tilt are levels, and single images and jumps are what makes the levels uneven.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from catomo.align.preprocess import CleanSeries
from catomo.projection.binning import binned

LIMIT = 1.4  # times as bright as its neighbours, from which an image stands out
_LIMIT_AT_ENDS = 2.5  # times as bright: the steepest images have neighbours on one side only
_SIGMAS_OF_CHANGE = 5.0
_MOST_CHANGED = 4  # at most one in so many images is told from the others
_LASTING = 3  # images on each side of a jump
_EXPLAINED = 0.6  # part of what a change makes uneven that must vanish with it
_NEAR = 3  # images on each side of one that it is compared with
_SIZE = 128  # px: larger images are binned to be compared
_SLOW = 1.5  # times as bright over the series, from which a slow change is named
_PRETILTS_DEG = np.arange(-30.0, 31, 2.5)  # how oblique films lie
_STEEPEST = 85.0  # deg: steeper, a film would be endless
_BETTER = 0.2  # part of what an oblique film leaves unexplained, that a fading beam may leave
_ALIKE_PART = 0.65  # change of contrast to that of mass: a mixture of two views has 0.5
_ALIKE = 0.5  # a scaled profile must leave less than this part of the difference
_COARSEST = 1 / 16  # part of the frame: wider structures do not count as contrast


class Comparison:
    """The usable images, binned, with their profiles along both edges of the frame."""

    def __init__(self, series: CleanSeries, used: np.ndarray):
        factor = -(-max(series.images.shape[1:]) // _SIZE)
        self.used = used
        self.tilt_deg = series.tilt_deg[used]
        self.images = [binned(series.images[t], factor).astype(np.float64) for t in used]
        self.levels = _levels(series)[used]
        self.profiles = [(image.sum(axis=1), image.sum(axis=0)) for image in self.images]

    def differ_by_scale(self, k: int, others: list[int], ratio: np.ndarray | float) -> bool:
        """Return whether image `k` looks like others times a factor (or one for each).

        An image recorded by half, or one of something else, differs in shape.
        """
        for side in range(2):
            ours = self.profiles[k][side]
            theirs = np.array([_moved_onto(self.profiles[j][side], ours) for j in others])
            scaled = (np.reshape(ratio, (-1, 1)) * theirs).mean(axis=0)
            if np.abs(ours - scaled).sum() > _ALIKE * np.abs(ours - theirs.mean(axis=0)).sum():
                return False
        return True

    def steps(self) -> np.ndarray:
        """Return logarithms of ratios of neighbours in what both show: (3, image - 1).

        Of the mass above the background, of the contrast in fine structures, and of the mass above
        the lowest background of all images. A dose changes all three.
        """
        both = pairwise(zip(self.images, self.levels.tolist(), strict=True))
        return np.array([_ratio(*one, *other) for one, other in both]).T


def _levels(series: CleanSeries) -> np.ndarray:
    """Return how far the background of each image lies above the lowest one."""
    levels = series.notes.get("background", {}).get("level")
    if levels is None:
        return np.zeros(len(series.images))
    return levels - levels[series.usable].min()


def _ratio(
    one: np.ndarray, its_level: float, other: np.ndarray, other_level: float
) -> tuple[float, ...]:
    shape = np.array(one.shape)
    product = np.fft.rfft2(other - other.mean()) * np.fft.rfft2(one - one.mean()).conj()
    correlation = np.fft.irfft2(product, one.shape)
    peak = np.array(np.unravel_index(correlation.argmax(), one.shape))
    shift = (peak + shape // 2) % shape - shape // 2
    if (np.abs(shift) > shape // 4).any():  # no shift of a specimen, but chance
        shift[:] = 0
    parts = []
    for image, level, by in ((one, its_level, -shift), (other, other_level, shift)):
        rows, columns = (
            slice(max(0, s), n + min(0, s)) for s, n in zip(by, image.shape, strict=True)
        )
        fine = ndimage.gaussian_filter(image, 1)
        fine -= ndimage.gaussian_filter(image, _COARSEST * max(image.shape))
        seen = image[rows, columns]
        parts.append((seen.sum(), fine[rows, columns].std(), (seen + level).sum()))
    before, after = np.log(np.maximum(parts, 1e-30))
    return tuple(after - before)


def _moved_onto(profile: np.ndarray, target: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(target) * np.fft.rfft(profile).conj()
    return np.roll(profile, int(np.fft.irfft(spectrum, len(profile)).argmax()))


def by_neighbours(
    comparison: Comparison,
) -> tuple[np.ndarray, list[tuple[float, float]], list[tuple[float, float]], float]:
    """Return what stands out of the brightness of neighbours.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    logs : ndarray (image,)
        Logarithm of how many times as bright each image is as it should be, 0 for most.
    single : list of (float, float)
        Tilts of single images, and how many times as bright as their neighbours they are.
    lasting : list of (float, float)
        Tilts from which on all images are so many times as bright as those before.
    change : float
        How many times as bright as the first image the last is; 1 if nothing stands out.
    """
    tilt_deg = comparison.tilt_deg
    levels = np.concatenate([np.zeros((3, 1)), np.cumsum(comparison.steps(), axis=1)], axis=1)
    logs = np.zeros(len(tilt_deg))
    single: list[tuple[float, float]] = []
    lasting: list[tuple[float, float]] = []
    for change in _changes(levels, tilt_deg):
        k, part, by = change.image, change.part(len(tilt_deg)), float(change.by[0])
        others = (
            [k - 1] if change.lasts else [j for j in around(k, len(logs)) if logs[j] == logs[k]]
        )
        if not comparison.differ_by_scale(k, others, np.exp(by)):
            continue
        logs[part] += by
        levels[:, part] -= change.by[:, None]
        (lasting if change.lasts else single).append((float(tilt_deg[k]), float(np.exp(by))))
    return logs, sorted(single), sorted(lasting), _slow_change(levels, tilt_deg)


@dataclass(frozen=True)
class _Change:
    """A single image of another brightness, or the first of all that are.

    Attributes
    ----------
    image : int
    lasts : bool
        Whether all images that follow differ as this one does.
    by : ndarray (3,)
        By how much each measure is higher.
    """

    image: int
    lasts: bool
    by: np.ndarray

    def part(self, n: int) -> slice:
        return slice(self.image, n if self.lasts else self.image + 1)


def _changes(levels: np.ndarray, tilt_deg: np.ndarray) -> list[_Change]:
    """Return the changes of brightness that explain what is uneven in the levels.

    A single image makes three places uneven, itself and both neighbours, a jump two. The one that
    evens the levels most is taken first, then the next in what is left.
    """
    levels, n = levels.copy(), levels.shape[1]
    found: list[_Change] = []
    while len(found) < n // _MOST_CHANGED:
        uneven = _unevenness(levels, tilt_deg)
        usual = _SIGMAS_OF_CHANGE * 1.48 * np.median(np.abs(uneven), axis=1).max()
        best, best_gain = None, 0.0
        for change in _candidates(levels, tilt_deg):
            at_end = change.image in (0, n - 1)
            least = max(np.log(_LIMIT_AT_ENDS if at_end else LIMIT), usual)
            if abs(float(_common(change.by))) < least:
                continue
            tried = levels.copy()
            tried[:, change.part(n)] -= change.by[:, None]
            after = np.abs(_unevenness(tried, tilt_deg))
            gain = float((np.abs(uneven) - after)[:2].sum())
            parts = 0.5 if at_end else 2 - change.lasts  # what a change of 1 makes uneven
            if gain > max(best_gain, _EXPLAINED * parts * np.abs(change.by[:2]).sum()):
                best, best_gain = change, gain
        if best is None:
            break
        levels[:, best.part(n)] -= best.by[:, None]
        found.append(best)
    return found


def _candidates(levels: np.ndarray, tilt_deg: np.ndarray) -> list[_Change]:
    n = levels.shape[1]
    steps = np.diff(levels, axis=1)
    candidates = [_Change(k, False, _off_neighbours(levels, k, tilt_deg)) for k in range(n)]
    # The two next to an image know best where the levels bend.
    beside = _unevenness(levels, tilt_deg).T
    candidates += [_Change(k, False, by) for k, by in enumerate(beside, start=1)]
    for k in range(_LASTING, n - _LASTING + 1):
        usual = np.median(steps[:, around(k - 1, n - 1)], axis=1)
        candidates.append(_Change(k, True, steps[:, k - 1] - usual))
    return candidates


def _unevenness(levels: np.ndarray, tilt_deg: np.ndarray) -> np.ndarray:
    """Return how far each level lies from the line through both neighbours, (3, image - 2)."""
    before, after = np.diff(tilt_deg)[:-1], np.diff(tilt_deg)[1:]
    line = (levels[:, :-2] * after + levels[:, 2:] * before) / (before + after)
    return levels[:, 1:-1] - line


def _slow_change(levels: np.ndarray, tilt_deg: np.ndarray) -> float:
    """Return how many times as bright the last image is as the first; 1 if that is usual.

    The mass of a film grows as 1/cos, and unevenly if the film lies oblique in its holder. If
    that explains the change about as well as a beam that fades, nothing is said.
    """
    of_time = (tilt_deg - tilt_deg.mean()) / np.ptp(tilt_deg)
    oblique, faded = [], []
    for pretilt in _PRETILTS_DEG:
        film = _film(tilt_deg, pretilt)
        oblique.append(_left(levels, film)[0])
        faded.append(_left(levels, film, of_time))
    left, factors = min(faded, key=lambda fit: fit[0])
    slow = float(_common(factors))
    return float(np.exp(slow)) if abs(slow) > np.log(_SLOW) and left < _BETTER * min(oblique) else 1


def _left(levels: np.ndarray, *columns: np.ndarray) -> tuple[float, np.ndarray]:
    """Fit columns (image,) to levels (3, image).

    Returns
    -------
    left : float
        Sum of the squares that are left.
    factors : ndarray (3,)
        Of the last column.
    """
    basis = np.stack([np.ones_like(columns[0]), *columns], axis=1)
    factors = np.linalg.lstsq(basis, levels.T, rcond=None)[0]
    return float(np.sum((levels.T - basis @ factors) ** 2)), factors[-1]


def _film(tilt_deg: np.ndarray, pretilt_deg: float) -> np.ndarray:
    """Return the logarithm of the mass of a film that lies oblique by an angle."""
    return -np.log(np.cos(np.deg2rad(np.clip(tilt_deg + pretilt_deg, -_STEEPEST, _STEEPEST))))


def _off_neighbours(levels: np.ndarray, k: int, tilt_deg: np.ndarray) -> np.ndarray:
    """Return by how much the levels lie above the line (Theil and Sen's) through those around."""
    near = around(k, levels.shape[1])
    one, other = np.triu_indices(len(near), 1)
    at, beside = tilt_deg[near] - tilt_deg[k], levels[:, near]
    slopes = (beside[:, other] - beside[:, one]) / (at[other] - at[one])
    slope = np.median(slopes, axis=1)
    return levels[:, k] - np.median(beside - slope[:, None] * at, axis=1)


def _common(measures: np.ndarray) -> np.ndarray:
    """Return the least of the logarithms where all measures change about alike, else 0."""
    mass, *others = measures
    same = np.all([np.sign(mass) * other > _ALIKE_PART * np.abs(mass) for other in others], axis=0)
    return np.where(same, np.sign(mass) * np.abs(measures).min(axis=0), 0.0)


def around(k: int, n: int) -> list[int]:
    """Return the numbers of up to six others near one, also at the ends of the series."""
    first = min(max(0, k - _NEAR), max(0, n - 2 * _NEAR - 1))
    return [j for j in range(first, min(n, first + 2 * _NEAR + 1)) if j != k]
