"""Backends agree, and say in one line when they cannot run."""

import sys
from types import ModuleType

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.errors import UserError
from catomo.projection import iteration
from catomo.projection.shear import ShearProjector
from catomo.reconstruct import backends
from catomo.reconstruct.astra import check_version
from catomo.reconstruct.cuda import cuda_device
from catomo.reconstruct.method import Method, TiltGeometry
from catomo.reconstruct.resident import gpu_bytes
from projectors import device_of


def gpu(*values):
    """Return values of a parameter for a backend that needs a GPU."""
    return pytest.param(*values, marks=pytest.mark.gpu)


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


@pytest.fixture
def need(request, monkeypatch):
    """Return a function that makes a backend ready, or skips: it returns its name in settings."""

    def ready(name):
        if name in ("cuda", "cuda_host"):
            device = device_of(name, request)
            monkeypatch.setattr(backends, "cuda_device", lambda: device)
            return "cuda"
        if name != "cpu":
            pytest.importorskip(name.removesuffix("_cuda"))
        if name.endswith("cuda"):
            request.getfixturevalue("cuda")
        return name

    return ready


def reconstruct(name, sinograms, subsets=1):
    return backends.make_solver(name, GEOMETRY, Method("mlem", 20, subsets))(sinograms)


# TomoPy's rays have no width, which shows at the sharp edges of this object.
@pytest.mark.parametrize(
    ("name", "likeness"),
    [("cuda_host", 0.999), gpu("cuda", 0.999), ("astra", 0.999), ("tomopy", 0.995)],
)
def test_backends_agree_with_cpu(name, likeness, sinograms, need):
    name = need(name)
    found, own = reconstruct(name, sinograms), reconstruct("cpu", sinograms)
    assert np.corrcoef(found.ravel(), own.ravel())[0, 1] > likeness
    assert found.sum() == pytest.approx(own.sum(), rel=0.01)
    np.testing.assert_array_equal(found[2], 0)


@pytest.mark.parametrize("name", ["cuda_host", gpu("cuda"), "astra", gpu("astra_cuda")])
def test_others_run_subsets_too(name, sinograms, need):
    found, own = reconstruct(need(name), sinograms, 5), reconstruct("cpu", sinograms, 5)
    assert np.corrcoef(found.ravel(), own.ravel())[0, 1] > 0.995


@pytest.mark.parametrize(
    "name",
    ["cpu", "cuda_host", "astra", "tomopy", *map(gpu, ("cuda", "astra_cuda", "tomopy_cuda"))],
)
def test_where_no_tilt_looks_there_is_nothing(name, need):
    name = need(name)
    wide = TiltGeometry([-10, 0, 10], (16, 64), 24)
    solve = backends.make_solver(name, wide, Method("mlem", 4))
    found = solve(np.ones((1, 3, 24), np.float32))[0]
    assert found[:, :8].max() == 0
    assert found[:, 30:34].min() > 0


@pytest.mark.parametrize(
    "name", ["cpu", "cuda_host", "astra", "tomopy", *map(gpu, ("cuda", "astra_cuda"))]
)
def test_what_else_is_in_the_slab_does_not_change_a_byte(name, sinograms, need):
    name = need(name)
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


@pytest.mark.parametrize(
    "name", ["cuda_host", "astra", "tomopy", *map(gpu, ("cuda", "astra_cuda", "tomopy_cuda"))]
)
@pytest.mark.parametrize(("shape", "detector"), [((48, 64), 64), ((47, 65), 71)])
@pytest.mark.parametrize(("iterations", "likeness"), [(10, 0.999), (50, 0.99)])
def test_backends_agree_on_noise_free_data(name, iterations, likeness, shape, detector, need):
    name = need(name)
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


@pytest.mark.parametrize("version", ["2.2.0", "2.4.0", "1.9.9.dev4"])
def test_an_old_astra_is_refused_in_one_line(version, sinograms, monkeypatch):
    old = ModuleType("astra")
    old.__version__ = version
    monkeypatch.setitem(sys.modules, "astra", old)
    with pytest.raises(UserError, match=rf"2\.4\.1 or newer, found {version}.*cpu") as found:
        reconstruct("astra", sinograms)
    assert "\n" not in str(found.value)
    check_version("2.4.1")
    check_version("2.10.0")


def test_a_missing_gpu_is_one_line(sinograms, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # makes the import fail
    cuda_device.cache_clear()
    with pytest.raises(
        UserError, match=r"backend cuda cannot use a GPU here .*use backend: cpu"
    ) as found:
        reconstruct("cuda", sinograms)
    assert "\n" not in str(found.value)
    cuda_device.cache_clear()


def test_on_a_cpu_slabs_are_as_large_as_they_are_set(monkeypatch):
    monkeypatch.setattr(backends, "threads", lambda: 40)
    assert backends.slab_slices("cpu", GEOMETRY, 4, 100) == 4
    assert backends.slab_slices("cpu", GEOMETRY, None, 100) == 40
    monkeypatch.setattr(backends, "threads", lambda: 2)
    assert backends.slab_slices("cpu", GEOMETRY, None, 100) == 16


def test_on_a_gpu_slabs_are_as_large_as_its_memory_allows(host, monkeypatch):
    monkeypatch.setattr(backends, "cuda_device", lambda: host)
    need = gpu_bytes(GEOMETRY, 4)

    def slab(room, wanted=None, length=1000):
        monkeypatch.setattr(host, "free", int(room * need / 0.8) + 1, raising=False)
        return backends.slab_slices("cuda", GEOMETRY, wanted, length)

    assert slab(1e6) == 64
    large = TiltGeometry(TILT, (1024, 4096), 4096)
    assert backends.slab_slices("cuda", large, None, 1000) == 12  # 200 MB of 16 MB each
    assert slab(2 * 5) == 20  # two slabs at a time
    assert slab(2) == 4
    assert slab(5, wanted=17, length=17) == 17  # one slab is all
    for refused in ((1.9, None), (5, 17)):
        with pytest.raises(
            UserError, match=r"slices at once need .* GB .* lower slab_slices"
        ) as found:
            slab(*refused)
        assert "\n" not in str(found.value)
    assert slab(5, wanted=8) == 8  # the way out


def test_tomopy_refuses_subsets(sinograms):
    with pytest.raises(UserError, match="plain MLEM"):
        reconstruct("tomopy", sinograms, 5)


def test_tomopy_cannot_be_watched(sinograms):
    pytest.importorskip("tomopy")
    solve = backends.make_solver("tomopy", GEOMETRY, Method("mlem", 2))
    with pytest.raises(ValueError, match="cannot be watched"):
        solve(sinograms, watch=lambda images: True)


def test_values_that_are_not_finite_are_refused():
    images = np.full((3, *SHAPE), np.nan, np.float32)
    with pytest.raises(UserError, match="not finite"):
        backends.check_finite("cpu", images)
