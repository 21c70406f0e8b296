"""MATLAB files up to version 7: (rows, columns, images)."""

import numpy as np
import pytest
from scipy.io import savemat

from catomo.errors import UserError
from catomo.files.readers import open_images

STACK = np.random.default_rng(0).integers(0, 255, (6, 8, 9), dtype=np.uint8)


def read_all(place):
    with open_images(place) as stack:
        return np.stack([stack.read(number) for number in range(stack.shape[0])])


@pytest.mark.parametrize("packed", [False, True])
def test_the_only_volume_needs_no_name(tmp_path, packed):
    content = {"volume": np.moveaxis(STACK, 0, 2), "angles": np.arange(6.0), "note": "text"}
    savemat(tmp_path / "a.mat", content, do_compression=packed)
    images = read_all(tmp_path / "a.mat")
    np.testing.assert_array_equal(images, STACK)
    assert images.dtype == np.uint8


def test_relative_paths_are_those_of_now(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        savemat("x.mat", {"volume": np.moveaxis(STACK, 0, 2)})
        np.testing.assert_array_equal(read_all("x.mat"), STACK)


def test_one_of_several_is_named(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"one": np.moveaxis(STACK, 0, 2), "two": np.moveaxis(STACK[::-1], 0, 2)})
    with pytest.raises(UserError, match=r"several arrays of images: one \(8 × 9 × 6\), two"):
        read_all(path)
    np.testing.assert_array_equal(read_all(f"{path}:two"), STACK[::-1])


def test_damaged_and_complex(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"one": STACK.astype(complex)})
    with pytest.raises(UserError, match="holds complex128, expected grey values"):
        read_all(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match=r"a\.mat: "):
        read_all(path)
