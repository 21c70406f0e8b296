"""Images inside a TIFF that state a size of their own."""

import struct

import imagecodecs
import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files.readers import open_images
from catomo.files.tiff_streams import stated_size
from catomo.labels.files import check_label_values

IMAGE = (np.indices((40, 56)).sum(0) % 3).astype(np.uint8)
ENCODE = {
    "jpeg": imagecodecs.jpeg8_encode,
    "jpeg2000": imagecodecs.jpeg2k_encode,
    "png": imagecodecs.png_encode,
}
CODES = {"jpeg": 7, "jpeg2000": 33005, "png": 34933}


def write(path, code, stream, rows, columns):
    """Write a TIFF of one strip, by the definition of the format alone."""
    values = [
        (256, columns), (257, rows), (258, 8), (259, code), (262, 1), (273, 0), (277, 1),
        (278, rows), (279, len(stream)),
    ]  # fmt: skip
    start = 8 + 2 + 12 * len(values) + 4
    content = b"II*\0" + struct.pack("<IH", 8, len(values))
    for tag, value in values:
        content += struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value)
    path.write_bytes(content + struct.pack("<I", 0) + stream)
    return path


def read(path):
    with open_images(path) as stack:
        return stack.read(0)


@pytest.mark.parametrize("kind", ENCODE)
def test_the_stated_size_is_that_of_the_image(kind):
    stream = ENCODE[kind](IMAGE)
    assert stated_size(stream) == IMAGE.shape
    assert all(stated_size(stream[:n]) in (None, IMAGE.shape) for n in range(len(stream)))


@pytest.mark.parametrize("kind", ["jpeg2000", "png"])
def test_an_image_of_the_size_of_its_page_is_read(tmp_path, kind):
    stream = ENCODE[kind](IMAGE)
    path = write(tmp_path / "a.tif", CODES[kind], stream, *IMAGE.shape)
    np.testing.assert_array_equal(read(path), IMAGE)
    assert sum(check_label_values(path, 3).pixels) == IMAGE.size


@pytest.mark.parametrize("layout", [{"tile": (32, 32)}, {"rowsperstrip": 16}, {}])
@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000", "png"])
def test_strips_and_tiles_that_writers_fill_up_are_read(tmp_path, compression, layout):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, IMAGE * 90, compression=compression, photometric="minisblack", **layout)
    assert np.abs(read(path) - IMAGE * 90.0).mean() < 5  # JPEG is not exact


@pytest.mark.parametrize("kind", ENCODE)
def test_an_image_larger_than_its_page_is_not_cut_to_it(tmp_path, kind):
    stream = ENCODE[kind](IMAGE)
    path = write(tmp_path / "a.tif", CODES[kind], stream, 12, 10)
    message = r"page 1 has place for 12 × 10 px, but a part of it holds 40 × 56 px"
    with pytest.raises(UserError, match=message):
        read(path)
    with pytest.raises(UserError, match=message):
        check_label_values(path, 3)
