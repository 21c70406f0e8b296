"""What no network at all scores on the test part, and how near the test is to the training.

Copying the mask of the most similar training image shows leakage; a blur and global
thresholds show what grey values alone give away. A network must beat both.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from catomo.labels.files import IGNORE

SIGMA_PX = 1.0
_THUMB_PX = 64


def nearest(images: list[np.ndarray], others: list[np.ndarray]) -> list[tuple[int, float]]:
    """Find the most similar of `others` for each image.

    Similarity is Pearson's correlation of thumbnails, area means of 64 × 64 fields (fewer
    for smaller images).

    Returns
    -------
    list of (int, float)
        Index into `others` and the correlation, for each image.
    """
    edge = min([_THUMB_PX, *(n for image in [*images, *others] for n in image.shape)])
    a = np.stack([_thumbnail(image, edge) for image in images])
    b = np.stack([_thumbnail(image, edge) for image in others])
    correlation = a @ b.T
    best = correlation.argmax(axis=1)
    return [(int(j), float(correlation[i, j])) for i, j in enumerate(best)]


def resized_mask(mask: np.ndarray, shape) -> np.ndarray:
    """Return a mask brought to another shape by taking the nearest pixel."""
    rows, columns = (
        ((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(shape, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def fit_thresholds(images, labels, class_count: int, sigma_px: float = SIGMA_PX) -> list[float]:
    """Choose global grey-value thresholds that give the best DSC, from the brightest class down.

    Classes must be ordered by brightness, as labels are (pores, support, metal).

    Parameters
    ----------
    images, labels : iterables of ndarray, (z, x)
        Grey values 0 … 255 and masks; 255 in a mask is ignored.
    class_count : int
    sigma_px : float
        Standard deviation of the Gaussian blur before, in px.

    Returns
    -------
    list of float
        Ascending lower bounds of the classes 1, 2, …
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
            # DSC of "lower ≤ grey < top", for every lower bound at once.
            hits = np.cumsum(counts[label, :top][::-1])[::-1]
            taken = np.cumsum(total[:top][::-1])[::-1]
            dsc = 2 * hits / (taken + counts[label].sum())
            top = 1 + int(dsc[1:].argmax())
        bounds.append(float(top))
    return bounds[::-1]


def apply_thresholds(image: np.ndarray, values, sigma_px: float = SIGMA_PX) -> np.ndarray:
    """Segment an image (z, x) by a Gaussian blur and thresholds; return uint8 labels."""
    return np.digitize(_blurred(image, sigma_px), values).astype(np.uint8)


def mean_dsc(truths, predictions, class_names: list[str]) -> dict[str, dict]:
    """Return ``{class: {"dsc": mean over images, "n": images}}``.

    An image without any true pixel of a class does not count for that class (the paper's
    rule); pixels that are not annotated count nowhere.
    """
    scores = np.full((len(truths), len(class_names)), np.nan)
    for row, (truth, predicted) in enumerate(zip(truths, predictions, strict=True)):
        for label in range(len(class_names)):
            scores[row, label] = _dsc(truth, predicted, label)
    result = {}
    for label, name in enumerate(class_names):
        valid = scores[:, label][np.isfinite(scores[:, label])]
        result[name] = {"dsc": valid.mean() if valid.size else None, "n": valid.size}
    return result


def _dsc(truth: np.ndarray, predicted: np.ndarray, label: int) -> float:
    true = truth == label
    found = (predicted == label) & (truth != IGNORE)
    if not true.any():
        return float("nan")
    return 2 * np.count_nonzero(true & found) / (np.count_nonzero(true) + np.count_nonzero(found))


def _blurred(image: np.ndarray, sigma_px: float) -> np.ndarray:
    return gaussian_filter(image.astype(np.float32), sigma_px)


def _thumbnail(image: np.ndarray, edge: int) -> np.ndarray:
    """Return area means as a vector of zero mean and unit length (zero if constant)."""
    small = image.astype(float)
    for axis, n in enumerate(image.shape):
        starts = np.arange(edge) * n // edge
        counts = np.diff([*starts, n])
        small = np.add.reduceat(small, starts, axis=axis)
        small /= counts[:, None] if axis == 0 else counts
    small = (small - small.mean()).ravel()
    return small / max(float(np.linalg.norm(small)), 1e-12)
