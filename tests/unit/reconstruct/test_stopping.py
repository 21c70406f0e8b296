"""Convergence is watched iteration by iteration, and each rule stops where it says."""

import numpy as np
import pytest

from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.stopping import Convergence

TILT = np.arange(-68, 69, 4)
SHAPE = (32, 40)
GAIN = 20.0


@pytest.fixture(scope="module")
def projector():
    return ShearProjector(TILT, SHAPE, 40)


@pytest.fixture(scope="module")
def data(projector):
    image = np.zeros((2, *SHAPE), np.float32)
    image[:, 12:20, 8:30] = 1
    image[1, 13:16, 20:23] = 15
    noise = np.random.default_rng(1).poisson(GAIN * projector.forward(image))
    return (noise / GAIN).astype(np.float32)


def watch(projector, data, iterations, *rule, **noise):
    watched = Convergence(projector, data, *rule, **noise)
    MaximumLikelihood(projector, iterations)(data, watched)
    return watched


def test_a_count_goes_to_the_end_with_its_curves(projector, data):
    watched = watch(projector, data, 12)
    assert (watched.iterations, watched.reason) == (12, "iterations")
    assert set(watched.curves) == {"change", "residual", "log_likelihood"}
    assert np.all(np.diff(watched.curves["residual"]) < 0)
    assert np.all(np.diff(watched.curves["log_likelihood"]) > 0)
    assert np.isnan(watched.curves["change"][0])


def test_a_small_change_stops(projector, data):
    watched = watch(projector, data, 200, "change", 0.03)
    assert watched.reason == "change"
    assert watched.curves["change"][-1] < 0.03 <= watched.curves["change"][-2]


def test_chi2_stops_where_the_noise_begins(projector, data):
    watched = watch(projector, data, 200, "chi2", counts_per_unit=GAIN)
    assert watched.reason == "chi2"
    assert watched.curves["chi2"][-1] <= 1 < watched.curves["chi2"][-2]
    assert 2 < watched.iterations < 100
    louder = watch(projector, data, 200, "chi2", counts_per_unit=GAIN, read_noise=3.0)
    assert louder.iterations < watched.iterations


def test_a_limit_never_reached_is_a_count(projector, data):
    watched = watch(projector, data, 5, "change", 1e-9)
    assert (watched.iterations, watched.reason) == (5, "iterations")
