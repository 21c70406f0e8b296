"""Faults of the detector: what stays in place, as sharp as pixels, while the specimen moves.

Dead rows and columns and clusters of hot pixels show in the median of all images, where the
specimen is smeared out. What the specimen leaves there is as wide as the beam: its
surroundings rise or fall with it. A fault ends from one pixel to the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu

_FEWEST = 5  # images, below which nothing tells a fault from the specimen
_SIGMAS = 10.0  # noise of the median image that a fault exceeds
_WIDEST = 3  # lines side by side that can be dead
_LOCAL_SIGMAS = 3.0  # of the variation around a pixel, which is the specimen's
_SHARP_BRIGHT = 0.07  # the same for bright clusters, since particles are bright
_SHARPEST = 0.3  # part of a fault by which any one pixel beside it may differ
_LARGEST = 40  # pixels in one cluster
_SHARP = 0.12  # part of a fault seen one pixel outside: a beam 0.6 px wide gives 0.25
_SAME_SIGN = 0.8  # part of the pixels of a line, or of the images, that deviate alike
_PARTS = 8  # of a line, all of which deviate alike
_FLAT = 0.5  # of the strongest pixel of a fault: a particle fades towards its rim
_MOST_NAMED = 6


@dataclass(frozen=True)
class Faults:
    """Pixels that are wrong in all images.

    Attributes
    ----------
    mask : ndarray of bool, (y, x)
    names : list of str
        Where the faults are, in words.
    """

    mask: np.ndarray
    names: list[str]

    def words(self) -> str:
        """Return a sentence that names the faults; empty if there are none."""
        if not self.names:
            return ""
        shown = ", ".join(self.names[:_MOST_NAMED])
        more = len(self.names) - _MOST_NAMED
        return (
            "the same deviation in all images is taken for a fault of the detector and replaced "
            f"from its surroundings: {shown}" + (f" and {more} more" if more > 0 else "")
        )


def find_faults(images: np.ndarray, hits: np.ndarray) -> Faults:
    """Find what deviates from its surroundings in the same place of all images.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        Finite.
    hits : ndarray of int, (y, x)
        In how many images a pixel belonged to a group that was already mended there.
    """
    mask = hits > len(images) / 2
    groups, number = ndimage.label(mask, np.ones((3, 3)))
    names = [_place(np.argwhere(groups == label)) for label in range(1, number + 1)]
    if len(images) < _FEWEST or min(mask.shape) < 2 * (_WIDEST + 2):
        return Faults(mask, names)
    middle = _median_image(images)
    for word, flip in (("row", False), ("column", True)):
        lines = _lines(middle.T if flip else middle)
        (mask.T if flip else mask)[sorted(lines)] = True
        names += _runs(word, sorted(lines))
    if not mask.all():
        for cluster in _clusters(fill(middle, mask), images, mask):
            mask[tuple(cluster.T)] = True
            names.append(_place(cluster))
    return Faults(mask, names)


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
    known = links[:, np.flatnonzero(~mask)]
    for flat in filled:
        flat[bad] = solver.solve(known @ flat[~mask.ravel()].astype(np.float64))
    return filled.reshape(images.shape)


def _median_image(images: np.ndarray) -> np.ndarray:
    """Return the median over the images, row by row, so that memory holds the series once."""
    rows = [np.median(images[:, row], axis=0) for row in range(images.shape[1])]
    return np.array(rows, dtype=np.float64)


def _lines(still: np.ndarray) -> set[int]:
    """Return the rows of an image that differ from those beside them nearly everywhere."""
    height, width = still.shape
    found: set[int] = set()
    noise = _spread(still[1:-1] - (still[:-2] + still[2:]) / 2)
    least = _SIGMAS * noise / np.sqrt(width)
    for thick in range(1, _WIDEST + 1):
        for top in range(height - thick + 1):
            block = set(range(top, top + thick))
            beside = set(range(top - 2, top + thick + 2))
            if not beside & found and _is_line(still, top, thick, least):
                found |= block
    return found


def _is_line(still: np.ndarray, top: int, thick: int, least: float) -> bool:
    """Tell whether `thick` rows from `top` stand out from both sides, and these do not rise."""
    before = still[max(top - 2, 0) : top][::-1]
    after = still[top + thick : top + thick + 2]
    sides = [side for side in (before, after) if len(side) == 2]
    if not sides:
        return False
    beside = np.mean([side[0] for side in sides], axis=0)
    deviations = still[top : top + thick] - beside
    middle = np.median(deviations)
    sign = np.sign(middle)
    height = abs(middle)
    if height <= least or (sign * deviations > 0).mean() < _SAME_SIGN:
        return False
    parts = np.array_split(sign * deviations, _PARTS, axis=1)
    if min(np.median(part) for part in parts) < least * _PARTS**0.5 / 3:
        return False  # the specimen leaves some of the line free, a fault does not
    if np.abs(np.median(deviations, axis=1) - middle).max() > height / 2:
        return False
    if len(sides) == 2 and abs(np.median(before[0] - after[0])) > height:
        return False  # an edge of the specimen: the sides are far apart
    rises = np.mean([side[0] - side[1] for side in sides], axis=0)
    # What rises towards the line is a beam; what falls is the curve of the specimen.
    middle_rise = sign * np.median(rises)
    mean_rise = rises.mean() / deviations.mean()
    return bool(middle_rise < max(_SHARP * height, least / 5) and mean_rise < 2 * _SHARP)


def _clusters(still: np.ndarray, images: np.ndarray, known: np.ndarray) -> list[np.ndarray]:
    """Return the pixels (n, 2) of each small sharp group that deviates alike in most images."""
    excess = still - ndimage.median_filter(still, 7, mode="mirror")
    least = np.maximum(_SIGMAS * _spread(excess), _LOCAL_SIGMAS * _local_spread(excess))
    found = []
    for sign in (1, -1):
        groups, _ = ndimage.label((sign * excess > least) & ~known, np.ones((3, 3)))
        for label, box in enumerate(ndimage.find_objects(groups), start=1):
            grown = tuple(slice(max(side.start - 4, 0), side.stop + 4) for side in box)
            inside = groups[grown] == label
            if inside.sum() > _LARGEST:
                continue
            rim = _rim(inside) & ~known[grown]
            if _is_sharp(sign * still[grown], inside, rim, bright=sign > 0) and _in_most(
                sign * images[(slice(None), *grown)], inside, rim
            ):
                found.append(np.argwhere(inside) + [side.start for side in grown])
    return found


def _rim(inside: np.ndarray) -> np.ndarray:
    return ndimage.binary_dilation(inside, np.ones((3, 3), bool)) & ~inside


def _is_sharp(still: np.ndarray, inside: np.ndarray, rim: np.ndarray, bright: bool) -> bool:
    """Tell whether pixels stand out, and those beside them do not."""
    if not rim.any():
        return False
    height = still - fill(still, inside | rim)
    flat, sharp = (_FLAT, _SHARP_BRIGHT) if bright else (_FLAT / 2, _SHARP)
    lowest = height[inside].min()
    return bool(
        lowest > flat * height[inside].max()
        and abs(height[rim].mean()) < sharp * lowest
        and np.abs(height[rim]).max() < _SHARPEST * lowest
    )


def _in_most(images: np.ndarray, inside: np.ndarray, rim: np.ndarray) -> bool:
    """Tell whether pixels stand out in most images, and not in a few of them strongly."""
    contrast = images[:, inside].mean(axis=1) - images[:, rim].mean(axis=1)
    alike = contrast.sum() > _SAME_SIGN * np.abs(contrast).sum()
    return bool(alike and np.median(contrast) > contrast.mean() / 4)


def _local_spread(excess: np.ndarray) -> np.ndarray:
    """Return how much an image varies around each pixel: where it is the specimen's, much."""
    return 1.48 * ndimage.median_filter(np.abs(excess), 9, mode="mirror")


def _spread(values: np.ndarray) -> float:
    return float(1.48 * np.median(np.abs(values - np.median(values))))


def _runs(word: str, lines: list[int]) -> list[str]:
    """Return names of lines, those side by side together."""
    breaks = np.flatnonzero(np.diff(lines) > 1) + 1
    return [_span(word, run[0], run[-1]) for run in np.split(lines, breaks) if len(run)]


def _place(cluster: np.ndarray) -> str:
    (top, left), (bottom, right) = cluster.min(axis=0), cluster.max(axis=0)
    return f"{_span('row', top, bottom)} {_span('column', left, right)}"


def _span(word: str, first: int, last: int) -> str:
    return f"{word} {first}" if first == last else f"{word}s {first}-{last}"
