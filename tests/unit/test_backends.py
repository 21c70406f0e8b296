"""Backends agree, and say in one line when they cannot run."""

import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo import astra_backend, backends
from catomo.errors import UserError
from catomo.projector import ShearProjector

TILT = np.arange(-68.0, 69, 4)
SHAPE = (30, 44)


@pytest.fixture(scope="module")
def sinograms():
    image = np.zeros((3, *SHAPE), np.float32)
    image[:, 10:16, 8:30] = 1
    image[1, 11:14, 25:29] = 15
    image[2] = 0
    return ShearProjector(TILT, SHAPE, 44).forward(image)


def reconstruct(name, sinograms, subsets=1):
    solve = backends.make_solver(name, TILT, SHAPE, 44, 20, subsets)
    return solve(sinograms)


# TomoPy's rays have no width, which shows at the sharp edges of this object.
@pytest.mark.parametrize(("name", "likeness"), [("astra", 0.999), ("tomopy", 0.995)])
def test_backends_agree_with_cpu(name, likeness, sinograms):
    pytest.importorskip(name)
    found, own = reconstruct(name, sinograms), reconstruct("cpu", sinograms)
    assert np.corrcoef(found.ravel(), own.ravel())[0, 1] > likeness
    assert found.sum() == pytest.approx(own.sum(), rel=0.01)
    np.testing.assert_array_equal(found[2], 0)


def test_astra_runs_subsets(sinograms):
    pytest.importorskip("astra")
    found, own = reconstruct("astra", sinograms, 5), reconstruct("cpu", sinograms, 5)
    assert np.corrcoef(found.ravel(), own.ravel())[0, 1] > 0.995


def test_threads_do_not_change_a_byte(sinograms, monkeypatch):
    one_by_one = []
    for count in (1, 4):
        monkeypatch.setattr(backends, "threads", lambda count=count: count)
        one_by_one.append(reconstruct("cpu", np.repeat(sinograms, 3, axis=0), 5))
    np.testing.assert_array_equal(*one_by_one)


def gpu():
    """Skip where there is no CUDA GPU: the body is the same as on the CPU, but not yet seen."""
    if not pytest.importorskip("astra").use_cuda():
        pytest.skip("no CUDA GPU here: the CUDA path is unverified")


# Must hold on the CPU and, with the wider bound of its texture interpolation, on a GPU.
@pytest.mark.parametrize(("device", "bound"), [("cpu", 1e-6), ("astra_cuda", 1e-2)])
@pytest.mark.parametrize("shape", [(30, 44), (31, 37)])
def test_backward_is_the_adjoint_of_forward(device, bound, shape):
    kind = ShearProjector
    if device == "astra_cuda":
        gpu()
        kind = astra_backend.AstraProjector
    projector = kind(TILT, shape, 41)
    rng = np.random.default_rng(1)
    x = rng.random((3, *shape), dtype=np.float32)
    y = rng.random((3, len(TILT), 41), dtype=np.float32)
    left = np.vdot(projector.forward(x).astype(float), y)
    assert abs(left - np.vdot(x.astype(float), projector.backward(y))) <= bound * abs(left)


def strips():
    """Smooth object, without any symmetry, and its data from a grid four times as fine."""
    fold, (depth, width) = 4, (48, 64)
    z, x = np.mgrid[: depth * fold, : width * fold] / fold
    fine = ((np.abs(z - 24 + 0.2 * (x - 32)) < 7) & (np.abs(x - 32) < 20)).astype(np.float32)
    fine[(z - 17) ** 2 + (x - 40) ** 2 < 9] = 6
    fine = gaussian_filter(fine, fold)
    seen = ShearProjector(TILT, fine.shape, width * fold).forward(fine[None])
    return seen.reshape(1, len(TILT), width, fold).mean(axis=3) / fold, (depth, width)


@pytest.mark.parametrize("name", ["astra", "tomopy", "astra_cuda", "tomopy_cuda"])
@pytest.mark.parametrize(("iterations", "likeness"), [(10, 0.999), (50, 0.99)])
def test_backends_agree_on_noise_free_data(name, iterations, likeness):
    if name.endswith("cuda"):
        gpu()
    pytest.importorskip(name.removesuffix("_cuda"))
    data, shape = strips()
    found, own = (
        backends.make_solver(one, TILT, shape, 64, iterations)(data) for one in (name, "cpu")
    )
    seen = np.s_[0, 4:-4, 12:-12]  # what every tilt has in view
    assert np.corrcoef(found[seen].ravel(), own[seen].ravel())[0, 1] >= likeness


@pytest.mark.parametrize("name", ["astra_cuda", "tomopy_cuda"])
def test_a_gpu_that_is_named_but_absent_is_one_line(name, sinograms):
    if pytest.importorskip("astra").use_cuda():
        pytest.skip("there is a GPU here")
    if name == "tomopy_cuda":
        pytest.importorskip("tomopy")
    with pytest.raises(UserError, match=rf"backend {name} finds no CUDA GPU here") as found:
        reconstruct(name, sinograms)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["astra", "tomopy"])
def test_a_missing_package_is_one_line(name, sinograms, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)  # makes the import fail
    with pytest.raises(UserError, match=rf"backend {name} needs the package {name}.*cpu"):
        reconstruct(name, sinograms)


def test_auto_is_the_cpu_when_astra_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "astra", None)
    assert backends.resolve("auto") == "cpu"
    assert backends.resolve("tomopy") == "tomopy"


def test_tomopy_refuses_subsets(sinograms):
    with pytest.raises(UserError, match="plain MLEM"):
        reconstruct("tomopy", sinograms, 5)


def test_a_projector_that_returns_zeros_is_found_out():
    class Silent:  # as ASTRA's cuda projector on a machine without a GPU
        tilt_deg, shape, detector = TILT, SHAPE, 44

        def forward(self, images):
            return np.zeros((len(images), len(TILT), 44), np.float32)

    with pytest.raises(UserError, match="wrong on this machine"):
        astra_backend.agrees(Silent())


def test_values_that_are_not_finite_are_refused():
    images = np.full((3, *SHAPE), np.nan, np.float32)
    with pytest.raises(UserError, match="not finite"):
        backends.finite("cpu", images)
