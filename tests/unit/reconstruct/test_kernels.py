"""Launch shapes, layouts, and subsets of the kernels."""

import numpy as np
import pytest

from catomo.reconstruct import kernels as k
from catomo.reconstruct.kernels import Kernels, Subset
from projectors import DEVICES, device_of


@pytest.fixture(params=DEVICES)
def device(request):
    return device_of(request.param, request)


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 3, 5), (5, 2, 300), (65, 4, 33), (3, 130, 2)])
def test_unfolding_undoes_folding(device, shape):
    stack = np.random.default_rng(1).random(shape, np.float32)
    folded = k.fold(device, stack)
    here = device.get(folded)
    assert here.shape == (*shape[1:], k.padded(shape[0]))
    np.testing.assert_array_equal(here[..., : shape[0]], stack.transpose(1, 2, 0))
    np.testing.assert_array_equal(here[..., shape[0] :], 0)
    scales = np.arange(1, shape[0] + 1, dtype=np.float32)
    found = k.unfold(device, folded, scales)
    np.testing.assert_array_equal(found, stack * scales[:, None, None])
    spare = device.empty(folded.shape)
    np.testing.assert_array_equal(k.unfold(device, folded, scales, spare), found)


def test_slices_are_filled_with_their_values(device):
    values = np.arange(8, dtype=np.float32)
    images = device.get(k.filled(device, values, (3, 5)))
    np.testing.assert_array_equal(images, np.broadcast_to(values, (3, 5, 8)))


@pytest.mark.parametrize(("first", "every"), [(0, 1), (0, 3), (2, 3), (6, 7)])
def test_a_subset_is_the_same_projection_of_fewer_tilts(device, first, every):
    rng, tilt = np.random.default_rng(2), np.linspace(-85, 85, 7)
    kernels = Kernels(device, tilt, (20, 30), 33)
    subset = kernels.subset(first, every)
    assert len(subset) == len(tilt[first::every])
    part = Kernels(device, tilt[first::every], (20, 30), 33)
    images = k.fold(device, rng.random((5, 20, 30), np.float32))
    found, wanted = (device.empty((len(subset), 33, 8)) for _ in range(2))
    kernels.project(images, found, subset)
    part.project(images, wanted)
    np.testing.assert_array_equal(device.get(found), device.get(wanted))
    back, wanted = (device.empty((20, 30, 8)) for _ in range(2))
    kernels.spread(found, back, subset)
    part.spread(found, wanted)
    np.testing.assert_array_equal(device.get(back), device.get(wanted))


def test_every_rule_is_its_formula(device):
    """Ratio, difference, and both corrections, from a projection and its spreading alone."""
    rng, tilt = np.random.default_rng(3), np.arange(-60.0, 61, 20)
    kernels = Kernels(device, tilt, (9, 14), 12)
    images, measured = rng.random((9, 14, 4), np.float32), rng.random((7, 12, 4), np.float32)
    floors, weights = np.full(4, 3, np.float32), rng.random((7, 12), np.float32)
    gain = rng.random((9, 14), np.float32)
    gain[2, 3] = 0
    u, y, g = device.put(images), device.put(measured), device.put(gain)
    out = device.empty(measured.shape)
    kernels.project(u, out)
    p = device.get(out)
    kernels.project(u, out, rule=k.RATIO, measured=y, floors=device.put(floors))
    np.testing.assert_allclose(device.get(out), measured / np.maximum(p, 3), rtol=1e-6)
    kernels.project(u, out, rule=k.DIFFERENCE, measured=y, weights=device.put(weights))
    wanted = weights[..., None] * (measured - p)
    np.testing.assert_allclose(device.get(out), wanted, rtol=1e-4, atol=1e-6)
    spread = device.empty(images.shape)
    kernels.spread(y, spread)
    b = device.get(spread)
    kernels.spread(y, spread, rule=k.TIMES, images=u, gain=g)
    np.testing.assert_allclose(device.get(spread), images * b * gain[..., None], rtol=1e-6)
    minus = device.put(-measured)
    kernels.spread(minus, spread, rule=k.PLUS, images=u, gain=g)
    wanted = np.maximum(images - b * gain[..., None], 0)
    wanted[2, 3] = 0
    np.testing.assert_allclose(device.get(spread), wanted, rtol=1e-4, atol=1e-6)
    kernels.spread(minus, u, rule=k.PLUS, images=u, gain=g)  # in place
    np.testing.assert_array_equal(device.get(u), device.get(spread))


def test_sums_are_those_of_numpy(device):
    rng = np.random.default_rng(4)
    one, other = rng.random((2, 6, 40, 8), np.float32)
    found = k.line_sums(device, device.put(one), device.put(other))
    a, b = one.astype(float), other.astype(float)
    for sums, wanted in zip(found, (a, (a - b) ** 2, a**2), strict=True):
        np.testing.assert_allclose(sums, wanted.sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize(
    ("fast", "middle", "slow"), [(1, 1, 1), (3, 700, 2), (200, 5, 9), (33, 1, 4)]
)
def test_every_thread_of_a_box_is_there_once(fast, middle, slow):
    grid, block = k._launch(fast, middle, slow)
    assert block[0] * block[1] * block[2] <= 1024
    for size, blocks, threads in zip((fast, middle, slow), grid, block, strict=True):
        assert size <= blocks * threads < size + threads


def test_subsets_of_all_tilts_cover_them():
    assert sum(len(Subset(start, 4, 11)) for start in range(4)) == 11
    assert len(Subset(3, 4, 3)) == 0
