"""Series of a microscope that say nothing, or little, about themselves."""

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.tilt_series.inspection import inspect_series
from catomo.tilt_series.settings import ImportSeries
from helpers.mrc import fei_2003, mrc

TILTS = [-40.0, -20.0, 0.0, 20.0, 40.0]
STACK = np.random.default_rng(0).integers(0, 3000, (5, 32, 40)).astype(np.int16)


def bare_tiff(folder):
    """Write a TIFF stack that says nothing about itself."""
    path = folder / "series.tif"
    tifffile.imwrite(path, STACK)
    return path


def fei_mrc(folder):
    """Write an MRC file of FEI that holds its angles and its 3.36 nm."""
    return mrc(folder / "fei.mrc", STACK, 0.1, b"", fei_2003(TILTS, 3.36))


def column(path, tilts=TILTS):
    path.write_text("".join(f"{tilt}\n" for tilt in tilts))
    return path


def look(path, angles=None, pixel_size_nm=None, **settings):
    return inspect_series(path, angles, pixel_size_nm, ImportSeries(**settings))


def refusal(*arguments, **settings):
    with pytest.raises(UserError) as caught:
        look(*arguments, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)
