"""The scale of a volume from elsewhere against the one that is given."""

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.image_stack import ImageStack
from catomo.files.scale import Scale, to_scale

WORDS = ("SIZE", "TRUST", "RESAMPLE")
VOLUME = np.zeros((4, 6, 8), np.uint8)


def scaled(voxel_nm, given, trust=False, resample=False):
    stack = ImageStack(VOLUME.shape, VOLUME.dtype, VOLUME.__getitem__, None, voxel_nm)
    images, size = to_scale("a.tif", stack, Scale(given, trust, resample, WORDS))
    return images.shape, size


def test_the_given_size_or_that_of_the_file():
    assert scaled((None,) * 3, 0.5) == (VOLUME.shape, 0.5)
    assert scaled((0.5,) * 3, None) == (VOLUME.shape, 0.5)
    assert scaled((0.5,) * 3, 0.502) == (VOLUME.shape, 0.502)
    assert scaled((0.5,) * 3, 0.7, trust=True) == (VOLUME.shape, 0.7)
    assert scaled((1.0, 0.5, 0.5), None, resample=True) == ((8, 6, 8), 0.5)


@pytest.mark.parametrize(
    ("voxel", "given", "line"),
    [
        ((None,) * 3, None, "a.tif: its pixel size is not known, .* give it as SIZE"),
        (
            (0.5,) * 3,
            0.05,
            "is 0.05 nm by the given .* 0.5 nm .* correct SIZE, or set TRUST",
        ),
        ((1.0, 0.5, 0.5), 0.5, "not cubes: .* RESAMPLE to resample them to 0.5 nm, or TRUST if"),
        ((1.0, 0.5, 0.5), None, "not cubes: .* to 0.5 nm, or SIZE and TRUST if they are cubes"),
    ],
)
def test_contradictions_name_the_way_out(voxel, given, line):
    with pytest.raises(UserError, match=line):
        scaled(voxel, given)
