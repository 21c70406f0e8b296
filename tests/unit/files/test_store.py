"""Stacks on disk: what is written is read back, opens to scale, and depends on nothing else."""

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files import pixel_size, store


@pytest.fixture
def stack():
    return np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)


def test_slabs_and_rows_are_read_back(tmp_path, stack):
    path = tmp_path / "stack.tif"
    with store.StackWriter(path, stack.shape, np.float32, 0.12) as writer:
        writer.write(3, stack[3:])
        writer.write(0, stack[:3])
    with store.StackReader(path) as reader:
        assert reader.shape == stack.shape
        np.testing.assert_array_equal(reader.read(1, 4), stack[1:4])
        np.testing.assert_array_equal(reader.read_rows(2, 5), stack[:, 2:5])
    np.testing.assert_array_equal(tifffile.imread(path), stack)


def test_pixel_size_is_in_the_file(tmp_path, stack):
    path = tmp_path / "stack.tif"
    store.write_stack(path, stack, 0.12)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        assert 'PhysicalSizeX="0.12" PhysicalSizeXUnit="nm"' in tiff.ome_metadata
        numerator, denominator = tiff.pages[0].tags["XResolution"].value
        assert numerator / denominator == pytest.approx(1e7 / 0.12, rel=1e-6)


def test_same_content_gives_same_bytes(tmp_path, stack):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in "ab":
        store.write_stack(tmp_path / folder / "s.tif", stack, 0.12)
        store.write_labels(
            tmp_path / folder / "l.tif", iter(stack.astype(np.uint8)), stack.shape, 0.12
        )
    for name in ("s.tif", "l.tif"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_labels_stream_page_by_page(tmp_path):
    labels = np.random.default_rng(0).integers(0, 3, (4, 30, 20), dtype=np.uint8)
    path = tmp_path / "labels.tif"
    store.write_labels(path, (page for page in labels), labels.shape, 0.25)
    np.testing.assert_array_equal(store.read_pages(path), labels)
    np.testing.assert_array_equal(store.read_pages(path, 1, 3), labels[1:3])


def test_one_page_keeps_three_axes(tmp_path, stack):
    store.write_stack(tmp_path / "one.tif", stack[:1], 1.0)
    assert store.read_pages(tmp_path / "one.tif").shape == (1, 6, 7)


def test_a_slab_that_does_not_fit_is_refused(tmp_path, stack):
    with (
        store.StackWriter(tmp_path / "s.tif", stack.shape, np.float32, 1.0) as writer,
        pytest.raises(ValueError, match="does not fit"),
    ):
        writer.write(4, stack[:2])


def test_compressed_stack_is_refused_by_the_slab_reader(tmp_path, stack):
    path = tmp_path / "labels.tif"
    store.write_labels(path, stack.astype(np.uint8), stack.shape, 1.0)
    with pytest.raises(UserError, match="expected one block"):
        store.StackReader(path)


def test_an_image_for_editors_is_a_plain_tiff_to_scale_with_its_note(tmp_path):
    image = np.arange(42, dtype=np.uint8).reshape(6, 7)
    (tmp_path / "a.tif").write_bytes(store.image_bytes('γ & "b".tif', image, 0.12, "a note"))
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        np.testing.assert_array_equal(tiff.asarray(), image)
        assert not tiff.is_bigtiff
        assert pixel_size.tiff_pixel_size_nm(tiff) == 0.12
        assert "<Description>a note</Description>" in tiff.ome_metadata
