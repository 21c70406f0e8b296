"""How the background is told from a film that fills the frame."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from catomo.align.film import film_in_levels, rises_as_film
from catomo.align.geometry import Geometry
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.align.tilts import align_tilts

TILTS = np.arange(-65.0, 66, 5)
SHAPE = (64, 72)


def series(film, background, seed, *, tilts=TILTS, pretilt=0.0, holes=0.0, vacuum=0.0, noise=True):
    """Return images of particles on a textured film that reaches far beyond the frame.

    `film` is its brightness at right angles to the beam; `vacuum` the part of the frame, from one
    side, into which it does not reach.
    """
    rng = np.random.default_rng(seed)
    texture = gaussian_filter(rng.normal(size=(SHAPE[0], 1200)), 3)
    texture = 1 + 0.2 * texture / texture.std()
    if holes:
        texture[gaussian_filter(rng.normal(size=texture.shape), 2) < -0.28 * 0.5] *= 1 - holes
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] - np.reshape(np.array(SHAPE), (2, 1, 1)) / 2
    particles = rng.uniform(-14, 14, (12, 3))
    images = []
    for tilt in np.deg2rad(tilts - pretilt):
        places = [y + SHAPE[0] / 2, x / np.cos(tilt) + 600]
        smooth = gaussian_filter(texture, (0, 4 * abs(np.tan(tilt)) + 0.1))
        sheet = map_coordinates(smooth, places, order=1) / np.cos(tilt)
        image = film * np.where(x < (0.5 - vacuum) * SHAPE[1], sheet, 0.0)
        for py, px, pz in particles:
            across = px * np.cos(tilt) - pz * np.sin(tilt)
            image += 300 * np.exp(-((y - py) ** 2 + (x - across) ** 2) / 8)
        images.append(rng.poisson(image + 5) - 5 if noise else image)
    return (np.array(images) + background).astype(np.float32)


def levels_of(images):
    return np.array([np.percentile(gaussian_filter(image, 2), 2) for image in images])


@pytest.mark.parametrize(
    ("film", "background", "options"),
    [
        (60, 15, {}),
        (60, 0, {}),
        (25, -30, {}),
        (300, 100, {}),
        (60, 15, {"pretilt": 8.0}),
        (60, 15, {"holes": 1.0}),
        (60, 15, {"tilts": np.arange(-50.0, 51, 5)}),
    ],
)
def test_the_background_is_that_without_the_film(film, background, options):
    images = series(film, background, 11, **options)
    levels = levels_of(images)
    found, whole = film_in_levels(
        images - levels[:, None, None], options.get("tilts", TILTS), levels
    )
    assert levels - found == pytest.approx(background, abs=0.15 * film)
    assert whole.pretilt_deg == pytest.approx(options.get("pretilt", 0.0), abs=4)


def test_one_bright_image_does_not_move_the_background():
    images = series(60, 15, 12)
    images[7] *= 10
    levels = levels_of(images)
    found, _ = film_in_levels(images - levels[:, None, None], TILTS, levels)
    assert (levels - found)[0] == pytest.approx(15, abs=9)


def test_where_empty_space_is_seen_its_level_counts():
    images = series(60, 15, 13, vacuum=0.15)
    levels = levels_of(images)
    found, _ = film_in_levels(images - levels[:, None, None], TILTS, levels)
    assert found is None


def test_levels_of_empty_space_do_not_rise_with_the_tilt():
    assert rises_as_film(levels_of(series(60, 15, 14)), TILTS)
    assert not rises_as_film(levels_of(series(60, 15, 14, vacuum=0.15)), TILTS)
    assert not rises_as_film(np.full(27, 15.0), TILTS)
    assert not rises_as_film(np.array([1.0, 2.0]), TILTS[:2])


def test_a_film_that_cannot_be_told_is_named():
    tilts = np.arange(-24.0, 25, 3)
    found = clean(series(60, 15, 15, tilts=tilts), tilts, Align())
    assert found.film is None
    assert any("what they would show without it cannot be told" in word for word in found.told)
    asked = clean(series(60, 15, 15, tilts=tilts), tilts, Align(background="percentile"))
    assert not asked.told


def test_the_aligned_images_hold_the_film():
    images = series(60, 15, 16)
    still = Geometry(0.0, np.zeros(len(TILTS)), np.zeros(len(TILTS)))
    found = align_tilts(images, TILTS, known=still)
    background = found.steps["background"]["film"]["background"]
    assert background == pytest.approx(15, abs=9)
    assert found.images == pytest.approx(images - background, abs=0.01)


def test_images_of_one_brightness_show_no_film():
    images = series(60, 15, 17)
    images -= images.mean(axis=(1, 2), keepdims=True)
    images /= images.std(axis=(1, 2), keepdims=True)
    levels = levels_of(images)
    assert film_in_levels(images - levels[:, None, None], TILTS, levels)[0] is None
    assert film_in_levels(images[:5], TILTS[:5], levels[:5]) == (None, None)
