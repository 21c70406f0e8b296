"""Backends agree, and say in one line when they cannot run."""

import sys

import numpy as np
import pytest

from catomo import backends
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
    with pytest.raises(UserError, match="MLEM only"):
        reconstruct("tomopy", sinograms, 5)


def test_a_projector_that_returns_zeros_is_found_out():
    class Silent:  # as ASTRA's cuda projector on a machine without a GPU
        tilt_deg, shape, detector = TILT, SHAPE, 44

        def forward(self, images):
            return np.zeros((len(images), len(TILT), 44), np.float32)

    with pytest.raises(UserError, match="wrong on this machine"):
        backends._agrees(Silent())


def test_values_that_are_not_finite_are_refused(sinograms):
    images = np.full((3, *SHAPE), np.nan, np.float32)
    with pytest.raises(UserError, match="not finite"):
        backends.residual_norms("cpu", images, ShearProjector(TILT, SHAPE, 44), sinograms)
