"""The stage export: what it writes, what it leaves out, and that catomo reads it back."""

import json

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.export.settings import Export
from catomo.export.stage import export
from catomo.files.readers import open_images
from catomo.files.store import write_labels, write_stack
from catomo.predict.settings import Predict
from catomo.record.hashes import sha256_of
from catomo.record.record import committing, read_record
from catomo.tilt_series.reading import read_tilt_series
from helpers.records import rewrite

RNG = np.random.default_rng(1)
ALIGNED = RNG.normal(9, 2, (5, 16, 18)).astype(np.float32)
VOLUME = RNG.normal(5, 2, (6, 7, 8)).astype(np.float32)
LABELS = RNG.integers(0, 3, (6, 7, 8)).astype(np.uint8)
TILTS = [-50.25, -20.0, 1 / 3, 21.5, 48.0]
PIXEL_NM = 0.1  # exactly 1 Å
FRAME = ["y", "z", "x"]


@pytest.fixture
def made(tmp_path):
    """Folders of the stages align, reconstruct and predict, by the name of what they hold."""
    facts = {"pixel_size_nm": PIXEL_NM}

    def stage(verb, folder, **content):
        with committing(tmp_path / folder, verb, Predict()) as out:
            for name, array in content.pop("arrays").items():
                if array.dtype == np.uint8:
                    write_labels(out.path(name), array, array.shape, PIXEL_NM)
                else:
                    write_stack(out.path(name), array, PIXEL_NM)
                facts["shape"] = list(array.shape)
            out.record.update(facts | content)
        return tmp_path / folder

    arrays = {"aligned.tif": ALIGNED}
    labels = {"arrays": {"labels.tif": LABELS}, "classes": ["background", "alumina", "pt"]}
    return {
        "aligned": stage(
            "align", "02_align", arrays=arrays, tilt_deg=TILTS, blank_tilts_deg=[48.0]
        ),
        "volume": stage("reconstruct", "03_reconstruct", arrays={"volume.tif": VOLUME}),
        "labels": stage("predict", "06_predict", contiguous=True, **labels),
        "loose": stage("predict", "loose", contiguous=False, **labels),
    }


EVERYTHING = Export(
    mrc=["aligned", "volume", "labels"], ome_zarr=["aligned", "volume", "labels"], nxtomo=True
)


def read_all(path):
    with open_images(path) as stack:
        return np.array([stack.read(i) for i in range(stack.shape[0])])


def test_everything_reads_back_equal_and_is_recorded(made, tmp_path):
    made.pop("loose")
    folder = tmp_path / "10_export"
    export(folder, EVERYTHING, **made)
    for part, array in (("aligned", ALIGNED), ("volume", VOLUME), ("labels", LABELS)):
        np.testing.assert_array_equal(read_all(folder / f"{part}.mrc"), array)
    np.testing.assert_array_equal(read_all(folder / "aligned.ome.zarr"), ALIGNED)
    np.testing.assert_array_equal(read_all(folder / "volume.ome.zarr"), VOLUME)
    np.testing.assert_array_equal(read_all(folder / "volume.ome.zarr/labels/classes"), LABELS)
    np.testing.assert_array_equal(
        read_all(folder / "aligned_nxtomo.nxs"), ALIGNED[:4]
    )  # one is blank
    record = read_record(folder, "export")
    written = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert written == {*record["files"], "export.json", ".export.files"}
    assert record["files"]["volume.mrc"]["sha256"] == sha256_of(folder / "volume.mrc")
    assert record["parts"] == {
        "aligned": {"axes": ["tilt", "y", "x"], "shape": [5, 16, 18], "pixel_size_nm": PIXEL_NM},
        "volume": {"axes": FRAME, "shape": [6, 7, 8], "pixel_size_nm": PIXEL_NM},
        "labels": {"axes": FRAME, "shape": [6, 7, 8], "pixel_size_nm": PIXEL_NM},
    }
    assert record["blank_images"] == [4]
    assert {word: entry["stage"] for word, entry in record["inputs"].items()} == {
        "aligned": "align",
        "volume": "reconstruct",
        "labels": "predict",
    }


