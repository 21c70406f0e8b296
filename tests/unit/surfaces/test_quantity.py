"""The form of a quantity, and the interval of particles as a sample."""

import numpy as np
import pytest

from catomo.surfaces.quantity import of_a_model, quantity, ratio_of, resampled


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(60):
        values = rng.normal(3, 1, 40)
        low, high = resampled(ratio_of(values, np.ones(40)), 40)
        assert high - low == pytest.approx(2 * 1.96 / np.sqrt(40), rel=0.5)
        covered += low <= 3 <= high
    assert covered >= 52


def test_one_particle_is_no_sample():
    assert resampled(ratio_of(np.ones(1), np.ones(1)), 1) == (None, None)
    assert resampled(ratio_of(np.zeros(3), np.zeros(3)), 3) == (None, None)


def test_it_is_the_same_every_time_and_for_any_number_of_particles():
    values = np.random.default_rng(1).random(5000)
    one, other = (resampled(ratio_of(values, np.ones(5000)), 5000) for _ in range(2))
    assert one == other


def test_of_a_model_only_volumes_keep_their_interval():
    words = "voxels counted; low and high: half a voxel; and so on"
    numbers = {key: quantity(1.0, "nm³", words, (0.5, 2.0)) for key in ("pt_volume", "pt_area")}
    result = of_a_model(numbers)
    assert result["pt_volume"] == numbers["pt_volume"]
    assert result["pt_area"]["low"] is result["pt_area"]["high"] is None
    assert result["pt_area"]["method"] == (
        "voxels counted; and so on; "
        "no low and high: how wrong the labels of the model are is not known"
    )
