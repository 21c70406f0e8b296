"""MLEM climbs the likelihood and meets awkward data without harm."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from catomo.mlem import MaximumLikelihood
from catomo.projector import ShearProjector

TILT = np.arange(-68, 69, 4)
SHAPE = (32, 40)


@pytest.fixture(scope="module")
def projector():
    return ShearProjector(TILT, SHAPE, 40)


@pytest.fixture(scope="module")
def counts(projector):
    image = np.zeros((2, *SHAPE), np.float32)
    image[:, 12:20, 8:30] = 1
    image[1, 13:16, 20:23] = 15
    return np.random.default_rng(1).poisson(20 * projector.forward(image)).astype(np.float32)


def test_every_iteration_raises_the_likelihood(projector, counts):
    last = -np.inf
    for iterations in range(1, 12):
        found = MaximumLikelihood(projector, iterations)(counts)
        mean = np.maximum(projector.forward(found).astype(float), 1e-12)
        likelihood = np.sum(counts * np.log(mean) - mean)
        assert likelihood > last
        last = likelihood


def test_one_subset_is_mlem_and_subsets_converge_faster(projector, counts):
    def residual(iterations, subsets):
        found = MaximumLikelihood(projector, iterations, subsets)(counts)
        return np.linalg.norm(projector.forward(found) - counts)

    mlem = MaximumLikelihood(projector, 5)(counts)
    np.testing.assert_array_equal(mlem, MaximumLikelihood(projector, 5, 1)(counts))
    assert residual(4, 5) == pytest.approx(residual(20, 1), rel=0.05)


def test_an_exact_sinogram_is_reconstructed(projector):
    image = np.zeros((1, *SHAPE), np.float32)
    image[0, 14:18, 12:28] = 3
    found = MaximumLikelihood(projector, 20, 5)(projector.forward(image))
    assert np.corrcoef(found.ravel(), image.ravel())[0, 1] > 0.95
    assert found.sum() == pytest.approx(image.sum(), rel=0.01)


def test_nothing_gives_nothing(projector, counts):
    data = np.concatenate([counts, np.zeros_like(counts), -counts])
    found = MaximumLikelihood(projector, 5)(data)
    np.testing.assert_array_equal(found[2:], 0)
    assert np.isfinite(found).all()
    assert found.min() >= 0


def test_negative_values_count_as_zero(projector, counts):
    noisy = counts - 5
    solve = MaximumLikelihood(projector, 5, 3)
    np.testing.assert_array_equal(solve(noisy), solve(np.maximum(noisy, 0)))


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_the_unit_of_the_data_does_not_matter(projector, counts, unit):
    solve = MaximumLikelihood(projector, 10)
    found = solve(counts * np.float32(unit)).astype(float) / unit
    np.testing.assert_allclose(found, solve(counts), rtol=1e-3, atol=1e-4 * found.max())


def test_where_no_tilt_looks_there_is_nothing():
    narrow = ShearProjector([-10, 0, 10], (16, 64), 24)
    found = MaximumLikelihood(narrow, 4)(np.ones((1, 3, 24), np.float32))
    assert found[0, :, :8].max() == 0
    assert found[0, :, 30:34].min() > 0


@pytest.mark.parametrize("unit", [None, 20.0])
def test_the_unit_inside_does_not_matter_without_a_prior(projector, counts, unit):
    found = MaximumLikelihood(projector, 10, 5, unit)(counts)
    np.testing.assert_allclose(
        found, MaximumLikelihood(projector, 10, 5, 3.0)(counts), rtol=2e-3, atol=1e-12
    )


def test_the_watcher_sees_every_pass_and_can_end_it(projector, counts):
    seen = []
    found = MaximumLikelihood(projector, 9, 5)(counts, lambda u: seen.append(u) or len(seen) == 4)
    np.testing.assert_array_equal(seen[-1], found)
    np.testing.assert_array_equal(found, MaximumLikelihood(projector, 4, 5)(counts))


def test_across_slices_threads_do_not_change_a_byte(projector, counts):
    data = np.concatenate([counts, 3 * counts, counts[::-1]])
    solve = MaximumLikelihood(projector, 4, 5, 20.0, 0.02, across=True)
    with ThreadPoolExecutor(3) as pool:
        found = solve(data, pool=pool)
    np.testing.assert_array_equal(found, solve(data))
    apart = MaximumLikelihood(projector, 4, 5, 20.0, 0.02)(data)
    assert np.abs(found - apart).max() > 0.01 * apart.max()


@pytest.mark.parametrize("tv", [0.0, 0.02])
def test_how_many_slices_at_once_does_not_change_a_byte(projector, counts, tv):
    data = np.concatenate([counts, 3 * counts, counts[::-1]])
    solve = MaximumLikelihood(projector, 4, 5, 20.0, tv)
    alone = np.concatenate([solve(one[None]) for one in data])
    np.testing.assert_array_equal(solve(data), alone)


def test_padding_spares_a_film_wider_than_the_detector():
    detector, film = 64, 0.8
    wide = np.zeros((1, 24, 400), np.float32)
    wide[0, 10:14] = film
    data = ShearProjector(TILT, wide.shape[1:], detector).forward(wide)
    means, peaks = [], []
    for width in (detector, 2 * detector):
        found = MaximumLikelihood(ShearProjector(TILT, (24, width), detector), 15, 5)(data)[0]
        edge = (width - detector) // 2
        found = found[:, edge : edge + detector]
        means.append(found.sum() / (4 * detector))
        peaks.append(found.max())
    assert peaks[0] > 5 * film  # spikes at the borders
    assert peaks[1] < 2 * film
    assert abs(means[1] - film) < 0.5 * abs(means[0] - film)
