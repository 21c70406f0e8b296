"""Annotating: what a slice begins with, and that no work of a person is ever lost."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from catomo.annotate.session import open_session
from catomo.errors import UserError
from catomo.labels.files import load_labels
from catomo.record.record import read_record
from catomo.settings.base import DEFAULT_CLASSES
from helpers.annotation import SHAPE, write_annotation_input, write_slices


@pytest.fixture
def place(tmp_path):
    return write_annotation_input(tmp_path)


def taken(place, folder):
    return load_labels(folder, read_record(place / "slices", "slices"), len(DEFAULT_CLASSES))


def paint(session, number, value=2):
    session.labels[number, 2:5, 3:6] = value


def test_a_slice_begins_with_the_persons_labels_else_a_draft_else_empty(place):
    mine = place / "mine"
    mine.mkdir()
    own = np.full(SHAPE[1:], 255, np.uint16)
    own[3, 3] = 2
    tifffile.imwrite(mine / "slice_0004.TIFF", own)
    session = open_session(place / "slices", mine, prediction=place / "prediction")
    assert [page.name for page in session.pages] == ["slice_0001", "slice_0004"]
    assert [page.layer for page in session.pages] == ["draft", "yours"]
    assert "trained on phantoms alone" in session.title(0)
    assert session.title(1) == "slice_0004 (2 of 2): yours, as saved"
    assert (session.labels[0] == 1).all()
    np.testing.assert_array_equal(session.labels[1], own)
    assert session.labels.dtype == np.uint8
    empty = open_session(place / "slices", place / "nowhere", names=["slice_0003"])
    assert (empty.labels == 255).all()
    assert empty.pages[0].layer == "empty"
    np.testing.assert_array_equal(
        empty.greys[0], tifffile.imread(place / "slices" / "slices.tif")[3]
    )


def test_what_is_annotated_already_is_opened_beside_what_is_suggested(place):
    (place / "mine").mkdir()
    tifffile.imwrite(place / "mine" / "slice_0002.tif", np.zeros(SHAPE[1:], np.uint8))
    session = open_session(place / "slices", place / "mine")
    assert [page.name for page in session.pages] == ["slice_0001", "slice_0002", "slice_0004"]


def test_saved_labels_are_the_persons_and_tied_to_the_slice(place):
    session = open_session(place / "slices", place / "labels" / "new")
    paint(session, 1)
    saved, problems = session.save_changed()
    assert saved == [place / "labels" / "new" / "slice_0004.tif"]  # the other was not touched
    assert problems == []
    assert [path.name for path in saved[0].parent.iterdir()] == ["slice_0004.tif"]
    assert session.save_changed() == ([], [])
    assert session.title(1).endswith("yours, saved")
    with tifffile.TiffFile(saved[0]) as tiff:
        assert tiff.pages[0].dtype == np.uint8
        assert 'PhysicalSizeX="0.25" PhysicalSizeXUnit="nm"' in tiff.ome_metadata
    indices, labels = taken(place, saved[0].parent)
    assert indices == [4]
    np.testing.assert_array_equal(labels[0], session.labels[1])
    write_slices(place / "slices", seed=1)  # exported anew, with other grey values
    with pytest.raises(UserError, match="was painted on another slice"):
        taken(place, saved[0].parent)
    again = open_session(place / "slices", saved[0].parent, names=["slice_0004"])
    assert "painted when this slice had other grey values" in again.title(0)
    again.save(0)
    assert taken(place, saved[0].parent)[0] == [4]


def test_a_draft_is_the_persons_only_once_it_is_saved(place):
    session = open_session(place / "slices", place / "new", prediction=place / "prediction")
    assert session.save_changed() == ([], [])
    assert not (place / "new").exists()
    assert session.save(0).name == "slice_0001.tif"
    assert session.pages[0].layer == "yours"
    assert session.pages[1].layer == "draft"


@pytest.mark.parametrize("there_before", [True, False])
def test_a_file_that_somebody_else_changed_is_left_alone_and_nothing_is_lost(place, there_before):
    path = place / "slice_0001.tif"
    if there_before:
        tifffile.imwrite(path, np.zeros(SHAPE[1:], np.uint8))
    session = open_session(place / "slices", place, names=["slice_0001"])
    tifffile.imwrite(path, np.ones(SHAPE[1:], np.uint8))
    theirs = path.read_bytes()
    paint(session, 0)
    saved, (problem,) = session.save_changed()
    assert saved == []
    assert "was changed by somebody else since it was opened" in problem
    assert "\n" not in problem
    assert path.read_bytes() == theirs
    np.testing.assert_array_equal(
        tifffile.imread(place / "slice_0001.tif.unsaved"), session.labels[0]
    )


def test_a_value_of_no_class_is_not_saved_and_what_was_painted_is_kept(place):
    session = open_session(place / "slices", place / "mine", names=["slice_0001"])
    path = session.save(0)
    before = path.read_bytes()
    paint(session, 0, value=7)
    saved, (problem,) = session.save_changed()
    assert saved == []
    assert "slice_0001.tif: not saved: found label 7, allowed are 0 to 2" in problem
    assert "\n" not in problem
    assert path.read_bytes() == before
    aside = path.with_name("slice_0001.tif.unsaved")
    np.testing.assert_array_equal(tifffile.imread(aside), session.labels[0])
    paint(session, 0, value=2)
    assert session.save_changed() == ([path], [])
    assert list(path.parent.iterdir()) == [path]  # what was kept aside is saved now


def test_a_file_with_a_value_of_no_class_can_be_opened_and_mended(place):
    page = np.zeros(SHAPE[1:], np.uint8)
    page[3, 3] = 7
    tifffile.imwrite(place / "slice_0001.tif", page)
    session = open_session(place / "slices", place, names=["slice_0001"])
    assert "yours, but with 7, which is no class: check, then save" in session.title(0)
    paint(session, 0)
    session.save(0)
    assert taken(place, place)[0] == [1]


def test_a_file_is_replaced_as_a_whole_or_not_at_all(place, monkeypatch):
    session = open_session(place / "slices", place / "mine", names=["slice_0001"])
    path = session.save(0)
    before = path.read_bytes()
    paint(session, 0)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        session.save(0)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_mistakes_are_one_line(place):
    def refused(match, *arguments, **options):
        with pytest.raises(UserError, match=match) as raised:
            open_session(place / "slices", *arguments, **options)
        assert "\n" not in str(raised.value)

    refused("truth: is no folder; name one", "truth")
    (place / "stack.tif").write_bytes(b"")
    refused(r"stack\.tif: is no folder", place / "stack.tif")
    refused("--slice x: there is no such slice; a name is", place / "new", names=["x"])
    write_slices(place / "slices", seed=1)
    refused("was made from other slices", place / "new", prediction=place / "prediction")
    tifffile.imwrite(place / "slice_0001.tif", np.full(SHAPE[1:], 300, np.uint16))
    (place / "stack.tif").unlink()
    refused("found label 300, allowed are 0 to 2", place)


def test_png_labels_are_opened_and_saved_as_a_tiff_in_their_place(place):
    (place / "mine").mkdir()
    own = np.full(SHAPE[1:], 255, np.uint8)
    own[3, 3] = 2
    before = place / "mine" / "slice_0004.png"
    before.write_bytes(imagecodecs.png_encode(own))
    session = open_session(place / "slices", place / "mine", names=["slice_0004"])
    assert session.title(0) == "slice_0004 (1 of 1): yours, as saved"
    np.testing.assert_array_equal(session.labels[0], own)
    paint(session, 0)
    after = place / "mine" / "slice_0004.tif"
    assert session.save_changed() == ([after], [])
    assert list((place / "mine").iterdir()) == [after]
    assert taken(place, place / "mine")[0] == [4]
    paint(session, 0, value=1)
    assert session.save_changed() == ([after], [])


def test_a_tiff_that_appeared_beside_an_opened_png_is_left_alone(place):
    (place / "mine").mkdir()
    png, tiff = (place / "mine" / f"slice_0004.{suffix}" for suffix in ("png", "tif"))
    png.write_bytes(imagecodecs.png_encode(np.zeros(SHAPE[1:], np.uint8)))
    session = open_session(place / "slices", place / "mine", names=["slice_0004"])
    tifffile.imwrite(tiff, np.ones(SHAPE[1:], np.uint8))
    theirs = tiff.read_bytes(), png.read_bytes()
    paint(session, 0)
    saved, (problem,) = session.save_changed()
    assert saved == []
    assert "was changed by somebody else since it was opened" in problem
    assert (tiff.read_bytes(), png.read_bytes()) == theirs


def test_masks_and_missing_classes_are_told_when_they_are_opened(place, capsys):
    (place / "mine").mkdir()
    mask = np.zeros(SHAPE[1:], np.uint8)
    mask[2:5] = 255
    tifffile.imwrite(place / "mine" / "slice_0004.tif", mask)
    open_session(place / "slices", place / "mine")
    assert "only 0 (background) and 255, which means 'not annotated'" in capsys.readouterr().err
    open_session(place / "slices", place / "new")
    assert "no pixel" not in capsys.readouterr().err
