"""The confusion matrix and what follows from it, counted by hand."""

import numpy as np
import pytest

from catomo.labels.overlap import confusion_matrix, dice, overlap_scores


def test_confusion_matrix_counts_by_hand_and_leaves_out_255():
    truth = np.array([[0, 1, 1, 2, 255, 255]], dtype=np.uint8)
    found = np.array([[0, 1, 2, 2, 0, 2]], dtype=np.uint8)
    assert confusion_matrix(truth, found, 3).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]


@pytest.mark.parametrize(("truth", "found"), [(3, 0), (0, 3), (0, 255)])
def test_confusion_matrix_refuses_labels_that_are_no_class(truth, found):
    with pytest.raises(ValueError, match="neither below 3"):
        confusion_matrix(np.full((2, 2), truth, np.uint8), np.full((2, 2), found, np.uint8), 3)


def test_scores_of_a_square_shifted_by_half():
    matrix = np.array([[0, 50], [50, 50]])
    scores = overlap_scores(matrix)
    assert [scores[k][1] for k in ("precision", "recall", "dsc", "iou")] == [0.5, 0.5, 0.5, 1 / 3]


def test_absent_classes_have_no_score_and_missed_ones_score_zero():
    never_there = overlap_scores(np.array([[90, 10], [0, 0]]))
    assert all(np.isnan(values[1]) for values in never_there.values())
    never_found = overlap_scores(np.array([[90, 0], [10, 0]]))
    assert never_found["dsc"][1] == never_found["recall"][1] == never_found["iou"][1] == 0
    assert np.isnan(never_found["precision"][1])


def test_dice_counts_by_hand_and_leaves_out_255():
    truth = np.array([[0, 1, 1, 1], [2, 2, 255, 255]], np.uint8)
    found = np.array([[0, 1, 1, 0], [2, 0, 2, 0]], np.uint8)
    assert dice(truth, found).tolist() == [2 / 4, 2 * 2 / 5, 2 / 3]
    assert dice(truth, found)[1] == overlap_scores(confusion_matrix(truth, found, 3))["dsc"][1]


def test_dice_of_masks_and_of_volumes_is_symmetric():
    one, other = np.zeros((2, 6, 8, 10), bool)
    one[1:5, 2:6, 2:6], other[1:5, 2:6, 4:8] = True, True
    assert dice(one, other)[1] == 0.5
    assert np.array_equal(dice(one, other), dice(other, one))
    assert dice(one, one).tolist() == [1, 1]


def test_dice_of_a_class_in_neither_is_nan_and_in_one_only_is_zero():
    truth, found = np.zeros((2, 4, 4), np.uint8)
    found[0, 0] = 1
    scores = dice(truth, found, classes=3)
    assert scores[1] == 0
    assert np.isnan(scores[2])
    assert dice(truth, truth).tolist() == [1]


def test_dice_refuses_what_are_no_labels():
    labels = np.zeros((3, 4), np.uint8)
    with pytest.raises(ValueError, match="differ in shape"):
        dice(labels, labels.T)
    for wrong in (labels + 0.5, labels - np.int64(1), labels + np.int64(256)):
        with pytest.raises(ValueError, match="expected integers from 0 to 255 or bool"):
            dice(labels, wrong)
    with pytest.raises(ValueError, match="a label is neither below"):
        dice(labels, labels + 255)
