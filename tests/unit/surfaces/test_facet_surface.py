"""Elements of a surface: their areas, their normals, and what the frame and particles leave."""

import numpy as np
import pytest

from catomo.surfaces.facet_surface import facets_near, smoothing_rounds, surface_elements
from catomo.surfaces.frame import Frame


def elements(labels, length=1.5, recorded=None):
    return surface_elements(labels, 1, Frame.of(labels.shape, recorded), length)


def test_of_a_ball_the_areas_sum_to_its_area_and_the_normals_point_away_from_its_centre():
    line = np.arange(48) - 23.3
    inside = line[:, None, None] ** 2 + line[:, None] ** 2 + line**2 <= 18**2
    labels = inside.astype(np.uint8)
    found = elements(labels)
    assert found.areas.sum() == pytest.approx(4 * np.pi * 18**2, rel=0.03)
    away = found.points - 23.3
    away /= np.linalg.norm(away, axis=1)[:, None]
    assert (found.normals * away).sum(axis=1).min() > np.cos(np.radians(12))


def test_the_frame_makes_no_surface():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[:, :10] = 1
    found = elements(labels)
    assert found.areas.sum() == pytest.approx(400, rel=0.06)  # corners half a voxel beyond count
    assert found.normals[:, 1].min() > 0.99


def test_what_lies_under_a_particle_is_not_free():
    labels = np.zeros((20, 24, 20), np.uint8)
    labels[:, :10] = 1
    labels[5:15, 10:16, 5:15] = 2
    found = elements(labels)
    assert found.areas.sum() - found.free_areas.sum() == pytest.approx(100, rel=0.1)


def test_slices_that_were_not_recorded_part_the_surface():
    labels = np.zeros((30, 20, 20), np.uint8)
    labels[:, :10] = 1
    recorded = np.ones(30, bool)
    recorded[12:18] = False
    labels[~recorded] = 0
    found = elements(labels, recorded=recorded)
    assert not ((found.points[:, 0] > 11.5) & (found.points[:, 0] < 17.5)).any()
    links = found.links.tocoo()
    assert np.abs(found.points[links.row] - found.points[links.col]).max() < 3


def test_no_voxel_has_no_surface():
    assert elements(np.zeros((8, 8, 8), np.uint8)) is None
    assert elements(np.ones((8, 8, 8), np.uint8)) is None


def test_the_longer_the_smoothing_the_more_rounds():
    assert [smoothing_rounds(length) for length in (0.5, 1.5, 3.0)] == [0, 4, 16]


def test_across_a_strip_on_no_facet_both_its_neighbours_are_near():
    labels = np.zeros((20, 20, 30), np.uint8)
    labels[5:15, 5:15, 5:25] = 1
    surface = elements(labels)
    x = surface.points[:, 2]
    on = np.where(x < -1.2, 0, np.where(x > 1.2, 1, -1))
    near = [facets_near(surface, on, 3, steps).toarray() > 0 for steps in (0, 1, 2, 3)]
    assert (near[0] == (on[:, None] == [0, 1, 2])).all()
    assert all((one[on >= 0] == near[0][on >= 0]).all() for one in near), "a facet is itself alone"
    strip = [one[on < 0] for one in near]
    assert not strip[1].all(axis=1).any(), "one step does not cross the strip"
    assert strip[3][:, :2].all()
    assert not strip[3][:, 2].any()
