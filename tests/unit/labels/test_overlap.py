"""The confusion matrix and what follows from it, counted by hand."""

import numpy as np
import pytest

from catomo.labels.overlap import confusion_matrix, overlap_scores


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
