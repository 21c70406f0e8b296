"""HDF5: arrays by their path, NXtomo, and MATLAB 7.3."""

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.readers import open_images, open_series

h5py = pytest.importorskip("h5py")

STACK = np.random.default_rng(0).integers(0, 999, (6, 8, 9)).astype(np.uint16)


def read_all(place):
    with open_images(place) as stack:
        images = np.stack([stack.read(number) for number in range(stack.shape[0])])
        return images, stack


@pytest.mark.parametrize("shape", [(6, 8, 9), (1, 6, 8, 9), (1, 6, 8, 9, 1)])
def test_the_only_volume_needs_no_name(tmp_path, shape):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        array = file.create_dataset("entry/volume", data=STACK.reshape(shape), compression="gzip")
        file["note"] = "text"
        file["profile"] = np.arange(5)
        if len(shape) == 3:
            array.attrs["element_size_um"] = [0.002, 0.001, 0.001]
    images, stack = read_all(tmp_path / "a.h5")
    np.testing.assert_array_equal(images, STACK)
    assert stack.dtype == np.uint16
    if len(shape) == 3:
        assert stack.voxel_nm == pytest.approx((2.0, 1.0, 1.0))


def test_one_of_several_is_named_after_a_colon(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["one"], file["two"] = STACK, STACK[::-1]
    with pytest.raises(UserError) as caught:
        read_all(path)
    message = str(caught.value)
    assert "/one (6 × 8 × 9), /two (6 × 8 × 9)" in message
    way_out = message.rpartition(" as in ")[2]
    np.testing.assert_array_equal(read_all(way_out)[0], STACK)
    np.testing.assert_array_equal(read_all(f"{path}:two")[0], STACK[::-1])
    with pytest.raises(UserError, match="holds no array 'three'; arrays in it: /one, /two"):
        read_all(f"{path}:three")


def nxtomo(path, angles, keys=None, units="deg"):
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry["instrument/detector/data"] = STACK
        entry["data/data"] = h5py.SoftLink("/entry/instrument/detector/data")
        entry["sample/rotation_angle"] = angles
        entry["sample/rotation_angle"].attrs["units"] = units
        for axis in "xy":
            entry[f"instrument/detector/{axis}_pixel_size"] = 2e-9
            entry[f"instrument/detector/{axis}_pixel_size"].attrs["units"] = "m"
        if keys is not None:
            entry["instrument/detector/image_key"] = keys
    return path


def test_nxtomo_holds_angles_and_scale(tmp_path):
    tilts = [-60.0, -30.0, 0.0, 20.0, 40.0, 60.0]
    with open_series(nxtomo(tmp_path / "a.nxs", tilts)) as stack:
        np.testing.assert_array_equal(stack.read(3), STACK[3])
        assert stack.tilt_deg == tilts
        assert stack.pixel_size_nm == pytest.approx(2)
    with open_series(nxtomo(tmp_path / "b.nxs", np.deg2rad(tilts), units="rad")) as stack:
        assert stack.tilt_deg == pytest.approx(tilts)
    keys = [1, 0, 0, 0, 0, 2]
    images, stack = read_all(nxtomo(tmp_path / "c.nxs", tilts, keys))
    np.testing.assert_array_equal(images, STACK[1:5])
    assert stack.tilt_deg == tilts[1:5]
    assert "2 images of the beam or the dark" in stack.notes[0]
    with pytest.raises(UserError, match="6 images, 5 angles and 6 image keys"):
        read_all(nxtomo(tmp_path / "d.nxs", tilts[:5]))


def test_matlab_of_version_7_3(tmp_path):
    """MATLAB stores (rows, columns, images) with the axes reversed."""
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["volume"] = STACK.transpose(0, 2, 1)
        file["volume"].attrs["MATLAB_class"] = np.bytes_("uint16")
    content = bytearray(path.read_bytes())
    content[:19] = b"MATLAB 7.3 MAT-file"
    path.write_bytes(content)
    np.testing.assert_array_equal(read_all(path)[0], STACK)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("huge", (1000, 4000, 4000), np.float32, chunks=(1, 4000, 4000))
    with pytest.raises(UserError, match=r"bytes would unpack to 64 GB"):
        read_all(tmp_path / "a.h5")


def test_damaged_files_are_one_line(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["one"] = STACK
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UserError, match="is not readable") as caught:
        read_all(path)
    assert "\n" not in str(caught.value)
    with h5py.File(path, "w") as file:
        file["text"] = "nothing else"
    with pytest.raises(UserError, match="holds no array of images"):
        read_all(path)


def test_without_the_packages(tmp_path, monkeypatch):
    import sys

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one"] = STACK
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"pip install 'catomo\[formats\]'"):
        read_all(tmp_path / "a.h5")
