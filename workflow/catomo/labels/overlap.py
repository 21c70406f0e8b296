"""How well two label images agree: the confusion matrix, and the scores that follow from it.

What a score means when a class is absent is stated once, here: not a number, and counted.
What the paper reports stands here too.
"""

from __future__ import annotations

import numpy as np

from catomo.labels.files import IGNORE

# Genc, Kovarik & Fraser, Sci Rep 12 (2022), Table 1: mean and half width. The overlap
# scores have the digits of the authors' published confusion matrices.
PAPER = {
    "background": {"precision": (0.994, 0.002), "recall": (0.991, 0.004), "dsc": (0.993, 0.003)},
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
    if matrix.sum() != counts[:IGNORE].sum():
        raise ValueError(f"a label is neither below {classes} nor {IGNORE} in the truth")
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
