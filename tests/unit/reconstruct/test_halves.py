"""The correlation of halves where signal and noise are known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.halves import half_correlation

TILT = np.arange(-68.0, 69, 4)


def signal_and_noise(snr, shape=(24, 96, 128), seed=0):
    """Two halves of one white signal in white noise of their own."""
    rng = np.random.default_rng(seed)
    signal, first, second = rng.standard_normal((3, *shape))
    return snr**0.5 * signal + first, snr**0.5 * signal + second


def test_identical_halves_correlate_fully_at_any_scale():
    one, _ = signal_and_noise(1, (3, 64, 80))
    found = half_correlation(one, 3 * one, 0.5)
    for name in ("all", "x", "z"):
        np.testing.assert_allclose(found[name]["curve"], 1, rtol=1e-12)
        assert found[name]["resolution_nm"] == {"0.5": 1.0, "0.143": 1.0}


def test_independent_noise_does_not_correlate():
    found = half_correlation(*signal_and_noise(0), 1.0)
    assert np.abs(found["all"]["curve"]).max() < 0.1
    assert np.isnan(found["all"]["resolution_nm"]["0.5"])


@pytest.mark.parametrize("snr", [0.3, 1.0, 3.0])
def test_white_signal_in_white_noise_correlates_by_its_snr(snr):
    curve = half_correlation(*signal_and_noise(snr), 1.0)["all"]["curve"]
    np.testing.assert_allclose(curve, snr / (1 + snr), atol=0.08)
    assert np.mean(curve[3:]) == pytest.approx(snr / (1 + snr), abs=0.01)


def test_resolution_is_where_signal_of_a_known_spectrum_meets_the_noise():
    rng = np.random.default_rng(3)
    blur = 1.5
    signal = gaussian_filter(rng.standard_normal((24, 128, 160)), (0, blur, blur), mode="wrap")
    first, second = 0.05 * rng.standard_normal((2, *signal.shape))
    found = half_correlation(signal + first, signal + second, 0.4)["all"]
    frequency = np.array(half_correlation(signal, signal, 0.4)["frequency_per_nm"])
    snr = np.exp(-((2 * np.pi * frequency * 0.4 * blur) ** 2)) / 0.05**2
    np.testing.assert_allclose(found["curve"], snr / (1 + snr), atol=0.08)
    for level in (0.5, 0.143):
        # Where SNR / (1 + SNR) is the level.
        wanted = 2 * np.pi * 0.4 * blur / np.sqrt(np.log((1 - level) / level / 0.05**2))
        assert found["resolution_nm"][str(level)] == pytest.approx(wanted, rel=0.03)


def test_directions_are_told_apart():
    rng = np.random.default_rng(4)
    signal = gaussian_filter(rng.standard_normal((16, 128, 128)), (0, 3, 0.8), mode="wrap")
    first, second = 0.05 * rng.standard_normal((2, *signal.shape))
    found = half_correlation(signal + first, signal + second, 1.0)
    x, z = (found[name]["resolution_nm"]["0.5"] for name in "xz")
    assert z > 1.5 * x


def test_a_missing_wedge_costs_resolution_along_z():
    projector = ShearProjector(TILT, (64, 64), 64)
    rng = np.random.default_rng(5)
    image = np.zeros((4, 64, 64), np.float32)
    inside = image[:, 20:44, 14:50]
    inside[:] = gaussian_filter(rng.random(inside.shape), (0, 1, 1)) > 0.5
    counts = rng.poisson(30 * projector.forward(image)).astype(np.float32)
    halves = [
        MaximumLikelihood(projector.subset(half, 2), 20)(counts[:, half::2]) for half in (0, 1)
    ]
    found = half_correlation(*halves, 1.0)
    assert found["z"]["resolution_nm"]["0.5"] > 1.2 * found["x"]["resolution_nm"]["0.5"]
