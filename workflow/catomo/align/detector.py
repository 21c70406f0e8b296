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

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu

from catomo.align.drift import Thirds, moved

_FEWEST = 5  # images, below which nothing tells a fault from the specimen
_WIDTHS = (1, 2, 4)  # px between the pixels of the surroundings: faults up to 2, 4, 8 px wide
_SIGMAS = 8.0  # noise of the mean image that a fault exceeds
_LOCAL_SIGMAS = 6.0  # of the variation around it, which is the specimen's
_LEVELS = (1, 2, 4, 8)  # times this: a strong fault in the midst of a weaker specimen
_STRONG = 1.0  # noise of one image that a cluster exceeds: less does no harm
_SINGLE = 6.0  # the same for a single pixel, which is mended image by image where it harms
_STEP = 0.6  # part of its height by which a fault ends from one pixel to the next
_STEP_PART = 0.5  # the same in a part of the images
_STEP_IMAGE = 0.2  # the same in most single images
_MOST = 0.75  # part of the images
_AGAINST = 0.15  # part of the steps of all images that may go the other way
_SHARP = 0.1  # part of the height seen one pixel outside
_NEVER = 0.75  # part of the pixels beside dead ones that never show their value
_BORDER = 3  # px at the edge of the frame that may be what a former alignment left unfilled
_LARGEST = 0.1  # part of the frame that one fault may take
_LINE_STRONG = 0.5  # noise of one image that a whole line exceeds
_LINE_SIGMAS = 6.0  # of the spread of all lines
_LINE_AROUND = 5.0  # times what three quarters of the lines around it deviate
_PARTS = 8  # of a line, all of which deviate alike
_PART = 0.3  # of the deviation of the line that most parts have
_WIDEST = 8  # lines side by side
_WIDE = 2  # px from the rim, beyond which what is interpolated is a guess
_BLOCK = 16  # px in which the variation around a pixel is measured
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

    def words(self) -> str:
        """Return a sentence that names the faults."""
        shown = ", ".join(self.names[:_MOST_NAMED])
        more = len(self.names) - _MOST_NAMED
        return (
            "the same deviation in all images is taken for a fault of the detector and replaced "
            f"from its surroundings: {shown}" + (f" and {more} more" if more > 0 else "")
        )


@dataclass(frozen=True)
class _Still:
    """What the images have in common: their mean, that of parts of them, and what never changes."""

    mean: np.ndarray
    noise: float  # of one image
    along: list[np.ndarray]  # means of images between which the specimen moved along y
    across: list[np.ndarray]  # and along x
    images: np.ndarray
    low: np.ndarray  # least and highest value of each pixel
    high: np.ndarray

    def turned(self) -> _Still:
        """Return the same with rows for columns."""
        along, across = [i.T for i in self.across], [i.T for i in self.along]
        return _Still(
            self.mean.T,
            self.noise,
            along,
            across,
            self.images.swapaxes(1, 2),
            self.low.T,
            self.high.T,
        )


def find_faults(images: np.ndarray, tilt_deg: np.ndarray) -> Faults:
    """Find what deviates from its surroundings in the same place of all images.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        As recorded, finite.
    tilt_deg : ndarray (tilt,)
    """
    none = np.zeros(images.shape[1:], bool)
    if len(images) < _FEWEST or min(none.shape) < 16:
        return Faults(none, none, [])
    mean = _steady_mean(images)
    low, high = images.min(axis=0), images.max(axis=0)
    still = _Still(mean, _noise(images, mean), [], [], images, low, high)
    suspects = _search(still, prove=False)
    if not suspects.any():
        return Faults(none, none, [])
    along, across = moved(fill(images, suspects), tilt_deg)
    still = replace(still, along=_means(images, along), across=_means(images, across))
    mask = _search(still, prove=True)
    inside = ndimage.distance_transform_cdt(np.pad(mask, 1, mode="edge"), "chessboard")
    return Faults(mask, inside[1:-1, 1:-1] > _WIDE, _names(mask))


