"""Apexes and valleys of bodies whose edges are known."""

from collections import Counter

import numpy as np
import pytest
from tests.helpers.polyhedra import corrugated, polyhedron

from catomo.labels.settings import Particles
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
