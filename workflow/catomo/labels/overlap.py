"""How well two label images agree: the confusion matrix, and the scores that follow from it."""

from __future__ import annotations

import numpy as np

from catomo.labels.values import IGNORE


def dice(truth: np.ndarray, predicted: np.ndarray, classes: int | None = None) -> np.ndarray:
    """Return the Dice similarity coefficient (DSC) of each class.

    Parameters
    ----------
    truth, predicted : ndarray of uint8 or bool, any shape
        Labels of the same shape. Pixels whose truth is 255 (not annotated) are not counted.
        Masks have the two classes outside (0) and inside (1).
    classes : int, optional
        Number of classes; by default one more than the largest label that is counted.

    Returns
    -------
    ndarray of float64, (classes,)
        ``2 |T ∩ P| / (|T| + |P|)``: 1 for full agreement, 0 for none, NaN for a class that is in
        neither. (The means of `catomo evaluate` also leave out images in which the truth has
        no pixel of the class, as Genc et al., Sci Rep 12 (2022), did.)

    Raises
    ------
    ValueError
        If the shapes differ, or a label is neither a class nor, in the truth, 255.

    Examples
    --------
    >>> dice(np.array([0, 1, 1, 255]), np.array([0, 1, 0, 1]))
    array([0.66666667, 0.66666667])
    """
    truth, predicted = _as_labels(truth), _as_labels(predicted)
    _check_shapes(truth, predicted)
    if classes is None:
        counted = truth != IGNORE
        largest = max(int(labels[counted].max(initial=0)) for labels in (truth, predicted))
        classes = min(largest + 1, IGNORE)
    return _dice(confusion_matrix(truth, predicted, classes))


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count pixels by true class (rows) and predicted class (columns).

    Parameters
    ----------
    truth, predicted : ndarray of uint8
        Labels of the same shape. Pixels whose truth is 255 are not counted.
    classes : int
        Number of classes.

    Returns
    -------
    ndarray of int64, (classes, classes)

    Raises
    ------
    ValueError
        If the shapes differ, or a label is neither a class nor, in the truth, 255.
    """
    _check_shapes(truth, predicted)
    counts = np.bincount(
        (truth.astype(np.uint16) << 8 | predicted).ravel(), minlength=1 << 16
    ).reshape(256, 256)
    matrix = counts[:classes, :classes]
    if matrix.sum() != counts[:IGNORE].sum():
        raise ValueError(f"a label is neither below {classes} nor {IGNORE} in the truth")
    return matrix.astype(np.int64)


def overlap_scores(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Return precision, recall, DSC and IoU of each class of a confusion matrix.

    A class that is absent from the truth has no score (NaN): one false pixel would turn
    its DSC from undefined to 0. `evaluate` counts such images and their false area apart.
    A class present in the truth and never predicted has DSC 0 and no precision (NaN).

    Parameters
    ----------
    matrix : ndarray, (classes, classes)
        Rows truth, columns prediction.

    Returns
    -------
    dict of str to ndarray of float64, (classes,)
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    hit, true, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = {
            "precision": hit / predicted,
            "recall": hit / true,
            "dsc": _dice(matrix),
            "iou": hit / (true + predicted - hit),
        }
    return {name: np.where(true > 0, values, np.nan) for name, values in scores.items()}


def _dice(matrix: np.ndarray) -> np.ndarray:
    """Return the DSC of each class of a confusion matrix; NaN for a class in neither."""
    matrix = np.asarray(matrix, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return 2 * np.diag(matrix) / (matrix.sum(axis=1) + matrix.sum(axis=0))


def _check_shapes(truth: np.ndarray, predicted: np.ndarray) -> None:
    if truth.shape != predicted.shape:
        raise ValueError(f"truth {truth.shape} and prediction {predicted.shape} differ in shape")


def _as_labels(values: np.ndarray) -> np.ndarray:
    """Return integer labels or a mask as uint8."""
    values = np.asarray(values)
    outside = values.size and (values.min() < 0 or values.max() > IGNORE)
    if values.dtype.kind not in "bui" or outside:
        raise ValueError(f"labels are {values.dtype}, expected integers from 0 to {IGNORE} or bool")
    return values.astype(np.uint8)
