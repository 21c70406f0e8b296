"""Labels of a person: three forms, one meaning, and one clear line for each mistake."""

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.hashes import sha256_of
from catomo.labels import load_labels
from catomo.record import Record
from catomo.store import write_labels, write_stack

SHAPE = (5, 6, 8)


@pytest.fixture
def slices(tmp_path):
    folder = tmp_path / "04_slices"
    folder.mkdir()
    truth = np.zeros(SHAPE, np.uint8)
    truth[:, 2, 3] = [0, 1, 2, 1, 0]
    write_labels(folder / "truth_labels.tif", truth, SHAPE, 0.5)
    return Record(
        folder / "slices.json",
        {
            "stage": "slices",
            "names": [f"slice_{i:04d}" for i in range(5)],
            "suggested": [1, 3],
            "shape": list(SHAPE),
            "files": {"truth_labels.tif": {"sha256": sha256_of(folder / "truth_labels.tif")}},
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
        indices, labels = load_labels(place, slices)
        assert indices == [1, 3]
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, stack[[1, 3]])
    indices, labels = load_labels("truth", slices)
    assert indices == [1, 3]
    assert labels[:, 2, 3].tolist() == [1, 1]


def test_values_of_other_integer_types_are_taken(tmp_path, slices):
    folder = tmp_path / "drawn"
    folder.mkdir()
    tifffile.imwrite(folder / "slice_0000.tif", drawn().astype(np.uint16))
    assert load_labels(folder, slices)[1][0, 1, 1] == 2


@pytest.mark.parametrize(
    ("name", "page", "message"),
    [
        ("slice_0001", drawn(3), "slice_0001.tif: found label 3, allowed are 0 to 2"),
        ("slice_0001", drawn()[:, :-1], "shape is 6 x 7, expected 6 x 8"),
        ("slice_0009", drawn(), "no slice has the name 'slice_0009'.*such as 'slice_0000'"),
        ("slice_0001", np.full(SHAPE[1:], 255, np.uint8), "no slice is annotated"),
    ],
)
def test_a_wrong_file_gives_one_line(tmp_path, slices, name, page, message):
    folder = tmp_path / "drawn"
    folder.mkdir()
    tifffile.imwrite(folder / f"{name}.tif", page)
    with pytest.raises(UserError, match=message) as raised:
        load_labels(folder, slices)
    assert "\n" not in str(raised.value)


def test_what_is_missing_is_named(tmp_path, slices):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="labels not found"):
        load_labels(tmp_path / "nowhere", slices)
    with pytest.raises(UserError, match=r"found no \.tif"):
        load_labels(tmp_path / "empty", slices)
    write_labels(tmp_path / "short.tif", np.zeros((3, 6, 8), np.uint8), (3, 6, 8), 0.5)
    with pytest.raises(UserError, match="found 3 pages, expected 5"):
        load_labels(tmp_path / "short.tif", slices)
    (tmp_path / "no.tif").write_text("not a picture")
    with pytest.raises(UserError, match="not readable as TIFF"):
        load_labels(tmp_path / "no.tif", slices)
    slices["files"] = {}
    with pytest.raises(UserError, match="no phantom"):
        load_labels("truth", slices)
