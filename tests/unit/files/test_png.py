"""Folders of PNG images."""

import imagecodecs
import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.readers import open_images

GREYS = np.random.default_rng(0).integers(0, 255, (3, 8, 9), dtype=np.uint8)


def read_all(path):
    with open_images(path) as stack:
        images = np.stack([stack.read(number) for number in range(stack.shape[0])])
        assert images.dtype == stack.dtype
        return images


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_a_folder_of_images(tmp_path, kind):
    stack = GREYS.astype(kind) * (257 if kind == "u2" else 1)
    for number, image in enumerate(stack):
        (tmp_path / f"s{number}.png").write_bytes(imagecodecs.png_encode(image.astype(kind)))
    np.testing.assert_array_equal(read_all(tmp_path), stack)


def test_what_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(np.zeros((8, 9, 3), np.uint8)))
    with pytest.raises(UserError, match=r"a\.png: holds colours, expected greys of 8 or 16 bits"):
        read_all(path)
    content = imagecodecs.png_encode(GREYS[0])
    path.write_bytes(content[:-40])
    with pytest.raises(UserError, match=r"a\.png: is damaged"):
        read_all(path)
    path.write_bytes(content[:20])
    with pytest.raises(UserError, match="is cut short"):
        read_all(path)
    path.write_bytes(content[:16] + (10**9).to_bytes(4) * 2 + content[24:])
    with pytest.raises(UserError, match="would unpack to"):
        read_all(path)
