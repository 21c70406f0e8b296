"""The stage slices: a contrast that can be undone, truth in place, any stack at the door."""

import json

import mrcfile
import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files.store import read_pages, write_labels, write_stack
from catomo.labels import tie
from catomo.phantom.shares import FULL
from catomo.record.record import committing
from catomo.settings.base import Settings
from catomo.slices.contrast import export_slices
from catomo.slices.settings import Slices
from catomo.slices.stacks import inspect_stack
from catomo.slices.stage import Given, slices_of_reconstruction, slices_of_stack
from helpers.records import rewrite

SHAPE = (12, 20, 24)


@pytest.fixture(scope="module")
def labels():
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:10, 6:14, 4:20] = 1
    labels[4:7, 7:10, 6:9] = 2
    return labels


@pytest.fixture(scope="module")
def volume(labels):
    noise = np.random.default_rng(1).gamma(1, 0.02, SHAPE)
    return (np.array([0, 1, 19.5])[labels] + noise).astype(np.float32)


@pytest.fixture
def phantom(tmp_path, labels, volume):
    """A phantom's 01 and 03, with the object moved by whole pixels."""
    shift = {"y": 1.0, "z": -2.0, "x": 3.0}
    with committing(tmp_path / "01", "simulate", Settings()) as out:
        write_stack(out.path("truth_density.tif"), labels.astype(np.float32), 0.25)
        for label, name in enumerate(("alumina", "pt"), start=1):
            write_labels(out.path(f"truth_{name}.tif"), FULL * (labels == label), SHAPE, 0.25)
    with committing(tmp_path / "03", "reconstruct", Settings()) as out:
        write_stack(out.path("volume.tif"), np.roll(volume, (1, -2, 3), axis=(0, 1, 2)), 0.25)
        out.record.update({"pixel_size_nm": 0.25, "truth": {"object_shift_px": shift}})
    return tmp_path


def read(folder):
    return json.loads((folder / "slices.json").read_text())


def test_export_of_a_phantom(phantom, labels):
    out = phantom / "04"
    slices_of_reconstruction(phantom / "03", out, Slices(suggest=4), "needle", truth=phantom / "01")
    record, greys = read(out), read_pages(out / "slices.tif")
    truth = read_pages(out / "truth_labels.tif")
    np.testing.assert_array_equal(truth, np.roll(labels, (1, -2, 3), axis=(0, 1, 2)))
    assert greys.dtype == np.uint8
    # As in real annotated slices: background near 5, alumina near 60, Pt near 220.
    medians = [np.median(greys[truth == value]) for value in (0, 1, 2)]
    assert medians[0] < 15 < 45 < medians[1] < 70 < 200 < medians[2]
    assert record["names"][3] == "slice_0003"
    assert record["contiguous"] is True
    assert len(record["suggested"]) == 4
    assert all(truth[index].any() for index in record["suggested"])
    for index in record["suggested"]:
        name = f"to_annotate/slice_{index:04d}.tif"
        np.testing.assert_array_equal(read_pages(out / name)[0], greys[index])
        with tifffile.TiffFile(out / name) as tiff:
            assert "PhysicalSizeX" in tiff.pages[0].description
            assert not tiff.is_bigtiff  # which plain ImageJ does not open
            assert tie.tie_in(tiff) == tie.tie_of(greys[index])
    assert "4 suggested slices" in record["next_step"]
    assert (out / "slices.png").stat().st_size > 2000


def test_the_stage_writes_what_the_array_function_returns(phantom):
    slices_of_reconstruction(phantom / "03", phantom / "04", Slices(), "needle")
    volume = read_pages(phantom / "03" / "volume.tif")
    np.testing.assert_array_equal(read_pages(phantom / "04" / "slices.tif"), export_slices(volume))


def test_export_says_what_to_annotate_and_is_repeatable(phantom):
    for name in ("a", "b"):
        slices_of_reconstruction(phantom / "03", phantom / name, Slices(suggest=5), "needle")
    assert (phantom / "a" / "slices.json").read_bytes() == (
        phantom / "b" / "slices.json"
    ).read_bytes()
    step = read(phantom / "a")["next_step"]
    for words in ("5 slices", "1 alumina", "255", "labels/needle", "config/datasets.tsv"):
        assert words in step


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_import_keeps_8_bit_images(tmp_path, volume, compression):
    greys = np.minimum(12 * volume, 255).astype(np.uint8)
    (tmp_path / "images").mkdir()
    for index, image in enumerate(greys):
        name = tmp_path / "images" / f"part{index:02d}.tif"
        tifffile.imwrite(name, image, compression=compression)
    slices_of_stack(tmp_path / "images", tmp_path / "04", Slices(), "real", 0.12)
    record = read(tmp_path / "04")
    np.testing.assert_array_equal(read_pages(tmp_path / "04" / "slices.tif"), greys)
    assert record["names"][2] == "part02"
    assert record["contiguous"] is False
    assert record["suggested"] == list(range(12))
    assert record["contrast"]["rule"].startswith("kept")
    assert record["pixel_size_nm"] == 0.12


