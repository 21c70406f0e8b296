"""Labels of a person: three forms, one meaning, and one clear line for each mistake."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files.store import image_bytes, write_labels, write_stack
from catomo.labels.files import (
    check_label_values,
    check_labels,
    count_labels,
    label_files,
    load_labels,
    unread_files,
)
from catomo.labels.tie import mark_of
from catomo.record.hashes import fingerprint_of_labels, sha256_of
from catomo.record.record import Record
from catomo.slices.stacks import expected_of, inspect_stack

SHAPE = (5, 6, 8)


@pytest.fixture
def slices(tmp_path):
    folder = tmp_path / "04_slices"
    folder.mkdir()
    truth = np.zeros(SHAPE, np.uint8)
    truth[:, 2, 3] = [0, 1, 2, 1, 0]
    write_labels(folder / "truth_labels.tif", truth, SHAPE, 0.5)
    greys = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
    write_stack(folder / "slices.tif", greys, 0.5)
    return Record(
        folder / "slices.json",
        {
            "stage": "slices",
            "names": [f"slice_{i:04d}" for i in range(5)],
            "suggested": [1, 3],
            "shape": list(SHAPE),
            "pixel_size_nm": 0.5,
            "files": {
                name: {"sha256": sha256_of(folder / name)}
                for name in ("slices.tif", "truth_labels.tif")
            },
        },
    )


def drawn(value=2):
    page = np.full(SHAPE[1:], 255, np.uint8)
    page[1, 1] = value
    return page


def test_folder_stack_and_truth_say_the_same(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    tifffile.imwrite(folder / "slice_0003.tif", drawn(1))
    tifffile.imwrite(folder / "slice_0001.tif", drawn(2))
    stack = np.full(SHAPE, 255, np.uint8)
    stack[1], stack[3] = drawn(2), drawn(1)
    write_stack(tmp_path / "block.tif", stack, 0.5)
    write_labels(tmp_path / "pages.tif", stack, SHAPE, 0.5)
    for place in (folder, tmp_path / "block.tif", tmp_path / "pages.tif"):
        indices, labels = load_labels(place, slices, 3)
        assert indices == [1, 3]
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, stack[[1, 3]])
    indices, labels = load_labels("truth", slices, 3)
    assert indices == [1, 3]
    assert labels[:, 2, 3].tolist() == [1, 1]


def test_values_of_other_integer_types_are_taken(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    tifffile.imwrite(folder / "slice_0000.tif", drawn().astype(np.uint16))
    assert load_labels(folder, slices, 3)[1][0, 1, 1] == 2


COLOURED = np.zeros((*SHAPE[1:], 3), np.uint8)
COLOURED[2:4, 2:4] = [200, 0, 0]


@pytest.mark.parametrize(
    ("name", "page", "message"),
    [
        ("slice_0001", drawn(3), "slice_0001.tif: found label 3, allowed are 0 to 2"),
        ("slice_0001", drawn()[:, :-1], "shape is 6 x 7, expected 6 x 8"),
        ("slice_0009", drawn(), "no slice has the name 'slice_0009'.*such as 'slice_0000'"),
        ("slice_0001", np.full(SHAPE[1:], 255, np.uint8), "no slice is annotated"),
        ("slice_0001", COLOURED, "is a colour image or has an alpha"),
    ],
)
def test_a_wrong_file_gives_one_line(tmp_path, slices, name, page, message):
    folder = tmp_path / "drawn"
    folder.mkdir()
    tifffile.imwrite(folder / f"{name}.tif", page)
    with pytest.raises(UserError, match=message) as raised:
        load_labels(folder, slices, 3)
    assert "\n" not in str(raised.value)


def test_what_is_missing_is_named(tmp_path, slices):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="labels not found"):
        load_labels(tmp_path / "nowhere", slices, 3)
    with pytest.raises(UserError, match=r"found no \.tif"):
        load_labels(tmp_path / "empty", slices, 3)
    write_labels(tmp_path / "short.tif", np.zeros((3, 6, 8), np.uint8), (3, 6, 8), 0.5)
    with pytest.raises(UserError, match="found 3 pages, expected 5"):
        load_labels(tmp_path / "short.tif", slices, 3)
    (tmp_path / "no.tif").write_text("not a picture")
    with pytest.raises(UserError, match="not readable as TIFF"):
        load_labels(tmp_path / "no.tif", slices, 3)
    slices["files"] = {}
    with pytest.raises(UserError, match="is not a phantom"):
        load_labels("truth", slices, 3)


def grey(slices, index):
    return tifffile.imread(slices.file("slices.tif"))[index]


def test_a_file_tied_to_its_slice_is_taken_and_one_tied_to_another_is_not(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    path = folder / "slice_0001.tif"
    path.write_bytes(image_bytes(path.name, drawn(), 0.5, mark_of(grey(slices, 1)), "zlib"))
    assert load_labels(folder, slices, 3)[0] == [1]
    path.write_bytes(image_bytes(path.name, drawn(), 0.5, mark_of(grey(slices, 2))))
    with pytest.raises(UserError, match=r"slice_0001\.tif: was painted on another slice") as raised:
        load_labels(folder, slices, 3)
    assert "\n" not in str(raised.value)


def as_fiji_saves(path, slices, index, scale_nm, unit="nm", per=1.0):
    """Write what ImageJ writes: its own description, the former one in the tag for `Info`."""
    painted_on = image_bytes("a.tif", grey(slices, index), 0.5, mark_of(grey(slices, index)))
    (path.parent / "painted_on").write_bytes(painted_on)
    with tifffile.TiffFile(path.parent / "painted_on") as tiff:
        info = f"ImageDescription: {tiff.pages[0].description}\n"
    pixels = per / scale_nm
    tifffile.imwrite(
        path,
        drawn(),
        imagej=True,
        resolution=(pixels, pixels),
        metadata={"unit": unit, "Info": info},
    )


def test_what_fiji_keeps_of_a_slice_ties_the_labels_painted_over_it(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    as_fiji_saves(folder / "slice_0003.tif", slices, 3, 0.5)
    assert load_labels(folder, slices, 3)[0] == [3]
    as_fiji_saves(folder / "slice_0003.tif", slices, 3, 0.5, unit="micron", per=1000.0)
    assert load_labels(folder, slices, 3)[0] == [3]
    as_fiji_saves(folder / "slice_0003.tif", slices, 2, 0.5)
    with pytest.raises(UserError, match="was painted on another slice"):
        load_labels(folder, slices, 3)


def test_a_scale_that_is_not_that_of_the_slice_is_told(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    as_fiji_saves(folder / "slice_0003.tif", slices, 3, 0.25)
    with pytest.raises(UserError, match=r"has 0\.25 nm per pixel, the slice has 0\.5; draw on"):
        load_labels(folder, slices, 3)
    write_labels(tmp_path / "stack.tif", np.zeros(SHAPE, np.uint8), SHAPE, 1.0)
    with pytest.raises(UserError, match="has 1 nm per pixel"):
        load_labels(tmp_path / "stack.tif", slices, 3)
    # 300 dpi is what a printer is told, no scale.
    tifffile.imwrite(
        folder / "slice_0003.tif", drawn(), resolution=(118, 118), resolutionunit="CENTIMETER"
    )
    as_fiji_saves(folder / "slice_0001.tif", slices, 1, 1 / 118, unit="cm")
    assert load_labels(folder, slices, 3)[0] == [1, 3]


def test_foreign_files_are_no_labels_and_change_no_fingerprint(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    tifffile.imwrite(folder / "slice_0001.tif", drawn())
    before = fingerprint_of_labels(folder)
    for name in (".DS_Store", "._slice_0001.tif", "slice_0001.tif.unsaved", "notes.txt"):
        (folder / name).write_text("not a picture")
    assert list(label_files(folder, slices["names"])) == ["slice_0001"]
    assert load_labels(folder, slices, 3)[0] == [1]
    assert fingerprint_of_labels(folder) == before
    tifffile.imwrite(folder / "slice_0003.TIFF", drawn())
    with_another = fingerprint_of_labels(folder)
    tifffile.imwrite(folder / "slice_0003.TIFF", drawn(1))
    assert len({before, with_another, fingerprint_of_labels(folder)}) == 3


def test_two_files_for_one_slice_are_refused(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    for name in ("slice_0001.tif", "slice_0001.tiff"):
        tifffile.imwrite(folder / name, drawn())
    with pytest.raises(UserError, match=r"tiff: has the same slice as slice_0001\.tif; keep"):
        load_labels(folder, slices, 3)


def test_the_tie_holds_before_the_slices_are_exported(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    path = folder / "slice_0001.tif"
    path.write_bytes(image_bytes(path.name, drawn(), 0.5, mark_of(grey(slices, 2))))
    stack = tifffile.imread(slices.file("slices.tif"))
    tifffile.imwrite(tmp_path / "bytes.tif", stack)
    with pytest.raises(UserError, match="was painted on another slice"):
        check_labels(folder, expected_of(inspect_stack(tmp_path / "bytes.tif"), 0.5), 3)
    # The greys of other stacks are only known when they are exported.
    tifffile.imwrite(tmp_path / "floats.tif", stack.astype(np.float32))
    check_labels(folder, expected_of(inspect_stack(tmp_path / "floats.tif"), 0.5), 3)


def png(path, page):
    path.write_bytes(imagecodecs.png_encode(page))


def test_png_labels_are_read_among_tiffs_and_alone(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    png(folder / "slice_0001.PNG", drawn(1))
    assert load_labels(folder, slices, 3)[0] == [1]
    before = fingerprint_of_labels(folder)
    png(folder / "slice_0001.PNG", drawn(2))
    assert fingerprint_of_labels(folder) != before
    tifffile.imwrite(folder / "slice_0003.tif", drawn(1).astype(np.float32))
    indices, labels = load_labels(folder, slices, 3)
    assert indices == [1, 3]
    assert labels[:, 1, 1].tolist() == [2, 1]
    tifffile.imwrite(folder / "slice_0001.tif", drawn(1))
    with pytest.raises(UserError, match=r"has the same slice as slice_0001\.\w+; keep one"):
        load_labels(folder, slices, 3)
    (folder / "slice_0001.tif").unlink()
    assert load_labels(folder, slices, 3)[0] == [1, 3]


def test_what_may_be_labels_but_is_not_read_is_told(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    tifffile.imwrite(folder / "slice_0001.tif", drawn())
    for name in ("overview.png", "slice_0001.jpg", "slice_0003.bmp", "notes.txt"):
        (folder / name).write_text("")
    assert load_labels(folder, slices, 3)[0] == [1]
    assert unread_files(folder, slices["names"]) == ("overview.png", "slice_0003.bmp")
    assert count_labels(folder, slices, 3).unread == ("overview.png", "slice_0003.bmp")
    assert unread_files("truth", slices["names"]) == ()
    (folder / "slice_0001.tif").unlink()
    with pytest.raises(UserError, match=r"overview\.png: no slice has the name 'overview'"):
        load_labels(folder, slices, 3)
    (folder / "overview.png").unlink()
    with pytest.raises(UserError, match=r"found no \.tif or \.png in it; save labels as <slice"):
        load_labels(folder, slices, 3)
    tifffile.imwrite(folder / "slice_0003.tif", drawn())
    assert load_labels(folder, slices, 3)[0] == [3]


def test_values_are_checked_before_there_are_slices(tmp_path):
    folder = tmp_path / "drawn"
    folder.mkdir()
    with pytest.raises(UserError, match=r"found no \.tif or \.png"):
        check_label_values(folder, 3)
    tifffile.imwrite(folder / "slice_0001.tif", drawn(3))
    with pytest.raises(UserError, match=r"slice_0001\.tif: found label 3, allowed are 0 to 2"):
        check_label_values(folder, 3)
    tifffile.imwrite(folder / "slice_0001.tif", drawn(2))
    assert check_label_values(folder, 3).pixels[2] == 1
    tifffile.imwrite(folder / "mine.tif", drawn(2))
    with pytest.raises(UserError, match=r"mine\.tif: no slice has the name 'mine'.*slice_0001"):
        check_label_values(folder, 3)
    write_labels(tmp_path / "stack.tif", np.ones(SHAPE, np.uint8), SHAPE, 0.5)
    assert check_label_values(tmp_path / "stack.tif", 3).pixels[1] == np.prod(SHAPE)
