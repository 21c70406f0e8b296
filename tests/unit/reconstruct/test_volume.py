"""A volume from arrays: the same numbers as the stage, and one loop for both."""

import json
from dataclasses import replace

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.store import read_pages, write_stack
from catomo.projection.volumes import mlem, osem, project
from catomo.reconstruct import backends
from catomo.reconstruct.aligned import AlignedImages
from catomo.reconstruct.job import prepare
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stage import reconstruct
from catomo.reconstruct.volume import reconstruct_volume
from catomo.record.record import committing
from catomo.settings.base import Settings
from projectors import DEVICES, device_of

TILT = np.arange(-68.0, 69, 4)


@pytest.fixture(scope="module")
def images():
    """Noisy images of a plate with a bright particle."""
    volume = np.zeros((9, 40, 48), np.float32)
    volume[2:7, 14:22, 10:34] = 1
    volume[3:5, 10:14, 20:24] = 15
    clean = project(volume, TILT)
    return clean + np.random.default_rng(1).normal(0, 0.5, clean.shape).astype(np.float32)


@pytest.fixture(scope="module")
def alignment(tmp_path_factory, images):
    folder = tmp_path_factory.mktemp("aligned") / "02"
    with committing(folder, "align", Settings()) as out:
        write_stack(out.path("aligned.tif"), images, 0.5)
        out.record.update(
            tilt_deg=TILT, pixel_size_nm=0.5, orientation={}, verdict="pass", reasons=[]
        )
    return folder


def by_stage(alignment, folder, settings):
    reconstruct(alignment, folder, settings)
    return read_pages(folder / "volume.tif"), json.loads(
        (folder / "reconstruction.json").read_text()
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"algorithm": "mlem", "tv": 0.0},
        {"algorithm": "sirt", "tv": 0.0},
        {"tv_across": True},
        {"stop": "change", "stop_change": 0.1},
        {"width_nm": 12.0, "length_nm": 3.0, "pad_width": 1.5},
    ],
)
def test_arrays_give_what_the_stage_writes(alignment, images, tmp_path, settings):
    settings = Reconstruct(backend="cpu", iterations=3, slab_slices=2, **settings)
    wanted, record = by_stage(alignment, tmp_path, settings)
    volume, figures = reconstruct_volume(images, TILT, 0.5, settings)
    np.testing.assert_array_equal(volume, wanted)
    assert np.isnan(figures["convergence"]["change"][0])  # nothing to compare the first with
    figures["convergence"]["change"][0] = record["convergence"]["change"][0]
    for name in ("iterations", "residual", "specimen_value", "convergence"):
        assert figures[name] == record[name], name
    assert figures["quality"]["residual_by_tilt"] == record["quality"]["residual_by_tilt"]


@pytest.mark.parametrize("backend", DEVICES)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"algorithm": "mlem", "tv": 0.0, "iterations": 10},
        {"tv_across": True},
        {"stop": "change", "stop_change": 0.1},
        {"width_nm": 12.0, "length_nm": 3.0, "pad_width": 1.5},
    ],
)
def test_backend_cuda_gives_the_volume_and_figures_of_cpu(
    images, settings, backend, request, monkeypatch
):
    device = device_of(backend, request)
    monkeypatch.setattr(backends, "cuda_device", lambda: device)
    settings = {"iterations": 3, "slab_slices": 2, **settings}
    volume, figures = reconstruct_volume(images, TILT, 0.5, Reconstruct(backend="cuda", **settings))
    own, wanted = reconstruct_volume(images, TILT, 0.5, Reconstruct(backend="cpu", **settings))
    assert figures["backend"] == "cuda"
    # Noise of single pixels differs most: without it test_resident.py holds 2 %.
    assert np.linalg.norm(volume - own) < 0.1 * np.linalg.norm(own)
    for name in ("iterations", "stop_reason", "specimen_value"):
        assert figures[name] == wanted[name], name
    assert figures["residual"] == pytest.approx(wanted["residual"], rel=0.05)
    for name in ("residual", "log_likelihood"):
        np.testing.assert_allclose(
            figures["convergence"][name], wanted["convergence"][name], rtol=0.05
        )
    by_tilt = [one["quality"]["residual_by_tilt"] for one in (figures, wanted)]
    np.testing.assert_allclose(*by_tilt, atol=0.03)
    balance = [one["quality"]["mass_balance"]["by_tilt"] for one in (figures, wanted)]
    np.testing.assert_allclose(*balance, rtol=0.01)
    again, _ = reconstruct_volume(
        images, TILT, 0.5, Reconstruct(backend="cuda", **{**settings, "slab_slices": 5})
    )
    np.testing.assert_array_equal(again, volume)


