"""The surface without what lies on it: the same as if nothing had ever lain there."""

import numpy as np
import pytest
from tests.helpers.seated import measured, slab, with_balls

PLACES = [(-25, 0), (-8, 0), (10, 3), (28, -24), (-20, 24), (5, 30), (20, -9)]


@pytest.fixture(scope="module")
def both():
    return measured(with_balls([]))[0], measured(with_balls(PLACES))[0]


def test_its_area_is_that_without_particles(both):
    free, hidden = both
    assert hidden.bare.areas.sum() / free.bare.areas.sum() == pytest.approx(1, abs=0.005)
    dents = hidden.bare.owner >= 0
    assert hidden.bare.areas[dents].sum() < 0.95 * hidden.elements.areas[dents].sum()


def test_apexes_go_on_below_particles(both):
    hidden = both[1]
    lengths = [
        sum(line.length for line in one.lines if line.is_apex and abs(line.angle_deg - 70.5) < 3)
        for one in both
    ]
    assert lengths[1] == pytest.approx(lengths[0], abs=4)
    assert len(hidden.bare.feet) == len(PLACES)


def test_what_is_hidden_lies_on_the_planes_around_it(both):
    bare, facets = both[1].bare, both[1].facets
    rows = np.flatnonzero((bare.owner >= 0) & (bare.plane_of >= 0))
    normals = facets.normals[facets.facet_of_plane[bare.plane_of[rows]]]
    above = np.einsum("ij,ij->i", bare.points[rows], normals) - facets.offsets[bare.plane_of[rows]]
    assert np.abs(above).max() < 0.01
    assert len(rows) > 0.9 * (bare.owner >= 0).sum()


@pytest.mark.parametrize("place", PLACES[:2])
def test_below_a_ball_there_is_as_much_surface_near_an_apex_as_without_it(both, place):
    areas = []
    for one in both:
        y, z, x = (one.bare.points - (np.array([90, 52, 90]) - 1) / 2).T
        near = (z > 0) & (np.abs(y - place[0]) < 3) & (np.abs(x) < 1.5)
        areas.append(one.bare.areas[near].sum())
    assert areas[1] == pytest.approx(areas[0], rel=0.1)


def test_without_particles_what_is_flat_stays_and_edges_are_as_sharp_as_drawn(both):
    free = both[0]
    assert not free.bare.feet
    away = np.linalg.norm(free.bare.points - free.elements.points, axis=1)
    assert np.median(away) < 0.1
    # Five apexes in the middle of the plate and their slopes, in closed form.
    slope, width, period = np.radians(35.26), 20, 24
    middle = np.abs(free.bare.points - (np.array([90, 52, 90]) - 1) / 2)
    upper = (free.bare.normals[:, 1] > 0.3) & (middle[:, 0] < width) & (middle[:, 2] < period)
    drawn = 2 * width * 2 * period / np.cos(slope)
    assert free.bare.areas[upper].sum() == pytest.approx(drawn, rel=0.03)


@pytest.mark.parametrize("up", [2.0, 0.0, -4.0])
def test_what_is_put_back_below_a_ball_is_as_large_as_its_footprint_however_deep_it_sits(up):
    bare = measured(slab([(31.6, 32.3)], 7.0, up))[0].bare
    top = bare.points[:, 1] > 15
    hidden = bare.owner >= 0
    # The rim is where labels change, about a third of a pixel outside of the ball.
    rim = np.sqrt(49 - up**2)
    assert np.pi * rim**2 < bare.areas[hidden].sum() < np.pi * (rim + 0.75) ** 2
    assert bare.areas[top].sum() == pytest.approx(64**2, rel=0.002)
    assert bare.feet[0].normal == pytest.approx([0, 1, 0], abs=0.01)


def test_below_another_class_and_around_what_is_embedded_no_particle_may_sit():
    labels = slab([(16, 16)], 4.0, 1.0)
    labels[30:, 20:23] = 3
    labels[40:46, 10:16, 40:46] = 2
    relief = measured(labels)[0]
    bare, points = relief.bare, relief.bare.points
    top = points[:, 1] > 17
    assert not bare.is_open[top & (points[:, 0] > 31)].any()
    assert bare.is_open[top & (points[:, 0] < 29)].all()
    assert (bare.owner[top & bare.is_open] >= 0).any()
    assert not bare.is_open[(points[:, 1] > 8) & (points[:, 1] < 17)].any()


def test_large_pieces_are_put_back_in_parts_that_change_nothing(monkeypatch):
    labels = slab([(31.6, 32.3)], 7.0, 0.0)
    whole = measured(labels)[0].bare
    monkeypatch.setattr("catomo.surfaces.bare._AT_ONCE", 500)
    parts = measured(labels)[0].bare
    assert np.array_equal(whole.points, parts.points)
    assert np.array_equal(whole.areas, parts.areas)
