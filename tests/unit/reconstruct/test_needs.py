"""What a reconstruction needs, from numbers alone."""

import pytest

from catomo.reconstruct.needs import WIDEST, matter_goes_on, peak_bytes, seen_width


def test_the_steepest_tilt_shows_the_widest_part():
    """A beam at angle t passes through the width of the image divided by cos t."""
    assert seen_width([0.0]) == 1
    assert seen_width([-60, 0, 45]) == pytest.approx(2)
    assert seen_width([-80, 0, 90]) == WIDEST


def test_matter_goes_on_where_both_sides_are_open():
    assert matter_goes_on({"steps": {"open_sides": ["top", "left", "right"]}})
    assert not matter_goes_on({"steps": {"open_sides": ["left"]}})
    assert not matter_goes_on({})  # of an alignment that looked at no sides


def test_memory_is_that_of_the_slab_and_of_what_threads_work_on():
    """One slice of 1 MB and one sinogram of 0.4 MB, in 2 + 32 + 2 + 3 and 5 + 8 copies."""
    found = peak_bytes((100, 1000), (500, 500), slices=1, workers=1, subsets=3)
    assert found == pytest.approx(0.3e9 + 39 * 1e6 + 13 * 0.4e6)
    twice = peak_bytes((100, 1000), (500, 1000), slices=1, workers=1, subsets=3)
    assert twice - found == pytest.approx(39 * 1e6)