def test_mlem_and_osem_are_the_loop_of_the_stage(alignment, images, tmp_path):
    common = {"backend": "cpu", "iterations": 4}
    volume, record = by_stage(
        alignment, tmp_path / "mlem", Reconstruct(algorithm="mlem", tv=0.0, **common)
    )
    shape, unit = volume.shape[1:], record["specimen_value"]
    np.testing.assert_array_equal(mlem(images, TILT, 4, shape, unit=unit), volume)
    volume, _ = by_stage(alignment, tmp_path / "osem", Reconstruct(subsets=5, tv=0.02, **common))
    np.testing.assert_array_equal(osem(images, TILT, 4, 5, shape, tv=0.02, unit=unit), volume)


def test_arrays_that_do_not_fit_are_refused(images):
    settings = Reconstruct(backend="cpu")
    with pytest.raises(ValueError, match="three"):
        reconstruct_volume(images[0], TILT, 0.5, settings)
    with pytest.raises(ValueError, match="found 34 angles for 35 images"):
        reconstruct_volume(images, TILT[1:], 0.5, settings)
    with pytest.raises(UserError, match="nothing above zero"):
        reconstruct_volume(np.zeros_like(images), TILT, 0.5, settings)


@pytest.fixture(scope="module")
def gaps(images):
    """Nothing was measured in some rows of some tilts, and in a column of all."""
    gaps = np.zeros(images.shape, bool)
    gaps[10:, :2] = True
    gaps[:8, -3:] = True
    gaps[:, :, 11] = True
    return gaps


def test_what_was_not_measured_gets_no_weight_in_the_stage_as_in_memory(
    alignment, images, gaps, tmp_path, capsys
):
    folder = tmp_path / "02"
    with committing(folder, "align", Settings()) as out:
        write_stack(out.path("aligned.tif"), np.where(gaps, 0, images), 0.5)
        write_stack(out.path("unmeasured.tif"), gaps.astype(np.uint8), 0.5)
        out.record.update(
            tilt_deg=TILT, pixel_size_nm=0.5, orientation={}, verdict="pass", reasons=[]
        )
    settings = Reconstruct(backend="cpu", iterations=5)
    written, record = by_stage(folder, tmp_path / "03", settings)
    assert "slices 0-1 were recorded by less than 50 % of the tilts" in capsys.readouterr().err
    assert record["unrecorded_slices"] == [0, 1]
    assert record["unmeasured_weight"] == "none"
    volume, figures = reconstruct_volume(images, TILT, 0.5, settings, unmeasured=gaps)
    np.testing.assert_array_equal(volume, written)
    assert figures["residual"] == record["residual"]
    other = np.where(gaps, np.float32(77), images)  # what stands in a gap has no influence
    same, _ = reconstruct_volume(other, TILT, 0.5, settings, unmeasured=gaps)
    np.testing.assert_array_equal(same, volume)
    whole, without = by_stage(alignment, tmp_path / "whole", settings)
    assert "unrecorded_slices" not in without
    zeros, _ = reconstruct_volume(np.where(gaps, 0, images), TILT, 0.5, settings)
    masses = [one.sum((1, 2)) / whole.sum((1, 2)) for one in (volume, zeros)]
    assert np.abs(masses[0][2:7] - 1).max() < 0.02
    assert np.abs(masses[1][2:7] - 1).max() > 0.05


def test_a_backend_without_weights_says_so(images, gaps):
    aligned = AlignedImages.in_memory(images, TILT, 0.5, gaps)
    job = prepare(aligned, Reconstruct(backend="cpu"))
    assert job.unmeasured() == {"unmeasured_weight": "none", "unrecorded_slices": [0, 1]}
    filling = replace(job, backend="tomopy").unmeasured()
    assert filling["unmeasured_weight"] == "as measured zeros"
    assert not prepare(AlignedImages.in_memory(images, TILT, 0.5), job.settings).unmeasured()
