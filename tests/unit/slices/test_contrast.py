"""The contrast rule: it can be inverted, and follows its percentiles."""

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.slices import contrast
from catomo.slices.contrast import export_slices
from catomo.slices.settings import Slices


@pytest.fixture(scope="module")
def volume():
    values = np.zeros((12, 20, 24))
    values[3:10, 6:14, 4:20] = 1
    values[4:7, 7:10, 6:9] = 19.5
    return (values + np.random.default_rng(1).gamma(1, 0.02, values.shape)).astype(np.float32)


def levels_of(volume, settings):
    return contrast.levels_of(volume.__getitem__, volume.shape, volume.dtype, settings, "volume")


def test_contrast_can_be_undone(volume):
    settings = Slices(low_percentile=0, high_percentile=100, gamma=0.5)
    rule = contrast.levels_of(
        volume.__getitem__, volume.shape, volume.dtype, settings, "volume"
    ).contrast
    again = contrast.Contrast(**rule.record())
    greys = again.greys(volume)
    # Half a step of the square-root scale: 2 · sqrt(v / high) · high / 255 / 2.
    step = np.sqrt(volume.astype(float) / rule.high) * rule.high / 255 + rule.high / 255**2
    assert np.all(np.abs(again.values(greys) - volume) <= step)
    assert greys.min() == 0
    assert greys.max() == 255


def test_a_volume_without_anything_in_it_is_refused():
    for value, words in ((3.0, "all values are 3"), (np.nan, "not finite")):
        flat = np.full((4, 4), value, np.float32)
        with pytest.raises(UserError, match=words):
            export_slices(np.stack([flat] * 4))


def test_a_ramp_follows_the_power_law():
    ramp = np.linspace(-3, 7, 1001, dtype=np.float32).reshape(1, 7, 143)
    greys = export_slices(ramp, 0, 100, 0.5)
    share = np.linspace(0, 1, 1001).reshape(1, 7, 143)
    assert greys.dtype == np.uint8
    assert np.abs(greys - 255 * np.sqrt(share)).max() <= 0.5 + 1e-3
    linear = export_slices(ramp, 10, 90, 1.0)
    assert np.count_nonzero(linear == 0) == pytest.approx(101, abs=3)
    assert np.count_nonzero(linear == 255) == pytest.approx(101, abs=3)


def test_8_bit_volumes_are_kept():
    greys = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(export_slices(greys), greys)


def test_its_defaults_are_those_of_the_stage(volume):
    settings = Slices()
    np.testing.assert_array_equal(
        export_slices(volume),
        export_slices(volume, settings.low_percentile, settings.high_percentile, settings.gamma),
    )


def test_arguments_that_do_not_fit_are_refused(volume):
    with pytest.raises(ValueError, match="found 2 axes, expected three"):
        export_slices(volume[0])
    with pytest.raises(ValueError, match="low_percentile must be below high_percentile"):
        export_slices(volume, 60, 40)
