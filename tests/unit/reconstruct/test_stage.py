"""The stage reconstruct: streaming, refusals and the comparison with the truth."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.store import read_pages, write_labels, write_stack
from catomo.phantom.shares import FULL
from catomo.projection import iteration
from catomo.projection.shear import ShearProjector
from catomo.reconstruct import backends, job, stage
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stage import reconstruct
from catomo.record import code, record
from catomo.record.record import committing
from catomo.settings.base import Settings
from helpers.records import rewrite

pytestmark = pytest.mark.slow

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
    settings = {"backend": "cpu", "tv": 0.0, "depth_nm": 10.0, **settings}
    reconstruct(
        folders / "02", tmp_path, Reconstruct(**settings), folders / "01" if truth else None
    )
    found = json.loads((tmp_path / "reconstruction.json").read_text())
    return found, read_pages(tmp_path / "volume.tif")


def test_the_volume_shows_the_specimen_where_alignment_put_it(folders, tmp_path, specimen):
    found, volume = run(folders, tmp_path)
    assert found["truth"]["correlation"] > 0.97
    assert found["truth"]["nrmse"] < 0.25
    assert found["residual"] < 0.1
    assert found["backend"] == "cpu"
    assert found["unit"] == "intensity of the aligned images per pixel of path"
    alumina = np.roll(specimen[0], [int(SHIFT[axis]) for axis in "yzx"], axis=(0, 1, 2)) == 1
    assert np.median(volume[alumina]) == pytest.approx(1, rel=0.1)  # density, in that unit
    assert found["specimen_value"] == pytest.approx(1, rel=0.3)
    assert found["shape"] == list(volume.shape) == list(SHAPE)
    assert 0 < found["negative_fraction"] < 1
    assert np.corrcoef(volume.ravel(), specimen[2].ravel())[0, 1] > 0.97
    assert (tmp_path / "orthoslices.png").stat().st_size > 5000


def test_a_wrong_shift_is_seen_in_the_figures(folders, tmp_path):
    right = run(folders, tmp_path / "right")[0]["truth"]["correlation"]
    path = folders / "02" / "alignment.json"
    text = path.read_text()
    try:
        rewrite(path, json.loads(text.replace('"z": -2.0', '"z": 2.0')))
        wrong = run(folders, tmp_path / "wrong")[0]["truth"]["correlation"]
    finally:
        path.write_text(text)
    assert wrong < 0.5 < right


@pytest.mark.parametrize("settings", [{"algorithm": "mlem"}, {}, {"tv": 0.01}])
def test_slab_and_threads_do_not_change_a_byte(folders, tmp_path, monkeypatch, settings):
    records = []
    for threads, slab in ((1, 1), (3, 1), (2, 16), (7, 5)):
        monkeypatch.setattr(iteration, "threads", lambda count=threads: count)
        monkeypatch.setattr(job, "threads", lambda count=threads: count)
        out = tmp_path / f"{threads}-{slab}"
        record = run(folders, out, iterations=4, slab_slices=slab, **settings)[0]
        del record["settings"]["slab_slices"], record["record_sha256"]
        records.append(record)
    assert all(record == records[0] for record in records)  # the sha256 of the volume, and all


KILLED = """
import os, signal, sys
from catomo.reconstruct import stage as reconstruct
from catomo.reconstruct.settings import Reconstruct

class Writer(reconstruct.StackWriter):
    def write(self, start, slab):
        super().write(start, slab)
        if start >= 8:
            os.kill(os.getpid(), signal.SIGKILL)

