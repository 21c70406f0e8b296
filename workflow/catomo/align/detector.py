"""Faults of the detector: what stays in place, with sharp edges, while the specimen moves.

Dead rows and columns and clusters of hot or dead pixels show in the mean of all images, where a
specimen that moves is smeared out. What has sharp edges there is a fault only if the edges are
in the same place in two parts of the images between which the specimen has moved
(`catomo.align.drift`). If nothing moves, only pixels whose value never changes can be told from
a specimen that keeps still.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from scipy import ndimage

from catomo.align.detector_lines import Still, find_lines
from catomo.align.drift import Thirds, moved
from catomo.align.surroundings import fill, local_spread, spread, surroundings

_FEWEST = 5  # images, below which nothing tells a fault from the specimen
_SMALLEST = 16  # px of the shorter side of the frame
_WIDTHS = (1, 2, 4)  # px between the pixels of the surroundings: faults up to 2, 4, 8 px wide
_SIGMAS = 8.0  # noise of the mean image that a fault exceeds
_LOCAL_SIGMAS = 3.0  # of the variation around it, which is the specimen's
_LEVELS = (16, 8, 4, 2, 1)  # times this: a strong fault in the midst of a weaker specimen
_STRONG = 1.0  # noise of one image that a cluster exceeds: less does no harm
_WEAK = 0.01  # the least noise taken, of the contrast: images without noise have rounding in them
_STEP = 0.8  # part of its height by which a fault ends from one pixel to the next
_STEP_PART = 0.5  # the same in a part of the images
_STEP_IMAGE = 0.2  # the same in most single images
_MOST = 0.75  # part of the images
_AGAINST = 0.15  # part of the steps of all images that may go the other way
_SHARP = 0.1  # part of the height seen one pixel outside
_NEVER = 0.75  # part of the pixels beside dead ones that never show their value
_BORDER = 3  # px at the edge of the frame that may be what a former alignment left unfilled
_LARGEST = 0.1  # part of the frame that one fault may take
_WIDE = 2  # px from the rim, beyond which what is interpolated is a guess
_MOST_NAMED = 6


@dataclass(frozen=True)
class Faults:
    """Pixels that are wrong in all images.

    Attributes
    ----------
    mask : ndarray of bool, (y, x)
        All of them.
    unmeasured : ndarray of bool, (y, x)
        Those in the midst of faults too wide to be interpolated.
    names : list of str
        Where the faults are, in words.
    """

    mask: np.ndarray
    unmeasured: np.ndarray
    names: list[str]

    @classmethod
    def none(cls, images: np.ndarray) -> Faults:
        """Return that a series (tilt, y, x) has none."""
        mask = np.zeros(images.shape[1:], bool)
        return cls(mask, mask, [])

    def notes(self) -> dict[str, Any]:
        """Return what is recorded: names, and unmeasured pixels as [row, first, last column]."""
        if not self.names:
            return {}
        padded = np.pad(self.unmeasured.astype(np.int8), ((0, 0), (1, 1)))
        rows, first = np.nonzero(np.diff(padded, axis=1) == 1)
        last = np.nonzero(np.diff(padded, axis=1) == -1)[1] - 1
        runs = [[int(n) for n in run] for run in zip(rows, first, last, strict=True)]
        return {"detector_faults": self.names, "unmeasured_pixels": runs}

    def words(self) -> str:
        """Return a sentence that names the faults."""
        shown = ", ".join(self.names[:_MOST_NAMED])
        more = len(self.names) - _MOST_NAMED
        return (
            "the same deviation in all images is taken for a fault of the detector and replaced "
            f"from its surroundings: {shown}"
            + (f" and {more} more" if more > 0 else "")
            + (
                f"; {self.unmeasured.sum()} pixels in their midst are a guess"
                if self.unmeasured.any()
                else ""
            )
        )


def find_faults(
    images: np.ndarray, tilt_deg: np.ndarray, mirrored: np.ndarray | None = None
) -> Faults:
    """Find what deviates from its surroundings in the same place of all images.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        As the detector recorded them, finite.
    tilt_deg : ndarray (tilt,)
    mirrored : ndarray of bool (tilt,), optional
        Images that show the specimen mirrored at the vertical.
    """
    if len(images) < _FEWEST or min(images.shape[1:]) < _SMALLEST:
        return Faults.none(images)
    mean = _steady_mean(images)
    low, high = images.min(axis=0), images.max(axis=0)
    still = Still(mean, _noise(images, mean), [], [], images, low, high)
    suspects = _search(still, prove=False)
    if not suspects.any():
        return Faults.none(images)
    from_behind = np.zeros(len(images), bool) if mirrored is None else mirrored
    filled = (fill(image, suspects) for image in images)
    seen = (
        image[:, ::-1] if behind else image
        for image, behind in zip(filled, from_behind.tolist(), strict=True)
    )
    hidden = wide_parts(suspects)
    if from_behind.any():
        hidden |= hidden[:, ::-1]
    along, across = moved(seen, tilt_deg, hidden)
    still = replace(still, along=_means(images, along), across=_means(images, across))
    mask = _without_single(_search(still, prove=True))
    inside = ndimage.distance_transform_cdt(np.pad(mask, 1, mode="edge"), "chessboard")
    return Faults(mask, inside[1:-1, 1:-1] > _WIDE, _names(mask))


def wide_parts(mask: np.ndarray) -> np.ndarray:
    """Return what of faults (y, x) is too wide to be filled well from its surroundings."""
    whole = ndimage.binary_closing(mask, np.ones((3, 3), bool))
    wide: np.ndarray = ndimage.binary_opening(whole, np.ones((2 * _WIDE + 1,) * 2, bool))
    return wide


def _steady_mean(images: np.ndarray, part: np.ndarray | None = None) -> np.ndarray:
    """Return the mean of the middle half of the values of each pixel, of all images or some."""
    tilts = np.arange(len(images)) if part is None else part
    quarter = len(tilts) // 4
    out = np.empty(images.shape[1:])
    for row in range(images.shape[1]):  # memory holds the series once
        values = np.partition(images[tilts, row], [quarter, len(tilts) - 1 - quarter], axis=0)
        out[row] = values[quarter : len(tilts) - quarter].mean(axis=0, dtype=np.float64)
    return out


def _means(images: np.ndarray, thirds: Thirds | None) -> list[np.ndarray]:
    if thirds is None:
        return []
    return [_steady_mean(images, part) for part in (thirds.low, thirds.high)]


def _noise(images: np.ndarray, mean: np.ndarray) -> float:
    """Return the noise of one image: what differs between neighbouring pixels, and moves."""
    some = images[:: max(1, len(images) // 8)]
    noise = np.median([spread(np.diff(image - mean, axis=1)) for image in some]) / 2**0.5
    dark, bright = np.percentile(mean, [1, 99])
    return float(max(noise, _WEAK * (bright - dark)))


def _without_single(mask: np.ndarray) -> np.ndarray:
    """Return a mask without single pixels: they are mended image by image, where they do harm."""
    groups, _ = ndimage.label(mask, np.ones((3, 3)))
    return np.asarray(mask & (np.bincount(groups.ravel())[groups] > 1))


def _search(still: Still, prove: bool) -> np.ndarray:
    """Return which pixels stand out in the mean and, where that is to be proved, do not move."""
    mask = _dead(still)
    mask |= _lines_of(still, mask, prove)
    for width in _WIDTHS:
        mask |= _clusters(still, width, mask, prove)
    return mask | _lines_of(still, mask, prove)


def _lines_of(still: Still, known: np.ndarray, prove: bool) -> np.ndarray:
    """Return the pixels of whole rows and columns."""
    rest = replace(still, mean=fill(still.mean, known))
    found = np.zeros(known.shape, bool)
    found[find_lines(rest, prove)] = True
    found[:, find_lines(rest.turned(), prove)] = True
    return found


def _dead(still: Still) -> np.ndarray:
    """Return groups of pixels that show one value in all images, as those around them never do."""
    constant = still.low == still.high
    dead = np.zeros(constant.shape, bool)
    if constant.mean() > _LARGEST:
        return dead  # an empty or a saturated background, or images without noise
    values, pixels = np.unique(still.low[constant], return_counts=True)
    for value in values[pixels > 1]:
        groups, _ = ndimage.label(constant & (still.low == value), np.ones((3, 3)))
        for label, box in enumerate(ndimage.find_objects(groups), start=1):
            grown = tuple(slice(max(side.start - 2, 0), side.stop + 2) for side in box)
            if _is_dead(still, grown, groups[grown] == label):
                dead[grown] |= groups[grown] == label
    return dead


def _is_dead(still: Still, box: tuple[slice, ...], inside: np.ndarray) -> bool:
    """Tell whether those beside a group never show its value, and do not rise or fall to it."""
    low, high, mean = (image[box] for image in (still.low, still.high, still.mean))
    near = _dilated(inside)
    rim, far = near & ~inside, _dilated(near) & ~near
    if inside.sum() == 1 or not rim.any() or not far.any():
        return False
    rows, columns = np.nonzero(inside)
    bottom, right = (
        side - 1 - part.start for side, part in zip(still.mean.shape, box, strict=True)
    )
    at_edge = (
        (rows + box[0].start < _BORDER).all()
        or (rows > bottom - _BORDER).all()
        or (columns + box[1].start < _BORDER).all()
        or (columns > right - _BORDER).all()
    )
    if at_edge and not still.along:
        return False  # what a former alignment left unfilled
    value = low[inside][0]
    never = (value < low[rim]) | (value > high[rim])
    beside, beyond = np.median(mean[rim]), np.median(mean[far])  # other faults may lie among them
    return bool(never.mean() > _NEVER and (beside - beyond) / (value - beyond) < _SHARP)


def _clusters(still: Still, width: int, known: np.ndarray, prove: bool) -> np.ndarray:
    """Return the pixels of each group that stands out and ends from one pixel to the next."""
    filled = fill(still.mean, known)
    excess = filled - surroundings(filled, width)
    far = filled - surroundings(filled, _WIDTHS[-1])
    noise = max(spread(excess), 1e-9)
    least = np.maximum(_SIGMAS * noise, _LOCAL_SIGMAS * local_spread(excess))
    least = np.maximum(least, _STRONG * still.noise)
    found = np.zeros(known.shape, bool)
    for level, sign in product(_LEVELS, (1, -1)):  # a hole seems to end what surrounds it
        high = (sign * excess > level * least) & (sign * far > level * least / 2)
        groups, _ = ndimage.label(high & ~known & ~found, np.ones((3, 3)))
        sizes = np.bincount(groups.ravel())
        for label, box in enumerate(ndimage.find_objects(groups), start=1):
            if sizes[label] > _LARGEST * groups.size:
                continue
            grown = tuple(slice(max(side.start - 2, 0), side.stop + 2) for side in box)
            inside = groups[grown] == label
            height = np.where(inside, excess[grown], 0.0)
            if _is_fault(still, grown, inside, height, (known | found)[grown], prove):
                found[grown] |= inside
    return found


def _is_fault(
    still: Still,
    box: tuple[slice, ...],
    inside: np.ndarray,
    height: np.ndarray,
    known: np.ndarray,
    prove: bool,
) -> bool:
    """Tell whether a group ends from one pixel to the next, and does so wherever the images move.

    `height` is that of its pixels, with their sign.
    """
    whole = _falls(still.mean[box][None], inside, known, height)[0]
    if not np.nanmin(whole, initial=1.0) > _STEP or np.isnan(whole).all():
        return False
    if not prove:
        return True
    parts = (
        (still.along, slice(0, 2)) if np.isfinite(whole[:2]).any() else (still.across, slice(2, 4))
    )
    if not parts[0]:
        return False
    moving = _falls(np.array([part[box] for part in parts[0]]), inside, known, height)[:, parts[1]]
    if not np.nanmin(moving) > _STEP_PART:
        return False
    single = _falls(still.images[(slice(None), *box)], inside, known, height)
    for axis in (single[:, :2], single[:, 2:]):
        if np.isfinite(axis).any():
            fall = np.nanmean(axis, axis=1)
            against = np.maximum(-fall, 0).sum() / np.abs(fall).sum()
            if against > _AGAINST or (fall > _STEP_IMAGE).mean() < _MOST:
                return False
    return True


def _falls(
    images: np.ndarray, inside: np.ndarray, known: np.ndarray, height: np.ndarray
) -> np.ndarray:
    """Return how far a group falls within one pixel at each side, as a part of its height.

    What goes on falling beside the rim is a slope and not counted. The sides (image, 4) are
    above, below, left and right; NaN where there is no rim.
    """
    falls = np.full((len(images), 4), np.nan)
    for axis in (0, 1):
        own, bad, high = (np.moveaxis(a, axis, 0) for a in (inside, known, height))
        turned = np.moveaxis(images, axis + 1, 1)
        for side, flip in enumerate((1, -1)):
            rim = own[::flip][2:] & ~own[::flip][1:-1] & ~bad[::flip][1:-1]
            if not rim.any():
                continue
            hidden = own[::flip][:-2] | bad[::flip][:-2]
            values = turned[:, ::flip]
            slope = np.where(hidden, 0.0, values[:, 1:-1] - values[:, :-2])
            fall = (values[:, 2:] - values[:, 1:-1] - slope)[:, rim].sum(axis=1)
            falls[:, 2 * axis + side] = fall / high[::flip][2:][rim].sum()
    return falls


def _dilated(mask: np.ndarray) -> np.ndarray:
    return np.asarray(ndimage.binary_dilation(mask, np.ones((3, 3), bool)))


def _names(mask: np.ndarray) -> list[str]:
    """Return where the masked pixels are: whole rows and columns first, then the groups left."""
    names, rest = [], mask.copy()
    for word, axis in (("row", 1), ("column", 0)):
        lines = np.flatnonzero(mask.all(axis=axis))
        breaks = np.flatnonzero(np.diff(lines) > 1) + 1
        names += [_span(word, run[0], run[-1]) for run in np.split(lines, breaks) if len(run)]
        (rest if axis == 1 else rest.T)[lines] = False
    groups, _ = ndimage.label(rest, np.ones((3, 3)))
    for rows, columns in ndimage.find_objects(groups):
        names.append(
            f"{_span('row', rows.start, rows.stop - 1)} "
            f"{_span('column', columns.start, columns.stop - 1)}"
        )
    return names


def _span(word: str, first: int, last: int) -> str:
    return f"{word} {first}" if first == last else f"{word}s {first}-{last}"
