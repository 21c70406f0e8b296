"""The form of a quantity, and the interval of particles as a sample."""

import numpy as np
import pytest

from catomo.surfaces.quantity import of_a_model, of_share, quantity, ratio_of, resampled


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(60):
        values = rng.normal(3, 1, 40)
        low, high = resampled(ratio_of(values, np.ones(40)), 40)
        assert high - low == pytest.approx(2 * 1.96 / np.sqrt(40), rel=0.5)
        covered += low <= 3 <= high
    assert covered >= 52


def test_few_particles_give_a_wide_interval_that_covers():
    rng = np.random.default_rng(6)
    samples = rng.normal(3, 1, (80, 5))
    ends = [resampled(ratio_of(values, np.ones(5)), 5) for values in samples]
    assert sum(low <= 3 <= high for low, high in ends) >= 72


def test_four_particles_are_no_sample():
    assert resampled(ratio_of(np.ones(4), np.ones(4)), 4) == (None, None)
    assert resampled(ratio_of(np.zeros(6), np.zeros(6)), 6) == (None, None)


def test_a_share_of_none_may_be_some_in_the_material():
    """By hand: the end is z² / (n + z²)."""
    none = np.zeros(12, bool)
    assert of_share(np.ones(12), none) == pytest.approx((0, 3.8416 / 15.8416))
    assert of_share(np.ones(12), ~none) == pytest.approx((12 / 15.8416, 1))
    assert of_share(np.full(12, 0.5), none) == of_share(np.ones(12), none)
    assert of_share(np.ones(1), none[:1]) == (None, None)


def test_the_interval_of_a_share_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(7)
    drawn = rng.random((400, 25)) < 0.1
    ends = [of_share(np.ones(25), one) for one in drawn]
    assert 0.91 <= np.mean([low <= 0.1 <= high for low, high in ends]) <= 0.99


def test_it_is_the_same_every_time_and_for_any_number_of_particles():
    values = np.random.default_rng(1).random(5000)
    one, other = (resampled(ratio_of(values, np.ones(5000)), 5000) for _ in range(2))
    assert one == other


def test_of_a_model_only_volumes_keep_their_interval():
    words = "voxels counted; and so on; low and high: half a voxel"
    numbers = {key: quantity(1.0, "nm³", words, (0.5, 2.0)) for key in ("pt_volume", "pt_area")}
    result = of_a_model(numbers, "as asked")
    assert (result["pt_volume"]["low"], result["pt_volume"]["high"]) == (0.5, 2.0)
    assert result["pt_volume"]["method"] == (
        f"{words}, which is assumed (it held in 39 of 40 volumes of phantoms): how wrong the "
        "labels of the model are is not known, as asked"
    )
    assert result["pt_area"]["low"] is result["pt_area"]["high"] is None
    assert result["pt_area"]["method"] == (
        "voxels counted; and so on; "
        "no low and high: how wrong the labels of the model are is not known, as asked"
    )


def test_a_class_that_a_model_finds_nowhere_has_no_boundary_to_move():
    empty = quantity(0.0, "nm³", "no voxel is labelled pt", (0.0, None))
    found = of_a_model({"pt_volume": empty}, "as asked")["pt_volume"]
    assert (found["value"], found["low"], found["high"]) == (0.0, None, None)
    assert found["method"] == (
        "no voxel is labelled pt; "
        "no low and high: how wrong the labels of the model are is not known, as asked"
    )
