"""Residual and mass of every tilt where both are known."""

import numpy as np
import pytest

from catomo.projection.iteration import UNMEASURED
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.tilt_sums import TiltSums, fit_of

TILT = np.arange(-68.0, 69, 4)


@pytest.fixture(scope="module")
def exact():
    projector = ShearProjector(TILT, (40, 64), 64)
    slab = np.zeros((6, 40, 64), np.float32)
    slab[:, 14:26, 20:44] = np.random.default_rng(1).random((6, 12, 24))
    return projector.forward(slab), slab


def sums_of(measured, projected, slab, slabs=(slice(None),)):
    sums = TiltSums(TILT)
    for part in slabs:
        sums.add(fit_of(measured[part], projected[part], slab[part]))
    return sums


def test_exact_projections_leave_nothing_and_weigh_as_much_as_the_volume(exact):
    projected, slab = exact
    sums = sums_of(projected, projected, slab)
    assert sums.residual() == 0
    assert sums.residual_by_tilt() == [0] * len(TILT)
    balance = sums.mass_balance()
    np.testing.assert_allclose(balance["by_tilt"], 1, rtol=2e-6)
    assert balance["seen"] == pytest.approx(1, rel=2e-6)
    assert max(balance["spread"], abs(balance["drift"]), abs(balance["bow"])) < 1e-6


def test_the_residual_of_a_tilt_is_its_own_error(exact):
    projected, slab = exact
    measured = projected.copy()
    measured[:, 5] *= 2
    residual = sums_of(measured, projected, slab).residual_by_tilt()
    assert residual[5] == pytest.approx(0.5)
    assert max(residual[:5] + residual[6:]) == 0


def test_negative_values_count_in_the_mass_but_not_in_the_residual(exact):
    projected, slab = exact
    noise = np.random.default_rng(2).standard_normal(projected.shape).astype(np.float32)
    sums = sums_of(projected + noise, projected, slab)
    np.testing.assert_allclose(sums.mass_balance()["by_tilt"], 1, atol=0.06)
    clipped = np.maximum(projected + noise, 0)
    wanted = np.linalg.norm(projected - clipped) / np.linalg.norm(clipped)
    assert sums.residual() == pytest.approx(wanted, rel=1e-6)


def test_drift_background_and_a_cut_specimen_are_told_apart(exact):
    projected, slab = exact
    along = (TILT / 68)[:, None]
    drift = sums_of(projected * (1 + 0.05 * along), projected, slab).mass_balance()
    assert drift["drift"] == pytest.approx(0.1, rel=1e-4)
    assert drift["bow"] == pytest.approx(0, abs=1e-5)
    bow = sums_of(projected * (1 + 0.1 * along**2), projected, slab).mass_balance()
    assert bow["drift"] == pytest.approx(0, abs=1e-5)
    assert bow["bow"] == pytest.approx(0.1, rel=0.05)
    narrow = ShearProjector(TILT, (40, 64), 16).forward(slab)
    cut = sums_of(narrow, narrow, slab).mass_balance()
    assert cut["seen"] < 0.9
    assert cut["spread"] == 0


def test_slabs_add_up_to_the_whole(exact):
    projected, slab = exact
    measured = projected * np.float32(1.1)
    whole = sums_of(measured, projected, slab)
    parts = sums_of(measured, projected, slab, (slice(0, 4), slice(4, 6)))
    np.testing.assert_allclose(parts.residual_by_tilt(), whole.residual_by_tilt(), rtol=1e-12)
    assert parts.residual() == pytest.approx(whole.residual(), rel=1e-12)
    for name, value in whole.mass_balance().items():
        np.testing.assert_allclose(parts.mass_balance()[name], value, rtol=1e-6, atol=1e-6)


def test_empty_data_have_no_figures_and_raise_nothing():
    nothing = np.zeros((2, len(TILT), 16), np.float32)
    sums = sums_of(nothing, nothing, np.zeros((2, 8, 16), np.float32))
    assert np.isnan(sums.residual())
    assert np.isnan(sums.mass_balance()["drift"])


def test_what_was_not_measured_is_in_none_of_the_sums(exact):
    projected, slab = exact
    measured = 2 * projected
    measured[:, 5] = UNMEASURED
    measured[:, :, 30:34] = UNMEASURED
    sums = sums_of(measured, projected, slab)
    assert sums.residual() == pytest.approx(0.5)
    balance = sums.mass_balance()
    assert np.isfinite(sums.residual_by_tilt()[:5]).all()
    assert balance["by_tilt"][5] == 0
    assert max(balance["by_tilt"]) < 2 - 4 / 64
