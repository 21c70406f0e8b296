"""Quality figures measured where the answer is known: blur, noise, mass, missing wedge."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.quality import (
    TiltSums,
    edge_width,
    half_correlation,
    support_depth,
    support_extent,
)

TILT = np.arange(-68.0, 69, 4)
TURNED_DEG = [2, 5, 8, 14]


def plates(blur_z=0.0, blur_x=0.0, pt=0.0, shape=(160, 240), fold=4):
    """Plates, turned a little, with a particle on a face, blurred before they meet pixels."""
    z, x = np.mgrid[: shape[0] * fold, : shape[1] * fold] / fold
    z, x = z - shape[0] / 2, x - shape[1] / 2
    out = []
    for angle in np.radians(TURNED_DEG):
        u, v = x * np.cos(angle) + z * np.sin(angle), z * np.cos(angle) - x * np.sin(angle)
        fine = ((np.abs(u) < 60) & (np.abs(v) < 35)).astype(np.float32)
        if pt:
            fine[(u - 20) ** 2 + (v - 36) ** 2 < 25] = pt
        fine = gaussian_filter(fine, (blur_z * fold, blur_x * fold))
        out.append(fine.reshape(shape[0], fold, shape[1], fold).mean(axis=(1, 3)))
    return np.array(out)


def signal_and_noise(snr, shape=(24, 96, 128), seed=0):
    """Two halves of one white signal in white noise of their own."""
    rng = np.random.default_rng(seed)
    signal, first, second = rng.standard_normal((3, *shape))
    return snr**0.5 * signal + first, snr**0.5 * signal + second


# --- residual and mass -----------------------------------------------------------------


@pytest.fixture(scope="module")
def exact():
    projector = ShearProjector(TILT, (40, 64), 64)
    slab = np.zeros((6, 40, 64), np.float32)
    slab[:, 14:26, 20:44] = np.random.default_rng(1).random((6, 12, 24))
    return projector.forward(slab), slab


def sums_of(measured, projected, slab, slabs=(slice(None),)):
    sums = TiltSums(TILT)
    for part in slabs:
        sums.add(measured[part], projected[part], slab[part])
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


# --- correlation of halves ---------------------------------------------------------------


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


# --- edges ---------------------------------------------------------------------------------


@pytest.mark.parametrize("pt", [0, 20])
@pytest.mark.parametrize(("blur_z", "blur_x"), [(1, 1), (2, 2), (3, 1), (1, 2.5), (4, 1)])
def test_a_known_blur_is_found_in_each_direction(blur_z, blur_x, pt):
    found = edge_width(plates(blur_z, blur_x, pt), 0.5)
    turned = np.mean(np.sin(np.radians(TURNED_DEG)) ** 2)
    for name, blur, other in (("x", blur_x, blur_z), ("z", blur_z, blur_x)):
        # Along the normal of a turned edge both blurs meet; and the pixel belongs to the edge.
        wanted = 0.5 * np.sqrt((1 - turned) * blur**2 + turned * other**2 + 1 / 12)
        assert found[name]["sigma_nm"] == pytest.approx(wanted, rel=0.025)
        assert found[name]["rise_nm"] == pytest.approx(2.5631 * found[name]["sigma_nm"], rel=1e-3)
        assert found[name]["edges"] > 300
    assert found["elongation"] == found["z"]["sigma_nm"] / found["x"]["sigma_nm"]


def test_noise_changes_the_width_little():
    noise = np.random.default_rng(6).standard_normal((4, 160, 240))
    found = edge_width(plates(2, 1) + 0.2 * noise, 1.0)
    assert found["x"]["sigma_nm"] == pytest.approx(1.04, rel=0.1)
    assert found["z"]["sigma_nm"] == pytest.approx(2.02, rel=0.1)


def test_a_sharp_edge_is_as_wide_as_a_pixel():
    found = edge_width(plates(), 1.0)
    assert found["x"]["sigma_nm"] == pytest.approx(12**-0.5, rel=0.3)
    assert found["z"]["sigma_nm"] == pytest.approx(12**-0.5, rel=0.3)


@pytest.mark.parametrize("content", [0.0, 1.0])
def test_without_edges_there_is_no_width(content):
    found = edge_width(np.full((2, 40, 50), content, np.float32), 1.0)
    assert found["x"]["edges"] == 0
    assert np.isnan(found["z"]["rise_nm"])
    assert np.isnan(found["elongation"])


def test_the_missing_wedge_is_seen_as_elongation():
    image = plates(0.7, 0.7).astype(np.float32)
    elongation = []
    for limit in (89, 68, 52):
        projector = ShearProjector(np.arange(-limit, limit + 1, 4.0), image.shape[1:], 240)
        found = MaximumLikelihood(projector, 10, 6)(projector.forward(image))
        elongation.append(edge_width(found, 1.0)["elongation"])
    assert elongation[0] < 1.35
    assert elongation[2] > 1.3 * elongation[1] > 5


# --- extent --------------------------------------------------------------------------------


@pytest.mark.parametrize("pt", [0, 20])
def test_the_extent_holds_the_specimen_and_little_more(pt):
    image = np.zeros((3, 100, 120))
    image[:, 40:72, 30:90] = 1
    if pt:
        image[1, 36:40, 50:54] = pt
    start, stop = support_extent(gaussian_filter(image, (0, 0.7, 0.7)))
    assert (32 if pt else 37) <= start <= (36 if pt else 40)
    assert 72 <= stop <= 75
    depth = support_depth(gaussian_filter(image, (0, 0.7, 0.7)))
    assert 2 * (72 - 50) + 2 * 3 <= depth <= 60  # the axis is in the middle, at 50


def test_the_extent_is_found_in_a_coarse_noisy_reconstruction():
    projector = ShearProjector(TILT, (64, 64), 64)
    image = np.zeros((4, 64, 64), np.float32)
    image[:, 24:38, 12:52] = 1
    counts = np.random.default_rng(7).poisson(20 * projector.forward(image))
    found = MaximumLikelihood(projector, 2, 7)(counts.astype(np.float32))
    start, stop = support_extent(found)
    assert 18 <= start <= 24
    assert 38 <= stop <= 44
    assert 2 * 12 <= support_depth(found) <= 40


def test_without_matter_all_is_kept():
    nothing = np.zeros((2, 30, 40), np.float32)
    assert support_extent(nothing) == (0, 30)
    assert support_depth(nothing) == 30
