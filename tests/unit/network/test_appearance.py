"""How classes look: brightness, noise and edges of drawn slices come out as drawn."""

import json
from dataclasses import replace

import numpy as np
import pytest

from catomo.network.appearance import Appearance, appearance_of


def plate(sigma=0.0, grey=100.0, ramp=1, edge=200):
    """Return a slice with a plate of class 1 whose four edges rise within `ramp` pixels."""
    rng = np.random.default_rng(0)
    place = np.arange(edge)
    inside = np.minimum(place - edge // 4, edge - edge // 4 - 1 - place) + 1
    rise = np.clip(inside / ramp, 0, 1)
    image = 20 + (grey - 20) * np.minimum.outer(rise, rise)
    labels = (np.minimum.outer(rise, rise) > 0).astype(np.uint8)
    image = image + rng.normal(0, sigma, image.shape) if sigma else image
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), labels


def test_grey_noise_and_edges_are_those_drawn():
    looks = appearance_of([plate(sigma=4)], 2)
    assert looks.grey[1] == pytest.approx(100, abs=0.2)
    assert looks.grey[0] == pytest.approx(20, abs=0.2)
    assert looks.noise == pytest.approx((4, 4), rel=0.05)
    assert looks.texture == pytest.approx((4, 4), rel=0.05)
    assert looks.edge_z[1] == pytest.approx(80, rel=0.02)
    assert looks.edge_x[1] == pytest.approx(80, rel=0.02)
    assert looks.edge_z[0] is None  # no class comes before the background


def test_bright_is_what_a_thousandth_of_the_pixels_exceeds():
    greys = np.arange(200, dtype=np.uint8).repeat(200).reshape(200, 200)
    looks = appearance_of([(greys, np.ones_like(greys))], 2)
    assert looks.bright == (None, 199)
    greys[:] = 50
    greys.flat[:30] = 90  # of 40,000
    assert appearance_of([(greys, np.ones_like(greys))] * 2, 2).bright[1] == 50
    greys.flat[:50] = 90
    assert appearance_of([(greys, np.ones_like(greys))] * 2, 2).bright[1] == 90


def test_twice_the_noise_is_twice_the_noise_and_nothing_else():
    once, twice = (appearance_of([plate(sigma=s)], 2) for s in (3, 6))
    assert twice.noise[1] / once.noise[1] == pytest.approx(2, rel=0.03)
    assert twice.grey[1] == pytest.approx(once.grey[1], abs=0.3)
    assert twice.edge_x[1] == pytest.approx(once.edge_x[1], rel=0.03)


def test_an_edge_that_rises_over_four_pixels_is_a_quarter_as_steep():
    steep, gentle = (appearance_of([plate(ramp=ramp)], 2) for ramp in (1, 4))
    assert gentle.edge_x[1] / steep.edge_x[1] == pytest.approx(0.25, rel=0.05)
    assert gentle.edge_z == gentle.edge_x


def test_slopes_are_texture_but_no_noise():
    slope = np.tile(np.arange(20, 220, 2, dtype=np.uint8), (60, 1))
    looks = appearance_of([(slope, np.ones_like(slope))], 2)
    assert looks.noise[1] < 0.4  # what whole greys make of it
    assert looks.texture[1] == pytest.approx(slope.std(), rel=0.01)


def test_more_of_a_class_in_other_places_looks_the_same():
    image, labels = plate(sigma=4)
    once, moved = appearance_of([(image, labels)], 2), np.roll(image, (30, -20), axis=(0, 1))
    other = appearance_of([(moved, np.roll(labels, (30, -20), axis=(0, 1)))] * 2, 2)
    assert other.noise[1] == pytest.approx(once.noise[1], rel=0.02)
    assert other.edge_x[1] == pytest.approx(once.edge_x[1], rel=0.02)


def test_of_too_few_pixels_nothing_is_said():
    image = np.full((30, 30), 50, np.uint8)
    labels = np.zeros((30, 30), np.uint8)
    labels[10:14, 10:14] = 1
    looks = appearance_of([(image, labels)], 3)
    assert (looks.grey[1], looks.grey[2], looks.edge_x[1]) == (None, None, None)
    assert looks.grey[0] == 50


def test_it_comes_back_from_a_file_and_must_be_possible():
    looks = appearance_of([plate(sigma=2)], 2)
    content = json.loads(json.dumps(looks.record()))
    assert Appearance.of(content) == looks
    older = {name: values for name, values in content.items() if name != "bright"}
    assert Appearance.of(older) == replace(looks, bright=(None, None))
    for change in ({"grey": [1.0]}, {"noise": [1.0, -1.0]}, {"noise": [1.0, float("nan")]}):
        with pytest.raises(ValueError, match="appearance"):
            Appearance.of(content | change)
    with pytest.raises(KeyError):
        Appearance.of({"grey": [1.0]})
