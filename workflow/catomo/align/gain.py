"""The gain pattern of a detector: what all images are multiplied by in the same place.

Neighbouring images show nearly the same specimen, moved by some pixels. So what differs between
two pixels that saw the same part of it is how strongly each of them answers, and from all such
pairs the pattern follows (Kuhn, Lin & Loranz 1991, for the Sun). A specimen that keeps still
tells nothing of it. The pattern counts only if two parts of the images agree on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from catomo.align.drift import steps_of
from catomo.align.fine_gain import Opinion, agreement, fine_sigma, split

_FEWEST = 9  # images
_CROP = 256  # px in the middle of the frame in which a pattern is looked for
_BLOCK = 4  # images one after another that give one of two independent opinions
_MOVED = 0.7  # part of the leaps over two images that have to agree with both steps
_CLOSED = 1.0  # px in which they do
_UNSTEADY_PX = 2.0  # of the steps from image to image (RMS): a steady drift tells nothing
_FEWEST_PAIRS = 3  # in each opinion
_DARK = 0.1  # of the usual brightness: darker pixels are compared as if they had this
_MISPLACED_PX = 1.0  # by which parts of the specimen miss their places, which shows at edges
_OUTLIER = 4.0  # noise of a difference, above which it is the specimen
_DAMPING = 0.01  # what holds the coarsest pattern, which moved images tell least about
_DAMPING_OTHER = 0.002  # the same for what else may explain it, and has to be tried first
_ROUNDS = 60  # of conjugate gradients
_COVERED = 0.25  # of the usual weight of a pixel, below which it has no opinion
_ALIKE = 0.45  # correlation of both opinions
_LEAST = 0.025  # of the gain
_STRONGEST = 1.5  # logarithm


@dataclass(frozen=True)
class _Pair:
    """What two images show of the same part of the specimen.

    Attributes
    ----------
    time : float
        From -1 for the first image to 1 for the last.
    here, there : (slice, slice)
        Its place in the first and in the second image.
    weight : ndarray
        One by the variance of their difference, 0 where the specimen itself differs.
    """

    time: float
    here: tuple[slice, slice]
    there: tuple[slice, slice]
    weight: np.ndarray


@dataclass(frozen=True)
class GainPattern:
    """A gain pattern.

    Attributes
    ----------
    gain : ndarray of float32, (y, x)
        What the images were multiplied by.
    zero : float
        Value of an image without any signal.
    sigma : float
        By how much the gain varies, as both parts of the images tell.
    """

    gain: np.ndarray
    zero: float
    sigma: float

    def divide(self, images: np.ndarray) -> None:
        """Divide images (tilt, y, x) by the pattern, in place."""
        for image in images:
            image -= self.zero
            image /= self.gain
            image += self.zero

    def words(self) -> str:
        """Return what was found, in a sentence."""
        return (
            f"the detector answers unevenly: the gain differs by {100 * self.sigma:.0f} % (one "
            "standard deviation) in a pattern that stays in place while the specimen moves; the "
            "images are divided by it, as far as it can be told: record a gain reference"
        )


def find_gain(images: np.ndarray) -> GainPattern | None:
    """Return the pattern that multiplies all images (tilt, y, x); None if none is certain.

    They are as the detector recorded them, one after another, with its faults mended.
    """
    if len(images) < _FEWEST:
        return None
    zero = min(0.0, float(np.percentile(images[len(images) // 2], 0.1)))
    box = tuple(slice((n - min(n, _CROP)) // 2, (n + min(n, _CROP)) // 2) for n in images.shape[1:])
    part = images[(slice(None), *box)]
    steps, moved = _steps(part, zero, _common(part, zero))
    first = _pattern(part, part, zero, steps, moved)
    if first is None:
        return None
    # The edges of a specimen that moves little are common to all images, too. Without them it
    # seems to move farther, and what this leaves at the edges looks like a pattern. It is gone
    # once the images are registered again; a pattern of the detector is not.
    steps, moved = _steps(part, zero, first.gain)
    return _pattern(part, images, zero, steps, moved)


def _pattern(
    part: np.ndarray, images: np.ndarray, zero: float, steps: np.ndarray, moved: float
) -> GainPattern | None:
    """Return the pattern of images, if in a part of their frame both halves of them agree on it.

    They may agree on all of it, or on its fine structures only, which a specimen does not have.
    """
    if moved < _MOVED or not steps.any():
        return None
    halves = _halves(part, zero, steps)
    if halves is None:
        return None
    alike, shared = agreement(halves[0].log, halves[1].log, halves[0].weight)
    sigma = float(np.sqrt(shared)) if shared > _LEAST**2 and alike > _ALIKE else None
    fine = fine_sigma(*halves)
    if sigma is None and fine is None:
        return None
    kept = halves if images is part else None
    del halves  # the pairs of all images take much memory
    log, weight = _solve(_pairs(images, zero, steps, range(len(steps))), images.shape[1:])
    halves = kept or _halves(images, zero, steps)
    if halves is None or not weight.any():
        return None
    log, coarse = split(*halves, _centred(log, _covered(weight)))
    if sigma is not None:
        log = log + coarse
    gain = np.exp(np.clip(log, -_STRONGEST, _STRONGEST)).astype(np.float32)
    return GainPattern(gain, zero, sigma or fine or 0.0)


def _halves(images: np.ndarray, zero: float, steps: np.ndarray) -> tuple[Opinion, Opinion] | None:
    """Return what two separate parts of the images tell of the pattern; None if that is nothing."""
    time = np.arange(len(steps))
    inside = time % _BLOCK < _BLOCK - 1  # an image belongs to one of the two parts only
    logs, weights = [], []
    for half in (0, 1):
        chosen = time[inside & (time // _BLOCK % 2 == half)].tolist()
        log, weight = _solve(_pairs(images, zero, steps, chosen), images.shape[1:])
        logs.append(log)
        weights.append(weight)
    weight = np.minimum(*weights)
    if not weight.any():
        return None
    weight = _covered(weight)
    return _centred(logs[0], weight), _centred(logs[1], weight)


def _covered(weight: np.ndarray) -> np.ndarray:
    """Return weights, those of pixels that hardly take part as 0."""
    return np.where(weight < _COVERED * np.median(weight[weight > 0]), 0.0, weight)


def _centred(log: np.ndarray, weight: np.ndarray) -> Opinion:
    return Opinion(np.where(weight > 0, log - np.average(log, weights=weight), 0.0), weight)


def _common(images: np.ndarray, zero: float) -> np.ndarray:
    """Return what most images have in common finely, as if it were the pattern."""
    total, smooth = np.zeros((2, *images.shape[1:]))
    for image in images:
        total += image - zero
        smooth += ndimage.gaussian_filter(image - zero, 2.0)
    common = np.where(smooth > 0, total / np.where(smooth > 0, smooth, 1), 1)
    return np.clip(common, 0.3, 3).astype(np.float32)


def _steps(images: np.ndarray, zero: float, gain: np.ndarray) -> tuple[np.ndarray, float]:
    """Return how far each image lies from the one before in px, and how surely that is known.

    A pattern would hold the images in place; they are divided by the `gain` known so far.
    """
    steps, leaps = steps_of((image - zero) / gain for image in images)
    agree = np.abs(steps[:-1] + steps[1:] - leaps).max(axis=1) <= _CLOSED
    return np.rint(_unsteady(steps)).astype(int), float(agree.mean())


def _unsteady(steps: np.ndarray) -> np.ndarray:
    """Return steps (image - 1, [y, x]), none at all where the specimen drifts steadily.

    A single pixel up or down is what the registration errs by: sharp edges along the only way
    the specimen moves would become a pattern.
    """
    time = np.arange(len(steps))
    trend = np.polynomial.polynomial.polyfit(time, steps, 1)
    steady = trend[0] + time[:, None] * trend[1]
    size = np.sqrt(np.mean((steps - steady) ** 2, axis=0))
    if np.hypot(*size) < _UNSTEADY_PX:
        return np.zeros_like(steps)
    return np.where(size < _UNSTEADY_PX / 2, steady, steps)


def _pairs(
    images: np.ndarray, zero: float, steps: np.ndarray, chosen: range | list[int]
) -> Iterator[tuple[_Pair, np.ndarray]]:
    """Yield neighbouring images that moved, and how they differ in what both show.

    The difference is that of the first and the second, in their brightness.
    """
    usual = float(np.median(images[:: max(1, len(images) // 8)].mean(axis=(1, 2)))) - zero
    for t in chosen:
        if not steps[t].any() or (np.abs(steps[t]) > np.array(images.shape[1:]) // 2).any():
            continue
        here, there = _overlap(steps[t].tolist(), images.shape[1:])
        first, second = images[t][here] - zero, images[t + 1][there] - zero
        bright = np.maximum(ndimage.gaussian_filter((first + second) / 2, 1), _DARK * usual)
        difference = (first - second) / bright
        difference -= np.median(difference)
        # Counting noise shows where it is dim; where it is bright, the specimen and the gain.
        dim, size = bright <= bright.mean(), np.abs(difference)
        noise = 1.48 * np.median(size[dim] * np.sqrt(bright[dim]))
        other = 1.48 * np.median(size[~dim]) if not dim.all() else 0.0
        slope = np.hypot(*np.gradient(bright)) / bright
        variance = noise**2 / bright + other**2 + (_MISPLACED_PX * slope) ** 2
        if not variance.min() > 0:
            continue
        sure = np.clip(1 - difference**2 / (_OUTLIER**2 * variance), 0, None) ** 2
        weight = (sure / variance).astype(np.float32)  # memory holds all pairs of a series
        yield _Pair(2 * t / len(steps) - 1, here, there, weight), difference


def _overlap(
    step: list[int], shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return what of an image the next one shows too, and where there."""
    here = [slice(max(0, -s), n - max(0, s)) for s, n in zip(step, shape, strict=True)]
    there = [slice(max(0, s), n - max(0, -s)) for s, n in zip(step, shape, strict=True)]
    return (here[0], here[1]), (there[0], there[1])


