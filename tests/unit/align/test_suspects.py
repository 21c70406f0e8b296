"""Other readings of the angles: the true order of the images is found among the usual ones."""

import numpy as np
import pytest

from catomo.align.geometry import Geometry
from catomo.align.preprocess import CleanSeries
from catomo.align.readings import Recording
from catomo.align.reprojection import Reprojector
from catomo.align.suspects import other_reading
from helpers.balls import BALLS, TILTS, project

UNEVEN = np.concatenate([np.arange(-66.0, 0, 2), np.arange(0.0, 67, 6)])
MIDDLE = int(np.argmin(np.abs(TILTS)))
UP, DOWN = range(MIDDLE + 1, len(TILTS)), range(MIDDLE - 1, -1, -1)


def turns(one, other, group):
    """Return the places of tilts taken from the middle outwards, on both sides in turns."""
    places = [MIDDLE]
    for k in range(0, len(TILTS), group):
        places += [*one[k : k + group], *other[k : k + group]]
    return places


def found(images_deg, listed_deg, without=()):
    """Return the other reading of images that were recorded at angles, with other ones listed."""
    images_deg, listed_deg = np.array(images_deg), np.array(listed_deg)
    still = np.zeros(len(images_deg))
    images = project(BALLS, 0.0, still, still, tilts=images_deg).astype(np.float32)
    order = np.array([k for k in np.argsort(listed_deg) if k not in without])
    usable = np.ones(len(order), bool)
    series = CleanSeries(images[order], listed_deg[order], usable, isolated=True)
    geometry = Geometry(0.0, still[order], still[order])
    recording = Recording(order, listed_deg, "a.mdoc")
    return other_reading(Reprojector(series, 48), geometry, recording)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_wrong_step_is_told_apart(factor):
    tilts = TILTS if factor < 1 else TILTS / 2
    reading = found(tilts, tilts * factor)
    assert (
        reading.words == f"the true angles are {'twice' if factor < 1 else 'half'} the given ones"
    )
    assert reading.ratio < 0.5
    assert reading.angles_deg == pytest.approx(tilts)


@pytest.mark.parametrize("tilts", [TILTS, UNEVEN])
def test_nothing_fits_better_than_the_truth(tilts):
    assert found(tilts, tilts).ratio > 1
    assert found(tilts[::-1], tilts[::-1]).ratio > 1
    taken = np.random.default_rng(0).permutation(tilts)
    assert found(taken, taken).ratio > 1


TAKEN = {
    "up, then down": [MIDDLE, *UP, *DOWN],
    "down, then up": [MIDDLE, *DOWN, *UP],
    "in turns": turns(UP, DOWN, 1),
    "in turns, down first": turns(DOWN, UP, 1),
    "pairs": turns(UP, DOWN, 2),
    "groups of three": turns(UP, DOWN, 3),
    "at random": np.random.default_rng(1).permutation(len(TILTS)).tolist(),
}


@pytest.mark.parametrize("taken", TAKEN.values(), ids=TAKEN)
def test_sorted_images_and_angles_that_are_not(taken):
    reading = found(TILTS, TILTS[taken])
    assert reading.words.startswith("the images are sorted by tilt while the angles are in the ord")
    assert "gives the mirror image" in reading.words  # -66° to 66°: both ends look alike
    assert reading.way_out == "set tilt_series.import.angle_order: ascending"
    assert reading.angles_deg.tolist() == TILTS.tolist()
    assert reading.ratio < 0.6


def test_sorted_images_of_which_some_are_left_out():
    reading = found(TILTS, TILTS[TAKEN["in turns"]], without=(3, 4, 11, 20))
    assert reading.angles_deg.tolist() == TILTS.tolist()
    assert reading.ratio < 0.6


@pytest.mark.parametrize("name", [name for name in TAKEN if name != "at random"])
def test_sorted_angles_and_images_that_are_not(name):
    reading = found(TILTS[TAKEN[name]], TILTS)
    assert reading.words.startswith("the images are in the order of acquisition")
    fits = reading.angles_deg.tolist()
    assert TILTS[TAKEN[name]].tolist() in (fits, [-angle for angle in fits])  # or its mirror image
    assert reading.way_out.startswith("copy suggested_angles.tlt")
    assert reading.ratio < 0.6


def test_a_list_in_the_opposite_direction_shows_where_the_steps_differ():
    reading = found(UNEVEN, UNEVEN[::-1])
    assert reading.way_out.endswith("angle_order: ascending")
    assert reading.ratio < 0.6


def needle_cut_by_the_frame(taken):
    """Return the other reading of a needle, shifted along its axis by amounts that nobody knows."""
    rng = np.random.default_rng(5)
    balls = np.column_stack(
        [rng.normal(0, 6, 60), rng.uniform(-20, 90, 60), rng.normal(0, 6, 60), np.full(60, 3.0),
         rng.uniform(1, 9, 60)]
    )  # fmt: skip
    still = np.zeros(len(TILTS))
    along = rng.uniform(-6, 6, len(TILTS))
    images = project(balls, 0.0, still, along).astype(np.float32)[taken]
    series = CleanSeries(images, TILTS, np.ones(len(TILTS), bool), isolated=False)
    geometry = Geometry(0.0, still, still)
    return other_reading(Reprojector(series, 64), geometry, Recording.sorted(TILTS))


def test_an_extended_specimen_is_registered_along_the_axis_under_each_reading():
    taken = np.argsort([str(number) for number in range(len(TILTS))])
    reading = needle_cut_by_the_frame(taken)
    assert "in the order of their names, where 10 comes before 2" in reading.words
    assert reading.angles_deg.tolist() == TILTS[taken].tolist()
    assert reading.ratio < 0.5
    assert needle_cut_by_the_frame(np.arange(len(TILTS))).ratio > 1
