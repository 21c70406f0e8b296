"""The support film: growth with the tilt, texture, and that it moves with the particle."""

import numpy as np
import pytest

from catomo.phantom.settings import Film
from catomo.tilt_series.film import FilmSheet
from catomo.tilt_series.microscope import project

FILM = Film(thickness_nm=5.0, contrast=0.35, texture_sigma_nm=1.5, texture_amplitude=0.25)


def sheet(amplitude=0.25, height_px=-20.0):
    film = FILM.model_copy(update={"texture_amplitude": amplitude})
    return FilmSheet(film, 0.25, height_px, (70, 420), np.random.default_rng(0))


def test_film_grows_with_one_over_cosine():
    u, v = np.arange(300) - 149.5, (np.arange(140) - 69.5)[:, None]
    for tilt in (0.0, 40.0, -60.0):
        expected = 5 / 0.25 * 0.35 / np.cos(np.deg2rad(tilt))
        flat = sheet(amplitude=0.0).projection(u, v, tilt)
        assert np.allclose(flat, expected, rtol=1e-9)
        assert sheet().projection(u, v, tilt).mean() == pytest.approx(expected, rel=0.05)


def test_film_has_the_stated_texture():
    image = sheet().projection(np.arange(64) - 31.5, (np.arange(64) - 31.5)[:, None], 0.0)
    assert 0.15 < image.std() / image.mean() < 0.35


@pytest.mark.parametrize("tilt", [0.0, 35.0, -50.0])
def test_film_moves_with_the_particle(tilt):
    """The film seen from outside is the projection of the film in the volume."""
    film = sheet(height_px=12.0)
    y, z, x = (np.arange(n) - (n - 1) / 2 for n in (48, 64, 240))
    density = film.density(y[:, None, None], z[:, None], x)
    projected = project(density.astype(np.float32), [tilt])[0][:, 90:150]
    direct = film.projection(x[90:150], y[:, None], tilt)
    assert np.corrcoef(projected.ravel(), direct.ravel())[0, 1] > 0.995
    assert projected.mean() == pytest.approx(direct.mean(), rel=5e-3)
