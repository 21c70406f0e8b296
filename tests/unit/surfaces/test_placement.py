"""Where particles sit on a zigzag, and whether the test tells apexes from chance."""

from functools import partial

import numpy as np
import pytest
from scipy.spatial import cKDTree
from tests.helpers.polyhedra import corrugated

from catomo.labels.settings import Particles
from catomo.surfaces.frame import Frame
from catomo.surfaces.measure import _in_hulls, _specimen
from catomo.surfaces.particles import measure_particles
from catomo.surfaces.placement import Tested, find_seats, place
from catomo.surfaces.pores import hulls_of
from catomo.surfaces.relief import relief_of
from catomo.surfaces.settings import FacetRule

PERIOD, SLOPE, THICK = 24.0, 35.26, 30.0
SHAPE = (90, 52, 90)
TANGENT = np.tan(np.radians(SLOPE))


def with_balls(places, radius=4.0):
    """Return a zigzag plate with balls half embedded at (y, x) from its middle, on its top."""
    labels = corrugated(PERIOD, SLOPE, SHAPE, THICK)
    grid = np.moveaxis(np.indices(SHAPE), 0, -1) - (np.array(SHAPE) - 1) / 2
    for y, x in places:
        away = abs(x / PERIOD - round(x / PERIOD)) * PERIOD
        centre = np.array([y, THICK / 2 - away * TANGENT + 1.5, x])
        labels[((grid - centre) ** 2).sum(axis=-1) <= radius**2] = 2
    return labels


def measured(labels):
    frame = Frame.of(labels.shape)
    hulls = hulls_of(labels == 1, 1.0, frame)
    particles = measure_particles(
        labels, 2, Particles(), 1.0, _specimen(labels, 3, 1, hulls, frame)
    )
    relief = relief_of(labels, 1, FacetRule(), frame, particles)
    return relief, particles, partial(_in_hulls, hulls), frame


def test_distances_to_apex_and_valley_are_those_drawn():
    places = [(-25, 0), (0, 6), (25, 12), (-10, -24)]
    relief, particles, in_hull, _ = measured(with_balls(places))
    seats = find_seats(relief, particles, in_hull)
    middle = particles.pieces.centres()[:, [0, 2]] - (np.array(SHAPE)[[0, 2]] - 1) / 2
    nearest = cKDTree(places).query(middle)[1]
    slanted = 1 / np.cos(np.radians(SLOPE))
    for one, drawn in enumerate(nearest):
        away = abs(places[drawn][1] / PERIOD - round(places[drawn][1] / PERIOD)) * PERIOD
        # The rim of a ball on an apex lies below it, that of one in a valley above it.
        assert seats.apex[one] == pytest.approx(away * slanted, abs=2.5)
        assert seats.valley[one] == pytest.approx((PERIOD / 2 - away) * slanted, abs=2.5)
    assert np.isfinite(seats.edge).all()  # it is a plate


def test_balls_on_apexes_are_not_there_by_chance():
    rng = np.random.default_rng(1)
    rows = [(y, x) for x in (-24, 0, 24) for y in rng.permutation(np.arange(-32, 33, 12))[:4]]
    relief, particles, in_hull, frame = measured(with_balls(rows))
    found = place(relief, particles, in_hull, frame)
    assert found.tested.sum() == 12
    assert found.at_apex.sum() == 12 > 12 * found.apex_by_chance
    assert isinstance(found.tests["apex"], Tested)
    assert found.tests["apex"].envelope.p < 0.05
    again = place(relief, particles, in_hull, frame)
    assert again.tests["apex"].envelope.p == found.tests["apex"].envelope.p


def test_four_particles_are_too_few_and_without_facets_there_are_no_apexes():
    relief, particles, in_hull, frame = measured(with_balls([(-25, 0), (0, 6), (25, 12), (20, -8)]))
    found = place(relief, particles, in_hull, frame)
    assert "only 4 whole particles" in found.tests["apex"]
    assert found.apex_by_chance is None
