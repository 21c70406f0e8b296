"""A model file that is damaged, or made to fill the memory, stops with one line before it does."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from catomo.errors import UserError
from catomo.network.model_check import check_info, check_weights, member
from catomo.network.model_file import read_info
from catomo.network.model_info import ModelInfo
from catomo.network.size import UNetSize

INFO = ModelInfo(["background", "pt"], 0.5, UNetSize(3, 4)).to_json()
WEIGHTS = 7407  # of a U-Net of this size


def write(path, info=INFO, weights=None, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("catomo.json", info if isinstance(info, str) else json.dumps(info))
        if weights is not None:
            file.writestr("model.weights.h5", weights)
    return path


def h5(**datasets):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, options in datasets.items():
            file.create_dataset(name, **options)
    return content.getvalue()


def test_a_good_model_passes(tmp_path):
    path = write(tmp_path / "m.keras", weights=h5(a={"data": np.zeros(WEIGHTS, np.float32)}))
    assert read_info(path).classes == ["background", "pt"]
    check_weights(path, UNetSize(3, 4))
    assert member(path, "other.json") is None


def test_a_zip_that_unpacks_to_far_more_than_its_size_is_not_unpacked(tmp_path):
    path = write(tmp_path / "m.keras", weights=bytes(80 << 20), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match=r"m\.keras: its member model\.weights\.h5 would unpack to"):
        read_info(path)
    path = write(tmp_path / "m.keras", " " * (65 << 20), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match=r"its member catomo\.json would unpack to"):
        read_info(path)


@pytest.mark.parametrize(
    "weights",
    [
        h5(a={"shape": (10**6, 10**6), "dtype": "f4", "chunks": (1000, 1000)}),
        h5(a={"data": np.zeros(100, np.float32)}),
        h5(a={"shape": (WEIGHTS,), "dtype": "f4", "external": "/etc/passwd"}),
    ],
    ids=["far too many", "too few", "another file"],
)
def test_weights_that_cannot_be_those_of_the_network_are_not_loaded(tmp_path, weights):
    path = write(tmp_path / "m.keras", weights=weights)
    with pytest.raises(UserError, match=r"m\.keras: .*; use a model"):
        check_weights(path, UNetSize(3, 4))


def test_a_small_file_cannot_ask_for_a_large_network(tmp_path):
    path = write(tmp_path / "m.keras", weights=h5(a={"data": np.zeros(WEIGHTS, np.float32)}))
    with pytest.raises(UserError, match="says that its network has about"):
        check_weights(path, UNetSize(10, 512))


def test_damage_is_one_line(tmp_path):
    path = write(tmp_path / "m.keras", weights=b"no hdf5" * 100)
    with pytest.raises(UserError, match=r"m\.keras: is damaged \(OSError"):
        check_weights(path, UNetSize(3, 4))
    content = bytearray(path.read_bytes())
    content[60] ^= 255  # in the text of catomo.json
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"m\.keras: is no \.keras file or damaged \(.*CRC"):
        read_info(path)
    path.write_bytes(content[:-30])
    with pytest.raises(UserError, match="not a zip"):
        read_info(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_info(tmp_path)
    with pytest.raises(UserError, match=r"holds no model\.weights\.h5"):
        check_weights(write(tmp_path / "n.keras"), UNetSize(3, 4))


@pytest.mark.parametrize(
    "content", ["[]", "3", "{", "[" * 100_000, '"text"', '{"network": 3, "classes": []}']
)
def test_what_describes_no_model_is_one_line(tmp_path, content):
    with pytest.raises(UserError, match=r"does not describe a model") as error:
        read_info(write(tmp_path / "m.keras", content))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": "ab"}, "classes"),
        ({"classes": [1, 2]}, "classes"),
        ({"pixel_size_nm": "0.5"}, "pixel_size_nm"),
        ({"pixel_size_nm": float("nan")}, "pixel_size_nm"),
        ({"temperature": 0}, "temperature"),
        ({"errors": {"length_px": 0, "common": 0.1, "images": 3}}, "errors"),
        ({"errors": {"length_px": 2.0, "common": 1.5, "images": 3}}, "errors"),
        ({"taught": {}}, "taught"),
        ({"network": {"levels": 3, "base_filters": 4.0}}, r"network\.base_filters"),
        ({"network": {"levels": 99, "base_filters": 4}}, r"network\.levels"),
    ],
)
def test_an_impossible_description_names_its_key(changes, message):
    check_info(ModelInfo.from_json(INFO))
    with pytest.raises(ValueError, match=message):
        check_info(ModelInfo.from_json(INFO | changes))


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    values = np.zeros(WEIGHTS, np.float32)
    values[7] = np.nan
    path = write(tmp_path / "m.keras", weights=h5(a={"data": values}))
    with pytest.raises(UserError, match=r"m\.keras: its weights hold NaN or infinite values"):
        check_weights(path, UNetSize(3, 4))
    names = np.array([b"a"] * WEIGHTS)
    path = write(tmp_path / "m.keras", weights=h5(a={"data": names}))
    with pytest.raises(UserError, match=r"m\.keras: is damaged"):
        check_weights(path, UNetSize(3, 4))
