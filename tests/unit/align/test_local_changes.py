"""Parts of images that differ from their predictions are told by what sets them apart."""

from dataclasses import replace

import numpy as np
import pytest

from catomo.align.local_changes import by_itself, local_changes
from catomo.align.prediction import Reprojection
from catomo.align.settings import Align

LIMITS = Align().verdict
SIZE, IMAGES = 96, 12
TILT_DEG = np.arange(IMAGES) * 5.0 - 30
PLACES = np.random.default_rng(1).uniform(14, 82, (14, 2))


def view(gain=None, move=None):
    """Return a support with 14 particles, each with a gain and moved by (y, x)."""
    y, x = np.indices((SIZE, SIZE))
    image = 40.0 / (1 + np.exp((np.hypot(y - 47.5, x - 47.5) - 40) / 2))
    for k, (at_y, at_x) in enumerate(PLACES):
        dy, dx = (0, 0) if move is None else move[k]
        blob = np.exp(-((y - at_y - dy) ** 2 + (x - at_x - dx) ** 2) / 18)
        image += 120 * (1 if gain is None else gain[k]) * blob
    return image


def measured(*images, noise=0.5, predicted=None):
    predicted = np.stack([view() if predicted is None else predicted] * IMAGES)
    seen = np.stack([*images, *[view()] * (IMAGES - len(images))])
    seen = seen + noise * np.random.default_rng(3).normal(size=seen.shape)
    return local_changes(Reprojection(seen, predicted, 1), TILT_DEG)


def told(found):
    """Return what is told if nothing but noise moves the parts of what is predicted."""
    still = measured(noise=0.0)
    compared = replace(found, by_itself=by_itself(still, still))
    return tuple("; ".join(words) for words in compared.reasons(LIMITS))


def test_images_as_predicted_say_nothing():
    found = measured(noise=3.0)
    assert found.record() == {
        "flicker": pytest.approx(0, abs=0.03),
        "bend": pytest.approx(0, abs=0.01),
        "shadowed": 0,
        "moved_px": 0,
    }
    assert found.shift_px < 0.05
    assert told(found) == ("", "")


def test_a_shift_turn_or_other_brightness_of_whole_images_is_no_local_change():
    turned = np.stack([-0.01 * (PLACES[:, 1] - 47.5) + 0.5, 0.01 * (PLACES[:, 0] - 47.5)], 1)
    found = measured(*[1.3 * view(move=turned)] * IMAGES)
    assert found.shift_px < 0.08
    assert found.flicker < 0.05


def test_particles_that_move_each_in_its_own_way_are_told_unless_all_are_as_badly_predicted():
    rng = np.random.default_rng(5)
    views = [view(move=0.8 * rng.normal(size=(14, 2))) for _ in range(IMAGES)]
    found = measured(*views, predicted=np.mean(views, axis=0))
    assert 0.25 < found.shift_px < 1.0
    assert "did particles move or sinter" in told(found)[0]
    assert replace(found, by_itself=by_itself(found, found)).reasons(LIMITS) == ([], [])


def test_particles_that_move_far_are_doubted_beside_what_is_only_mentioned():
    rng = np.random.default_rng(5)
    views = [view(move=0.8 * rng.normal(size=(14, 2))) for _ in range(IMAGES)]
    top = np.percentile(view(), 99.9)
    bent = [one * (1 - 0.025 * one / top) for one in views]
    doubts, mentions = told(measured(*bent, predicted=np.mean(views, axis=0)))
    assert "did particles move or sinter" in doubts
    assert mentions.startswith("the brightest places lack")


def test_crystals_that_light_up_are_told():
    rng = np.random.default_rng(6)
    factors = [np.where(rng.random(14) < 0.3, 2.5, 1.0) for _ in range(IMAGES)]
    found = measured(*[view(gain=factor) for factor in factors])
    assert "(diffraction)" in told(found)[0]


def test_brightness_that_is_not_linear_is_told_with_its_size():
    top = np.percentile(view(), 99.9)
    found = measured(*[view() * (1 - 0.12 * view() / top)] * IMAGES)
    assert found.bend == pytest.approx(-0.12, abs=0.01)
    assert "lack 12% of what the other tilts predict" in told(found)[0]


@pytest.mark.parametrize("side", range(4))
def test_a_shadow_from_one_side_names_its_images(side):
    dark = np.rot90(view(), side).copy()
    dark[:, :40] *= 0.1
    shaded = np.rot90(dark, -side)
    found = measured(shaded, shaded)
    assert found.shadowed.tolist() == [True, True] + [False] * (IMAGES - 2)
    assert "in the images at -30°, -25°" in told(found)[0]


def test_a_particle_that_is_gone_in_the_middle_is_no_shadow():
    gone = np.ones(14)
    gone[np.hypot(*(PLACES - 47.5).T).argmin()] = 0.0
    assert not measured(view(gain=gone)).shadowed.any()


def test_an_empty_image_says_nothing():
    empty = np.zeros((3, 64, 64))
    found = local_changes(Reprojection(empty, empty, 2), np.arange(3))
    assert found.record() == {"flicker": 0, "bend": 0, "shadowed": 0, "moved_px": 0}
    assert found.shift_px == 0


def test_what_noise_alone_shows_is_no_change():
    """What is seen of images with as much noise, in which nothing changes, does not count."""
    rough = view() + 25 * np.random.default_rng(8).normal(size=(SIZE, SIZE))
    still, noisy = measured(noise=0.0), measured(noise=25.0, predicted=rough)
    assert noisy.flicker_seen > 0.1
    assert noisy.bend_seen > 0.1
    compared = replace(noisy, by_itself=by_itself(still, noisy))
    assert compared.record() == pytest.approx(dict.fromkeys(still.record(), 0), abs=1e-6)
    assert replace(noisy, bend_seen=0.0).bend == 0


def test_an_image_that_is_dark_everywhere_has_no_shadow():
    assert not measured(0.1 * view()).shadowed.any()
