"""Arrays that NumPy saved."""

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.readers import open_images

STACK = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)


def read_all(path):
    with open_images(path) as stack:
        return np.stack([stack.read(number) for number in range(stack.shape[0])])


@pytest.mark.parametrize("kind", ["u1", ">u2", "<f4", ">f8", "?"])
@pytest.mark.parametrize("order", "CF")
def test_every_type_and_order(tmp_path, kind, order):
    stack = np.asarray(STACK * 50 > 0 if kind == "?" else np.abs(STACK * 50), kind, order=order)
    np.save(tmp_path / "a.npy", stack)
    np.testing.assert_array_equal(read_all(tmp_path / "a.npy"), stack)
    np.save(tmp_path / "b.npy", stack[0])
    np.testing.assert_array_equal(read_all(tmp_path / "b.npy"), stack[:1])


@pytest.mark.parametrize(
    "array",
    [np.zeros(5), np.zeros((2, 3, 4, 5)), np.zeros((2, 3, 4), complex), np.array([[None]])],
)
def test_what_is_no_stack_of_images(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(UserError, match="expected grey images"):
        read_all(tmp_path / "a.npy")


def test_damaged_files(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, STACK)
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    with pytest.raises(UserError, match="is cut short"):
        read_all(path)
    path.write_bytes(content[:30])
    with pytest.raises(UserError, match="not readable"):
        read_all(path)


def test_a_header_that_says_it_is_long_is_not_made_room_for(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x02\0" + (600 << 20).to_bytes(4, "little") + bytes(100))
    with pytest.raises(UserError, match="its header has 629145600 bytes"):
        read_all(path)
