"""What counts as near a boundary."""

import numpy as np

from catomo.labels.boundary import near_boundary


def test_the_boundary_is_three_pixels_wide_on_either_side_and_no_edge_of_annotation():
    labels = np.zeros((4, 20), np.uint8)
    labels[:, 10:] = 1
    labels[:, 17:] = 255
    assert np.flatnonzero(near_boundary(labels)[0]).tolist() == [7, 8, 9, 10, 11, 12]
