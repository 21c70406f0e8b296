"""Smoothing by blocks gives the coordinates of smoothing at once."""

import numpy as np
import pytest

from catomo.surfaces.contours import contour, field_of
from catomo.surfaces.smoothing import smoothed

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")


@pytest.mark.parametrize("block", [1, 3000, 20_000])
def test_blocks_change_no_coordinate(block):
    labels = (np.random.default_rng(1).random((70, 9, 10)) < 0.3).astype(np.uint8)
    labels[20:24] = 0
    found = contour(field_of(labels, 1), labels.shape, slice(0, 70))
    whole = smoothed(found.points, found.faces, 0.1)
    assert np.array_equal(smoothed(found.points, found.faces, 0.1, block), whole)
    assert not np.array_equal(whole, found.points)
