"""Where particles sit on a zigzag whose apexes are known."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from tests.helpers.seated import PERIOD, SHAPE, SLOPE, UP, measured, with_balls

from catomo.surfaces.pores import hulls_of
from catomo.surfaces.seats import find_seats


def test_distances_to_apex_and_valley_are_those_drawn():
    places = [(-25, 0), (0, 6), (25, 8), (-10, -24)]
    relief, particles, in_hull, _ = measured(with_balls(places))
    seats = find_seats(relief, particles, in_hull)
    middle = particles.pieces.centres()[:, [0, 2]] - (np.array(SHAPE)[[0, 2]] - 1) / 2
    nearest = cKDTree(places).query(middle)[1]
    slope = np.radians(SLOPE)
    for one, drawn in enumerate(nearest):
        x = places[drawn][1]
        away = abs(x / PERIOD - round(x / PERIOD)) * PERIOD
        # The foot is where a line from the middle meets the slope at a right angle.
        foot = away / np.cos(slope) - UP * np.sin(slope) if away else 0.0
        assert seats.apex[one] == pytest.approx(foot, abs=0.7)
        assert seats.heights[one] == pytest.approx(UP * np.cos(slope) if away else UP, abs=0.3)
        if away:
            valley = PERIOD / 2 / np.cos(slope) - foot
            assert seats.valley[one] == pytest.approx(valley, abs=0.7)
    assert np.isfinite(seats.edge).all()  # it is a plate
    assert not seats.in_pore.any()


def test_a_particle_on_the_wall_of_a_slit_sits_in_a_pore_whose_mouth_is_no_apex():
    labels = np.zeros((64, 48, 64), np.uint8)
    labels[6:58, 8:40, 6:58] = 1
    labels[:, 20:, 29:37] = 0  # a slit, from the top of the plate to its middle
    y, z, x = np.indices(labels.shape)
    labels[(y - 32) ** 2 + (z - 30) ** 2 + (x - 29) ** 2 <= 9] = 2
    labels[(y - 20) ** 2 + (z - 40) ** 2 + (x - 16) ** 2 <= 9] = 2
    relief, particles, _, frame = measured(labels)
    hulls = hulls_of(labels == 1, 5.0, frame)
    seats = find_seats(relief, particles, hulls[0].holds)
    height = particles.pieces.centres()[:, 1]
    assert seats.in_pore.tolist() == (height < 35).tolist()
    above = int(np.argmax(height))
    # The mouth of the slit is 13 px away, the rim of the plate 10.
    assert seats.mouth[above] == pytest.approx(13, abs=2.0)
    assert seats.apex[above] == pytest.approx(10.5, abs=1.5)
