"""MLEM climbs the likelihood and meets awkward data without harm."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from catomo.projection.iteration import UNMEASURED
from catomo.projection.mlem import MaximumLikelihood
from projectors import OWN, likelihood, projector_of

TILT = np.arange(-68, 69, 4)
SHAPE = (32, 40)


@pytest.fixture(scope="module", params=OWN)
def make(request):
    return partial(projector_of, request.param, request)


@pytest.fixture(scope="module")
def projector(make):
    return make(TILT, SHAPE, 40)


@pytest.fixture(scope="module")
def counts(projector):
    image = np.zeros((2, *SHAPE), np.float32)
    image[:, 12:20, 8:30] = 1
    image[1, 13:16, 20:23] = 15
    return np.random.default_rng(1).poisson(20 * projector.forward(image)).astype(np.float32)


def test_the_likelihood_of_no_slice_ever_falls(projector, counts):
    curve = []

    def watch(found):
        mean = np.maximum(projector.forward(found).astype(float), 1e-12)
        curve.append(np.sum(counts * np.log(mean) - mean, axis=(1, 2)))

    likelihood(projector, 60)(counts, watch)
    assert len(curve) == 60
    assert np.all(np.diff(curve, axis=0) > 0)


def textbook(projector, y, iterations, subsets):
    """MLEM (one subset) and OSEM as Shepp & Vardi and Hudson & Larkin print them."""
    x = np.ones((len(y), *SHAPE))
    for update in range(iterations * subsets):
        start = update % subsets
        part = projector.subset(start, subsets)
        ratio = y[:, start::subsets] / np.maximum(part.forward(x).astype(float), 1e-9)
        x *= part.backward(ratio) / part.backward(np.ones_like(ratio))
    return x


@pytest.mark.parametrize("subsets", [1, 5])
def test_it_is_the_iteration_of_the_textbook(projector, counts, subsets):
    found = likelihood(projector, 4, subsets)(counts)
    wanted = textbook(projector, counts, 4, subsets)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5 * wanted.max())


def test_subsets_converge_faster(projector, counts):
    def residual(iterations, subsets):
        found = likelihood(projector, iterations, subsets)(counts)
        return np.linalg.norm(projector.forward(found) - counts)

    assert residual(4, 5) == pytest.approx(residual(20, 1), rel=0.05)


def test_an_exact_sinogram_is_reconstructed(projector):
    image = np.zeros((1, *SHAPE), np.float32)
    image[0, 14:18, 12:28] = 3
    found = likelihood(projector, 20, 5)(projector.forward(image))
    assert np.corrcoef(found.ravel(), image.ravel())[0, 1] > 0.95
    assert found.sum() == pytest.approx(image.sum(), rel=0.01)


@pytest.mark.parametrize("prior", [{}, {"unit": 20.0, "tv": 0.02}])
def test_nothing_gives_nothing(projector, counts, prior):
    data = np.concatenate([counts, np.zeros_like(counts), -counts])
    found = likelihood(projector, 5, **prior)(data)
    np.testing.assert_array_equal(found[2:], 0)
    assert np.isfinite(found).all()
    assert found.min() >= 0


def test_what_is_not_a_number_is_not_hidden(projector, counts):
    data = counts.copy()
    data[0, 3, 20] = np.nan
    assert np.isnan(likelihood(projector, 2)(data)[0]).any()


@pytest.fixture(scope="module")
def partly():
    """Which pixels were measured: not some tilts, some columns, and a tenth of all others."""
    known = np.random.default_rng(2).random((2, len(TILT), 40)) > 0.1
    known[:, 5:12] = False
    known[:, :, 33:36] = False
    known[1, ::2] = False
    return known


def test_with_gaps_the_likelihood_of_what_was_measured_never_falls(projector, counts, partly):
    curve = []

    def watch(found):
        mean = np.maximum(projector.forward(found).astype(float), 1e-12)
        curve.append(np.sum(partly * (counts * np.log(mean) - mean), axis=(1, 2)))

    found = likelihood(projector, 60)(np.where(partly, counts, UNMEASURED), watch)
    assert np.all(np.diff(curve, axis=0) > 0)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("subsets", [1, 5])
def test_gaps_lead_to_the_images_that_weights_lead_to(projector, partly, subsets):
    """x ← x · A'(w·y/Ax) / A'(w) with weights of 0 in the gaps has the same limit."""
    image = np.zeros((2, *SHAPE), np.float32)
    image[:, 12:20, 8:30] = 1
    y = projector.forward(image)
    x = np.ones_like(image, dtype=float)
    iterations = 300 if subsets == 1 else 100
    for update in range(iterations * subsets):
        start = update % subsets
        part, weight = projector.subset(start, subsets), partly[:, start::subsets]
        ratio = weight * y[:, start::subsets] / np.maximum(part.forward(x).astype(float), 1e-9)
        gain = part.backward(weight.astype(np.float32))
        x *= np.where(gain > 1e-4, part.backward(ratio) / np.maximum(gain, 1e-4), 1)
    found = likelihood(projector, iterations, subsets)(np.where(partly, y, UNMEASURED))
    left = np.linalg.norm(partly * (projector.forward(found) - y), axis=(1, 2))
    assert (left < 0.01 * np.linalg.norm(y, axis=(1, 2))).all()
    apart = np.linalg.norm(found - x, axis=(1, 2))
    assert (apart < 0.1 * np.linalg.norm(x, axis=(1, 2))).all()


def test_a_constant_stays_a_constant_where_only_parts_of_it_were_measured(make):
    projector = make(np.arange(-60, 61, 4), (12, 80), 40)
    sinograms = projector.forward(np.ones((1, 12, 80), np.float32))
    known = np.random.default_rng(3).random(sinograms.shape) > 0.5
    known[:, :, 22:26] = False
    known[:, 3:9] = False
    solve = likelihood(projector, 30, 5, 1.0, 0.01)
    found = solve(np.where(known, sinograms, UNMEASURED))[0]
    assert found[:, 30:50] == pytest.approx(np.ones((12, 20)), abs=0.03)


def test_a_slice_without_any_measurement_is_empty_and_changes_no_other(projector, counts):
    solve = likelihood(projector, 5, 3, 20.0, 0.01)
    gone = np.concatenate([counts, np.full_like(counts[:1], UNMEASURED)])
    found = solve(gone)
    np.testing.assert_array_equal(found[2], 0)
    np.testing.assert_array_equal(found[:2], solve(counts))


def test_negative_values_count_as_zero(projector, counts):
    noisy = counts - 5
    solve = likelihood(projector, 5, 3)
    np.testing.assert_array_equal(solve(noisy), solve(np.maximum(noisy, 0)))


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_the_unit_of_the_data_does_not_matter(projector, counts, unit):
    solve = likelihood(projector, 10)
    found = solve(counts * np.float32(unit)).astype(float) / unit
    np.testing.assert_allclose(found, solve(counts), rtol=1e-3, atol=1e-4 * found.max())


def test_where_no_tilt_looks_there_is_nothing(make):
    narrow = make([-10, 0, 10], (16, 64), 24)
    found = likelihood(narrow, 4)(np.ones((1, 3, 24), np.float32))
    assert found[0, :, :8].max() == 0
    assert found[0, :, 30:34].min() > 0


@pytest.mark.parametrize("unit", [None, 20.0])
def test_the_unit_inside_does_not_matter_without_a_prior(projector, counts, unit):
    found = likelihood(projector, 10, 5, unit)(counts)
    np.testing.assert_allclose(
        found, likelihood(projector, 10, 5, 3.0)(counts), rtol=2e-3, atol=1e-12
    )


def test_the_watcher_sees_every_pass_and_can_end_it(projector, counts):
    seen = []
    found = likelihood(projector, 9, 5)(counts, lambda u: seen.append(u) or len(seen) == 4)
    np.testing.assert_array_equal(seen[-1], found)
    np.testing.assert_array_equal(found, likelihood(projector, 4, 5)(counts))


def test_across_slices_threads_do_not_change_a_byte(projector, counts):
    data = np.concatenate([counts, 3 * counts, counts[::-1]])
    solve = likelihood(projector, 4, 5, 20.0, 0.02, across=True)
    with ThreadPoolExecutor(3) as pool:
        if isinstance(solve, MaximumLikelihood):
            found = solve(data, pool=pool)
        else:  # the slabs of others are computed side by side
            _, found = pool.map(solve, [data[:2], data])
    np.testing.assert_array_equal(found, solve(data))
    apart = likelihood(projector, 4, 5, 20.0, 0.02)(data)
    assert np.abs(found - apart).max() > 0.01 * apart.max()


@pytest.mark.parametrize("subsets", [1, 5])
@pytest.mark.parametrize("tv", [0.0, 0.02])
def test_how_many_slices_at_once_does_not_change_a_byte(projector, counts, tv, subsets):
    data = np.concatenate([counts, 3 * counts, counts[::-1]])
    solve = likelihood(projector, 4, subsets, 20.0, tv)
    alone = np.concatenate([solve(one[None]) for one in data])
    np.testing.assert_array_equal(solve(data), alone)
