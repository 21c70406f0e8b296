"""The contrast rule: it can be inverted, and follows its percentiles."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_in_one_of_many_slices_is_found(value):
    values = np.random.default_rng(0).gamma(1, 1, (150, 6, 6)).astype(np.float32)
    assert export_slices(values).shape == values.shape
    values[1, 3, 3] = value  # not among the slices that are sampled for the percentiles
    with pytest.raises(UserError, match="volume: holds values that are not finite"):
        export_slices(values)


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


def balls(count, seed=0):
    """A volume (y, z, x) of a support, 1.0, with balls on it, 20.0; its labels beside it."""
    rng = np.random.default_rng(seed)
    y, z, x = np.indices((40, 64, 64))
    labels = np.zeros(y.shape, np.uint8)
    labels[6:34, 20:44, 20:44] = 1
    for _ in range(count):
        c = rng.uniform((8, 22, 22), (32, 42, 42))
        labels[(y - c[0]) ** 2 + (z - c[1]) ** 2 + (x - c[2]) ** 2 <= rng.uniform(2, 3) ** 2] = 2
    volume = gaussian_filter(np.array([0, 1.0, 20.0])[labels], 0.7)
    noise = rng.normal(0, 0.1, volume.shape)
    return np.maximum(volume + noise, 0).astype(np.float32), labels


def test_white_follows_particles_that_the_percentile_leaves_out():
    """Two particles fill less than 0.1 % of the volume; white is not a value of the support."""
    volume, labels = balls(2)
    assert np.count_nonzero(labels == 2) < 1e-3 * volume.size
    found = levels_of(volume, Slices())
    assert 15 < found.contrast.high <= volume.max()
    assert "brightest matter" in found.contrast.rule
    assert levels_of(volume, Slices(high_percentile=99.9)).contrast.high < 6
    rich, _ = balls(30)
    # In float64 as the stage does: in float32 the place between two values is a rounded number too.
    exact = np.percentile(rich.astype(np.float64), 99.9)
    assert levels_of(rich, Slices()).contrast.high == pytest.approx(exact)
    spoilt = volume.copy()
    spoilt[3, 4, 5] = 1e6  # one pixel is no matter
    np.testing.assert_allclose(
        levels_of(spoilt, Slices()).contrast.high, found.contrast.high, rtol=1e-6
    )


def test_the_support_is_found_however_many_particles_it_carries():
    for count in (0, 2, 12, 40):
        found = levels_of(balls(count)[0], Slices())
        assert found.support == pytest.approx(1, abs=0.08)
        assert found.background == pytest.approx(0, abs=0.1)


def test_levels_can_be_set_by_hand():
    volume, _ = balls(0)
    found = levels_of(volume, Slices(background=0.0, support=2.5))
    assert (found.background, found.support) == (0.0, 2.5)
    assert levels_of(volume, Slices(support=2.5)).support == 2.5
    with pytest.raises(UserError, match=r"slices\.support is -3, not above the background"):
        levels_of(volume, Slices(support=-3.0))
    with pytest.raises(ValueError, match="support must be above background"):
        Slices(background=1.0, support=0.5)


def test_8_bit_volumes_have_levels_too():
    volume, _ = balls(12)
    greys = np.minimum(12 * volume, 255).astype(np.uint8)
    found = levels_of(greys, Slices())
    assert found.contrast.is_kept
    assert found.support == pytest.approx(12, abs=1.5)


@pytest.mark.parametrize(("factor", "offset"), [(1, 0), (0.3, 0), (3, -40)])
@pytest.mark.parametrize("count", [0, 2, 30])
def test_slices_like_those_of_another_volume_have_its_greys(count, factor, offset):
    """By the greys of the first volume, nothing of a bare support is as bright as a particle."""
    rich, labels = balls(12)
    learnt = export_slices(rich)
    threshold = (np.median(learnt[labels == 1]) + np.median(learnt[labels == 2])) / 2
    volume, truth = balls(count, seed=1)
    alike = export_slices(factor * volume + np.float32(offset), like=rich)
    assert np.median(alike[truth == 1]) == pytest.approx(np.median(learnt[labels == 1]), abs=4)
    found = np.count_nonzero(alike > threshold)
    known_scale = levels_of(rich, Slices()).contrast.greys(volume)
    assert found == pytest.approx(np.count_nonzero(known_scale > threshold), rel=0.05)
    if not count:
        assert np.count_nonzero(export_slices(volume) > threshold) > 0.2 * (truth == 1).sum()


@pytest.mark.parametrize("factor", [2.0**-7, 0.25, 2.0, 2.0**10])
def test_another_scale_of_the_values_changes_no_grey_that_a_model_sees(volume, factor):
    """Powers of two keep the bits of the values, so that labels, too, are the same bytes."""
    bare = np.minimum(volume, 1.1)
    shown = export_slices(bare, like=volume)
    np.testing.assert_array_equal(export_slices(np.float32(factor) * bare, like=volume), shown)
