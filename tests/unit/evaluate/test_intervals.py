"""Means and their intervals, against tables, closed forms and simulation."""

import numpy as np
import pytest

from catomo.evaluate.intervals import mean_ci, mean_se


def test_means_leave_out_what_is_no_number():
    result = mean_ci([1.0, 2.0, 3.0, np.nan])
    half = 1.96 / np.sqrt(3)
    assert result == {
        "mean": 2.0,
        "ci95": pytest.approx(half, abs=1e-12),
        "low": pytest.approx(2 - half, abs=1e-12),
        "high": pytest.approx(2 + half, abs=1e-12),
        "median": 2.0,
        "n": 3,
    }
    one = mean_se([5.0])
    assert (one["mean"], one["median"], one["n"]) == (5.0, 5.0, 1)
    assert np.isnan(one["se"])
    assert mean_se(6 * [0.12])["se"] == 0


@pytest.mark.parametrize("interval", ["normal", "student", "bootstrap"])
def test_too_few_values_have_no_interval(interval):
    for values in ([], [np.nan], [0.5]):
        assert np.isnan(mean_ci(values, interval)["ci95"])
    assert np.isnan(mean_ci([1.0, 2.0], "bootstrap", [7, 7])["ci95"])  # one block


def test_student_is_wider_by_the_factor_of_the_table():
    values = np.random.default_rng(0).normal(size=14)
    factor = mean_ci(values, "student")["ci95"] / mean_ci(values)["ci95"]
    assert factor == pytest.approx(2.1604 / 1.96, abs=1e-4)  # t of 13 degrees of freedom


def test_bootstrap_of_many_independent_values_is_the_normal_interval():
    values = np.random.default_rng(1).normal(size=400)
    normal, bootstrap = mean_ci(values), mean_ci(values, "bootstrap")
    assert bootstrap["ci95"] == pytest.approx(normal["ci95"], rel=0.03)
    assert bootstrap == mean_ci(values, "bootstrap")


def test_repeated_neighbours_do_not_make_the_block_bootstrap_surer():
    once = np.random.default_rng(2).normal(size=40)
    thrice = np.repeat(once, 3)
    blocks = np.repeat(np.arange(40), 3)
    truth = mean_ci(once, "bootstrap")["ci95"]
    assert mean_ci(thrice, "bootstrap", blocks)["ci95"] == pytest.approx(truth, rel=0.03)
    assert mean_ci(thrice, "bootstrap")["ci95"] == pytest.approx(truth / np.sqrt(3), rel=0.05)


def test_an_unknown_interval_is_refused():
    with pytest.raises(ValueError, match="expected normal, student or bootstrap"):
        mean_ci([1.0, 2.0], "exact")
