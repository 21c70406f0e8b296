"""Slices from elsewhere: what a folder, a TIFF or an MRC file holds."""

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.record.hashes import fingerprint
from catomo.slices.stacks import inspect_stack


def test_hidden_files_are_no_images(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 9), np.uint8))
    before = fingerprint(tmp_path)
    for name in (".DS_Store", "._a.tif"):
        (tmp_path / name).write_text("what a system keeps")
    assert inspect_stack(tmp_path).names == ["a"]
    assert fingerprint(tmp_path) == before


def test_import_takes_one_image(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", np.eye(9, dtype=np.uint16))
    assert inspect_stack(tmp_path / "one.tif").shape == (1, 9, 9)


def test_import_refuses_in_one_line(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()

    def refused(path, words):
        with pytest.raises(UserError, match=words) as caught:
            inspect_stack(path)
        assert "\n" not in str(caught.value)

    refused(folder, "folder holds no image")
    refused(tmp_path / "absent.tif", "no such file")
    (folder / "a.tif").write_bytes(b"no picture")
    refused(folder, "a.tif: not readable as TIFF")
    tifffile.imwrite(folder / "a.tif", np.zeros((8, 9), np.uint8))
    tifffile.imwrite(folder / "b.tif", np.zeros((8, 7), np.uint8))
    refused(folder, "b.tif: is 8 × 7 px uint8, but a.tif is 8 × 9 px uint8")
    tifffile.imwrite(folder / "b.tif", np.zeros((8, 9, 3), np.uint8), photometric="rgb")
    refused(folder, "expected grey images")
    tifffile.imwrite(folder / "b.tif", np.zeros((5, 8, 9), np.uint8))
    refused(folder, "holds 5 images, expected one per file")
    (tmp_path / "volume.raw").write_bytes(b"0")
    refused(tmp_path / "volume.raw", "format is not known")
    (tmp_path / "volume.mrc").write_bytes(b"0" * 2000)
    refused(tmp_path / "volume.mrc", "is no MRC file")
