"""align_tilts: arrays in, aligned images and a verdict out, as the stage writes them."""

from types import SimpleNamespace

import numpy as np
import pytest

from catomo.align.settings import Align
from catomo.align.tilts import _told, align_tilts
from catomo.errors import UserError
from catomo.files.store import StackReader
from helpers.balls import TILTS, phantom, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("series")


@pytest.fixture(scope="module")
def images(folder):
    phantom(folder / "series", noise=True)
    with StackReader(folder / "series" / "tilt_series.tif") as reader:
        return reader.read()


@pytest.fixture(scope="module")
def found(images):
    return align_tilts(images, TILTS)


def test_arrays_give_what_the_stage_writes(images, found, folder):
    record, written = run(folder / "series", folder / "out")
    assert np.array_equal(found.images, written)
    assert found.verdict == record["verdict"] == "pass"
    assert found.reasons == record["reasons"]
    assert found.axis_angle_deg == record["axis_angle_deg"]
    assert found.axis_offset_px == record["axis_offset_px"]
    assert found.across_px.tolist() == record["across_px"]
    assert found.along_px.tolist() == record["along_px"]
    with StackReader(folder / "series" / "tilt_series.tif") as reader:
        assert np.array_equal(images, reader.read())  # the caller's images are not changed


def test_a_known_geometry_is_used_as_it_is(images, found):
    again = align_tilts(images, TILTS, known=found.geometry)
    assert np.array_equal(again.images, found.images)
    assert again.geometry is found.geometry


@pytest.mark.parametrize(
    ("tilt_deg", "words"),
    [(TILTS[1:], "one angle per image"), (TILTS[::-1], "angles must ascend")],
)
def test_angles_that_do_not_fit_are_refused(images, tilt_deg, words):
    with pytest.raises(UserError, match=words):
        align_tilts(images, tilt_deg)


def test_what_is_examined_is_judged_by_the_limits_for_images_of_its_size():
    limit = Align().verdict.warn_rotation_deg
    examination = SimpleNamespace(reasons=lambda limits, _: ([limits.warn_rotation_deg], []))
    for width, part in ((128, 1), (256, 128 / 256)):
        images = np.zeros((3, 90, width))
        series = SimpleNamespace(images=images, told=(), mentioned=())
        doubts, _ = _told(series, examination, Align(), None)
        assert doubts == (pytest.approx(limit * part**0.75),)
