"""Files that RosettaSciIO reads; without it these tests are skipped."""

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.readers import open_images

rsciio = pytest.importorskip("rsciio")
pytest.importorskip("h5py")

STACK = np.random.default_rng(0).integers(0, 999, (5, 8, 9)).astype(np.uint16)


def signal(data, step_nm=0.5):
    scales = [3.0, step_nm, step_nm][3 - data.ndim :]
    units = ["deg", "nm", "nm"][3 - data.ndim :]
    axes = [
        {
            "size": size,
            "index_in_array": number,
            "name": "zyx"[3 - data.ndim + number],
            "scale": scale,
            "offset": 0.0,
            "units": unit,
            "navigate": False,
            "is_binned": False,
            "_type": "UniformDataAxis",
        }
        for number, (size, scale, unit) in enumerate(zip(data.shape, scales, units, strict=True))
    ]
    metadata = {"General": {"title": "HAADF"}, "Signal": {"signal_type": ""}}
    return {
        "data": data,
        "axes": axes,
        "metadata": metadata,
        "original_metadata": {},
        "attributes": {"_lazy": False, "ragged": False},
        "tmp_parameters": {},
        "learning_results": {},
        "models": {},
        "package_info": {},
        "package": "",
        "package_version": "",
    }


def write(path, data):
    from rsciio.hspy import file_writer

    file_writer(str(path), signal(data))
    return path


def test_a_stack_of_hyperspy(tmp_path):
    with open_images(write(tmp_path / "a.hspy", STACK)) as stack:
        assert stack.shape == STACK.shape
        assert stack.dtype == np.uint16
        np.testing.assert_array_equal(stack.read(3), STACK[3])
        assert stack.tilt_deg == [0.0, 3.0, 6.0, 9.0, 12.0]
        assert stack.voxel_nm == (None, 0.5, 0.5)


def test_a_folder_of_single_images(tmp_path):
    for number, image in enumerate(STACK):
        write(tmp_path / f"a{number}.hspy", image)
    with open_images(tmp_path) as stack:
        np.testing.assert_array_equal(stack.read(4), STACK[4])
        assert stack.shape == STACK.shape


@pytest.mark.parametrize("suffix", [".dm3", ".dm4", ".ser", ".emd", ".bcf", ".hspy"])
def test_damaged_files_are_one_line(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(bytes(range(256)) * 20)
    with (
        pytest.raises(UserError, match="holds no readable grey images") as caught,
        open_images(path),
    ):
        pass
    assert "\n" not in str(caught.value)