@pytest.mark.parametrize("name", ["aligned.mrc", "aligned.ome.zarr", "aligned_nxtomo.nxs"])
def test_the_aligned_series_is_a_tilt_series_again(made, tmp_path, name):
    export(tmp_path / "out", EVERYTHING, aligned=made["aligned"])
    series = read_tilt_series(tmp_path / "out" / name)
    count = 4 if name == "aligned_nxtomo.nxs" else 5
    np.testing.assert_array_equal(series.images, ALIGNED[:count])
    np.testing.assert_allclose(series.tilt_deg, TILTS[:count], rtol=0, atol=1e-12)
    assert series.pixel_size_nm == pytest.approx(PIXEL_NM, rel=1e-6)


def test_what_is_not_given_is_left_out_and_told(made, tmp_path, capsys):
    export(tmp_path / "out", EVERYTHING, volume=made["volume"])
    names = {path.name for path in (tmp_path / "out").iterdir()} - {".export.files"}
    assert names == {"volume.mrc", "volume.ome.zarr", "export.json"}
    said = capsys.readouterr()
    told = "labels left out, because --labels is not given"
    assert told in said.out + said.err


def test_labels_of_slices_made_elsewhere_lie_as_stacks_do(made, tmp_path):
    settings = Export(mrc=["labels"], ome_zarr=["labels"])
    export(tmp_path / "out", settings, labels=made["labels"])
    [part] = read_record(tmp_path / "out", "export")["parts"].values()
    assert part["axes"] == ["z", "y", "x"]
    np.testing.assert_array_equal(read_all(tmp_path / "out/labels.ome.zarr"), LABELS)


def test_labels_of_loose_images_are_no_volume(made, tmp_path):
    settings = Export(mrc=["labels"], ome_zarr=["labels"])
    export(tmp_path / "out", settings, labels=made["loose"])
    [part] = read_record(tmp_path / "out", "export")["parts"].values()
    assert part["axes"] == ["image", "y", "x"]
    for name in ("labels.mrc", "labels.ome.zarr"):
        with open_images(tmp_path / "out" / name) as stack:
            assert stack.voxel_nm == (None, pytest.approx(PIXEL_NM), pytest.approx(PIXEL_NM))


def test_with_nothing_to_export_the_way_out_is_named(made, tmp_path):
    with pytest.raises(UserError, match="name parts in mrc or ome_zarr, or set nxtomo: true"):
        export(tmp_path / "out", Export(), volume=made["volume"])
    with pytest.raises(UserError, match="give --aligned or --labels"):
        export(tmp_path / "out", Export(mrc=["labels", "aligned"]), volume=made["volume"])
    export(tmp_path / "out", Export(nxtomo=True), aligned=made["aligned"])


def test_other_classes_than_those_of_the_labels_are_named(made, tmp_path):
    path = made["labels"] / "prediction.json"
    rewrite(path, json.loads(path.read_text()) | {"classes": ["pore", "solid"]})
    with pytest.raises(UserError, match=r"classes pore, solid, the settings name background"):
        export(tmp_path / "out", Export(mrc=["labels"]), labels=made["labels"])
    export(tmp_path / "out", Export(mrc=["volume", "labels"]), volume=made["volume"])


def test_labels_without_classes_of_the_settings_are_exported_with_their_own(made, tmp_path):
    path, names = made["labels"] / "prediction.json", ["pore", "gold", "carbon"]
    settings = {"classes": [{"name": name} for name in names]}
    changed = {**json.loads(path.read_text()), "classes": names, "settings": settings}
    rewrite(path, changed)
    export(tmp_path / "out", Export(ome_zarr=["labels"]), labels=made["labels"])
    attributes = json.loads((tmp_path / "out/labels.ome.zarr/.zattrs").read_text())
    properties = attributes["image-label"]["properties"]
    assert [one["class"] for one in properties] == names


def test_a_failure_leaves_nothing_half_written(made, tmp_path, monkeypatch):
    out = tmp_path / "out"
    export(out, Export(mrc=["volume"]), volume=made["volume"])
    before = (out / "volume.mrc").read_bytes()

    def fails(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr("catomo.export.stage.write_ome_zarr", fails)
    with pytest.raises(OSError, match="full"):
        export(out, EVERYTHING, volume=made["volume"])
    assert {path.name for path in out.iterdir()} == {"volume.mrc", "export.json", ".export.files"}
    assert (out / "volume.mrc").read_bytes() == before


def test_what_is_no_longer_asked_for_goes_with_its_folders(made, tmp_path):
    out = tmp_path / "out"
    export(out, EVERYTHING, volume=made["volume"], labels=made["labels"])
    export(out, Export(mrc=["volume"]), volume=made["volume"])
    assert {path.name for path in out.iterdir()} == {"volume.mrc", "export.json", ".export.files"}
