"""The fine part of a gain pattern: found where two opinions agree, and as far as it is known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.align.fine_gain import Opinion, agreement, fine_sigma, split

SHAPE = (60, 72)
EVEN = np.ones(SHAPE)


def opinions(truth, noise, seed=1):
    """Return two opinions of three eighths of all images each, and that of all of them."""
    rng = np.random.default_rng(seed)
    errors = rng.normal(0, noise, (3, *SHAPE))
    errors[2] = 3 / 8 * (errors[0] + errors[1]) + 0.25 * 1.5**0.5 * errors[2]
    return [Opinion(truth + error, EVEN) for error in errors]


def pixels(sigma):
    return np.random.default_rng(2).normal(0, sigma, SHAPE)


def test_a_pattern_of_pixels_is_found_in_twice_its_noise():
    one, other, _ = opinions(pixels(0.05), 0.1)
    assert fine_sigma(one, other) == pytest.approx(0.05, abs=0.01)


def test_what_varies_over_several_pixels_is_not_the_detectors():
    coarse = gaussian_filter(pixels(1.0), 4)
    coarse *= 0.1 / coarse.std()
    one, other, everything = opinions(coarse, 0.02)
    assert fine_sigma(one, other) is None
    fine, left = split(one, other, everything)
    assert fine.std() < 0.1 * coarse.std()
    assert (left - coarse).std() < 0.25 * coarse.std()


def test_opinions_without_anything_in_common_and_weak_patterns_are_none():
    one, other, _ = opinions(np.zeros(SHAPE), 0.1)
    assert fine_sigma(one, other) is None
    one, other, _ = opinions(pixels(0.01), 0.01)
    assert fine_sigma(one, other) is None


def test_as_much_of_pixels_is_taken_as_is_known():
    """Wiener's filter: a pattern s in noise n leaves s·n / √(s² + n²)."""
    truth = pixels(0.05)
    fine, _ = split(*opinions(truth, 0.1))
    noise = 0.1 * (3 / 8) ** 0.5
    best = 0.05 * noise / np.hypot(0.05, noise)
    assert (fine - truth).std() == pytest.approx(best, rel=0.05)


def test_columns_are_known_better_than_pixels():
    truth = np.zeros(SHAPE) + np.random.default_rng(3).normal(0, 0.05, SHAPE[1])
    one, other, everything = opinions(truth, 0.1)
    assert fine_sigma(one, other) == pytest.approx(0.05, abs=0.01)
    fine, _ = split(one, other, everything)
    assert (fine - truth).std() < 0.4 * 0.05


def test_agreement_is_correlation_and_shared_variance():
    one, other = np.array([1.0, -1, 1, -1]), np.array([2.0, -2, 2, 2])
    alike, shared = agreement(one, other, np.array([1.0, 1, 1, 0]))
    assert (alike, shared) == (pytest.approx(1), pytest.approx(2))
