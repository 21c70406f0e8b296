"""What a stage costs: the estimates beside what was measured with `benchmarks/costs.py`."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from catomo.files.store import write_labels
from catomo.plan import costs as module
from catomo.plan.check import data_problems
from catomo.plan.costs import Cost, costs
from catomo.plan.fit import Data
from catomo.plan.plan import load_plan
from conftest import ROOT

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"

# Gigabytes of memory, megabytes of disk and seconds of a core: of the demo, of its specimen in a
# cube with eight times as many voxels, of those that fill 128 and 702 × 512 × 1024 voxels, of the
# needle, and of one so small that hardly more than the programs count. The depth of a volume that
# is there is known. All on a CPU with bfloat16, but for `OF_FLOAT32`, the demo on another, and for
# "large" and the stages evaluate and report of "cube" and "slab", on that other, too.
OF_FLOAT32 = {"train": (1.085, 7.92, 582), "predict": (0.984, 0.184, 25.3)}
MEASURED = {
    "demo": {
        "simulate": (0.196, 13.19, 4.9),
        "align": (0.355, 4.88, 19.2),
        "reconstruct": (0.291, 6.15, 11.0),
        "slices": (0.134, 2.13, 1.7),
        "train": (0.846, 7.92, 80),
        "predict": (0.832, 0.184, 7.6),
        "evaluate": (0.167, 0.52, 3.7),
        "surfaces": (0.690, 10.54, 11.2),
        "report": (0.146, 5.76, 3.0),
    },
    "cube": {
        "simulate": (0.776, 85.7, 11.4),
        "align": (0.431, 18.7, 59.3),
        "reconstruct": (0.293, 24.4, 8.1),
        "slices": (0.123, 7.08, 2.6),
        "predict": (0.827, 0.281, 15.9),
        "evaluate": (0.178, 0.534, 10.1),
        "surfaces": (0.791, 10.87, 37.3),
        "report": (0.131, 6.80, 6.5),
    },
    "slab": {
        "simulate": (0.510, 305, 27.0),
        "align": (0.357, 45.7, 30.0),
        "reconstruct": (0.562, 189, 7.1),
        "slices": (0.335, 58.7, 4.6),
        "evaluate": (0.292, 0.546, 15.8),
        "report": (0.173, 9.33, 16.1),
    },
    "large": {
        "simulate": (2.334, 1675, 304),
        "train": (1.115, 7.91, None),
    },
    "tiny": {
        "simulate": (0.136, 0.477, 1.5),
        "align": (0.314, 0.379, 10.0),
        "reconstruct": (0.273, 0.362, 4.6),
        "evaluate": (0.166, 0.324, 3.9),
        "surfaces": (0.675, 2.44, 7.1),
        "report": (0.129, 2.73, 2.4),
    },
    "needle": {
        "import": (0.113, 20.3, 1.1),
        "align": (0.509, 25.6, 95),
        "reconstruct": (0.262, 28.0, 12),
        "slices": (0.127, 8.13, 2.0),
        "train": (0.947, 31.4, 299),
        "predict": (0.915, 0.53, 20),
        "evaluate": (0.165, 0.53, 4),
        "surfaces": (0.977, 45.3, 107),
        "report": (0.154, 6.29, 4),
    },
}
DEPTHS = {"cube": 92, "slab": 360, "large": 512, "tiny": 36, "needle": 106}
DEMO = ROOT / "resources/phantoms/demo-128.yaml"
SLAB = {"shape_px": [128, 512, 1024], "render_oversampling": 1, "pixel_size_nm": 0.0625} | {
    "plate": yaml.safe_load(DEMO.read_text())["plate"] | {"edge_nm": 24}
}
LARGE = {"shape_px": [702, 512, 1024], "render_oversampling": 1, "pixel_size_nm": 0.25} | {
    "plate": yaml.safe_load(DEMO.read_text())["plate"] | {"edge_nm": 125, "thickness_nm": 46}
}
PHANTOMS: dict[str, tuple[dict, dict]] = {
    "demo": ({}, {}),
    "cube": ({"shape_px": [256, 256, 256]}, {"iterations": 3}),
    "slab": (SLAB, {"iterations": 1}),
    "large": (LARGE, {}),
    "tiny": (yaml.safe_load((ROOT / "tests/faults/small.yaml").read_text()), {"iterations": 2}),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a function that gives the costs in a project with one dataset."""
    monkeypatch.setattr(module, "has_bfloat16", lambda: True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()

    def of(row, config, data=None):
        (tmp_path / "config/datasets.tsv").write_text(HEADER + row)
        (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(config))
        plan, problems = load_plan(["config/config.yaml"], {})
        assert not problems
        [dataset] = plan.datasets.values()
        data = data or data_problems(dataset, plan)[1]
        return {cost.stage: cost for cost in costs(dataset, plan, data)}

    return of


@pytest.fixture
def estimated(project):
    """Return a function that gives the costs of the demo's phantom, drawn otherwise."""

    def of(specimen=None, reconstruct=None):
        content = yaml.safe_load(DEMO.read_text()) | (specimen or {})
        Path("specimen.yaml").write_text(yaml.safe_dump(content))
        config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
        config["overrides"]["phantom"]["reconstruct"] |= reconstruct or {}
        return project("phantom\tphantom\tspecimen.yaml\t\t\ttruth\tphantom\tyes\n", config)

    return of


def known(name, shape):
    """Record a volume, as the stage does."""
    folder = Path("results", name, "03_reconstruct")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reconstruction.json").write_text(json.dumps({"shape": shape}))


def of_large(project, shape, config, labels="", model=""):
    """Return the costs of 69 images of 702 × 1024 px whose volume, of this shape, is there."""
    known("large", shape)
    for name in ("series.tif", "tilts.tlt", "labels", "model.keras"):
        Path(name).touch()
    row = f"large\ttilt_series\tseries.tif\ttilts.tlt\t0.25\t{labels}\t{model}\t\n"
    return project(row, config, Data(69, (702, 1024, 1024), 0.25))


def hold(found, measured):
    for stage, (memory_gb, disk_mb, seconds) in measured.items():
        assert 0.9 <= found[stage].memory / 1e9 / memory_gb <= 1.5, stage
        assert 0.9 <= found[stage].disk / 1e6 / disk_mb <= 1.5, stage
        assert seconds is None or 0.5 <= found[stage].seconds / seconds <= 2, stage


@pytest.mark.parametrize("name", PHANTOMS)
def test_estimates_are_not_far_below_or_above_what_phantoms_took(estimated, name):
    specimen, reconstruct = PHANTOMS[name]
    if name in DEPTHS:
        slices, _, width = specimen["shape_px"]
        known("phantom", [slices, DEPTHS[name], width])
    hold(estimated(specimen, reconstruct), MEASURED[name])


def test_networks_take_longer_where_the_cpu_has_no_bfloat16(estimated, monkeypatch):
    monkeypatch.setattr(module, "has_bfloat16", lambda: False)
    hold(estimated(), OF_FLOAT32)


def test_estimates_are_not_far_below_or_above_what_the_needle_took(project):
    known("needle", [256, DEPTHS["needle"], 256])
    for name in ("series.mrc", "tilts.tlt", "labels"):
        Path(name).touch()
    names = ("vacuum", "coat", "substrate", "darker_layer", "brighter_layer")
    classes = [{"name": n, "title": n, "colour": f"#00000{i}"} for i, n in enumerate(names)]
    row = "needle\ttilt_series\tseries.mrc\ttilts.tlt\t3.36\tlabels\tneedle\tyes\n"
    found = project(row, {"classes": classes}, Data(77, (256, 256, 256), 3.36))
    hold(found, MEASURED["needle"])


def test_a_series_is_held_image_by_image_but_for_formats_that_are_read_whole(project):
    """69 images of 702 × 1024 px in a TIFF took 0.142 GB and 3.4 s."""
    found = {}
    Path("tilts.tlt").touch()
    for name in ("series.tif", "series.mat"):
        Path(name).touch()
        row = f"large\ttilt_series\t{name}\ttilts.tlt\t0.25\t\t\t\n"
        found[name] = project(row, {}, Data(69, (702, 1024, 1024), 0.25))["import"]
    hold({"import": found["series.tif"]}, {"import": (0.142, 198.5, 3.35)})
    held = found["series.mat"].memory - found["series.tif"].memory
    assert held == 4 * 69 * 702 * 1024


def test_slices_that_are_judged_count_where_they_are_large(project):
    """702 slices of 744 × 1024 px from 69 tilts, in 3 iterations: 0.550 GB, 2140 MB and 101 s."""
    found = of_large(project, [702, 744, 1024], {"reconstruct": {"iterations": 3}})
    hold(found, {"align": (0.657, 248.5, 148), "reconstruct": (0.550, 2140, 101)})


def test_what_is_scored_shown_and_measured_counts_where_the_volume_is_large(project):
    """702 × 512 × 1024 voxels: true labels, and the same with their surfaces moved at random."""
    found = of_large(project, [702, 512, 1024], {}, "labels", "model.keras")
    measured = {
        "evaluate": (0.345, 0.649, 38.3),
        "surfaces": (4.720, 329.6, 1300),
        "report": (0.201, 11.79, 35.5),
    }
    hold(found, measured)


def test_a_page_is_as_large_as_it_may_become(project):
    """Slices become coarser until it fits; 0.2 MB lie beside it."""
    for size_mb in (7, 20):
        config = {"report": {"size_mb": size_mb}}
        found = of_large(project, [702, 512, 1024], config, model="model.keras")
        assert found["report"].disk == pytest.approx(1e6 * size_mb + 0.2e6)


def test_a_training_scores_whole_slices_in_the_end(estimated):
    """A hundred of them pass the network, which learns from windows of one size."""
    seconds = []
    for depth in (256, 512):
        found = estimated({"shape_px": [64, 512, 512]}, {"depth_nm": depth * 0.25})
        seconds.append(found["train"].seconds)
    assert seconds[1] - seconds[0] == pytest.approx(100 * 256 * 512 * 4e-7)


def test_the_truth_of_a_phantom_takes_memory_beside_its_volume(estimated, project):
    """16 slices of 360 × 1024 px at once: slices took 0.335 GB with it and 0.189 GB without."""
    known("phantom", [128, 360, 1024])
    of_phantom = estimated(SLAB, {"iterations": 1})
    hold(of_phantom, {"slices": (0.335, 58.7, None)})
    for name in ("series.tif", "tilts.tlt"):
        Path(name).touch()
    row = "phantom\ttilt_series\tseries.tif\ttilts.tlt\t0.0625\t\t\t\n"
    of_series = project(row, {}, Data(69, (128, 512, 1024), 0.0625))
    hold(of_series, {"slices": (0.189, 58.7, None)})
    for stage in ("reconstruct", "slices"):
        assert of_phantom[stage].memory - of_series[stage].memory == 400 * 360 * 1024


def test_a_volume_is_as_deep_as_the_one_that_is_there(estimated):
    """Without one, three quarters of the images' width are taken."""
    assert estimated()["slices"].disk == pytest.approx(0.15e6 + 158 * 96 * 128)
    known("phantom", [128, 50, 128])
    assert estimated()["slices"].disk == pytest.approx(0.15e6 + 158 * 50 * 128)


def test_empty_space_around_a_phantom_adds_nothing_to_labels_and_surfaces(estimated):
    cubes = [estimated({"shape_px": [size] * 3}) for size in (384, 512)]
    for stage in ("predict", "surfaces", "report"):
        assert cubes[0][stage].disk == cubes[1][stage].disk, stage
    # A plate that fills more, but never more than there is.
    wide = yaml.safe_load(DEMO.read_text())["plate"] | {"edge_nm": 68, "thickness_nm": 32}
    assert estimated({"shape_px": [384] * 3, "plate": wide})["predict"].disk > (
        4 * cubes[0]["predict"].disk
    )


def test_a_film_with_a_label_fills_a_volume_and_one_without_does_not(estimated):
    sheet = {"thickness_nm": 20, "contrast": 0.5, "texture_sigma_nm": 1, "texture_amplitude": 0.2}
    alone = estimated({"shape_px": [512] * 3})
    without = estimated({"shape_px": [512] * 3, "film": sheet})
    labels = {"plate": 1, "particles": 2, "film": 1}
    with_label = estimated({"shape_px": [512] * 3, "film": sheet, "labels": labels})
    assert without["predict"].disk == alone["predict"].disk
    assert with_label["predict"].disk > 2 * alone["predict"].disk
    assert with_label["simulate"].seconds == alone["simulate"].seconds  # it is not made of cells


def test_a_phantom_takes_time_for_its_cells_and_for_matter_at_each_tilt(estimated):
    def seconds(**specimen):
        return estimated(specimen)["simulate"].seconds

    acquisition = yaml.safe_load(DEMO.read_text())["acquisition"]
    few = seconds(acquisition=acquisition | {"tilt_deg": [-68, 68, 8]})
    assert few < seconds() < seconds(shape_px=[256] * 3) < seconds(render_oversampling=4)


def test_a_cropped_volume_takes_less(estimated):
    found = estimated(reconstruct={"width_nm": 16, "length_nm": 8, "depth_nm": 16})  # of 0.25 nm
    assert found["reconstruct"].disk == pytest.approx(0.2e6 + 4 * 32 * 64 * 64)


def test_the_files_of_images_are_as_large_as_their_numbers(estimated):
    """Four bytes for each of 128 × 128 × 69 pixels, and for each voxel of a known depth."""
    found = estimated(reconstruct={"depth_nm": 16})  # of 0.25 nm
    assert found["simulate"].disk == pytest.approx(0.06e6 + 4 * 128 * 128 * 69 + 4.1 * 128**3)
    assert found["reconstruct"].disk == pytest.approx(0.2e6 + 4 * 128 * 64 * 128)


def test_a_cost_is_one_line_for_a_person():
    line = Cost("align", 0.35e9, 4.9e6, 200).in_words()
    assert line == "align        memory   0.3 GB   disk   0.00 GB   time about 3 min"


def test_labels_that_are_there_tell_what_their_surfaces_take(estimated):
    """Specks that a badly taught model leaves cannot be foreseen, but they can be counted."""
    before = estimated()
    assert "specks" in before["surfaces"].in_words()
    rng = np.random.default_rng(1)
    labels = (rng.random((64, 64, 64)) < 0.1).astype(np.uint8)
    folder = Path("results/phantom/06_predict")
    folder.mkdir(parents=True)
    write_labels(folder / "labels.tif", labels, labels.shape, 0.25)
    (folder / "prediction.json").write_text("{}")
    after = estimated()
    faces = 3 * 64 * 64 * 63 * 2 * 0.1 * 0.9  # between neighbours of which one is a speck
    assert after["surfaces"].disk == pytest.approx(1.9e6 + 200 * faces, rel=0.02)
    assert after["surfaces"].memory > before["surfaces"].memory
    assert "specks" not in after["surfaces"].in_words()
    done = Path("results/phantom/08_surfaces/quantities.json")
    done.parent.mkdir()
    done.write_text("{}")
    assert estimated()["surfaces"].disk == before["surfaces"].disk


def test_damaged_labels_hide_no_estimate(estimated):
    before = estimated()
    folder = Path("results/phantom/06_predict")
    folder.mkdir(parents=True)
    (folder / "labels.tif").write_bytes(b"no image")
    (folder / "prediction.json").write_text("{}")
    assert estimated()["surfaces"].disk == before["surfaces"].disk
