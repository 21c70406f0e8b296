"""Which files of a person count for a stage, and that a byte in any of them is noticed."""

import uuid

import numpy as np
import pytest
import tifffile

from catomo.plan.datasets import Dataset
from catomo.plan.inputs import fingerprint_of, fingerprint_of_named


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def series(path):
    return Dataset("d", "tilt_series", path)


@pytest.mark.parametrize(
    ("path", "beside"),
    [
        ("run.mrc", "run.tlt"),
        ("run.mrc", "run.mrc.mdoc"),
        ("run[1]*.mrc", "run[1]*.rawtlt"),
        ("run_1.ser", "run.emi"),
        ("run.emi", "run_2.ser"),
    ],
)
def test_a_file_beside_a_series_counts(data, path, beside):
    for name in (path, beside, "other.tlt"):
        (data / name).write_text("1")
    before = fingerprint_of(series(f"${{DATA}}/{path}"), "path")
    (data / "other.tlt").write_text("2")
    assert fingerprint_of(series(f"${{DATA}}/{path}"), "path") == before
    (data / beside).write_text("2")
    changed = fingerprint_of(series(f"${{DATA}}/{path}"), "path")
    assert changed != before
    (data / beside).unlink()
    assert fingerprint_of(series(f"${{DATA}}/{path}"), "path") not in (before, changed)


@pytest.mark.parametrize("source", ["tilt_series", "slices"])
def test_every_file_of_an_ome_set_counts(data, source):
    ids = [f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, str(i))}" for i in range(3)]
    parts = "".join(
        f'<TiffData FirstT="{i}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="i{i}.ome.tif">{ids[i]}</UUID></TiffData>'
        for i in range(3)
    )

    def write(i, value):
        xml = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{ids[i]}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
            'Type="uint8" SizeX="9" SizeY="8" SizeZ="1" SizeC="1" SizeT="3">'
            f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{parts}</Pixels></Image></OME>'
        )
        image = np.full((8, 9), value, np.uint8)
        tifffile.imwrite(data / f"i{i}.ome.tif", image, description=xml.encode(), metadata=None)

    for i in range(3):
        write(i, 1)
    (data / "foreign.ome.tif").write_text("1")
    seen = {fingerprint_of(Dataset("d", source, str(data / "i1.ome.tif")), "path")}
    (data / "foreign.ome.tif").write_text("2")
    seen.add(fingerprint_of(Dataset("d", source, str(data / "i1.ome.tif")), "path"))
    assert len(seen) == 1
    for i in range(3):
        write(i, 2)
        seen.add(fingerprint_of(Dataset("d", source, str(data / "i1.ome.tif")), "path"))
    assert len(seen) == 4
    (data / "i2.ome.tif").unlink()
    seen.add(fingerprint_of(Dataset("d", source, str(data / "i1.ome.tif")), "path"))
    assert len(seen) == 5


def test_angle_files_in_and_beside_a_folder_of_images_count(data):
    folder = data / "images"
    folder.mkdir()
    for name in ("a.tif", "angles.tlt"):
        (folder / name).write_text("1")
    (data / "images.tlt").write_text("1")
    seen = {fingerprint_of(series(str(folder)), "path")}
    for path in (folder / "angles.tlt", data / "images.tlt", folder / "a.tif"):
        path.write_text("2")
        seen.add(fingerprint_of(series(str(folder)), "path"))
    assert len(seen) == 4


def test_angles_beside_a_specimen_or_a_stack_of_slices_do_not_count(data):
    for name in ("a.yaml", "a.tlt"):
        (data / name).write_text("1")
    for source in ("phantom", "slices"):
        dataset = Dataset("d", source, str(data / "a.yaml"))
        (data / "a.tlt").write_text("1")
        before = fingerprint_of(dataset, "path")
        (data / "a.tlt").write_text("2")
        assert fingerprint_of(dataset, "path") == before


def test_the_place_of_data_does_not_count(data, monkeypatch):
    (data / "run.mrc").write_text("1")
    before = fingerprint_of(series("$DATA/run.mrc"), "path")
    moved = data.rename(data.with_name("moved"))
    monkeypatch.setenv("DATA", str(moved))
    assert fingerprint_of(series("$DATA/run.mrc"), "path") == before


def test_a_word_and_an_empty_cell_are_no_files():
    phantom = Dataset("d", "phantom", "x.yaml", labels="truth")
    assert fingerprint_of(phantom, "labels") == "truth"
    assert fingerprint_of(phantom, "angles") == ""
    assert fingerprint_of_named("") == ""


def test_the_angles_beside_an_imod_transform_count(data):
    for name in ("a.xf", "a.tlt"):
        (data / name).write_text("1")
    before = fingerprint_of_named("$DATA/a.xf")
    (data / "a.tlt").write_text("2")
    assert fingerprint_of_named("$DATA/a.xf") != before
