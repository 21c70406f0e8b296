"""The extent of a specimen whose place is known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.support import support_depth, support_extent

TILT = np.arange(-68.0, 69, 4)


@pytest.mark.parametrize("pt", [0, 20])
def test_the_extent_holds_the_specimen_and_little_more(pt):
    image = np.zeros((3, 100, 120))
    image[:, 40:72, 30:90] = 1
    if pt:
        image[1, 36:40, 50:54] = pt
    start, stop = support_extent(gaussian_filter(image, (0, 0.7, 0.7)))
    assert (32 if pt else 37) <= start <= (36 if pt else 40)
    assert 72 <= stop <= 75
    depth = support_depth(gaussian_filter(image, (0, 0.7, 0.7)))
    assert 2 * (72 - 50) + 2 * 3 <= depth <= 60  # the axis is in the middle, at 50


def test_the_extent_is_found_in_a_coarse_noisy_reconstruction():
    projector = ShearProjector(TILT, (64, 64), 64)
    image = np.zeros((4, 64, 64), np.float32)
    image[:, 24:38, 12:52] = 1
    counts = np.random.default_rng(7).poisson(20 * projector.forward(image))
    found = MaximumLikelihood(projector, 2, 7)(counts.astype(np.float32))
    start, stop = support_extent(found)
    assert 18 <= start <= 24
    assert 38 <= stop <= 44
    assert 2 * 12 <= support_depth(found) <= 40


def test_without_matter_all_is_kept():
    nothing = np.zeros((2, 30, 40), np.float32)
    assert support_extent(nothing) == (0, 30)
    assert support_depth(nothing) == 30
