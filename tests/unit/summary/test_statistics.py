"""Statistics over crystals, by hand and by closed forms."""

import math

import numpy as np
import pytest

from catomo.summary.statistics import differences_of, group_of, spread_of, standard_error


def test_a_group_by_hand():
    """2, 4, 6: mean 4, deviation 2; t of 2 degrees of freedom is 4.3027."""
    group = group_of("fresh", [2.0, 4.0, 6.0], [1.0, 1.0, 1.0])
    assert (group.n, group.mean, group.sd) == (3, 4.0, 2.0)
    half = 4.3026527 * 2 / math.sqrt(3)
    assert (group.low, group.high) == pytest.approx((4 - half, 4 + half), rel=1e-6)
    assert group.inside == 1.0
    assert group.apart == pytest.approx(math.sqrt(3))


def test_particles_that_leave_more_open_than_crystals_differ_leave_no_spread_between_them():
    assert group_of("a", [2.0, 4.0, 6.0], [5.0, 5.0, 5.0]).apart == 0.0


def test_the_spread_within_is_told_of_those_that_know_it_and_parted_only_if_all_do():
    group = group_of("a", [2.0, 4.0, 6.0], [3.0, None, 4.0])
    assert (group.inside, group.n_inside) == (pytest.approx(math.sqrt(12.5)), 2)
    assert group.apart is None
    assert group_of("a", [2.0, 4.0], [None, None]).inside is None


def test_one_crystal_has_no_spread_and_equal_values_have_no_interval():
    alone = group_of("a", [3.0], [0.5])
    assert (alone.n, alone.mean, alone.sd, alone.low, alone.high) == (1, 3.0, None, None, None)
    equal = group_of("a", [1.0, 1.0, 1.0], [None] * 3)
    assert (equal.sd, equal.low) == (0.0, None)


def test_a_95_percent_interval_of_a_normal_value_is_3_92_standard_errors_wide():
    assert standard_error(1.0, 4.92) == pytest.approx(1.0, rel=1e-4)
    assert standard_error(None, 2.0) is None


def test_within_and_between_by_hand():
    """Means 2 and 6, squares 2 + 2 within: MS within 1, between 24 by 1 of 3 crystals each."""
    spread = spread_of({"a": [1.0, 2.0, 3.0], "b": [5.0, 6.0, 7.0]})
    assert (spread.groups, spread.n) == (2, 6)
    assert spread.within == 1.0
    assert spread.between == pytest.approx(math.sqrt((24 - 1) / 3))


def test_groups_of_unlike_sizes_and_of_one_crystal_by_hand():
    """Sizes 3 and 1: the size that counts is 4 - 10/4 = 1.5; the single one has no spread."""
    spread = spread_of({"a": [1.0, 2.0, 3.0], "b": [6.0]})
    assert spread.within == 1.0
    assert spread.between == pytest.approx(math.sqrt((12 - 1) / 1.5))


def test_groups_that_do_not_differ_have_no_spread_between_them():
    assert spread_of({"a": [1.0, 3.0], "b": [1.0, 3.0]}).between == 0.0


@pytest.mark.parametrize("groups", [{}, {"a": [1.0, 2.0]}, {"a": [1.0], "b": [2.0]}])
def test_without_two_groups_and_two_crystals_in_one_there_is_nothing_to_part(groups):
    assert spread_of(groups) is None


def test_components_are_those_that_random_crystals_were_made_from():
    """400 groups of 4 crystals, spread 3 between groups and 1 within them."""
    draw = np.random.default_rng(5)
    groups = {str(g): draw.normal(draw.normal(10, 3), 1, 4).tolist() for g in range(400)}
    spread = spread_of(groups)
    assert spread.within == pytest.approx(1, rel=0.05)
    assert spread.between == pytest.approx(3, rel=0.1)


def test_a_difference_by_welch_by_hand():
    """Variances 1 and 4 of 3 crystals each: error √(5/3), degrees (5/3)² / (1/18 + 16/18)."""
    [found] = differences_of({"fresh": [1.0, 2.0, 3.0], "spent": [4.0, 6.0, 8.0]})
    assert (found.one, found.other, found.value, found.why) == ("fresh", "spent", -4.0, "")
    degrees = (5 / 3) ** 2 / (17 / 18)
    assert degrees == pytest.approx(2.9412, rel=1e-4)
    half = 3.218759 * math.sqrt(5 / 3)  # t of 2.9412 degrees of freedom
    assert (found.low, found.high) == pytest.approx((-4 - half, -4 + half), rel=1e-5)


def test_intervals_of_differences_cover_as_often_as_they_say():
    draw = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        groups = {"a": draw.normal(5, 1, 4), "b": draw.normal(3, 3, 6)}
        [found] = differences_of(groups)
        covered += found.low <= 2 <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_a_difference_with_a_single_crystal_says_so_and_equal_ones_too():
    single, equal = (
        differences_of({"a": [1.0], "b": [2.0, 3.0]}),
        differences_of({"a": [1.0, 1.0], "b": [2.0, 2.0]}),
    )
    assert (single[0].value, single[0].low) == (-1.5, None)
    assert single[0].why == "no interval: a has one crystal"
    assert (equal[0].value, equal[0].low) == (-1.0, None)
    assert "equal" in equal[0].why


def test_pairs_of_single_crystals_are_left_out():
    found = differences_of({"a": [1.0], "b": [2.0, 3.0], "c": [4.0]})
    assert [(d.one, d.other) for d in found] == [("a", "b"), ("b", "c")]


def test_values_that_differ_by_rounding_are_equal():
    shares = [0.3, 0.1 + 0.2, 0.3]
    assert group_of("a", shares, [None] * 3).low is None
    [found] = differences_of({"a": shares, "b": shares[::-1]})
    assert (found.value, found.low) == (0.0, None)


def test_one_group_of_equal_values_by_hand(recwarn):
    """The other's variance of 4 in 3 crystals alone: error √(4/3), 2 degrees of freedom."""
    [found] = differences_of({"a": [1.0, 1.0, 1.0], "b": [4.0, 6.0, 8.0]})
    half = 4.3026527 * math.sqrt(4 / 3)
    assert (found.low, found.high) == pytest.approx((-5 - half, -5 + half), rel=1e-5)
    assert not recwarn.list


def test_all_pairs_of_groups_are_compared_once():
    groups = {name: [1.0, 2.0] for name in "abcd"}
    assert [(d.one, d.other) for d in differences_of(groups)] == [
        ("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")
    ]  # fmt: skip
