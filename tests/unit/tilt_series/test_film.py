"""The support film: growth with the tilt, texture, and that it moves with the particle."""

import numpy as np
import pytest
from pydantic import ValidationError

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


def perforated(amplitude=0.0):
    holes = {"hole_diameter_nm": 6.0, "hole_spacing_nm": 10.0, "texture_amplitude": amplitude}
    film = FILM.model_copy(update=holes)
    return FilmSheet(film, 0.25, 12.0, (100, 420), np.random.default_rng(0))


def test_holes_take_their_area_from_the_film():
    """Over whole cells of the lattice π·d²/4 of each spacing² is missing."""
    cells = np.arange(160) - 79.5  # four holes of 40 px each
    image = perforated().projection(cells, cells[:, None], 0.0)
    whole = 5 / 0.25 * 0.35
    assert image.mean() / whole == pytest.approx(1 - np.pi * 6**2 / 4 / 10**2, abs=2e-3)
    assert image[80, 80] == pytest.approx(whole)  # bars cross below the particle
    assert image[60, 60] == 0  # 5 nm from it in y and x is the middle of a hole


@pytest.mark.parametrize("tilt", [0.0, 35.0])
def test_what_is_seen_of_holes_is_the_projection_of_the_volume(tilt):
    film = perforated(amplitude=0.25)
    y, z, x = (np.arange(n) - (n - 1) / 2 for n in (48, 64, 240))
    density = film.density(y[:, None, None], z[:, None], x)
    projected = project(density.astype(np.float32), [tilt])[0][:, 90:150]
    direct = film.projection(x[90:150], y[:, None], tilt)
    assert np.corrcoef(projected.ravel(), direct.ravel())[0, 1] > 0.995
    share = film.share(y[:, None, None], z[:, None], x)
    assert np.array_equal(share > 0, density > 0)


def test_holes_wider_than_their_spacing_are_refused():
    with pytest.raises(ValidationError, match="must be above hole_diameter_nm, 6"):
        Film(**FILM.model_dump() | {"hole_diameter_nm": 6.0, "hole_spacing_nm": 5.0})