def _solve(
    differences: Iterable[tuple[_Pair, np.ndarray]], shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of the gain (y, x) that explains the differences, and its weight.

    Too few differences have no weight.

    What differs in one place however far the images moved is no gain but the specimen, whose
    image changes with the tilt. It has its share of every difference: a constant one, and one
    that grows from the first image to the last.
    """
    weight, right = np.zeros(shape), np.zeros((3, *shape))
    pairs = []
    for pair, difference in differences:
        weight[pair.here] += pair.weight
        weight[pair.there] += pair.weight
        _spread(right, pair, pair.weight * difference)
        pairs.append(pair)
    if len(pairs) < _FEWEST_PAIRS or not weight.any():
        return np.zeros(shape), np.zeros(shape)
    damping = weight.mean() * np.reshape([_DAMPING, _DAMPING_OTHER, _DAMPING_OTHER], (3, 1, 1))

    def applied(fields: np.ndarray) -> np.ndarray:
        out = damping * fields
        log, same, growing = fields
        for pair in pairs:
            change = same[pair.here] + pair.time * growing[pair.here]
            _spread(out, pair, pair.weight * (log[pair.here] - log[pair.there] + change))
        return out

    fields, left = np.zeros_like(right), right
    scale = 1 / (weight + damping)
    towards = scale * left
    slope = float(np.vdot(left, towards))
    for _ in range(_ROUNDS):
        if not slope > 0:
            break
        bend = applied(towards)
        along = slope / float(np.vdot(towards, bend))
        fields, left = fields + along * towards, left - along * bend
        before, slope = slope, float(np.vdot(left, scale * left))
        towards = scale * left + slope / before * towards
    return fields[0], weight


def _spread(fields: np.ndarray, pair: _Pair, pull: np.ndarray) -> None:
    """Add what a pair pulls at the gain and at the changes of the specimen, in place."""
    fields[0][pair.here] += pull
    fields[0][pair.there] -= pull
    fields[1][pair.here] += pull
    fields[2][pair.here] += pair.time * pull
