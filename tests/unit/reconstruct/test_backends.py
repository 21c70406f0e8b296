"""Backends agree, and say in one line when they cannot run."""

import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.errors import UserError
from catomo.projection import iteration
from catomo.projection.shear import ShearProjector
from catomo.reconstruct import astra as astra_backend
from catomo.reconstruct import backends
from catomo.reconstruct.method import Method, TiltGeometry

TILT = np.arange(-68.0, 69, 4)
SHAPE = (30, 44)
GEOMETRY = TiltGeometry(TILT, SHAPE, 44)


@pytest.fixture(scope="module")
def sinograms():
    image = np.zeros((3, *SHAPE), np.float32)
    image[:, 10:16, 8:30] = 1
    image[1, 11:14, 25:29] = 15
    image[2] = 0
    return ShearProjector(TILT, SHAPE, 44).forward(image)


def need(name, request):
    """Skip where the package or the GPU of a backend is missing."""
    if name != "cpu":
        pytest.importorskip(name.removesuffix("_cuda"))
    if name.endswith("cuda"):
        request.getfixturevalue("cuda")


def reconstruct(name, sinograms, subsets=1):
    return backends.make_solver(name, GEOMETRY, Method("mlem", 20, subsets))(sinograms)


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


@pytest.mark.parametrize("name", ["cpu", "astra", "tomopy", "astra_cuda", "tomopy_cuda"])
def test_where_no_tilt_looks_there_is_nothing(name, request):
    need(name, request)
    wide = TiltGeometry([-10, 0, 10], (16, 64), 24)
    solve = backends.make_solver(name, wide, Method("mlem", 4))
    found = solve(np.ones((1, 3, 24), np.float32))[0]
    assert found[:, :8].max() == 0
    assert found[:, 30:34].min() > 0


@pytest.mark.parametrize("name", ["cpu", "astra", "tomopy"])
def test_what_else_is_in_the_slab_does_not_change_a_byte(name, sinograms):
    pytest.importorskip("catomo" if name == "cpu" else name)
    data = np.concatenate([1000 * sinograms, sinograms])
    np.testing.assert_array_equal(reconstruct(name, data)[4], reconstruct(name, data[4:5])[0])


@pytest.mark.parametrize("subsets", [1, 5])
@pytest.mark.parametrize("tv", [0.0, 0.02])
def test_threads_do_not_change_a_byte(sinograms, monkeypatch, subsets, tv):
    data, found = np.repeat(sinograms, 3, axis=0), []
    for count in (1, 4):
        monkeypatch.setattr(iteration, "threads", lambda count=count: count)
        solve = backends.make_solver("cpu", GEOMETRY, Method("osem", 9, subsets, 1.0, tv))
        found.append(solve(data))
    np.testing.assert_array_equal(*found)


def strips(shape, detector):
    """Return the data of a smooth object, without any symmetry, drawn four times as fine."""
    fold, (depth, width) = 4, shape
    z, x = np.mgrid[: depth * fold, : width * fold] / fold
    z, x = z - depth / 2, x - width / 2
    fine = ((np.abs(z + 0.2 * x) < 7) & (np.abs(x) < 20)).astype(np.float32)
    fine[(z + 7) ** 2 + (x - 8) ** 2 < 9] = 6
    fine = gaussian_filter(fine, fold)
    seen = ShearProjector(TILT, fine.shape, detector * fold).forward(fine[None])
    return seen.reshape(1, len(TILT), detector, fold).mean(axis=3) / fold


@pytest.mark.parametrize("name", ["astra", "tomopy", "astra_cuda", "tomopy_cuda"])
@pytest.mark.parametrize(("shape", "detector"), [((48, 64), 64), ((47, 65), 71)])
@pytest.mark.parametrize(("iterations", "likeness"), [(10, 0.999), (50, 0.99)])
def test_backends_agree_on_noise_free_data(name, iterations, likeness, shape, detector, request):
    need(name, request)
    data = strips(shape, detector)
    geometry, method = TiltGeometry(TILT, shape, detector), Method("mlem", iterations)
    found, own = (backends.make_solver(one, geometry, method)(data) for one in (name, "cpu"))
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


def test_auto_is_the_cpu_when_the_gpu_fails(monkeypatch):
    class Broken:  # a driver too old for this ASTRA is named, and raises at the first projection
        def __init__(self, tilt_deg, shape, detector):
            self.gpu, self.shape, self.tilt_deg = True, shape, tilt_deg

        def forward(self, images):
            raise RuntimeError("CUDA driver version is insufficient")

    monkeypatch.setattr(backends, "AstraProjector", Broken)
    assert backends.resolve("auto") == "cpu"


def test_tomopy_refuses_subsets(sinograms):
    with pytest.raises(UserError, match="plain MLEM"):
        reconstruct("tomopy", sinograms, 5)


def test_tomopy_cannot_be_watched(sinograms):
    pytest.importorskip("tomopy")
    solve = backends.make_solver("tomopy", GEOMETRY, Method("mlem", 2))
    with pytest.raises(ValueError, match="cannot be watched"):
        solve(sinograms, watch=lambda images: True)


def test_a_projector_that_returns_zeros_is_found_out():
    class Silent:  # as ASTRA's cuda projector on a machine without a GPU
        tilt_deg, shape, detector, centre = TILT, SHAPE, 44, 21.5

        def forward(self, images):
            return np.zeros((len(images), len(TILT), 44), np.float32)

    with pytest.raises(UserError, match="wrong on this machine"):
        astra_backend.check_agreement(Silent())


def test_values_that_are_not_finite_are_refused():
    images = np.full((3, *SHAPE), np.nan, np.float32)
    with pytest.raises(UserError, match="not finite"):
        backends.check_finite("cpu", images)
