"""Calibration: closed forms, streaming by adding, temperature put on and taken off."""

import numpy as np
import pytest

from catomo.evaluate.calibration import (
    expected_calibration_error,
    reliability,
    risk_coverage,
    tally,
    without_temperature,
)
from catomo.network import temperature as of_network
from catomo.network.temperature import fit_temperature


def counted(*cells):
    """Return a histogram from (byte, wrong, right)."""
    counts = np.zeros((256, 2), np.int64)
    for level, wrong, right in cells:
        counts[level] = wrong, right
    return counts


def tempered(p, temperature):
    return of_network.tempered(np.float32(p), temperature).numpy()


def drawn(temperature, classes=3, seed=0):
    """Return probabilities that are true, the same too sure by `temperature`, and labels."""
    rng = np.random.default_rng(seed)
    p = tempered(rng.dirichlet(np.full(classes, 0.7), size=(300, 300)), 1.0)
    labels = (rng.random((300, 300, 1)) > p.cumsum(axis=-1)[..., :-1]).sum(axis=-1)
    return p, tempered(p, 1 / temperature), labels.astype(np.uint8)


def bytes_of(p):
    return p.argmax(axis=-1).astype(np.uint8), np.rint(255 * p.max(axis=-1)).astype(np.uint8)


def test_the_error_of_known_histograms():
    # 153 is 0.6: 100 pixels of which 60 are right; 204 is 0.8: of 100 half are right.
    assert expected_calibration_error(counted((153, 40, 60))) == pytest.approx(0, abs=1e-12)
    counts = counted((153, 40, 60), (204, 50, 50))
    assert expected_calibration_error(counts) == pytest.approx(0.15)
    assert expected_calibration_error(np.stack([counts, counts])) == pytest.approx(0.15)
    assert np.isnan(expected_calibration_error(np.zeros((256, 2))))
    # In one interval over- and underconfidence cancel; that is what many intervals are for.
    assert expected_calibration_error(counts, bins=1) == pytest.approx(0.15)
    opposed = counted((153, 20, 80), (204, 40, 60))
    assert expected_calibration_error(opposed, bins=1) == pytest.approx(0, abs=1e-12)
    assert expected_calibration_error(opposed, bins=15) == pytest.approx(0.2)


def test_reliability_has_every_byte_in_one_interval():
    table = reliability(np.ones((256, 2), np.int64))
    assert len(table["pixels"]) == 15
    assert sum(table["pixels"]) == 512
    assert table["accuracy"] == [0.5] * 15
    assert np.all(np.diff(table["confidence"]) > 0)
    empty = reliability(counted((255, 0, 7)))
    assert empty["pixels"] == [0] * 14 + [7]
    assert np.isnan(empty["accuracy"][0])
    assert (empty["confidence"][-1], empty["accuracy"][-1]) == (1, 1)


def test_tally_counts_each_annotated_pixel_once_and_boundaries_apart():
    truth = np.zeros((6, 20), np.uint8)
    truth[:, 10:] = 1
    truth[0] = 255
    predicted = np.ones((6, 20), np.uint8)
    confidence = np.full((6, 20), 200, np.uint8)
    counts = tally(predicted, confidence, truth, 3)
    assert counts.shape == (2, 3, 256, 2)
    assert counts[0, 1, 200].tolist() == [50, 50]
    assert counts[1, 1, 200].tolist() == [15, 15]  # three pixels on either side
    assert counts.sum() == 130


def test_histograms_of_parts_add_up_to_that_of_the_whole():
    _, p, truth = drawn(2.0)
    predicted, confidence = bytes_of(p)
    whole = tally(predicted, confidence, truth, 3)[0]
    parts = sum(
        tally(predicted[:, half], confidence[:, half], truth[:, half], 3)[0]
        for half in (slice(130), slice(130, None))
    )
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_the_fitted_temperature_makes_the_confidence_true(temperature):
    _, p, truth = drawn(temperature)
    fitted = fit_temperature([(p, truth)])
    assert fitted == pytest.approx(temperature, rel=0.03)
    before, after = (
        expected_calibration_error(tally(*bytes_of(tempered(p, t)), truth, 3)[1])
        for t in (1.0, fitted)
    )
    assert after < 0.012
    if temperature != 1:
        assert before > 0.08


def test_tempering_keeps_labels_and_sums_and_can_be_undone():
    true = tempered(np.maximum(drawn(1.0)[0], 1e-3), 1.0)
    sharp = tempered(true, 0.5)
    np.testing.assert_allclose(tempered(sharp, 2.0), true, rtol=1e-4)
    soft = tempered(sharp, 3.0)
    assert soft.dtype == np.float32
    np.testing.assert_allclose(soft.sum(axis=-1), 1, atol=1e-6)
    np.testing.assert_array_equal(soft.argmax(axis=-1), sharp.argmax(axis=-1))
    assert np.isfinite(tempered(np.float32([1, 0, 0]), 0.1)).all()


def test_the_temperature_is_taken_off_the_bytes_of_two_classes():
    _, p, truth = drawn(1.8, classes=2)
    warm, plain = (tally(*bytes_of(tempered(p, t)), truth, 2) for t in (1.8, 1.0))
    off = without_temperature(warm, 1.8)
    assert off.sum() == warm.sum()
    errors = [expected_calibration_error(counts[0]) for counts in (off, plain)]
    assert errors[0] == pytest.approx(errors[1], abs=0.003)
    np.testing.assert_array_equal(without_temperature(warm, 1.0), warm)


def test_risk_and_coverage_of_known_histograms():
    curve = risk_coverage(counted((255, 0, 50), (128, 25, 25)))
    assert curve["coverage"] == [0.5, 1.0]
    assert curve["risk"] == [0.0, 0.25]
    assert curve["area"] == pytest.approx(0.0625)
    flat = risk_coverage(counted((255, 25, 75)))
    assert flat["area"] == pytest.approx(0.25)  # nothing to rank by
    assert curve["best_area"] == pytest.approx(flat["best_area"]) == pytest.approx(0.0342, abs=1e-4)
    assert risk_coverage(np.zeros((256, 2), np.int64))["coverage"] == []
    assert risk_coverage(counted((255, 3, 0)))["best_area"] == 1


def test_a_perfect_ranking_reaches_the_best_area():
    counts = np.zeros((256, 2), np.int64)
    counts[56:, 1] = 100
    counts[:56, 0] = 100
    curve = risk_coverage(counts)
    assert curve["area"] == pytest.approx(curve["best_area"], abs=1e-3)
