"""Hull and pores: open, closed, cut by the frame; the frame opens and closes nothing."""

import numpy as np
import pytest

from catomo.surfaces.frame import Frame
from catomo.surfaces.pores import find_pores, hull, hulls_of


def shell():
    """A cube with one closed room and one that a channel leads to."""
    solid = np.zeros((40, 40, 40), bool)
    solid[6:34, 6:34, 6:34] = True
    solid[10:16, 10:16, 10:16] = False
    solid[22:28, 22:28, 22:28] = False
    solid[24:26, 24:26, 28:34] = False
    return solid


def test_a_shell_with_an_open_and_a_closed_pore():
    solid = shell()
    inside = hull(solid, 4.0)
    pores = find_pores(solid, inside)
    assert pores.closed == 6**3
    assert pores.open == pytest.approx(6**3 + 2 * 2 * 6, abs=8)  # but for its rounded mouth
    assert pores.unknown == 0
    assert pores.hull == pytest.approx(28**3, abs=8)


def test_a_pore_that_the_frame_cuts_may_be_open_beyond_it():
    solid = shell()[:13]
    pores = find_pores(solid, hull(solid, 4.0))
    assert (pores.open, pores.closed, pores.unknown) == (0, 0, 3 * 6**2)


def test_the_frame_rounds_no_edge_and_bridges_no_gap():
    film = np.zeros((30, 30, 30), bool)
    film[:, 10:20] = True
    assert np.array_equal(hull(film, 6.0), film)
    near = np.zeros((30, 30, 30), bool)
    near[3:27, 3:27, 3:27] = True
    assert np.array_equal(hull(near, 6.0), near)
    assert not hull(np.zeros((5, 5, 5), bool), 2.0).any()


def test_each_run_of_slices_has_a_hull_of_its_own():
    solid = np.zeros((20, 16, 16), bool)
    solid[:, 4:12] = True
    recorded = np.ones(20, bool)
    recorded[9:11] = False
    hulls = hulls_of(solid & recorded[:, None, None], 3.0, Frame.of(solid.shape, recorded))
    assert [one.run for one in hulls] == [slice(0, 9), slice(11, 20)]
    voxels = np.array([(0, 5, 5), (8, 11, 3), (9, 5, 5), (11, 4, 0), (19, 12, 0)])
    assert [one.holds(voxels).tolist() for one in hulls] == [
        [True, True, False, False, False],
        [False, False, False, True, False],
    ]
