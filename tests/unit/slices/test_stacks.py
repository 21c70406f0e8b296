"""Slices from elsewhere: what a file or folder holds, and whether its scale is the given one."""

import struct

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files.store import write_stack
from catomo.record.hashes import fingerprint
from catomo.slices.settings import Slices
from catomo.slices.stacks import inspect_stack
from helpers.mrc import mrc


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


def volume(path, spacing_nm, count=16):
    """Write an MRC volume whose sections, rows and columns have these distances."""
    values = np.random.default_rng(5).normal(100, 20, (count, 32, 32)).astype(np.float32)
    mrc(path, values, mode=2)
    content = bytearray(path.read_bytes())
    z, y, x = spacing_nm
    content[40:52] = struct.pack("<3f", 320 * x, 320 * y, 10 * count * z)
    path.write_bytes(content)
    return path


def refusal(*arguments):
    with pytest.raises(UserError) as caught:
        inspect_stack(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_scale_that_contradicts_the_given_one_is_refused(tmp_path):
    path = volume(tmp_path / "a.mrc", (0.5, 0.5, 0.5))
    message = refusal(path, 5.0)
    assert "pixel size is 5 nm by the given value but 0.5 nm by the header" in message
    assert inspect_stack(path, 0.5).shape == (16, 32, 32)  # either way out
    assert inspect_stack(path, 0.502).shape == (16, 32, 32)
    assert inspect_stack(path, 5.0, Slices(trust_given=True)).shape == (16, 32, 32)


@pytest.mark.parametrize("kind", ["imagej", "ome", "catomo"])
def test_the_scale_of_tiffs_is_compared_too(tmp_path, kind):
    stack = np.random.default_rng(0).integers(0, 255, (6, 20, 24), dtype=np.uint8)
    path = tmp_path / "a.ome.tif"
    if kind == "catomo":
        write_stack(path, stack, 0.5)
    elif kind == "ome":
        sizes = {f"PhysicalSize{axis}": 0.0005 for axis in "XYZ"}
        tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": "ZYX", **sizes})
    else:
        metadata = {"unit": "micron", "spacing": 0.0005, "axes": "ZYX"}
        tifffile.imwrite(path, stack, imagej=True, resolution=(2000, 2000), metadata=metadata)
    assert "5 nm by the given value but 0.5 nm by the header" in refusal(path, 5.0)
    np.testing.assert_array_equal(inspect_stack(path, 0.5).read(3), stack[3])
    loose = tmp_path / "loose"
    loose.mkdir()
    tifffile.imwrite(
        loose / "a.tif", stack[0], imagej=True, resolution=(2, 2), metadata={"unit": "nm"}
    )
    assert "0.5 nm by the header" in refusal(loose, 5.0)


def test_a_printer_s_resolution_is_no_scale(tmp_path):
    stack = np.random.default_rng(0).integers(0, 255, (6, 20, 24), dtype=np.uint8)
    for number, (unit, size) in enumerate([("inch", 72), ("cm", 28.35), ("pixel", 1), ("mm", 2.8)]):
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, stack, imagej=True, resolution=(size, size), metadata={"unit": unit})
        assert inspect_stack(path, 0.5).shape == stack.shape


def test_voxels_that_are_no_cubes_are_refused_or_resampled(tmp_path):
    path = volume(tmp_path / "tall.mrc", (1.5, 0.5, 0.5))
    message = refusal(path, 0.5)
    assert "slices lie 1.5 nm apart, rows 0.5 nm and columns 0.5 nm" in message
    assert "slices.resample: true" in message
    found = inspect_stack(path, 0.5, Slices(resample=True))
    assert found.shape == (48, 32, 32)
    whole = inspect_stack(path, 0.5, Slices(trust_given=True))
    np.testing.assert_allclose(found.read(22), whole.read(7), rtol=1e-5)  # the middle of slice 7
    assert "5 nm by the given value" in refusal(path, 5.0, Slices(resample=True))
    assert inspect_stack(path, 1.5, Slices(resample=True)).shape == (16, 10, 10)
    flat = volume(tmp_path / "flat.mrc", (0.5, 1.0, 0.5))
    assert "rows 1 nm" in refusal(flat, 0.5)
    assert inspect_stack(flat, 0.5, Slices(resample=True)).shape == (16, 64, 32)


def test_oblong_pixels_of_single_images_are_resampled(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (20, 24), dtype=np.uint8)
    for name in "ab":
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, image, imagej=True, resolution=(2, 1), metadata={"unit": "nm"})
    assert "rows 1 nm and columns 0.5 nm" in refusal(tmp_path, 0.5)
    found = inspect_stack(tmp_path, 0.5, Slices(resample=True))
    assert (found.shape, found.names, found.dtype) == ((2, 40, 24), ["a", "b"], np.uint8)
    assert not found.contiguous


def test_unsigned_bytes_of_a_volume_stay_what_they_are(tmp_path):
    """IMOD's mode 0: bytes from 128 on are bright, and 8-bit greys are kept."""
    greys = np.random.default_rng(1).integers(0, 256, (5, 20, 24), dtype=np.uint8)
    path = mrc(tmp_path / "a.mrc", greys, mode=0)
    content = bytearray(path.read_bytes())
    content[152:160] = b"IMOD" + struct.pack("<i", 0)
    path.write_bytes(content)
    stack = inspect_stack(path, 0.5)
    assert stack.dtype == np.uint8
    np.testing.assert_array_equal(np.stack([stack.read(i) for i in range(5)]), greys)


def test_names_without_leading_zeros_come_in_the_order_of_their_numbers(tmp_path):
    for number in range(1, 13):
        tifffile.imwrite(tmp_path / f"img_{number}.tif", np.full((8, 9), number, np.uint8))
    stack = inspect_stack(tmp_path)
    assert stack.names == [f"img_{number}" for number in range(1, 13)]
    assert [int(stack.read(number)[0, 0]) for number in range(12)] == list(range(1, 13))
