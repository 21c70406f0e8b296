"""Total variation has the right gradient, leaves edges, and pays off in noise."""

from functools import partial

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter

from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.projection.total_variation import EPSILON, one_step_late
from catomo.reconstruct.kernels import smooth
from catomo.reconstruct.settings import Reconstruct
from projectors import OWN, likelihood, projector_of

TILT = np.arange(-68, 69, 2)
SHAPE = (256, 512)


@pytest.fixture(params=OWN)
def backend(request):
    return request.param


@pytest.fixture
def make(backend, request):
    return partial(projector_of, backend, request)


@pytest.fixture(params=["cpu", "slices first", "slices last"])
def divided(request):
    """Return a function that divides 1 by the prior's divisor, for each slice of a stack.

    The kernel of backend `cuda` is given both layouts of a stack: its own, and that of ASTRA.
    """

    def on_cpu(u, strength, across):
        out = np.ones_like(u)
        for i, here in enumerate(u):
            before, after = u[max(i - 1, 0)], u[min(i + 1, len(u) - 1)]
            one_step_late(before, here, after, across, strength, out[i])
        return out

    def on_device(u, strength, across):
        device, last = request.getfixturevalue("host"), request.param == "slices last"
        axes = (1, 2, 0) if last else (0, 1, 2)
        given = device.put(u.transpose(axes))
        out = device.put(np.ones_like(given))
        smooth(device, given, out, len(u), strength=strength, across=across, slices_last=last)
        return device.get(out).transpose(np.argsort(axes))

    return on_cpu if request.param == "cpu" else on_device


def total_variation(volume):
    steps = [np.diff(volume, axis=a, append=np.take(volume, [-1], a)) for a in range(3)]
    return np.sqrt(EPSILON.astype(float) ** 2 + sum(step**2 for step in steps)).sum()


@pytest.mark.parametrize("across", [False, True])
def test_the_step_follows_the_gradient(across, divided):
    u = np.random.default_rng(1).random((3 if across else 1, 5, 6))
    wanted = np.zeros(u.shape)
    for place in np.ndindex(u.shape):
        up, down = u.copy(), u.copy()
        up[place] += 1e-5
        down[place] -= 1e-5
        wanted[place] = (total_variation(up) - total_variation(down)) / 2e-5
    strength = np.float32(2e-4)
    out = divided(u.astype(np.float32), strength, across)
    # The kink of a pixel grows with its value by a few strengths: that is the tolerance.
    np.testing.assert_allclose((1 / out - 1) / strength, wanted, atol=0.02)


def test_flat_images_stay_as_they_are(divided):
    flat = np.full((3, 7, 9), 3, np.float32)
    np.testing.assert_array_equal(divided(flat, np.float32(0.05), True), 1)


def test_slices_that_do_not_count_have_no_part(host):
    """Slabs are filled up to whole vectors with empty slices."""
    u = np.random.default_rng(2).random((5, 6, 4), np.float32)
    out = host.put(np.ones_like(u))
    smooth(host, host.put(u), out, 3, strength=0.02, across=True)
    np.testing.assert_array_equal(out[..., 3], 1)
    alone = host.put(np.ones_like(u[..., :3]))
    smooth(host, host.put(u[..., :3]), alone, 3, strength=0.02, across=True)
    np.testing.assert_array_equal(out[..., :3], alone)


