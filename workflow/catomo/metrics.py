"""How well two label images agree: overlap scores and Hausdorff distances.

Everything follows from two tables per image: the confusion matrix (areas) and the
distances between the edges of truth and prediction (places). What a score means when a
class is absent is stated once, here: not a number, and counted.
"""

from __future__ import annotations

import numpy as np

NOT_ANNOTATED = 255
PERCENTILES = (100, 99, 95, 90, 75, 50)

# Genc, Kovarik & Fraser, Sci Rep 12 (2022), Table 1: mean and half width. The overlap
# scores have the digits of the authors' published confusion matrices.
PAPER = {
    "background": {"precision": (0.994, 0.002), "recall": (0.991, 0.004), "dsc": (0.993, 0.002)},
    "alumina": {
        "precision": (0.956, 0.008),
        "recall": (0.972, 0.004),
        "dsc": (0.964, 0.003),
        "rhd_nm": {100: (5.45, 1.78), 95: (1.45, 0.68), 90: (0.59, 0.05)},
    },
    "pt": {
        "precision": (0.920, 0.033),
        "recall": (0.785, 0.047),
        "dsc": (0.845, 0.034),
        "rhd_nm": {100: (3.70, 1.84), 95: (3.48, 1.80), 90: (1.81, 1.05)},
    },
}


def confusion_matrix(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count pixels by true class (rows) and predicted class (columns).

    Parameters
    ----------
    truth, prediction : ndarray of uint8
        Labels of the same shape. Pixels whose truth is 255 are not counted.
    classes : int
        Number of classes.

    Returns
    -------
    ndarray of int64, (classes, classes)

    Raises
    ------
    ValueError
        If the shapes differ or a label is no class.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} differ in shape")
    counts = np.bincount(
        (truth.astype(np.uint16) << 8 | prediction).ravel(), minlength=1 << 16
    ).reshape(256, 256)
    matrix = counts[:classes, :classes]
    if matrix.sum() != counts[:NOT_ANNOTATED].sum():
        raise ValueError(f"a label is neither below {classes} nor {NOT_ANNOTATED} in the truth")
    return matrix.astype(np.int64)


def overlap_scores(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Return precision, recall, DSC and IoU of each class of a confusion matrix.

    A class that is absent from the truth has no score (NaN): one false pixel would turn
    its DSC from undefined to 0. Such images are counted apart, with the false area.
    A class present in the truth and never predicted has DSC 0 and no precision.

    Parameters
    ----------
    matrix : ndarray, (classes, classes)
        Rows truth, columns prediction.

    Returns
    -------
    dict of str to ndarray of float64, (classes,)
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    hit, true, found = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = {
            "precision": hit / found,
            "recall": hit / true,
            "dsc": 2 * hit / (true + found),
            "iou": hit / (true + found - hit),
        }
    return {name: np.where(true > 0, values, np.nan) for name, values in scores.items()}


def hausdorff(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing,
    percentiles=PERCENTILES,
    mode: str = "directed",
) -> np.ndarray:
    """Return percentiles of the distance between the edges of two masks.

    The 100th percentile is the Hausdorff distance, lower ones are "robust". Edges are
    the mask's pixels with a face neighbour outside it (the picture's rim is outside),
    each counted once; distances run between pixel centres.

    Parameters
    ----------
    truth, prediction : ndarray of bool
        Masks of the same shape, 2-D or 3-D.
    spacing : float or sequence of float
        Distance between pixels along each axis; sets the unit of the result (nm).
    percentiles : sequence of float
    mode : str
        ``directed``: percentile of truth → prediction and of prediction → truth, then the
        larger (Genc et al. 2022; MONAI, surface-distance). ``pooled``: percentile over
        both sets of distances together (MedPy).

    Returns
    -------
    ndarray of float64, (len(percentiles),)
        NaN when either mask is empty.
    """
    if mode not in ("directed", "pooled"):
        raise ValueError(f"mode is '{mode}', expected 'directed' or 'pooled'")
    if truth.shape != prediction.shape:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} differ in shape")
    if not (truth.any() and prediction.any()):
        return np.full(len(percentiles), np.nan)
    box = _box(truth | prediction)
    true_edge, found_edge = edges(truth[box]), edges(prediction[box])
    spacing = np.broadcast_to(np.asarray(spacing, dtype=np.float64), truth.ndim)
    there = _distances(true_edge, found_edge, spacing)
    back = _distances(found_edge, true_edge, spacing)
    if mode == "pooled":
        return np.percentile(np.concatenate([there, back]), percentiles)
    return np.maximum(np.percentile(there, percentiles), np.percentile(back, percentiles))


def edges(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a boolean mask that have a face neighbour outside it."""
    inside = mask.copy()
    for axis in range(mask.ndim):
        along, kept = np.moveaxis(mask, axis, 0), np.moveaxis(inside, axis, 0)
        kept[1:] &= along[:-1]
        kept[:-1] &= along[1:]
        kept[0] = kept[-1] = False
    return mask & ~inside


def mean_ci(values) -> dict:
    """Return mean, half width of its 95 % interval and n of the values that are numbers.

    The interval is the paper's, 1.96·s/√n with s from n - 1; none for n < 2.
    """
    values = _numbers(values)
    return {
        "mean": values.mean() if len(values) else np.nan,
        "ci95": 1.96 * _standard_error(values),
        "n": len(values),
    }


def mean_se(values) -> dict:
    """Return mean, standard error s/√n, median and n of the values that are numbers."""
    values = _numbers(values)
    return {
        "mean": values.mean() if len(values) else np.nan,
        "se": _standard_error(values),
        "median": np.median(values) if len(values) else np.nan,
        "n": len(values),
    }


def _numbers(values) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return values[np.isfinite(values)]


def _standard_error(values: np.ndarray) -> float:
    return values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan


def _box(mask: np.ndarray) -> tuple[slice, ...]:
    """Return the smallest box around a mask that is not empty."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        (hit,) = np.nonzero(mask.any(axis=others))
        box.append(slice(hit[0], hit[-1] + 1))
    return tuple(box)


def _distances(start: np.ndarray, goal: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Return the distance from every pixel of `start` to the nearest of `goal`."""
    from scipy.spatial import cKDTree

    # Where the edges coincide the distance is 0: only the rest needs a search.
    away = np.argwhere(start & ~goal) * spacing
    distances = np.zeros(np.count_nonzero(start))
    if len(away):
        tree = cKDTree(np.argwhere(goal) * spacing, balanced_tree=False, compact_nodes=False)
        distances[: len(away)] = tree.query(away)[0]
    return distances
