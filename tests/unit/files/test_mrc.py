"""MRC files that other programs write: signs, byte orders, axes, and headers that do not fit."""

import struct

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.readers import open_images
from helpers.mrc import STACK, mrc

GREYS = np.random.default_rng(1).integers(0, 256, (5, 20, 24), dtype=np.uint8)


def edit(path, *changes):
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place : place + len(value)] = value
    path.write_bytes(content)
    return path


def limits(low, high, order="<"):
    return 76, struct.pack(f"{order}2f", low, high)


def read_all(path):
    with open_images(path) as stack:
        return np.stack([stack.read(number) for number in range(stack.shape[0])]), stack


def refusal(path):
    with pytest.raises(UserError) as caught:
        read_all(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("stamp", "found"),
    [
        ([(152, b"IMOD"), (156, b"\0\0\0\0")], "u1"),
        ([limits(0, 255)], "u1"),
        ([limits(3, 128)], "u1"),
        ([limits(0, 127)], "i1"),
        ([limits(-128, 127)], "i1"),
        ([limits(0, 0)], "i1"),
    ],
)
def test_bytes_are_signed_or_not_by_stamp_or_by_their_limits(tmp_path, order, stamp, found):
    stamp = [limits(*struct.unpack("<2f", v), order) if p == 76 else (p, v) for p, v in stamp]
    path = edit(mrc(tmp_path / "a.mrc", GREYS, mode=0, order=order), *stamp)
    np.testing.assert_array_equal(read_all(path)[0], GREYS.view(found))


@pytest.mark.parametrize("order", "<>")
def test_the_flag_of_imod_says_signed_in_either_byte_order(tmp_path, order):
    flag = struct.pack(f"{order}i", 1)
    path = edit(mrc(tmp_path / "a.mrc", GREYS, mode=0, order=order), (152, b"IMOD"), (156, flag))
    np.testing.assert_array_equal(read_all(path)[0], GREYS.view("i1"))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("high", "found"), [(65535, "u2"), (32768, "u2"), (32767, "i2")])
def test_mode_1_may_hold_unsigned_numbers(tmp_path, order, high, found):
    stack = (GREYS.astype(np.uint16) * 257).astype(np.uint16)
    path = mrc(tmp_path / "a.mrc", stack, mode=1, order=order)
    images, read = read_all(edit(path, limits(0, high, order)))
    np.testing.assert_array_equal(images, stack.view(found))
    assert read.dtype == np.dtype(found)


@pytest.mark.parametrize("order", "<>")
def test_a_wrong_stamp_of_the_byte_order(tmp_path, order):
    path = mrc(tmp_path / "a.mrc", order=order)
    wrong = b"\x11\x11" if order == "<" else b"DD"
    np.testing.assert_array_equal(read_all(edit(path, (212, wrong)))[0], STACK)


@pytest.mark.parametrize("axes", [(3, 2, 1), (2, 1, 3), (1, 3, 2), (3, 1, 2), (2, 3, 1)])
def test_the_order_of_the_axes_is_obeyed(tmp_path, axes):
    """Columns, rows and sections run along `axes`; what is read is always (z, y, x)."""
    volume = STACK[:4, :6, :8]
    names = {1: 2, 2: 1, 3: 0}  # x, y, z are these axes of `volume`
    columns, rows, sections = (names[axis] for axis in axes)
    path = mrc(tmp_path / "a.mrc", volume.transpose(sections, rows, columns).copy())
    # The cell is that of x, y, z whatever the order is.
    cell = struct.pack("<3f", 8 * 5.0, 6 * 10.0, 4 * 20.0)
    edit(path, (28, struct.pack("<3i", 8, 6, 4)), (40, cell), (64, struct.pack("<3i", *axes)))
    images, stack = read_all(path)
    np.testing.assert_array_equal(images, volume)
    assert stack.voxel_nm == pytest.approx((2.0, 1.0, 0.5))
    assert "another order" in stack.notes[0]


@pytest.mark.parametrize("axes", [(0, 0, 0), (1, 1, 1), (7, 8, 9)])
def test_axes_that_say_nothing_are_x_y_z(tmp_path, axes):
    path = edit(mrc(tmp_path / "a.mrc"), (64, struct.pack("<3i", *axes)))
    np.testing.assert_array_equal(read_all(path)[0], STACK)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, -24),
        (4, 0),
        (8, 2**30),
        (8, -1),
        (92, -8),
        (92, 10**9),
        (12, 55),
    ],
)
def test_numbers_that_make_no_sense(tmp_path, place, value):
    path = edit(mrc(tmp_path / "a.mrc"), (place, struct.pack("<i", value)))
    assert "is no MRC file" in refusal(path)


def test_sizes_are_compared_with_the_file_before_anything_is_allocated(tmp_path):
    path = mrc(tmp_path / "a.mrc")
    assert "is cut short" in refusal(edit(path, (0, struct.pack("<3i", 10**6, 10**6, 10**6))))
    path = edit(mrc(tmp_path / "b.mrc"), (8, struct.pack("<i", 2)))
    message = refusal(path)
    assert "its header says 2 images of 20 × 24 px, but the file holds bytes for 5" in message
    edit(path, (8, struct.pack("<i", 5)))  # the way out: mend the header
    np.testing.assert_array_equal(read_all(path)[0], STACK)
    path.write_bytes(path.read_bytes() + b"\0" * 100)  # what some writers pad
    np.testing.assert_array_equal(read_all(path)[0], STACK)


@pytest.mark.parametrize("mode", [3, 4, 16, 101])
def test_images_that_are_not_grey(tmp_path, mode):
    assert "expected grey images" in refusal(mrc(tmp_path / "a.mrc", mode=mode))


def test_a_packed_file_is_not_unpacked_by_accident(tmp_path):
    import gzip

    path = tmp_path / "a.mrc.gz"
    path.write_bytes(gzip.compress(mrc(tmp_path / "a.mrc").read_bytes()))
    assert "is packed by gzip; unpack it first" in refusal(path)
    path.rename(tmp_path / "b.mrc")
    assert "is packed by gzip" in refusal(tmp_path / "b.mrc")


def test_the_distance_of_sections_counts_only_in_volumes(tmp_path):
    path = mrc(tmp_path / "a.mrc", size_nm=0.5)
    edit(path, (48, struct.pack("<f", 5 * 15.0)))
    assert read_all(path)[1].voxel_nm == pytest.approx((1.5, 0.5, 0.5))
    edit(path, (36, struct.pack("<i", 1)))  # mz = 1: a stack of images
    assert read_all(path)[1].voxel_nm[0] is None
