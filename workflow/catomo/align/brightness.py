"""How bright the images of a series are beside each other, and scaling where that is known.

The dose may differ between images, fade or jump. All of an isolated specimen is in every image,
so its total brightness above the background must be the same at every tilt, and images are scaled
to it. Of an extended specimen every tilt shows another part. There only neighbours are compared,
in what both show: a single image and a jump are scaled to their neighbours and named; a slow
change, which the specimen itself may cause, is named only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.stats import theilslopes

from catomo.align.preprocess import CleanSeries, ring_of, unevenness_px
from catomo.progress import say
from catomo.projection.binning import binned

_EVEN = 0.1  # good series differ by up to 0.055 (logarithm), and noise may add to that
_NOISE_SIGMAS = 5.0
_INSIDE_PX = 1.0  # pull of the surroundings, above which an image does not hold all of it
_SIZE = 128  # px: larger images are binned to be compared
_LASTING = 5  # images on each side of a jump
_NEAR = 3  # images on each side of one that it is compared with
_FEWEST = 5  # images, below which a single one cannot be told from a slow change
_SLOW = 1.15  # times the logarithm of the limit, from which a slow change is named
_PRETILTS_DEG = np.arange(-30.0, 31, 5)  # how oblique films lie
_STEEPEST = 85.0  # deg: steeper, a film would be endless
_BETTER = 0.5  # part of what an oblique film leaves unexplained, that a fading beam must leave
_LEAST_CONTRAST = 0.65  # change of contrast to that of mass: a mixture of two views has 0.5
_ALIKE = 0.5  # a scaled profile must leave less than this part of the difference
_COARSEST = 1 / 16  # part of the frame: wider structures do not count as contrast


@dataclass(frozen=True)
class Brightness:
    """What was found of the brightness of the images.

    Attributes
    ----------
    gain : ndarray (tilt,)
        What each image was divided by; 1 where it was left as it is.
    odd : list of (float, float)
        Tilts of single images, and how many times as bright as their neighbours they were.
    jumps : list of (float, float)
        Tilts from which on all images were so many times as bright as those before.
    change : float
        How many times as bright as the first image the last is, where that changes slowly;
        1 if nothing stands out.
    """

    gain: np.ndarray
    odd: list[tuple[float, float]] = field(default_factory=list)
    jumps: list[tuple[float, float]] = field(default_factory=list)
    change: float = 1.0

    def record(self) -> dict[str, Any]:
        """Return what stands in the record."""
        scaled = bool((self.gain != 1).any())
        return {
            "scaled_by": self.gain if scaled else None,
            "single_images": self.odd,
            "jumps": self.jumps,
            "slow_change": self.change,
        }


def even_out(series: CleanSeries, limit: float) -> Brightness:
    """Scale images whose brightness differs clearly, in place, and note it in the series.

    Parameters
    ----------
    series : CleanSeries
    limit : float
        How many times as bright as its neighbours an image of an extended specimen may be.
    """
    used = np.flatnonzero(series.usable)
    found = Brightness(np.ones(len(series.images)))
    if len(used) >= _FEWEST:
        comparison = _Comparison(series, used)
        by_mass = _by_mass(series, comparison, limit) if series.isolated else None
        found = by_mass or _by_neighbours(series, comparison, limit)
    for t in np.flatnonzero(found.gain != 1).tolist():
        series.images[t] /= found.gain[t]
    if (found.gain != 1).any():
        changed = found.gain[found.gain != 1]
        say(
            f"align: {len(changed)} images are scaled to equal brightness; they were "
            f"{changed.min():.2f} to {changed.max():.2f} times as bright as the others"
        )
    series.notes["brightness"] = found.record()
    return found


class _Comparison:
    """The usable images, binned, with their profiles along both edges of the frame."""

    def __init__(self, series: CleanSeries, used: np.ndarray):
        factor = -(-max(series.images.shape[1:]) // _SIZE)
        self.used = used
        self.tilt_deg = series.tilt_deg[used]
        self.images = [binned(series.images[t], factor).astype(np.float64) for t in used]
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
        """Return logarithms of ratios of neighbours in what both show: (2, image - 1).

        Of the mass, and of the contrast in fine structures.
        """
        steps = [_ratio(one, other) for one, other in pairwise(self.images)]
        return np.array(steps).T


def _ratio(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    shape = np.array(one.shape)
    product = np.fft.rfft2(other - other.mean()) * np.fft.rfft2(one - one.mean()).conj()
    correlation = np.fft.irfft2(product, one.shape)
    peak = np.array(np.unravel_index(correlation.argmax(), one.shape))
    shift = (peak + shape // 2) % shape - shape // 2
    if (np.abs(shift) > shape // 4).any():  # no shift of a specimen, but chance
        shift[:] = 0
    parts = []
    for image, by in ((one, -shift), (other, shift)):
        rows, columns = (
            slice(max(0, s), n + min(0, s)) for s, n in zip(by, image.shape, strict=True)
        )
        fine = ndimage.gaussian_filter(image, 1)
        fine -= ndimage.gaussian_filter(image, _COARSEST * max(image.shape))
        parts.append((image[rows, columns].sum(), fine[rows, columns].std()))
    (mass, contrast), (next_mass, next_contrast) = np.maximum(parts, 1e-30)
    return float(np.log(next_mass / mass)), float(np.log(next_contrast / contrast))


def _moved_onto(profile: np.ndarray, target: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(target) * np.fft.rfft(profile).conj()
    return np.roll(profile, int(np.fft.irfft(spectrum, len(profile)).argmax()))


def _by_mass(series: CleanSeries, comparison: _Comparison, limit: float) -> Brightness | None:
    """Return the gains by the total brightness; None if too few images hold the specimen."""
    used = comparison.used
    images = [series.images[t] for t in used]
    mass = np.array([image.sum(dtype=np.float64) for image in images])
    inside = np.array([unevenness_px(image) < _INSIDE_PX for image in images]) & (mass > 0)
    if inside.sum() < _FEWEST:
        return None
    logs = np.log(np.maximum(mass, 1e-30) / np.median(mass[inside]))
    for k in np.flatnonzero(inside).tolist():
        near = [j for j in _around(k, len(used)) if inside[j]]
        beside = np.median(logs[near])
        if abs(logs[k] - beside) > np.log(limit):
            inside[k] = comparison.differ_by_scale(k, near, np.exp(logs[k] - beside))
    logs -= np.median(logs[inside])
    noise = np.array([_noise_of_mass(image) for image in images]) / np.maximum(mass, 1e-30)
    gain = np.ones(len(series.images))
    if (np.abs(logs) > np.maximum(_EVEN, _NOISE_SIGMAS * noise))[inside].any():
        gain[used] = np.exp(np.interp(used, used[inside], logs[inside]))
    return Brightness(gain)


def _noise_of_mass(image: np.ndarray) -> float:
    """Return the standard deviation of the sum of an image, as its edge shows it."""
    edge = np.concatenate([block.ravel() for block in ring_of(image)])
    return float(edge.std() * image.size * np.sqrt(1 / image.size + 1 / edge.size))


def _by_neighbours(series: CleanSeries, comparison: _Comparison, limit: float) -> Brightness:
    used, tilt_deg = comparison.used, comparison.tilt_deg
    n = len(used)
    levels = np.concatenate([np.zeros((2, 1)), np.cumsum(comparison.steps(), axis=1)], axis=1)
    logs = np.zeros(n)
    jumps, odd = [], []
    for k, jump in _jumps(levels, limit):
        if comparison.differ_by_scale(k, [k - 1], np.exp(jump[0])):
            logs[k:] += jump[0]
            levels[:, k:] -= jump[:, None]
            jumps.append((float(tilt_deg[k]), float(np.exp(jump[0]))))
    off = np.array([[_off_neighbours(level, k, tilt_deg) for k in range(n)] for level in levels])
    is_odd = np.abs(_common(off)) > np.log(limit)
    for k in np.flatnonzero(is_odd).tolist():
        near = [j for j in _around(k, n) if not is_odd[j]]
        if near and comparison.differ_by_scale(k, near, np.exp(logs[k] + off[0, k] - logs[near])):
            logs[k] += off[0, k]
            levels[:, k] -= off[:, k]
            odd.append((float(tilt_deg[k]), float(np.exp(off[0, k]))))
    gain = np.ones(len(series.images))
    gain[used] = np.exp(logs)
    return Brightness(gain, odd, jumps, _slow_change(levels, tilt_deg, limit))


def _slow_change(levels: np.ndarray, tilt_deg: np.ndarray, limit: float) -> float:
    """Return how many times as bright the last image is as the first; 1 if that is usual.

    The mass of a film grows as 1/cos, and unevenly if the film lies oblique in its holder. If
    that explains the change about as well as a beam that fades, nothing is said.
    """
    slow = float(_common(np.array([theilslopes(level, tilt_deg)[0] for level in levels])))
    slow *= float(np.ptp(tilt_deg))
    if abs(slow) < _SLOW * np.log(limit):
        return 1.0

    def left(*columns: np.ndarray) -> float:
        basis = np.stack([np.ones_like(tilt_deg), *columns], axis=1)
        return sum(
            float(np.sum((level - basis @ np.linalg.lstsq(basis, level, rcond=None)[0]) ** 2))
            for level in levels
        )

    faded = left(_film(tilt_deg, 0.0), tilt_deg)
    oblique = min(left(_film(tilt_deg, pretilt)) for pretilt in _PRETILTS_DEG)
    return float(np.exp(slow)) if faded < _BETTER * oblique else 1.0


def _film(tilt_deg: np.ndarray, pretilt_deg: float) -> np.ndarray:
    """Return the logarithm of the mass of a film that lies oblique by an angle."""
    return -np.log(np.cos(np.deg2rad(np.clip(tilt_deg + pretilt_deg, -_STEEPEST, _STEEPEST))))


def _jumps(levels: np.ndarray, limit: float) -> list[tuple[int, np.ndarray]]:
    """Return the numbers of images before which the levels jump, and by how much they do."""
    n = levels.shape[1]
    steps = np.diff(levels, axis=1)
    found = []
    for k in range(2, n - 1):
        usual = np.median(steps[:, _around(k - 1, n - 1)], axis=1)
        jump = steps[:, k - 1] - usual
        after, before = levels[:, k : k + _LASTING], levels[:, max(0, k - _LASTING) : k]
        # A single image does not move a median, so what moves one lasts.
        lasting = np.median(after, axis=1) - np.median(before, axis=1)
        lasting -= usual * (after.shape[1] + before.shape[1]) / 2
        if min(abs(_common(jump)), abs(_common(lasting))) > np.log(limit):
            found.append((k, jump))
    return found


def _off_neighbours(level: np.ndarray, k: int, tilt_deg: np.ndarray) -> float:
    """Return by how much a level lies above the line through those around it."""
    near = _around(k, len(level))
    slope, middle, _, _ = theilslopes(level[near], tilt_deg[near])
    return float(level[k] - middle - slope * tilt_deg[k])


def _around(k: int, n: int) -> list[int]:
    """Return the numbers of up to six others near one, also at the ends of the series."""
    first = min(max(0, k - _NEAR), max(0, n - 2 * _NEAR - 1))
    return [j for j in range(first, min(n, first + 2 * _NEAR + 1)) if j != k]


def _common(pair: np.ndarray) -> np.ndarray:
    """Return the smaller of two logarithms where mass and contrast change alike, else 0."""
    same = np.sign(pair[0]) == np.sign(pair[1])
    same &= np.abs(pair[1]) > _LEAST_CONTRAST * np.abs(pair[0])
    return np.where(same, np.sign(pair[0]) * np.abs(pair).min(axis=0), 0.0)