def test_import_of_stacks(tmp_path, volume):
    tifffile.imwrite(tmp_path / "block.tif", volume)
    tifffile.imwrite(tmp_path / "big_endian.tif", volume, byteorder=">")
    tifffile.imwrite(tmp_path / "pages.tif", volume, compression="zlib")
    mrcfile.write(tmp_path / "volume.mrc", volume)
    for file in sorted(tmp_path.glob("*.*")):
        stack = inspect_stack(file)
        assert stack.shape == SHAPE, file
        assert stack.contiguous
        np.testing.assert_array_equal(stack.read(7), volume[7])
        slices_of_stack(file, tmp_path / file.stem, Slices(), "real", 0.12)
        assert "missing_wedge_deg" not in read(tmp_path / file.stem)
    slices_of_stack(file, tmp_path / "told", Slices(), "real", 0.12, missing_wedge_deg=44.0)
    assert read(tmp_path / "told")["missing_wedge_deg"] == 44
    slices = {(tmp_path / p.stem / "slices.tif").read_bytes() for p in tmp_path.glob("*.*")}
    assert len(slices) == 1


def test_labels_that_do_not_fit_stop_the_import(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", np.ones((8, 9), np.uint8))

    def take(labels):
        folder = tmp_path / "images"
        slices_of_stack(folder, tmp_path / "04", Slices(), "d", 0.12, labels=tmp_path / labels)

    take("labels")
    tifffile.imwrite(tmp_path / "labels" / "c.tif", np.ones((8, 9), np.uint8))
    with pytest.raises(UserError, match="no slice has the name 'c'"):
        take("labels")
    tifffile.imwrite(tmp_path / "stack.tif", np.ones((1, 8, 7), np.uint8))
    with pytest.raises(UserError, match="shape is 8 x 7, expected 8 x 9"):
        take("stack.tif")


def test_what_must_be_told_of_the_files_stands_in_the_record(tmp_path, volume, capsys):
    greys = np.minimum(12 * volume, 255).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", 255 - greys, photometric="miniswhite", metadata=None)
    slices_of_stack(tmp_path / "a.tif", tmp_path / "04", Slices(), "real", 0.12)
    np.testing.assert_array_equal(read_pages(tmp_path / "04" / "slices.tif"), greys)
    [note] = read(tmp_path / "04")["notes"]
    assert "0 is white in it" in note
    assert note in capsys.readouterr().err


def test_masks_of_fiji_and_a_missing_class_are_told(tmp_path, capsys):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    page = np.zeros((8, 9), np.uint8)
    page[2:5, 3:7] = 255
    tifffile.imwrite(tmp_path / "images" / "a.tif", page // 2 + 9)
    tifffile.imwrite(tmp_path / "labels" / "a.tif", page)

    def take(**more):
        folder, labels = tmp_path / "images", tmp_path / "labels"
        slices_of_stack(folder, tmp_path / "04", Slices(), "d", 0.12, labels, **more)

    with pytest.raises(UserError, match=r"no pixel is labelled alumina \(1\) or pt \(2\): found"):
        take()
    assert not (tmp_path / "04").exists()
    take(shares_model=True)
    said = capsys.readouterr().err
    assert "no pixel is labelled alumina (1) or pt (2): found only 0 (background) and 255" in said
    assert "if 255 is meant so, another dataset of its model must show it" in said
    tifffile.imwrite(tmp_path / "labels" / "a.tif", page // 255)
    (tmp_path / "labels" / "b.png").touch()
    take()
    said = capsys.readouterr().err
    assert "no pixel is labelled pt (2): another dataset of its model must show it" in said
    assert "not read as labels: b.png" in said


def test_what_is_given_must_not_contradict_the_record_of_the_volume(phantom, labels):
    def export(given):
        out = phantom / "04"
        slices_of_reconstruction(phantom / "03", out, Slices(), "needle", given=given)
        return read(out)

    assert export(Given(pixel_size_nm=0.25))["pixel_size_nm"] == 0.25
    with pytest.raises(UserError, match=r"--pixel-size-nm: found 2.5, but .* has 0.25; leave it"):
        export(Given(pixel_size_nm=2.5))
    tifffile.imwrite(phantom / "labels.tif", labels, photometric="minisblack")
    export(Given(labels=phantom / "labels.tif"))
    tifffile.imwrite(phantom / "labels.tif", labels[1:], photometric="minisblack")
    with pytest.raises(UserError, match="found 11 pages, expected 12"):
        export(Given(labels=phantom / "labels.tif"))


def test_slices_that_few_tilts_recorded_and_the_missing_wedge_are_passed_on(phantom):
    path = phantom / "03" / "reconstruction.json"
    settings = Slices(suggest=20)
    slices_of_reconstruction(phantom / "03", phantom / "04", settings, "x", phantom / "01")
    assert "unrecorded_slices" not in read(phantom / "04")
    assert "missing_wedge_deg" not in read(phantom / "04")
    more = {"unrecorded_slices": [0, 11], "quality": {"missing_wedge_deg": 60.0}}
    rewrite(path, json.loads(path.read_text()) | more)
    slices_of_reconstruction(phantom / "03", phantom / "04", settings, "x", phantom / "01")
    assert read(phantom / "04")["missing_wedge_deg"] == 60
    assert read(phantom / "04")["unrecorded_slices"] == [0, 11]
    assert read(phantom / "04")["suggested"] == list(range(1, 11))
