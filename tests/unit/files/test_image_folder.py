"""Folders of images: which files count, and what is told of the others."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files.readers import open_images
from helpers.mrc import mrc

GREYS = np.random.default_rng(0).integers(0, 255, (12, 20, 24), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    for number, image in enumerate(GREYS):
        tifffile.imwrite(tmp_path / f"img_{number}.tif", image)
    return tmp_path


def look(folder):
    with open_images(folder) as stack:
        return np.stack([stack.read(number) for number in range(stack.shape[0])]), stack


def test_images_come_in_the_order_of_their_numbers(folder):
    images, stack = look(folder)
    np.testing.assert_array_equal(images, GREYS)
    assert stack.names[9:11] == ["img_9.tif", "img_10.tif"]
    assert not stack.notes


def test_files_that_are_no_images_are_left_out_and_told(folder):
    (folder / "Thumbs.db").write_bytes(b"of a system")
    (folder / "table.xlsx").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(2000))
    (folder / "notes.txt").write_text("a good day")
    images, stack = look(folder)
    np.testing.assert_array_equal(images, GREYS)
    assert stack.notes == (f"{folder}: not read as images: table.xlsx",)


def test_pictures_and_one_volume_beside_the_images_are_left_out_and_told(folder):
    for number, image in enumerate(GREYS):
        (folder / f"img_{number}.png").write_bytes(imagecodecs.png_encode(image))
    images, stack = look(folder)
    np.testing.assert_array_equal(images, GREYS)
    assert "img_0.png, img_1.png, img_2.png and 9 more" in stack.notes[0]
    for path in folder.glob("*.png"):
        path.unlink()
    mrc(folder / "volume.mrc")
    np.testing.assert_array_equal(look(folder)[0], GREYS)


def test_two_kinds_of_images_are_refused(folder):
    for number in range(3):
        mrc(folder / f"img_{number}.mrc", GREYS[number][None], mode=0)
    with pytest.raises(UserError, match=r"images of several kinds \(.mrc .tif\)"):
        look(folder)
    for path in folder.glob("*.mrc"):
        path.unlink()
    assert look(folder)[1].shape == GREYS.shape


def test_images_of_one_name_are_refused(folder):
    tifffile.imwrite(folder / "img_3.tiff", GREYS[3])
    with pytest.raises(UserError, match=r"img_3.tif and img_3.tiff have one name; rename one"):
        look(folder)
    (folder / "img_3.tiff").rename(folder / "img_12.tiff")
    assert look(folder)[1].shape == (13, 20, 24)


@pytest.mark.parametrize(
    ("image", "options", "words"),
    [
        (GREYS[0].astype(np.uint16), {}, "20 × 24 px uint16, but img_0.tif is 20 × 24 px uint8"),
        (GREYS[0, 1:], {}, "is 19 × 24 px uint8"),
        (GREYS[:2], {}, "holds 2 images, expected one per file"),
        (GREYS[0], {"imagej": True, "metadata": {"unit": "nm"}, "resolution": (2, 2)}, "of 0.5 nm"),
    ],
)
def test_an_image_unlike_the_others_is_named(folder, image, options, words):
    tifffile.imwrite(folder / "img_5.tif", image, **options)
    with pytest.raises(UserError) as caught:
        look(folder)
    assert "img_5.tif: " in str(caught.value)
    assert words in str(caught.value)


def test_a_damaged_image_is_no_foreign_file(folder):
    (folder / "img_5.tif").write_bytes(bytes(500))
    with pytest.raises(UserError, match=r"img_5.tif: not readable as TIFF"):
        look(folder)
    (folder / "img_5.tif").write_bytes(b"")
    with pytest.raises(UserError, match=r"img_5.tif: file is empty"):
        look(folder)
