"""The loop on a device gives what the loop on the CPU gives, and figures of its own are right."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.projection.iteration import UNMEASURED, solve_in_threads
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.projection.sirt import Sirt
from catomo.reconstruct.kernels import Kernels
from catomo.reconstruct.method import Method, TiltGeometry
from catomo.reconstruct.resident import DeviceProjector, Resident, gpu_bytes
from catomo.reconstruct.stopping import Convergence
from catomo.reconstruct.tilt_sums import fit_of
from projectors import DEVICES, device_of

TILT = np.arange(-70.0, 71, 2)
SHAPE, DETECTOR = (64, 128), 120


@pytest.fixture(scope="module")
def truth():
    """A tilted plate with pores and bright particles, blurred as by a probe, in three slices."""
    z, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    z, x = z - 31.5, x - 63.5
    truth = np.zeros((3, *SHAPE), np.float32)
    truth[:, (np.abs(z + 0.2 * x) < 12) & (np.abs(x) < 40)] = 1
    truth[1, (z - 4) ** 2 + (x + 20) ** 2 < 16] = 0
    truth[2, (z + 14) ** 2 + (x - 8) ** 2 < 9] = 15
    return gaussian_filter(truth, (0, 1, 1))


@pytest.fixture(scope="module")
def data(truth):
    return ShearProjector(TILT, SHAPE, DETECTOR).forward(truth)


@pytest.fixture(params=DEVICES)
def kernels(request):
    return Kernels(device_of(request.param, request), TILT, SHAPE, DETECTOR)


@pytest.mark.parametrize(
    "method",
    [
        Method("mlem", 10),
        Method("osem", 2, 5, 1.0),
        Method("osem", 5, 7, 1.0, 0.01),
        Method("osem", 5, 7, 1.0, 0.01, True),
    ],
    ids=["mlem", "osem", "tv", "tv across"],
)
def test_volumes_are_those_of_cpu_and_as_near_to_the_truth(kernels, method, data, truth):
    found = Resident(kernels, method)(data)
    shear = ShearProjector(TILT, SHAPE, DETECTOR)
    how = method.subsets, method.unit, method.tv, method.across
    own = solve_in_threads(MaximumLikelihood(shear, method.iterations, *how), data)
    assert np.linalg.norm(found - own) < 0.02 * np.linalg.norm(own)
    apart, apart_own = (np.linalg.norm(one - truth) for one in (found, own))
    assert apart < 1.01 * apart_own


@pytest.mark.parametrize(
    "method", [Method("osem", 5, 7, 1.0, 0.01), Method("sirt", 10, 1, 1.0)], ids=["osem", "sirt"]
)
def test_what_was_not_measured_has_no_weight_on_the_device_either(kernels, method, data, truth):
    known = np.random.default_rng(6).random(data.shape) > 0.2
    known[1, 20:30] = False
    gaps = np.where(known, data, UNMEASURED)
    found, fit = Resident(kernels, method).solve(gaps)
    shear = ShearProjector(TILT, SHAPE, DETECTOR)
    loop = (
        Sirt(shear, method.iterations, method.unit)
        if method.algorithm == "sirt"
        else MaximumLikelihood(shear, method.iterations, method.subsets, method.unit, method.tv)
    )
    own = solve_in_threads(loop, gaps)
    assert np.linalg.norm(found - own) < 0.04 * np.linalg.norm(own)
    filled = Resident(kernels, method)(np.where(known, data, 0))
    apart, apart_filled = (np.linalg.norm(one - truth) for one in (found, filled))
    assert apart < 0.95 * apart_filled
    wanted = fit_of(gaps, DeviceProjector(kernels).forward(found), found)
    for one, right in zip(fit, wanted, strict=True):
        np.testing.assert_allclose(one, right, rtol=1e-5, atol=1e-5 * np.abs(right).max())


def test_a_run_repeats_to_the_byte(kernels, data):
    solve = Resident(kernels, Method("osem", 3, 5, 1.0, 0.01))
    first = solve(data)
    np.testing.assert_array_equal(solve(data), first)
    np.testing.assert_array_equal(
        Resident(kernels, Method("osem", 3, 5, 1.0, 0.01))(data[1:2])[0], first[1]
    )


@pytest.mark.parametrize("unit", [None, 0.3])
def test_the_fit_is_that_of_the_slices_returned(kernels, data, unit):
    noisy = data + np.random.default_rng(3).normal(0, 2, data.shape).astype(np.float32)
    noisy[0] *= 100
    noisy = np.concatenate([noisy, -np.abs(noisy[:1])])  # and a slice without data
    images, fit = Resident(kernels, Method("mlem", 3, 1, unit)).solve(noisy)
    wanted = fit_of(noisy, DeviceProjector(kernels).forward(images), images)
    for found, right in zip(fit, wanted, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-5 * np.abs(right).max())


def test_what_is_not_finite_makes_its_sum_so(kernels, data):
    spoilt = data.copy()
    spoilt[1, 3, 50] = np.nan
    _, fit = Resident(kernels, Method("osem", 2, 3, 1.0, 0.01)).solve(spoilt)
    assert np.isfinite(fit.mass).tolist() == [True, False, True]


@pytest.mark.parametrize("gain", [None, 40.0])
@pytest.mark.parametrize("unit", [None, 0.3])
def test_the_stopping_figures_are_those_of_the_images(kernels, data, gain, unit):
    noisy = data + np.random.default_rng(4).normal(0, 1, data.shape).astype(np.float32)
    noisy[2] *= 10
    noisy[1:, 4:9, 30:50] = UNMEASURED
    solve = Resident(kernels, Method("osem", 4, 3, unit))
    here, there = (
        Convergence(DeviceProjector(kernels), noisy, "count", 0.01, gain, 3.0) for _ in range(2)
    )
    solve.converge(noisy, here)
    solve(noisy, there)
    assert here.curves.keys() == there.curves.keys()
    for name, curve in here.curves.items():
        assert len(curve) == 4
        np.testing.assert_allclose(curve, there.curves[name], rtol=2e-5, err_msg=name)


@pytest.mark.parametrize(("rule", "limit"), [("change", 0.2), ("chi2", 0.01)])
def test_the_device_stops_where_its_figures_say_so(kernels, data, rule, limit):
    noisy = data + np.random.default_rng(5).normal(0, 0.2, data.shape).astype(np.float32)
    convergence = Convergence(DeviceProjector(kernels), noisy, rule, limit, 2.0, 3.0)
    Resident(kernels, Method("mlem", 30)).converge(noisy, convergence)
    assert convergence.reason == rule
    assert 1 < convergence.iterations < 30


def test_the_memory_of_a_slab_is_that_of_its_arrays(host, monkeypatch):
    geometry = TiltGeometry(TILT, SHAPE, DETECTOR)
    taken = []
    empty = host.empty

    def counted(shape, dtype=np.float32):
        made = empty(shape, dtype)
        taken.append(made.nbytes)
        return made

    monkeypatch.setattr(host, "empty", counted)
    solve = Resident(Kernels(host, TILT, SHAPE, DETECTOR), Method("osem", 1, 5, 1.0))
    state = solve._start(*(np.ones(s, np.float32) for s in ((8, len(TILT), DETECTOR), 8, 8)))
    held = sum(a.nbytes for a in (state.images, state.spare, state.measured, state.work))
    assert held <= gpu_bytes(geometry, 8) < 1.5 * held
    assert gpu_bytes(geometry, 5) == gpu_bytes(geometry, 8)  # whole vectors
