"""SIRT falls towards the data, is never negative, and shares the loop's guards."""

from functools import partial

import numpy as np
import pytest

from projectors import OWN, projector_of, sirt

TILT = np.arange(-68, 69, 4)
SHAPE = (32, 40)


@pytest.fixture(params=OWN)
def make(request):
    return partial(projector_of, request.param, request)


def test_the_weighted_residual_falls_and_the_object_appears(make):
    image = np.zeros((1, *SHAPE), np.float32)
    image[0, 14:18, 12:28] = 3
    projector = make(TILT, SHAPE, 40)
    data, residuals = projector.forward(image), []
    solve = sirt(projector, 60)
    path = projector.forward(np.ones((1, *SHAPE), np.float32))[0]
    weights = np.where(path > 0, 1 / np.where(path > 0, path, 1), 0)

    def watch(found):
        residuals.append(np.sum(weights * (projector.forward(found) - data)[0] ** 2))

    found = solve(data, watch)
    assert np.all(np.diff(residuals) < 0)
    assert found.min() >= 0
    assert np.corrcoef(found.ravel(), image.ravel())[0, 1] > 0.85


def test_nothing_gives_nothing(make):
    data = np.zeros((2, len(TILT), 40), np.float32)
    data[0] = -1
    np.testing.assert_array_equal(sirt(make(TILT, SHAPE, 40), 5)(data), 0)
