"""The stage reconstruct: streaming, refusals and the comparison with the truth."""

import json

import numpy as np
import pytest

from catomo import backends, code
from catomo.errors import UserError
from catomo.projector import ShearProjector
from catomo.reconstruct import reconstruct
from catomo.record import committing
from catomo.settings.base import Settings
from catomo.settings.reconstruct import Reconstruct
from catomo.shares import FULL
from catomo.store import read_pages, write_labels, write_stack

TILT = np.arange(-68.0, 69, 4)
SHAPE = (13, 40, 40)
SHIFT = {"y": 1.0, "z": -2.0, "x": 3.0}


@pytest.fixture(scope="module")
def specimen():
    """Labels and density of a plate with one particle, and where the microscope has it."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:10, 14:22, 8:30] = 1
    labels[4:8, 10:14, 16:20] = 2
    density = np.array([0, 1, 19.5], np.float32)[labels]
    seen = np.roll(density, [int(SHIFT[axis]) for axis in "yzx"], axis=(0, 1, 2))
    return labels, density, seen


@pytest.fixture(scope="module")
def folders(tmp_path_factory, specimen):
    """A phantom's 01_tilt_series and 02_align, aligned but for a rigid movement."""
    labels, density, seen = specimen
    root = tmp_path_factory.mktemp("dataset")
    aligned = ShearProjector(TILT, SHAPE[1:], 40).forward(seen).swapaxes(0, 1)
    with committing(root / "01", "simulate", Settings()) as out:
        write_stack(out.path("truth_density.tif"), density, 0.25)
        for label, name in enumerate(("alumina", "pt"), start=1):
            write_labels(out.path(f"truth_{name}.tif"), FULL * (labels == label), SHAPE, 0.25)
    with committing(root / "02", "align", Settings()) as out:
        write_stack(out.path("aligned.tif"), aligned - 0.5, 0.25)
        out.record.update(
            {
                "tilt_deg": TILT,
                "pixel_size_nm": 0.25,
                "orientation": {"tilt_axis": "y", "angle_unit": "deg", "handedness": 1},
                "verdict": "pass",
                "reasons": [],
                "truth": {"object_shift_px": SHIFT},
            }
        )
    return root


def run(folders, tmp_path, truth=True, **settings):
    settings = {"backend": "cpu", **settings}
    reconstruct(
        folders / "02", tmp_path, Reconstruct(**settings), folders / "01" if truth else None
    )
    record = json.loads((tmp_path / "reconstruction.json").read_text())
    return record, read_pages(tmp_path / "volume.tif")


def test_the_volume_shows_the_specimen_where_alignment_put_it(folders, tmp_path, specimen):
    record, volume = run(folders, tmp_path)
    assert record["truth"]["correlation"] > 0.97
    assert record["truth"]["nrmse"] < 0.25
    assert record["residual"] < 0.1
    assert record["backend"] == "cpu"
    assert record["shape"] == list(volume.shape) == list(SHAPE)
    assert 0 < record["negative_fraction"] < 1
    assert np.corrcoef(volume.ravel(), specimen[2].ravel())[0, 1] > 0.97
    assert (tmp_path / "orthoslices.png").stat().st_size > 5000


def test_a_wrong_shift_is_seen_in_the_figures(folders, tmp_path):
    right = run(folders, tmp_path / "right")[0]["truth"]["correlation"]
    path = folders / "02" / "alignment.json"
    text = path.read_text()
    try:
        path.write_text(text.replace('"z": -2.0', '"z": 2.0'))
        wrong = run(folders, tmp_path / "wrong")[0]["truth"]["correlation"]
    finally:
        path.write_text(text)
    assert wrong < 0.5 < right


def test_slab_and_threads_do_not_change_a_byte(folders, tmp_path, monkeypatch):
    first = run(folders, tmp_path / "a")[0]["files"]
    monkeypatch.setattr(backends, "threads", lambda: 1)
    second = run(folders, tmp_path / "b", slab_slices=5)[0]["files"]
    assert first == second


def test_blank_tilts_are_left_out(folders, tmp_path):
    path = folders / "02" / "alignment.json"
    text = path.read_text()
    try:
        path.write_text(json.dumps(json.loads(text) | {"blank_tilts_deg": [TILT[3]]}))
        record, _ = run(folders, tmp_path)
    finally:
        path.write_text(text)
    assert record["tilts_used"] == len(TILT) - 1
    assert record["truth"]["correlation"] > 0.95


def test_padding_and_depth_change_the_frame_only(folders, tmp_path):
    _, plain = run(folders, tmp_path / "plain", truth=False)
    record, padded = run(folders, tmp_path / "padded", truth=False, pad_width=1.5, depth_nm=8.0)
    assert record["shape"] == [13, 32, 40]
    assert "truth" not in record
    assert np.corrcoef(padded.ravel(), plain[:, 4:36].ravel())[0, 1] > 0.99


def test_a_stopped_alignment_is_refused_unless_accepted(folders, tmp_path):
    path = folders / "02" / "alignment.json"
    text = path.read_text()
    try:
        content = json.loads(text)
        content.update(verdict="stop", reasons=["the tilts are in no order"])
        path.write_text(json.dumps(content))
        with pytest.raises(UserError, match=r"the tilts are in no order.*accept_stop: true"):
            run(folders, tmp_path)
        assert not list(tmp_path.iterdir())
        assert run(folders, tmp_path, accept_stop=True)[0]["residual"] < 0.1
    finally:
        path.write_text(text)


def test_a_backend_that_returns_nothing_is_found_out(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(
        backends, "make_solver", lambda *_: lambda s: np.zeros((len(s), 40, 40), np.float32)
    )
    with pytest.raises(UserError, match="100 % of the data unexplained"):
        run(folders, tmp_path)
    assert not (tmp_path / "reconstruction.json").exists()


def test_the_code_of_the_stage_covers_projector_and_loop():
    modules = code.modules_of("reconstruct")
    assert {"catomo.projector", "catomo.mlem", "catomo.backends", "catomo.truth"} <= set(modules)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backend": "tomopy"}, "algorithm: mlem"),
        ({"depth_nm": 0.0}, "above 0"),
        ({"iterations": 0}, "greater than or equal to 1"),
    ],
)
def test_impossible_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Reconstruct(**settings)
