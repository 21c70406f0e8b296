"""Thresholds of histograms whose classes are known."""

import numpy as np

from catomo.labels.otsu import material_threshold, otsu_threshold


def test_two_groups_of_grey_values_are_separated_in_the_middle_of_the_gap():
    histogram = np.zeros(256, int)
    histogram[[20, 100]] = 500, 500
    assert otsu_threshold(histogram) == 59  # any of 20 to 99 separates them


def test_a_bright_class_does_not_hide_a_faint_one():
    """Otsu's threshold alone would separate the few bright pixels from all others."""
    grey = np.repeat([5, 60, 250], [6000, 3000, 400])
    histogram = np.bincount(grey, minlength=256)
    assert otsu_threshold(histogram) >= 60
    assert 5 <= material_threshold(histogram) < 60
