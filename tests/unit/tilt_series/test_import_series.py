"""The import: what is written, and that a refused series leaves nothing."""

import json

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.store import StackReader
from catomo.record.hashes import sha256_of
from catomo.tilt_series.import_series import import_tilt_series
from catomo.tilt_series.reading import read_tilt_series
from catomo.tilt_series.settings import ImportSeries
from helpers.microscope import STACK, TILTS, bare_tiff, column


@pytest.fixture
def series(tmp_path):
    return bare_tiff(tmp_path)


def imported(path, output, angles=TILTS, pixel_size_nm=0.5, **settings):
    import_tilt_series(path, output, ImportSeries(**settings), angles, pixel_size_nm)
    with StackReader(output / "tilt_series.tif") as reader:
        return reader.read(), json.loads((output / "tilt_series.json").read_text())


def test_angles_and_size_from_an_mdoc_in_order_of_acquisition(series, tmp_path):
    """Dose-symmetric: images are sorted by tilt, whatever the order they were taken in."""
    taken = [0.0, 20.0, -20.0, 40.0, -40.0]
    sections = [f"[ZValue = {z}]\nTiltAngle = {tilt}\n" for z, tilt in enumerate(taken)]
    (tmp_path / "series.tif.mdoc").write_text("PixelSpacing = 5\n" + "\n".join(sections))
    stack, record = imported(series, tmp_path / "out", angles=None, pixel_size_nm=None)
    assert record["tilt_deg"] == TILTS
    assert record["pixel_size_nm"] == 0.5
    assert np.array_equal(stack, STACK[[4, 2, 0, 1, 3]])


@pytest.mark.parametrize(("angle_order", "step"), [("ascending", 1), ("descending", -1)])
def test_images_sorted_by_tilt_with_angles_in_another_order(series, tmp_path, angle_order, step):
    listed = [0.0, 20.0, -20.0, 40.0, -40.0]
    _, as_given = imported(series, tmp_path / "as-given", listed)
    assert (as_given["listed_deg"], as_given["order"]) == (listed, [4, 2, 0, 1, 3])
    stack, record = imported(series, tmp_path / "out", listed, angle_order=angle_order)
    assert record["tilt_deg"] == TILTS
    assert record["listed_deg"] == TILTS[::step]
    assert np.array_equal(stack, STACK[::step])


def test_what_is_written(series, tmp_path):
    angles = column(tmp_path / "series.rawtlt")
    stack, record = imported(series, tmp_path / "out", angles)
    assert stack.dtype == np.float32
    assert np.array_equal(stack, STACK)
    assert record["stage"] == "import"
    assert record["source"] == "series.tif"
    assert record["shape"] == [5, 32, 40]
    assert record["axes"] == ["tilt", "y", "x"]
    assert record["orientation"] == {"tilt_axis": "y", "angle_unit": "deg", "handedness": 1}
    assert record["mirrored_deg"] == []
    assert record["acquisition"] == {
        "angles_from": "series.rawtlt",
        "pixel_size_from": "the given value",
        "recorded_pixel_size_nm": 0.5,
    }
    assert set(record["files"]) == {"tilt_series.tif", "tilt_series.png"}
    assert set(record["inputs"]) == {"series", "angles"}
    imported(series, tmp_path / "again", angles)
    for name in ("tilt_series.json", "tilt_series.tif", "tilt_series.png"):
        assert sha256_of(tmp_path / "out" / name) == sha256_of(tmp_path / "again" / name)


def test_a_refused_series_leaves_nothing(series, tmp_path):
    with pytest.raises(UserError):
        imported(series, tmp_path / "out", TILTS[:3])
    assert not (tmp_path / "out").exists()


def test_settings_refuse_a_crop_of_one_length():
    with pytest.raises(ValueError, match="crop_nm"):
        ImportSeries(crop_nm=[5.0])


def test_the_array_function_returns_what_the_stage_writes(series, tmp_path):
    settings = {"tilt_axis": "x", "bin": 2, "contrast": "bright_field"}
    stack, record = imported(series, tmp_path / "out", **settings)
    found = read_tilt_series(series, TILTS, 0.5, ImportSeries(**settings))
    assert np.array_equal(found.images, stack)
    assert found.tilt_deg.tolist() == record["tilt_deg"]
    assert found.pixel_size_nm == record["pixel_size_nm"]
