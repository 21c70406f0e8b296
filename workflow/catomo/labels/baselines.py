"""Baselines: segmentations without a network, which a trained network must beat.

Copying the mask of the most similar training image shows how much of a score comes from
test images that resemble training images (leakage). Global thresholds after a blur show
what the grey values alone tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from catomo.labels.overlap import confusion_matrix, overlap_scores
from catomo.labels.values import IGNORE

SIGMA_PX = 1.0  # of the blur before the thresholds
_THUMBNAIL_PX = 64


def nearest(images: list[np.ndarray], others: list[np.ndarray]) -> list[tuple[int, float]]:
    """Find the most similar of `others` for each image.

    Similarity is Pearson's correlation of thumbnails: means over 64 × 64 fields of equal
    area (fewer for smaller images).

    Parameters
    ----------
    images, others : list of ndarray, (z, x)
        Grey values; the images may differ in shape.

    Returns
    -------
    list of (int, float)
        Index into `others` and the correlation, for each image.
    """
    edge = min([_THUMBNAIL_PX, *(n for image in [*images, *others] for n in image.shape)])
    a = np.stack([_thumbnail(image, edge) for image in images])
    b = np.stack([_thumbnail(image, edge) for image in others])
    correlation = a @ b.T
    best = correlation.argmax(axis=1)
    return [(int(j), float(correlation[i, j])) for i, j in enumerate(best)]


def resized_mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a mask (z, x) resized to another shape by taking the nearest pixel."""
    rows, columns = (
        ((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(shape, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def fit_thresholds(
    images: Iterable[np.ndarray],
    labels: Iterable[np.ndarray],
    class_count: int,
    sigma_px: float = SIGMA_PX,
) -> list[float]:
    """Choose global grey-value thresholds that give the best DSC, from the brightest class down.

    The classes must be in the order of their brightness, the darkest first (for example
    pores, support, metal).

    Parameters
    ----------
    images : iterable of ndarray, (z, x)
        Grey values 0 to 255.
    labels : iterable of ndarray of uint8, (z, x)
        Labels of these images; pixels of 255 are ignored.
    class_count : int
    sigma_px : float
        Standard deviation of the Gaussian blur that is applied first, in px.

    Returns
    -------
    list of float, (class_count - 1,)
        Ascending lower limits of the grey values of the classes 1, 2, …
    """
    counts = np.zeros((class_count, 256))
    for image, mask in zip(images, labels, strict=True):
        grey = np.floor(_blurred(image, sigma_px)).astype(int)
        for label in range(class_count):
            counts[label] += np.bincount(grey[mask == label], minlength=256)
    total = counts.sum(axis=0)
    bounds, top = [], 256
    for label in range(class_count - 1, 0, -1):
        if counts[label].any() and top > 1:  # a class never seen gets an empty range
            # DSC of "lower ≤ grey < top", for every lower limit at once.
            hits = np.cumsum(counts[label, :top][::-1])[::-1]
            taken = np.cumsum(total[:top][::-1])[::-1]
            dsc = 2 * hits / (taken + counts[label].sum())
            top = 1 + int(dsc[1:].argmax())
        bounds.append(float(top))
    return bounds[::-1]


def apply_thresholds(
    image: np.ndarray, thresholds: Sequence[float], sigma_px: float = SIGMA_PX
) -> np.ndarray:
    """Segment a grey image (z, x) by a Gaussian blur and thresholds; return uint8 labels."""
    return np.digitize(_blurred(image, sigma_px), thresholds).astype(np.uint8)


def mean_dsc(
    truths: list[np.ndarray], predictions: list[np.ndarray], class_names: list[str]
) -> dict[str, dict]:
    """Return the mean DSC over images of each class, and the number of these images.

    An image without any true pixel of a class does not count for that class (the rule of
    Genc et al. 2022), and pixels whose truth is 255 are not counted. A prediction may be 255
    where it is a copied mask that is not annotated there: it then counts as no class.

    Parameters
    ----------
    truths, predictions : list of ndarray of uint8, (z, x)
        Labels of each image.
    class_names : list of str
        Names in the order of the label values.

    Returns
    -------
    dict of str to dict
        ``{class: {"dsc": mean, "n": images}}``; ``dsc`` is None without images.
    """
    count = len(class_names)
    scores = np.full((len(truths), count), np.nan)
    for row, (truth, predicted) in enumerate(zip(truths, predictions, strict=True)):
        known = np.where(predicted == IGNORE, count, predicted)  # one more class, not reported
        scores[row] = overlap_scores(confusion_matrix(truth, known, count + 1))["dsc"][:count]
    result = {}
    for label, name in enumerate(class_names):
        valid = scores[:, label][np.isfinite(scores[:, label])]
        result[name] = {"dsc": valid.mean() if valid.size else None, "n": valid.size}
    return result


def _blurred(image: np.ndarray, sigma_px: float) -> np.ndarray:
    return gaussian_filter(image.astype(np.float32), sigma_px)


def _thumbnail(image: np.ndarray, edge: int) -> np.ndarray:
    """Return the means over fields as a vector of zero mean and unit length (zero if constant)."""
    small = image.astype(float)
    for axis, n in enumerate(image.shape):
        starts = np.arange(edge) * n // edge
        counts = np.diff([*starts, n])
        small = np.add.reduceat(small, starts, axis=axis)
        small /= counts[:, None] if axis == 0 else counts
    small = (small - small.mean()).ravel()
    return small / max(float(np.linalg.norm(small)), 1e-12)
