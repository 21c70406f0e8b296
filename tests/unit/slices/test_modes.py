"""Background and support are found whatever the specimen carries, and told apart from nothing."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.slices.modes import fit_modes


def specimen(particles, noise, share=0.5, seed=0):
    """A block of support (1.0) with bright balls (20.0) in empty space, blurred, with noise."""
    rng = np.random.default_rng(seed)
    shape = (24, 64, 64)
    volume = np.zeros(shape)
    edge = round(64 * share)
    volume[4:20, 8 : 8 + edge, 8 : 8 + edge] = 1
    y, z, x = np.indices(shape)
    for _ in range(particles):
        at = rng.uniform((4, 8, 8), (20, 8 + edge, 8 + edge))
        volume[(y - at[0]) ** 2 + (z - at[1]) ** 2 + (x - at[2]) ** 2 <= 9] = 20
    volume = gaussian_filter(volume, 0.7) + rng.normal(0, noise, shape)
    return np.stack([gaussian_filter(page, 1) for page in volume])


def modes(values, **more):
    """Return the background and the highest peak."""
    background, peaks, _ = fit_modes(values, *np.percentile(values, (0.5, 100)), **more)
    return background, peaks[0] if peaks else None


@pytest.mark.parametrize("noise", [0.02, 0.15, 0.4])
@pytest.mark.parametrize("particles", [0, 2, 30])
@pytest.mark.parametrize("share", [0.2, 0.7])
def test_modes_are_those_of_the_specimen(particles, noise, share):
    particles = particles if share > 0.5 else particles // 6
    background, support = modes(specimen(particles, noise, share))
    assert background == pytest.approx(0, abs=0.08)
    assert support == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize(("factor", "offset"), [(0.3, 0), (3000, 0), (1, -7), (0.01, 5)])
def test_modes_follow_the_scale_of_the_values(factor, offset):
    values = specimen(6, 0.1)
    background, support = modes(values)
    scaled = modes(factor * values + offset)
    tolerance = 0.02 * factor * (support - background)
    assert scaled[0] == pytest.approx(factor * background + offset, abs=tolerance)
    assert scaled[1] == pytest.approx(factor * support + offset, abs=tolerance)


def test_volumes_without_negative_values_have_their_background_at_black():
    values = np.maximum(specimen(6, 0.0), 0)
    background, (support, *_), _ = fit_modes(values, 0.0, 20.0)
    assert background == pytest.approx(0, abs=0.01)
    assert support == pytest.approx(1, abs=0.05)


def test_material_that_fills_the_images_is_no_background():
    rng = np.random.default_rng(0)
    porous = 1 - 0.9 * (gaussian_filter(rng.normal(size=(24, 64, 64)), 3) > 0.03)
    porous += rng.normal(0, 0.03, porous.shape)
    inside = gaussian_filter(porous, 0.7)
    background, _ = modes(inside)
    assert background is None or background == pytest.approx(0.1, abs=0.05)
    solid = rng.normal(1, 0.05, (24, 64, 64))
    assert modes(solid)[1] is None
    # Where empty space is known to be 0, as in volumes of catomo, the material is the support.
    assert modes(solid, background=0.0) == (0.0, pytest.approx(1, abs=0.05))


def test_noise_alone_has_no_support():
    noise = np.random.default_rng(0).normal(0, 1, (10, 64, 64))
    assert modes(noise)[1] is None
