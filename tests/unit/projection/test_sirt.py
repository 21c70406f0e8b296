"""SIRT falls towards the data, is never negative, and shares the loop's guards."""

import numpy as np

from catomo.projection.shear import ShearProjector
from catomo.projection.sirt import Sirt

TILT = np.arange(-68, 69, 4)
SHAPE = (32, 40)


def test_the_weighted_residual_falls_and_the_object_appears():
    image = np.zeros((1, *SHAPE), np.float32)
    image[0, 14:18, 12:28] = 3
    projector = ShearProjector(TILT, SHAPE, 40)
    data, residuals = projector.forward(image), []
    solve = Sirt(projector, 60)
    path = np.where(solve.weights > 0, solve.weights, 0)

    def watch(found):
        residuals.append(np.sum(path * (projector.forward(found) - data)[0] ** 2))

    found = solve(data, watch)
    assert np.all(np.diff(residuals) < 0)
    assert found.min() >= 0
    assert np.corrcoef(found.ravel(), image.ravel())[0, 1] > 0.85


def test_nothing_gives_nothing():
    data = np.zeros((2, len(TILT), 40), np.float32)
    data[0] = -1
    np.testing.assert_array_equal(Sirt(ShearProjector(TILT, SHAPE, 40), 5)(data), 0)
