"""Whether the test tells apexes from chance, on a zigzag whose apexes are known."""

import numpy as np
import pytest
from tests.helpers.seated import PERIOD, SLOPE, measured, slab, with_balls

from catomo.surfaces import placement
from catomo.surfaces.placement import Judged, _apart, _reaches, _Rooms, place
from catomo.surfaces.seats import find_seats


def placed(labels, seed=1):
    relief, particles, in_hull, frame = measured(labels)
    return place(relief, particles, find_seats(relief, particles, in_hull), frame, seed)


def test_balls_on_apexes_are_not_there_by_chance():
    rng = np.random.default_rng(1)
    rows = [(y, x) for x in (-24, 0, 24) for y in rng.permutation(np.arange(-32, 33, 12))[:4]]
    labels = with_balls(rows)
    found = placed(labels)
    assert found.tested.sum() == 12
    assert found.at_apex.sum() == 12 > 2 * 12 * found.apex_by_chance
    assert isinstance(found.tests["apex"], Judged)
    assert found.tests["apex"].envelope.p < 0.01
    assert found.tests["facets"].envelope.p < 0.05
    again = placed(labels)
    for key, told in found.tests.items():
        assert again.tests[key].envelope.p == told.envelope.p


def test_random_places_are_spread_by_area():
    found = placed(with_balls([(-25, 0), (0, 6), (25, 8), (20, -9), (-20, 30), (0, -24)]))
    apex = found.tests["apex"]
    # Of a slope of this length, a share as long as the distance lies nearer to an apex.
    half = PERIOD / 2 / np.cos(np.radians(SLOPE))
    at = int(np.searchsorted(apex.places, half / 2))
    on_zigzag = apex.envelope.middle[at]
    # The sides and the lower face of the plate have edges, too; half of the zigzag is nearer.
    assert 0.25 < on_zigzag < 0.75


def on_box(places):
    """Return a box of 64 × 40 × 64 px with balls at (axis, sign, place, place) on its faces."""
    labels = np.zeros((84, 60, 84), np.uint8)
    labels[10:74, 10:50, 10:74] = 1
    middle, half = np.array([41.5, 29.5, 41.5]), np.array([32.0, 20.0, 32.0])
    grid = np.moveaxis(np.indices(labels.shape), 0, -1)
    for axis, sign, *along in places:
        centre = np.insert(np.array(along, float), axis, sign * (half[axis] + 1)) + middle
        labels[((grid - centre) ** 2).sum(axis=-1) <= 9] = 2
    return labels


def anywhere(rng, count):
    """Return places that are evenly spread over the faces of the box."""
    half, found = np.array([32.0, 20.0, 32.0]), []
    while len(found) < count:
        axis = int(rng.choice(3, p=np.array([5, 8, 5]) / 18))
        new = (axis, rng.choice([-1, 1]), *(rng.uniform(-1, 1, 2) * np.delete(half, axis)))
        same = [one for one in found if one[:2] == new[:2]]
        if all(np.hypot(one[2] - new[2], one[3] - new[3]) > 8 for one in same):
            found.append(new)
    return found


def test_balls_that_chance_has_placed_are_not_rejected():
    found = placed(on_box(anywhere(np.random.default_rng(10), 12)))
    assert min(one.envelope.p for one in found.tests.values()) > 0.05
    assert found.tested.sum() == 12


def test_balls_close_together_are_rejected_by_their_neighbours_and_not_by_apexes():
    clusters = [(1, 1, 22, 12), (1, -1, 6, -6), (0, 1, 2, -23), (2, -1, -14, 9)]
    near = [(0, 0), (7, 3), (-3, 7)]
    places = [(*at[:2], at[2] + y, at[3] + x) for at in clusters for y, x in near]
    found = placed(on_box(places))
    assert found.tests["neighbour"].envelope.p < 0.05
    assert found.tests["apex"].envelope.p > 0.05


def test_four_particles_are_too_few_and_without_facets_there_are_no_apexes():
    found = placed(with_balls([(-25, 0), (0, 6), (25, 12), (20, -8)]))
    assert "only 4 whole particles" in found.tests["apex"]
    assert found.apex_by_chance is None


def test_on_a_ball_neighbours_are_judged_and_apexes_are_not():
    y, z, x = (axis - 31.5 for axis in np.indices((64, 64, 64)))
    labels = (y**2 + z**2 + x**2 <= 400).astype(np.uint8)
    for place_ in np.random.default_rng(3).permutation(np.vstack([np.eye(3), -np.eye(3)])):
        b, c, a = 21 * place_
        labels[(y - b) ** 2 + (z - c) ** 2 + (x - a) ** 2 <= 16] = 2
    found = placed(labels)
    assert found.tests["apex"] == found.tests["facets"] == "there are no facets"
    # Six balls as far apart as they can be are not there by chance.
    assert found.tests["neighbour"].envelope.p == pytest.approx(0.001, abs=0.01)


ROW = [(y, x) for y in (10, 26) for x in (10, 24, 38, 52)]


def test_no_random_place_lies_below_another_class():
    labels = slab(ROW, 3.0, 0.5)
    labels[36:, 20:23] = 3  # a film over nearly half of the upper face
    relief, particles, in_hull, frame = measured(labels)
    seats = find_seats(relief, particles, in_hull)
    found = place(relief, particles, seats, frame)
    assert found.tested.sum() == 8
    upper = (64 - 36) / 64 / 2
    assert found.covered == pytest.approx(upper, abs=0.02)
    # Facets go on below the film, so all places lie on them; the slab has no apex.
    assert found.tests["apex"] == "there is no apex on the outer surface"
    rooms = _Rooms(relief, particles, seats, found.tested, frame, np.random.default_rng(1))
    pool = relief.bare.points[rooms.pool]
    assert not ((pool[:, 1] > 15) & (pool[:, 0] > 37)).any()


def test_particles_that_touch_count_as_one_with_the_larger():
    found = placed(slab([*ROW, (45, 30), (50.9, 30)], 3.0, 0.5))
    assert found.tested.sum() == 10
    assert found.tests["neighbour"].note.startswith("1 that touch a larger one")
    alone = placed(slab([*ROW, (45, 30)], 3.0, 0.5))
    assert alone.tests["neighbour"].note == ""
    centres = np.array([[0, 0, 0], [0, 0, 5], [0, 0, 10.5], [0, 0, 40]], float)
    assert _apart(centres, np.array([3.0, 2.9, 2.8, 3.0])).tolist() == [0, 3]


def test_a_particle_reaches_as_far_along_the_surface_as_it_is_drawn():
    whole, half = slab([(31.6, 32.3)], 7.0, 0.0), slab([(31.6, 32.3)], 7.0, 0.0)
    half[:, :20][half[:, :20] == 2] = 1
    for labels, equal in ((whole, 7.0), (half, 7.0 / 2 ** (1 / 3))):
        _, particles, _, _ = measured(labels)
        found = _reaches(particles, np.array([0]), np.array([[0.0, 1.0, 0.0]]))
        assert found == pytest.approx([7.0], abs=0.15)
        assert particles.diameters[0] / 2 == pytest.approx(equal, abs=0.15)


def test_of_very_many_particles_some_are_tested_and_the_rest_is_told(monkeypatch):
    monkeypatch.setattr(placement, "MOST", 6)
    found = placed(slab(ROW, 3.0, 0.5))
    assert found.tested.sum() == 6
    assert found.passed_over == 2
    assert isinstance(found.tests["neighbour"], Judged)