reconstruct.StackWriter = Writer
settings = Reconstruct(backend="cpu", tv=0.0, depth_nm=10.0, slab_slices=4)
reconstruct.reconstruct(sys.argv[1], sys.argv[2], settings)
"""


def test_a_killed_job_leaves_no_volume_and_is_no_hindrance(folders, tmp_path):
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    command = [sys.executable, "-c", KILLED, folders / "02", killed]
    environment = {**os.environ, "PYTHONPATH": str(Path(stage.__file__).parents[2])}
    job = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert job.returncode == -signal.SIGKILL, job.stderr
    assert not [path for path in killed.iterdir() if not path.name.startswith(".")]
    wanted = run(folders, clean, truth=False)[0]["files"]
    assert run(folders, killed, truth=False)[0]["files"] == wanted
    assert {path.name for path in killed.iterdir()} == {path.name for path in clean.iterdir()}


def test_blank_tilts_are_left_out(folders, tmp_path):
    path = folders / "02" / "alignment.json"
    text = path.read_text()
    try:
        rewrite(path, json.loads(text) | {"blank_tilts_deg": [TILT[3]]})
        found, _ = run(folders, tmp_path)
    finally:
        path.write_text(text)
    assert found["tilts_used"] == len(TILT) - 1
    assert found["truth"]["correlation"] > 0.95


def test_the_quality_is_in_the_record(folders, tmp_path):
    found, _ = run(folders, tmp_path)
    quality = found["quality"]
    assert len(quality["residual_by_tilt"]) == len(quality["tilt_deg"]) == len(TILT)
    assert quality["missing_wedge_deg"] == pytest.approx(180 - np.ptp(TILT))
    assert max(quality["residual_by_tilt"]) < 0.15
    assert quality["mass_balance"]["seen"] > 0.95
    assert {"half_correlation", "edge_width", "sample"} <= set(quality)
    assert found["stop_reason"] == "iterations"
    assert len(found["convergence"]["residual"]) == found["iterations"] == 15
    assert (tmp_path / "convergence.png").stat().st_size > 5000


def test_auto_depth_keeps_the_specimen(folders, tmp_path, specimen):
    found, _ = run(folders, tmp_path, depth_nm="auto")
    assert found["shape"][1] < 40
    rows = np.flatnonzero(specimen[2].any(axis=(0, 2)))
    cut = (40 - found["shape"][1]) / 2
    assert cut <= rows[0]
    assert rows[-1] <= 39 - cut
    assert found["truth"]["correlation"] > 0.97


def test_a_crop_keeps_the_middle(folders, tmp_path):
    _, whole = run(folders, tmp_path / "whole")
    found, volume = run(folders, tmp_path / "crop", width_nm=7.5, length_nm=2.25)
    assert found["shape"] == [9, 40, 30]
    np.testing.assert_allclose(volume, whole[2:11, :, 5:35], rtol=1e-3, atol=1e-3)
    assert found["truth"]["correlation"] > 0.97


def test_one_rule_stops_all_slices(folders, tmp_path):
    found, _ = run(folders, tmp_path, stop="change", stop_change=0.05)
    assert found["stop_reason"] == "change"
    assert 1 < found["iterations"] < 15
    again, _ = run(folders, tmp_path / "b", stop="change", stop_change=0.05, slab_slices=2)
    assert again["files"] == found["files"]


def test_tv_across_slices_is_one_slab(folders, tmp_path):
    first = run(folders, tmp_path / "a", tv=0.01, tv_across=True)[0]
    second = run(folders, tmp_path / "b", tv=0.01, tv_across=True, slab_slices=3)[0]
    assert first["files"] == second["files"]
    assert first["truth"]["nrmse"] < 0.25


def test_a_preview_is_a_part_and_never_the_volume(folders, tmp_path):
    _, volume = run(folders, tmp_path / "whole")
    settings = Reconstruct(backend="cpu", tv=0.0, depth_nm=10.0)
    out = tmp_path / "part"
    reconstruct(folders / "02", out, settings, folders / "01", slices=(4, 7))
    np.testing.assert_array_equal(read_pages(out / "preview.tif"), volume[4:8])
    found = json.loads((out / "preview.json").read_text())
    assert found["preview"] == {"first": 4, "last": 7, "of": 13}
    assert found["stage"] == "preview"
    assert not (out / "volume.tif").exists()
    with pytest.raises(UserError, match=r"found no reconstruction\.json"):
        record.read_record(out, "reconstruct")


@pytest.mark.parametrize("slices", [(3, 2), (-1, 4), (5, 13)])
def test_slices_that_are_not_there_are_refused(folders, tmp_path, slices):
    with pytest.raises(UserError, match="slices 0 to 12"):
        reconstruct(folders / "02", tmp_path, Reconstruct(backend="cpu"), slices=slices)
    assert not list(tmp_path.iterdir())


def test_padding_and_depth_change_the_frame_only(folders, tmp_path):
    _, plain = run(folders, tmp_path / "plain", truth=False)
    found, padded = run(folders, tmp_path / "padded", truth=False, pad_width=1.5, depth_nm=8.0)
    assert found["shape"] == [13, 32, 40]
    assert "truth" not in found
    assert np.corrcoef(padded.ravel(), plain[:, 4:36].ravel())[0, 1] > 0.99


def aligned_folder(root, aligned, **steps):
    """Write an alignment of nothing but its images."""
    with committing(root, "align", Settings()) as out:
        write_stack(out.path("aligned.tif"), np.asarray(aligned, np.float32), 0.25)
        out.record.update(
            tilt_deg=TILT, pixel_size_nm=0.25, orientation={}, verdict="pass", reasons=[]
        )
        out.record["steps"] = steps
    return root


def test_padding_spares_a_film_wider_than_the_detector(tmp_path):
    detector, film = 64, 0.8
    wide = np.zeros((2, 24, 400), np.float32)
    wide[:, 10:14] = film
    data = ShearProjector(TILT, wide.shape[1:], detector).forward(wide).swapaxes(0, 1)
    source, means, peaks = aligned_folder(tmp_path / "02", data), [], []
    for pad_width in (1.0, 2.0):
        out = tmp_path / f"{pad_width}"
        settings = {"backend": "cpu", "tv": 0.0, "depth_nm": 6.0, "subsets": 5}
        reconstruct(source, out, Reconstruct(pad_width=pad_width, **settings))
        volume = read_pages(out / "volume.tif")
        assert volume.shape == (2, 24, detector)
        means.append(volume.sum() / (2 * 4 * detector))
        peaks.append(volume.max())
    assert peaks[0] > 5 * film  # spikes at the borders
    assert peaks[1] < 2 * film
    assert abs(means[1] - film) < 0.5 * abs(means[0] - film)


@pytest.mark.parametrize(
    ("sides", "pad_width"),
    [(["left", "right", "top"], 1 / np.cos(np.deg2rad(68))), (["left", "top"], 1.0), ([], 1.0)],
)
def test_matter_beyond_both_sides_widens_the_slices(tmp_path, sides, pad_width):
    data = np.random.default_rng(3).uniform(1, 2, (len(TILT), 2, 24))
    source = aligned_folder(tmp_path / "02", data, open_sides=sides)
    settings = {"backend": "cpu", "depth_nm": 4.0, "subsets": 2, "iterations": 2}
    volumes = []
    for name, width in (("auto", "auto"), ("given", pad_width)):
        out = tmp_path / name
        reconstruct(source, out, Reconstruct(pad_width=width, **settings))
        volumes.append(read_pages(out / "volume.tif"))
    assert volumes[0].tobytes() == volumes[1].tobytes()


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "not finite"), (np.inf, "not finite"), (-1.0, "above zero")]
)
def test_images_that_cannot_be_reconstructed_are_refused(tmp_path, value, words):
    images = np.zeros((len(TILT), 4, 32), np.float32)
    images[:, 1:3, 10:20] = -1 if value == -1 else 1
    images[5, 2, 15] = value
    source = aligned_folder(tmp_path / "02", images)
    with pytest.raises(UserError, match=f"aligned images hold .*{words}"):
        reconstruct(source, tmp_path / "03", Reconstruct(backend="cpu"))
    assert not list((tmp_path / "03").iterdir())


def test_a_stopped_alignment_is_refused_unless_accepted(folders, tmp_path):
    path = folders / "02" / "alignment.json"
    text = path.read_text()
    try:
        content = json.loads(text)
        content.update(verdict="stop", reasons=["the tilts are in no order"])
        rewrite(path, content)
        with pytest.raises(UserError, match=r"the tilts are in no order.*accept_stop: true"):
            run(folders, tmp_path)
        assert not list(tmp_path.iterdir())
        assert run(folders, tmp_path, accept_stop=True)[0]["residual"] < 0.1
    finally:
        path.write_text(text)


def test_a_backend_that_returns_nothing_is_found_out(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(
        backends,
        "make_solver",
        lambda name, geometry, method: (
            lambda s, w=None: np.zeros((len(s), *geometry.shape), np.float32)
        ),
    )
    with pytest.raises(UserError, match="100 % of the data unexplained"):
        run(folders, tmp_path)
    assert not (tmp_path / "reconstruction.json").exists()


def test_the_code_of_the_stage_covers_projector_and_loop():
    modules = code.modules_of("reconstruct")
    used = {"projection.shear", "projection.mlem", "reconstruct.backends", "phantom.truth"}
    assert {f"catomo.{name}" for name in used} <= set(modules)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backend": "tomopy"}, "algorithm: mlem"),
        ({"backend": "tomopy", "algorithm": "mlem"}, "set tv: 0"),
        ({"algorithm": "sirt"}, "set tv: 0"),
        ({"tv": 0.06}, "less than or equal to 0.05"),
        ({"tv": 0.0, "tv_across": True}, "needs a strength"),
        ({"stop": "chi2"}, "counts_per_unit"),
        ({"width_nm": -1.0}, "width_nm must be above 0"),
        ({"depth_nm": 0.0}, "above 0"),
        ({"iterations": 0}, "greater than or equal to 1"),
    ],
)
def test_impossible_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Reconstruct(**settings)