def fill(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image, or a series, with the masked pixels interpolated from those around them.

    Each becomes the mean of its four neighbours, whether those are measured or filled.
    """
    if not mask.any() or mask.all():
        return images
    filled = images.reshape(-1, mask.size).copy()
    bad = np.flatnonzero(mask)
    number = np.full(mask.size, -1)
    number[bad] = np.arange(len(bad))
    y, x = np.unravel_index(bad, mask.shape)
    own, other = [], []
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        inside = (y + dy >= 0) & (y + dy < mask.shape[0]) & (x + dx >= 0) & (x + dx < mask.shape[1])
        own.append(np.flatnonzero(inside))
        other.append(((y + dy) * mask.shape[1] + x + dx)[inside])
    rows, pixels = np.concatenate(own), np.concatenate(other)
    links = sparse.csr_matrix((np.ones(len(rows)), (rows, pixels)), shape=(len(bad), mask.size))
    system = sparse.diags(np.asarray(links.sum(axis=1)).ravel()) - links[:, bad]
    solver = splu(system.tocsc())
    good = np.flatnonzero(~mask.ravel())
    known = links[:, good]
    filled[:, bad] = solver.solve(known @ filled[:, good].T.astype(np.float64)).T
    return filled.reshape(images.shape)


def _steady_mean(images: np.ndarray) -> np.ndarray:
    """Return the mean of the middle half of the values of each pixel."""
    quarter = len(images) // 4
    out = np.empty(images.shape[1:])
    for row in range(images.shape[1]):  # memory holds the series once
        values = np.partition(images[:, row], [quarter, len(images) - 1 - quarter], axis=0)
        out[row] = values[quarter : len(images) - quarter].mean(axis=0, dtype=np.float64)
    return out


def _means(images: np.ndarray, thirds: Thirds | None) -> list[np.ndarray]:
    if thirds is None:
        return []
    return [_steady_mean(images[part]) for part in (thirds.low, thirds.high)]


def _noise(images: np.ndarray, mean: np.ndarray) -> float:
    """Return the noise of one image: what differs between neighbouring pixels, and moves."""
    some = images[:: max(1, len(images) // 8)] - mean
    return float(np.median([_spread(np.diff(image, axis=1)) for image in some]) / 2**0.5)


def _search(still: _Still, prove: bool) -> np.ndarray:
    """Return which pixels stand out in the mean and, where that is to be proved, do not move."""
    mask = _dead(still)
    mask |= _lines_of(still, mask, prove)
    for width in _WIDTHS:
        mask |= _clusters(still, width, mask, prove)
    return mask | _lines_of(still, mask, prove)


def _lines_of(still: _Still, known: np.ndarray, prove: bool) -> np.ndarray:
    """Return the pixels of whole rows and columns."""
    rest = replace(still, mean=fill(still.mean, known))
    found = np.zeros(known.shape, bool)
    found[_lines(rest, prove)] = True
    found[:, _lines(rest.turned(), prove)] = True
    return found


def _dead(still: _Still) -> np.ndarray:
    """Return groups of pixels that show one value in all images, as those around them never do."""
    constant = still.low == still.high
    dead = np.zeros(constant.shape, bool)
    if constant.mean() > _LARGEST:
        return dead  # an empty or a saturated background, or images without noise
    for value in np.unique(still.low[constant]):
        groups, _ = ndimage.label(constant & (still.low == value), np.ones((3, 3)))
        for label, box in enumerate(ndimage.find_objects(groups), start=1):
            grown = tuple(slice(max(side.start - 2, 0), side.stop + 2) for side in box)
            if _is_dead(still, grown, groups[grown] == label):
                dead[grown] |= groups[grown] == label
    return dead


def _is_dead(still: _Still, box: tuple[slice, ...], inside: np.ndarray) -> bool:
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
    height = value - mean[far].mean()
    return bool(never.mean() > _NEVER and (mean[rim].mean() - mean[far].mean()) / height < _SHARP)


def _dilated(mask: np.ndarray) -> np.ndarray:
    return np.asarray(ndimage.binary_dilation(mask, np.ones((3, 3), bool)))


def _lines(still: _Still, prove: bool) -> list[int]:
    """Return the rows that differ alike from those beside them over the whole frame.

    They lie between two steps, one up and one down, or between one and the edge of the frame.
    """
    steps, level = _row_steps(still.mean)
    parts = [_row_steps(part)[0] for part in still.along]
    strong = np.abs(steps.mean(axis=1)) > _LINE_STRONG * still.noise
    floor = max(float(np.percentile(level, 1)), still.noise / 4, 1e-9)
    found: set[int] = set()
    for scale in (np.ones_like(level), np.maximum(level, floor)):
        height = np.median(steps / scale, axis=1)
        around = ndimage.percentile_filter(np.abs(height), 75, 17, mode="mirror")
        least = np.maximum(_LINE_SIGMAS * _spread(height), _LINE_AROUND * around)
        sharp = {
            int(step): float(height[step])
            for step in np.flatnonzero(strong & (np.abs(height) > least))
            if _is_even(steps[step] / scale[step], height[step])
            and (not prove or parts)
            and all(_is_even(part[step] / scale[step], height[step]) for part in parts)
        }
        for top, bottom in _bands(sharp, len(still.mean)):
            found |= set(range(top, bottom))
    return sorted(found)


def _row_steps(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how each row rises sharply to the next, slopes not counted, and the lower of both."""
    rises = np.diff(image, axis=0)
    padded = np.pad(rises, ((2, 2), (0, 0)), mode="reflect")
    beside = np.stack([padded[i : i + len(rises)] for i in (0, 1, 3, 4)])
    return rises - np.median(beside, axis=0), np.minimum(image[1:], image[:-1])


def _bands(steps: dict[int, float], rows: int) -> list[tuple[int, int]]:
    """Return the rows (first, after the last) between two opposite steps, or at an edge."""
    bands = []
    paired: set[int] = set()
    for here in sorted(steps):
        for there in range(here + 1, min(here + _WIDEST, rows) + 1):
            ratio = -steps.get(there, 0.0) / steps[here]
            if here not in paired and 0.5 < ratio < 2:
                bands.append((here + 1, there + 1))
                paired |= {here, there}
    single = set(steps) - paired
    bands += [(0, step + 1) for step in single if step < _BORDER]
    bands += [(step + 1, rows) for step in single if step >= rows - 1 - _BORDER]
    return bands


def _is_even(steps: np.ndarray, height: float) -> bool:
    """Tell whether a row rises by about the same in most of its parts, and falls in none."""
    parts = np.sort([np.median(part) for part in np.array_split(steps, _PARTS)] / height)
    return bool(np.median(parts) > _STEP_PART and parts[_PARTS // 4] > _PART)


def _clusters(still: _Still, width: int, known: np.ndarray, prove: bool) -> np.ndarray:
    """Return the pixels of each group that stands out and ends from one pixel to the next."""
    filled = fill(still.mean, known)
    excess = filled - _surroundings(filled, width)
    far = filled - _surroundings(filled, _WIDTHS[-1])
    noise = max(_spread(excess), 1e-9)
    least = np.maximum(_SIGMAS * noise, _LOCAL_SIGMAS * _local_spread(excess))
    least = np.maximum(least, _STRONG * still.noise)
    found = np.zeros(known.shape, bool)
    for sign, level in product((1, -1), _LEVELS):
        high = (sign * excess > level * least) & (sign * far > level * least / 2)
        groups, _ = ndimage.label(high & ~known & ~found, np.ones((3, 3)))
        sizes = np.bincount(groups.ravel())
        for label, box in enumerate(ndimage.find_objects(groups), start=1):
            if sizes[label] > _LARGEST * groups.size:
                continue
            grown = tuple(slice(max(side.start - 2, 0), side.stop + 2) for side in box)
            inside = groups[grown] == label
            height = np.where(inside, excess[grown], 0.0)
            if sizes[label] == 1 and np.abs(height).max() < _SINGLE * still.noise:
                continue
            if _is_fault(still, grown, inside, height, known[grown], prove):
                found[grown] |= inside
    return found


def _is_fault(
    still: _Still,
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


def _surroundings(image: np.ndarray, width: int) -> np.ndarray:
    """Return the median of 5 × 5 pixels `width` apart around each."""
    out = np.empty_like(image)
    for row in range(width):
        for column in range(width):
            part = image[row::width, column::width]
            out[row::width, column::width] = ndimage.median_filter(part, 5, mode="mirror")
    return out


def _local_spread(excess: np.ndarray) -> np.ndarray:
    """Return how much an image varies around each pixel: where it is the specimen's, much."""
    rows, columns = (max(1, side // _BLOCK) for side in excess.shape)
    spread = np.array(
        [
            [1.48 * np.median(np.abs(block)) for block in np.array_split(band, columns, axis=1)]
            for band in np.array_split(excess, rows, axis=0)
        ]
    )
    row = np.minimum(np.arange(excess.shape[0]) * rows // excess.shape[0], rows - 1)
    column = np.minimum(np.arange(excess.shape[1]) * columns // excess.shape[1], columns - 1)
    return np.asarray(spread[np.ix_(row, column)])


def _spread(values: np.ndarray) -> float:
    return float(1.48 * np.median(np.abs(values - np.median(values))))


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
