"""simulate: what is written, that it agrees with its truth, and that seeds repeat bytes."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from catomo.files.store import StackReader, read_pages
from catomo.phantom.specimen import mid_plate_nm, read_specimen
from catomo.record.hashes import sha256_of
from catomo.tilt_series.microscope import Misalignment, project, simulate_tilt_series, tilts_of
from catomo.tilt_series.settings import Simulate
from catomo.tilt_series.simulate import simulate

DEMO = Path(__file__).parents[3] / "resources" / "phantoms" / "demo-128.yaml"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A specimen file of 48³ px with 23 tilts: a second to simulate."""
    content = yaml.safe_load(DEMO.read_text())
    content["shape_px"] = [48, 48, 48]
    content["pixel_size_nm"] = 0.6
    content["acquisition"] |= {"tilt_deg": [-66, 66, 6], "max_shift_px": 2, "axis_offset_px": 1.0}
    path = tmp_path_factory.mktemp("specimen") / "small.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def done(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    simulate(small, folder, Simulate(seed=3))
    return folder


def test_the_folder_holds_what_the_record_says(done):
    record = json.loads((done / "tilt_series.json").read_text())
    assert record["stage"] == "simulate"
    assert record["source"] == "phantom"
    assert record["shape"] == [23, 48, 48]
    assert record["tilt_deg"][0] == -66
    assert record["tilt_deg"][-1] == 66
    assert record["pixel_size_nm"] == 0.6
    assert set(record["files"]) == {
        "tilt_series.tif", "tilt_series.png", "truth.json", "truth_labels.tif",
        "truth_density.tif", "truth_alumina.tif", "truth_pt.tif",
    }  # fmt: skip
    truth = json.loads((done / "truth.json").read_text())
    assert truth["axis_offset_px"] == 1.0
    assert len(truth["across_px"]) == len(truth["along_px"]) == 23
    assert 1.0 < np.abs(truth["across_px"]).max() <= 2.0
    assert len(truth["particles"]) == 24
    assert read_pages(done / "truth_labels.tif").shape == (48, 48, 48)


def test_the_series_is_the_truth_projected(done, small):
    """Straightening the images by truth.json alone explains them by the truth volume."""
    specimen = read_specimen(small)
    truth = json.loads((done / "truth.json").read_text())
    misalignment = Misalignment(
        truth["axis_angle_deg"], truth["axis_offset_px"], truth["across_px"], truth["along_px"]
    )
    with StackReader(done / "tilt_series.tif") as series:
        images = series.read()
    with StackReader(done / "truth_density.tif") as volume:
        expected = project(
            volume.read(),
            tilts_of(specimen.acquisition),
            misalignment=misalignment,
            probe_sigma_px=0.8,
        )
    scale = 150 / (mid_plate_nm(specimen) / 0.6)
    residual = (images - 15 - expected * scale)[images < 3000]
    assert np.corrcoef(images[images < 3000], expected[images < 3000])[0, 1] > 0.99
    assert abs(residual.mean()) < 0.5


def test_same_seed_same_bytes(done, small, tmp_path):
    simulate(small, tmp_path / "again", Simulate(seed=3))
    simulate(small, tmp_path / "other", Simulate(seed=4))
    for name in ("tilt_series.json", "tilt_series.tif", "truth_labels.tif", "tilt_series.png"):
        assert sha256_of(tmp_path / "again" / name) == sha256_of(done / name)
    assert sha256_of(tmp_path / "other" / "tilt_series.tif") != sha256_of(done / "tilt_series.tif")


def test_the_array_function_returns_what_the_stage_writes(done, small):
    made = simulate_tilt_series(read_specimen(small), 3)
    record = json.loads((done / "tilt_series.json").read_text())
    with StackReader(done / "tilt_series.tif") as reader:
        assert np.array_equal(made.series.images, reader.read())
    assert made.series.tilt_deg.tolist() == record["tilt_deg"]
    assert made.series.pixel_size_nm == record["pixel_size_nm"]
