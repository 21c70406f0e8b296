"""The loop around ASTRA's projectors on a GPU, with a stand-in for ASTRA that needs none."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.projection.iteration import UNMEASURED
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.projection.sirt import Sirt
from catomo.reconstruct import backends
from catomo.reconstruct.astra import AstraProjector
from catomo.reconstruct.linked import LinkedAstra
from catomo.reconstruct.method import Method, TiltGeometry
from catomo.reconstruct.tilt_sums import fit_of

TILT = np.arange(-68.0, 69, 4)
SHAPE = (32, 40)


class StandIn(ShearProjector):
    """What `LinkedAstra` needs of an `AstraProjector` that uses a GPU."""

    gpu = links = True

    def subset(self, start, step):
        return StandIn(self.tilt_deg[start::step], self.shape, self.detector, self.centre)

    def operator(self, slices):
        return SimpleNamespace(proj_id=self)


@pytest.fixture
def astra(monkeypatch):
    """A module with ASTRA's functions for arrays that lie on the GPU."""

    def direct_FP3D(identity, volume, sinograms):
        identity.forward(volume, out=sinograms)

    def direct_BP3D(identity, volume, sinograms):
        identity.backward(sinograms, out=volume)

    module = ModuleType("astra.experimental")
    module.direct_FP3D, module.direct_BP3D = direct_FP3D, direct_BP3D
    package = ModuleType("astra")
    package.experimental, package.__version__, package.use_cuda = module, "2.5.0", lambda: True
    monkeypatch.setitem(sys.modules, "astra", package)
    monkeypatch.setitem(sys.modules, "astra.experimental", module)
    return module


@pytest.fixture(scope="module")
def data():
    image = np.zeros((3, *SHAPE), np.float32)
    image[:, 12:20, 8:30] = 1
    image[1, 13:16, 20:23] = 15
    counts = np.random.default_rng(1).poisson(20 * ShearProjector(TILT, SHAPE, 44).forward(image))
    counts[2] = 0
    return counts.astype(np.float32) - 1


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize(
    "method",
    [
        Method("mlem", 4),
        Method("osem", 3, 5, 20.0),
        Method("osem", 3, 5, 20.0, 0.02),
        Method("osem", 3, 5, 20.0, 0.02, True),
        Method("sirt", 4),
    ],
    ids=["mlem", "osem", "tv", "tv across", "sirt"],
)
def test_it_is_the_loop_of_the_cpu(astra, host, data, method, gaps):
    if gaps:
        missing = np.random.default_rng(2).random(data.shape) < 0.2
        data = np.where(missing, UNMEASURED, data)
    images, fit = LinkedAstra(StandIn(TILT, SHAPE, 44), host, method).solve(data)
    shear = ShearProjector(TILT, SHAPE, 44)
    if method.algorithm == "sirt":
        own = Sirt(shear, method.iterations)(data)
    else:
        how = method.subsets, method.unit, method.tv, method.across
        own = MaximumLikelihood(shear, method.iterations, *how)(data)
    np.testing.assert_allclose(images, own, rtol=1e-3, atol=1e-5 * own.max())
    wanted = fit_of(data, shear.forward(images), images)
    for found, right in zip(fit, wanted, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-5 * np.abs(right).max())


@pytest.mark.parametrize("direction", ["direct_FP3D", "direct_BP3D"])
def test_a_failure_without_a_word_is_found(astra, host, data, direction):
    solve = LinkedAstra(StandIn(TILT, SHAPE, 44), host, Method("osem", 2, 3, 1.0, 0.01))
    setattr(astra, direction, lambda *_: None)  # builds an error, and raises it not
    _, fit = solve.solve(data)
    with pytest.raises(UserError, match="backend astra returned values that are not finite"):
        backends.check_finite("astra", fit.mass)


def test_an_error_of_astra_is_one_line(astra, host, data):
    class AstraError(Exception):
        pass

    def fail(*_):
        raise AstraError("Unable to allocate\nGPU memory")

    solve = LinkedAstra(StandIn(TILT, SHAPE, 44), host, Method("mlem", 2))
    astra.direct_FP3D = fail
    with pytest.raises(
        UserError, match=r"ASTRA failed .AstraError: Unable to allocate GPU"
    ) as found:
        solve(data)
    assert "\n" not in str(found.value)


def test_on_a_gpu_the_backend_links_arrays_where_cupy_is_there(astra, host, monkeypatch, capsys):
    geometry, method = TiltGeometry(TILT, SHAPE, 44), Method("mlem", 2)
    monkeypatch.setattr(backends, "_projector", lambda *_: AstraProjector(TILT, SHAPE, 44))
    monkeypatch.setattr(AstraProjector, "subset", lambda self, *_: StandIn(TILT, SHAPE, 44))
    stand_in = StandIn(TILT, SHAPE, 44)
    for name in ("forward", "backward"):
        monkeypatch.setattr(AstraProjector, name, getattr(stand_in, name))
    monkeypatch.setattr(backends, "cuda_device", lambda: host)
    assert isinstance(backends.make_solver("astra_cuda", geometry, method), LinkedAstra)
    assert not capsys.readouterr().err

    def missing():
        raise UserError("no CuPy")

    monkeypatch.setattr(backends, "cuda_device", missing)
    solve = backends.make_solver("astra_cuda", geometry, method)
    assert not isinstance(solve, LinkedAstra)
    assert "copies every projection to the GPU and back" in capsys.readouterr().err