def specimen(seed, counts, read_noise):
    """A corrugated plate with pores and Pt, drawn and projected twice as fine, with noise.

    The truth is what the probe makes of it: sharper than that no data could show it.
    """
    rng = np.random.default_rng(seed)
    depth, width = SHAPE
    z, x = np.mgrid[: 2 * depth, : 2 * width] / 2.0
    z, x = z - (depth - 1) / 2, x - (width - 1) / 2
    c, s = np.cos(np.radians(14)), np.sin(np.radians(14))
    along, across = x * c + z * s, z * c - x * s
    teeth = 4 * (4 * np.abs(along / 24 % 1 - 0.5) - 1)
    fine = ((np.abs(along) < 150) & (np.abs(across) < 34 + teeth / 2)).astype(np.float32)
    for _ in range(18):
        at, deep = rng.uniform(-140, 140), rng.uniform(-28, 28)
        wide, high = rng.uniform(4, 9), rng.uniform(8, 24)
        fine[(np.abs(along - at) < wide / 2) & (np.abs(across - deep) < high / 2)] = 0
    for _ in range(24):
        at, side = rng.uniform(-150, 150), rng.choice([-1, 1]) * (34 + rng.uniform(-6, 5))
        radius = np.clip(4.4 * np.exp(0.3 * rng.normal()), 2, 8)
        fine[(along - at) ** 2 + (across - side) ** 2 < radius**2] = 19.5
    fine = gaussian_filter(fine, 2 * 0.7)
    truth = fine.reshape(depth, 2, width, 2).mean(axis=(1, 3))
    seen = ShearProjector(TILT, fine.shape, 2 * width).forward(fine[None])[0] / 2
    mean = seen.reshape(len(TILT), width, 2).mean(axis=2)
    gain = counts / 68  # at the middle of the plate
    noisy = rng.poisson(gain * mean) + rng.normal(0, read_noise, mean.shape)
    return truth, (noisy / gain).astype(np.float32)[None]


def error(image, truth):
    """Return the nRMSE, within the plate and two pixels around it."""
    inside = binary_dilation(truth > 0.5, iterations=2)
    return np.linalg.norm((image - truth)[inside]) / np.linalg.norm(truth[inside])


def dice(image, truth):
    """Return the Dice of the particles, of 4 px and more, at the best threshold."""
    pt = truth > 10
    return max(
        2 * np.sum(pt & (image > t)) / (pt.sum() + (image > t).sum()) for t in range(4, 17, 2)
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("counts", "read_noise", "bar"), [(400, 5, 0.88), (60, 3, 0.78)])
def test_by_default_it_beats_plain_mlem_at_its_best(counts, read_noise, bar, seed, request):
    projector = ShearProjector(TILT, SHAPE, SHAPE[1])
    truth, data = specimen(seed, counts, read_noise)
    errors, best = [], []

    def watch(images):
        errors.append(error(images[0], truth))
        if errors[-1] == min(errors):
            best[:] = images.copy()

    MaximumLikelihood(projector, 170 if counts == 400 else 80)(data, watch)
    assert np.argmin(errors) < len(errors) - 10  # it was at its best, and got worse again
    settings = Reconstruct()
    found = MaximumLikelihood(
        projector, settings.iterations, settings.subsets, 1.0, tv=settings.tv
    )(data)[0]
    assert error(found, truth) <= bar * min(errors)
    assert dice(found, truth) >= dice(best[0], truth)
    if seed == 1:  # the same of backend cuda
        host = projector_of("cuda_host", request, TILT, SHAPE, SHAPE[1])
        solve = likelihood(host, settings.iterations, settings.subsets, 1.0, settings.tv)
        same = solve(data)[0]
        assert error(same, truth) <= bar * min(errors)
        assert dice(same, truth) >= dice(best[0], truth)


def test_it_calms_down_and_keeps_what_is_bright(make, backend):
    truth, data = specimen(4, 400, 5)
    last = []
    projector = make(TILT, SHAPE, SHAPE[1])
    passes = 12 if backend == "cuda_host" else 30  # it computes one thread after another
    found = likelihood(projector, passes, 7, 1.0, tv=0.01)(data, lambda u: last.append(u))[0]
    step, former = last[-1] - last[-2], last[-2] - last[-3]
    assert np.vdot(step, former) > 0.8 * np.vdot(former, former)  # not to and fro
    assert found.sum() == pytest.approx(truth.sum(), rel=0.02)
    plain = likelihood(projector, passes, 7, 1.0)(data)[0]
    pt = truth > 18
    assert found[pt].mean() > 0.93 * plain[pt].mean()


def test_it_needs_the_unit_of_the_data():
    with pytest.raises(ValueError, match="unit"):
        MaximumLikelihood(ShearProjector(TILT, SHAPE, 512), 2, tv=0.01)
