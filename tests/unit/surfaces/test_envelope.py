"""The global envelope test: uniform p where the null model is true, small p where it is not."""

import numpy as np
import pytest
from scipy.stats import kstest

from catomo.surfaces.envelope import envelope_test


def walks(rng, count):
    return rng.standard_normal((count, 12)).cumsum(axis=1)


def test_p_is_uniform_where_the_null_model_is_true():
    rng = np.random.default_rng(3)
    found = [envelope_test(walks(rng, 1)[0], walks(rng, 199)).p for _ in range(200)]
    assert kstest(found, "uniform").pvalue > 0.05


def test_a_curve_that_leaves_is_rejected_and_the_envelope_shows_where():
    rng = np.random.default_rng(4)
    drawn = rng.standard_normal((999, 20))
    observed = np.zeros(20)
    observed[5:9] = 6.0
    found = envelope_test(observed, drawn)
    assert found.p == pytest.approx(0.001)
    outside = (observed < found.low) | (observed > found.high)
    assert np.flatnonzero(outside).tolist() == [5, 6, 7, 8]
    assert found.middle == pytest.approx(drawn.mean(axis=0))


def test_a_curve_in_the_middle_is_not_rejected():
    drawn = np.random.default_rng(5).standard_normal((99, 5))
    assert envelope_test(np.zeros(5), drawn).p > 0.9


def test_curves_that_are_all_alike_say_nothing():
    assert envelope_test(np.ones(4), np.ones((99, 4))).p == 1.0
