"""Images that are spoilt in themselves: stored twice, or with a shadow beside the specimen."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from catomo.align.edge import ring_of

_FEWEST_BLOCKS = 3  # along the edge, side by side, that are dark in a shadow
_DARKER_SIGMAS = 6.0  # standard errors of a block's mean, and spreads of all blocks' means,
_DARKER = 0.01  # and part of what the specimen, in half of its pixels, is brighter than space
_MOST_SHADOWED = 0.5  # of the images: what is dark in more of them is no shadow
_MOST_NAMED = 12


def doubled_images(images: np.ndarray, tilt_deg: np.ndarray) -> tuple[str, ...]:
    """Return a sentence that names images with the very same values as another.

    A program that records the tilts in another order stores an image twice at distant tilts.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        As recorded: even of the same view no two have the same noise.
    tilt_deg : ndarray (tilt,)
    """
    first: dict[bytes, int] = {}
    twice = []
    for t, image in enumerate(images):
        if image.min() < image.max():
            one = first.setdefault(sha256(image.tobytes()).digest(), t)
            twice += [(one, t)] if one < t else []
    if not twice or 2 * len(twice) > len(images):  # without noise all views of a rod are the same
        return ()
    pairs = listed([f"{tilt_deg[one]:g}° and {tilt_deg[t]:g}°" for one, t in twice])
    return (
        f"the images at {pairs} are the same to the last pixel: one was stored twice, and those "
        "after it may have the angle of their neighbour; leave it out (exclude_tilts), and compare "
        "the angles with the microscope's log",
    )


def shadowed_images(images: np.ndarray, tilt_deg: np.ndarray) -> tuple[str, ...]:
    """Return a sentence that names images whose edge is darker than empty space in part.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        Of a specimen that stands alone, before the background is subtracted.
    tilt_deg : ndarray (tilt,)
    """
    edges = [ring_of(image) for image in images]
    means = np.array([[block.mean() for block in blocks] for blocks in edges])
    errors = np.array([[block.std() / np.sqrt(block.size) for block in blocks] for blocks in edges])
    level = np.median(means)
    # An image that is darker all around has no shadow, but another dose or background.
    levels = np.minimum(level, np.median(means, axis=1))[:, None]
    # The noise of a dark block is less than that of the others.
    error = np.maximum(errors, np.median(errors))
    error = np.maximum(error, 1.4826 * np.median(np.abs(means - level)))
    contrast = np.median([_contrast(image, level) for image in images])
    dark = levels - means > np.maximum(_DARKER_SIGMAS * error, _DARKER * contrast)
    shadowed = np.array([_longest_run(blocks) >= _FEWEST_BLOCKS for blocks in dark])
    if not shadowed.any() or shadowed.mean() > _MOST_SHADOWED:
        return ()
    named = listed([f"{tilt:g}°" for tilt in tilt_deg[shadowed]])
    return (
        f"in the images at {named} a side of the frame is darker than empty space elsewhere: the "
        "shadow of the holder or of a grid bar, which may hide part of the specimen; name it in "
        "align.shadows, or leave these images out (exclude_tilts)",
    )


def _contrast(image: np.ndarray, level: float) -> float:
    """Return how much brighter than the background half of the specimen's pixels are."""
    above = image[image > image.mean()] - level
    return float(np.median(above)) if above.size else 0.0


def _longest_run(dark: np.ndarray) -> int:
    """Return how many blocks side by side are dark, at the most."""
    longest = run = 0
    for is_dark in dark.tolist():
        run = run + 1 if is_dark else 0
        longest = max(longest, run)
    return longest


def listed(names: Sequence[str]) -> str:
    """Return names, such as those of images, with commas between them; many are counted."""
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"
