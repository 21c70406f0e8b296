"""Apexes and valleys of bodies whose edges are known."""

from collections import Counter

import numpy as np
import pytest
from tests.helpers.polyhedra import corrugated, polyhedron

from catomo.labels.settings import Particles
from catomo.surfaces.facet_lines import _Axis, _rounded
from catomo.surfaces.frame import Frame
from catomo.surfaces.measure import _specimen
from catomo.surfaces.particles import measure_particles
from catomo.surfaces.relief import relief_of
from catomo.surfaces.settings import FacetRule


def lines(labels):
    frame = Frame.of(labels.shape)
    particles = measure_particles(labels, 2, Particles(), 1.0, _specimen(labels, 3, 1, [], frame))
    return relief_of(labels, 1, FacetRule(), frame, particles).lines


def test_an_octahedron_has_twelve_apexes_of_its_edge():
    found = lines(polyhedron("octahedron", 20, 5)[0])
    assert len(found) == 12
    assert all(line.is_apex for line in found)
    assert [line.angle_deg for line in found] == pytest.approx([70.53] * 12, abs=0.8)
    # The edge of an octahedron is √6 times its inner radius; corners are rounded.
    assert [line.length for line in found] == pytest.approx([20 * 6**0.5] * 12, abs=8)


def test_a_zigzag_has_apexes_and_valleys_where_they_are_drawn():
    period, slope = 24, 35.26
    labels = corrugated(period, slope, (56, 48, 80), 30)
    inclined = [line for line in lines(labels) if abs(line.angle_deg - 2 * slope) < 3]
    assert Counter(line.is_apex for line in inclined) == {True: 3, False: 2}
    middle = (80 - 1) / 2
    for line in inclined:
        at = (line.points[:, 2].mean() - middle) / period
        assert at == pytest.approx(round(at) if line.is_apex else np.floor(at) + 0.5, abs=0.05)


def test_what_lies_across_a_line_does_not_part_it():
    labels = corrugated(24, 35.26, (56, 48, 80), 30)
    labels[20:34, 30:45, 32:48] = np.where(labels[20:34, 30:45, 32:48] == 1, 1, 2)
    middle = [
        line
        for line in lines(labels)
        if line.is_apex and abs(line.points[:, 2].mean() - 39.5) < 1 and line.angle_deg < 80
    ]
    assert len(middle) == 1
    assert np.abs(np.diff(middle[0].points[:, 0])) == pytest.approx(0.5, abs=1e-2)
    assert middle[0].length > 40


@pytest.mark.parametrize(("radius", "skin", "apart"), [(3, 1.5, 8), (4, 2.0, 10)])
def test_an_apex_is_found_below_particles_that_labels_wrap_in_a_skin(radius, skin, apart):
    """Neither plane reaches it: a wall of support stands on it from particle to particle."""
    labels = corrugated(24, 35.26, (56, 48, 80), 30)
    alone = [line for line in lines(labels) if line.is_apex and line.angle_deg < 80][1]
    at = np.stack(np.indices(labels.shape), axis=-1)
    balls = [[y, 40, 39.5] for y in range(8, 50, apart)]
    away = np.min([np.linalg.norm(at - ball, axis=-1) for ball in balls], axis=0)
    labels[(away < radius + skin) & (at[..., 1] < 40 + radius)] = 1
    labels[away < radius] = 2
    below = [line for line in lines(labels) if line.facets == alone.facets and line.is_apex]
    [line] = [line for line in below if abs(line.points[:, 2].mean() - 39.5) < 2]
    place, known = (one.points[:, 1:].mean(axis=0) for one in (line, alone))
    assert place == pytest.approx(known, abs=0.2)
    assert 0.75 * alone.length < line.length < 1.1 * alone.length


def sides(one, other):
    """Return where two planes at right angles meet by the rule for rounded edges.

    Both hold the axis x = y = 0 and face along x and along y. `one` and `other` are the range of
    the second coordinate in which each has places; along the axis they lie from 0 to 20.
    """
    rng = np.random.default_rng(1)
    along = rng.uniform(0, 20, (2, 2000))
    first = np.stack([0 * along[0], rng.uniform(*one, 2000), along[0]], axis=1)
    second = np.stack([rng.uniform(*other, 2000), 0 * along[1], along[1]], axis=1)
    normals, axis = np.eye(3)[:2], np.eye(3)[2]
    turned = _Axis((0, 1), np.array([0, 1]), normals, np.zeros(2), 90.0, np.zeros(3), axis)
    return {convex: len(at) for convex, at in _rounded(turned, [first, second]).items()}


@pytest.mark.parametrize(
    ("one", "other", "apex", "valley"),
    [
        ((-10, -2), (-10, -2), 20, 0),  # both below: each ends 2 px before the edge
        ((2, 10), (2, 10), 0, 20),  # both above
        ((-10, 10), (-10, -2), 0, 0),  # one goes on across the other
        ((-10, -2), (2, 10), 0, 0),  # a gap
        ((-20, -7), (-10, -2), 0, 0),  # one ends too far away
    ],
)
def test_two_planes_meet_where_both_end_near_to_it_on_the_proper_side(one, other, apex, valley):
    assert sides(one, other) == {True: apex, False: valley}
