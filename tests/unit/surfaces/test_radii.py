"""Widths of pores and plates: ink bottle, slits, what does not get in."""

import numpy as np
import pytest

from catomo.surfaces.pores import hull
from catomo.surfaces.radii import access_radii, are_seen, local_radii, median_of, seen_weights


def bottle():
    """A block with a wide round room that one throat of 4 px radius leads to."""
    matter = np.zeros((40, 48, 40), bool)
    matter[4:36, 4:44, 4:36] = True
    y, z, x = np.indices(matter.shape) - np.array([20, 28, 20])[:, None, None, None]
    matter[y**2 + z**2 + x**2 < 11**2] = False
    matter[(y**2 + x**2 < 4**2) & (z < 0)] = False
    return matter


def test_an_ink_bottle_is_as_accessible_as_its_throat():
    matter = bottle()
    inside = hull(matter, 5.0)
    found, places = access_radii(matter, inside)
    assert inside[tuple(places.T)].all()
    assert np.median(found) == pytest.approx(4.0, abs=1e-6)
    assert found.max() < 4.5
    assert np.median(local_radii(inside & ~matter)) > 10


def test_a_closed_room_is_no_open_pore():
    matter = np.zeros((30, 30, 30), bool)
    matter[5:25, 5:25, 5:25] = True
    matter[12:18, 12:18, 12:18] = False
    assert len(access_radii(matter, hull(matter, 2.0))[0]) == 0
    assert np.median(local_radii(hull(matter, 2.0) & ~matter)) == 3.0


@pytest.mark.parametrize("wide", [5, 6, 9, 10])
def test_a_slit_has_half_its_width(wide):
    mask = np.zeros((30, 30, 30), bool)
    mask[:, 8 : 8 + wide] = True  # from frame to frame, which is no wall
    found = local_radii(mask)
    assert len(found) == 30 * 30 * wide
    assert found == pytest.approx((wide + 1) // 2)


def test_a_plate_that_the_frame_cuts_along_its_faces_has_no_thickness():
    plate = np.zeros((40, 40, 40), bool)
    plate[:, 15:25] = True
    assert are_seen(plate, 5)
    assert are_seen(plate.swapaxes(0, 1), 5)
    cut = np.zeros((40, 40, 40), bool)
    cut[:, 20:] = True
    assert np.median(local_radii(cut)) == pytest.approx(20, abs=1)  # as if it were twice as thick
    assert not are_seen(cut, 20)


def test_nothing_and_everything_have_no_width():
    assert len(local_radii(np.zeros((4, 5, 6), bool))) == 0
    assert len(local_radii(np.ones((4, 5, 6), bool))) == 0
    assert len(access_radii(np.ones((4, 5, 6), bool), np.ones((4, 5, 6), bool))[0]) == 0


def test_the_frame_does_not_favour_narrow_pores():
    """Frames drawn at random see as much of narrow and wide balls as there is of both."""
    rng = np.random.default_rng(4)
    shape, radii = (40, 40, 40), np.repeat([2.5, 8.5], 40_000)
    places = rng.integers(0, 40, (len(radii), 3))
    weights = seen_weights(radii, places, shape)
    assert weights[radii > 5].sum() == pytest.approx(weights[radii < 5].sum(), rel=0.05)
    assert (weights[radii > 5] == 0).mean() > (weights[radii < 5] == 0).mean()
    assert median_of(np.arange(9.0), np.ones(9)) == 4
    assert median_of(np.arange(9.0), np.where(np.arange(9) > 5, 1.0, 0.0)) == 7
    assert median_of(np.arange(9.0), np.zeros(9)) is None
