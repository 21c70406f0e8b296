"""Binning: block means, with the rows and columns left over cut."""

import numpy as np

from catomo.projection.binning import binned


def test_blocks_are_averaged_and_left_overs_cut():
    image = np.arange(5 * 7, dtype=np.float32).reshape(5, 7)
    small = binned(image, 2)
    assert small.dtype == np.float64
    assert small.tolist() == [[4, 6, 8], [18, 20, 22]]
    assert np.array_equal(binned(image, 1), image)
