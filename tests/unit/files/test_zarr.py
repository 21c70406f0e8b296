"""Zarr arrays and OME-Zarr images, written here by the definition of the formats."""

import itertools
import json
import zlib

import imagecodecs
import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.readers import open_images

STACK = np.random.default_rng(0).integers(0, 999, (5, 12, 14)).astype("<u2")
PACK = {
    "": bytes,
    "zlib": zlib.compress,
    "gzip": lambda content: imagecodecs.gzip_encode(content),
    "zstd": lambda content: imagecodecs.zstd_encode(content),
    "blosc": lambda content: imagecodecs.blosc_encode(content, typesize=2),
}
CHUNKS = (2, 5, 14)


def write_chunks(folder, stack, name_of, pack, order="C"):
    chunks = CHUNKS[-stack.ndim :] if stack.ndim <= 3 else (1,) * (stack.ndim - 3) + CHUNKS
    counts = [-(-n // size) for n, size in zip(stack.shape, chunks, strict=True)]
    for place in itertools.product(*map(range, counts)):
        begin = [p * size for p, size in zip(place, chunks, strict=True)]
        part = stack[tuple(slice(b, b + size) for b, size in zip(begin, chunks, strict=True))]
        whole = np.zeros(chunks, stack.dtype)
        whole[tuple(slice(n) for n in part.shape)] = part
        file = folder / name_of(place)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pack(whole.tobytes(order)))
    return list(chunks)


def version_2(folder, stack=STACK, compression="", separator=".", order="C"):
    chunks = write_chunks(
        folder, stack, lambda place: separator.join(map(str, place)), PACK[compression], order
    )
    header = {
        "zarr_format": 2,
        "shape": stack.shape,
        "chunks": chunks,
        "dtype": stack.dtype.str,
        "compressor": {"id": compression} if compression else None,
        "fill_value": 0,
        "order": order,
        "filters": None,
        "dimension_separator": separator,
    }
    (folder / ".zarray").write_text(json.dumps(header))
    return folder


def version_3(folder, stack=STACK, compression="", more=()):
    chunks = write_chunks(
        folder, stack, lambda place: "/".join(["c", *map(str, place)]), PACK[compression]
    )
    endian = "big" if stack.dtype.str[0] == ">" else "little"
    codecs = [{"name": "bytes", "configuration": {"endian": endian}}]
    codecs += [{"name": name} for name in (compression, *more) if name]
    header = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": stack.shape,
        "data_type": stack.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": codecs,
        "fill_value": 0,
    }
    (folder / "zarr.json").write_text(json.dumps(header))
    return folder


def look(path):
    with open_images(path) as stack:
        images = np.stack([stack.read(number) for number in range(stack.shape[0])])
        assert images.dtype == stack.dtype
        return images, stack


@pytest.mark.parametrize("compression", PACK)
@pytest.mark.parametrize("write", [version_2, version_3])
def test_every_compression_of_both_versions(tmp_path, write, compression):
    np.testing.assert_array_equal(look(write(tmp_path, STACK, compression))[0], STACK)


@pytest.mark.parametrize("stack", [STACK.astype(">u2"), STACK.astype("<f4"), STACK.astype("u1")])
@pytest.mark.parametrize("write", [version_2, version_3])
def test_types_and_byte_orders(tmp_path, write, stack):
    np.testing.assert_array_equal(look(write(tmp_path, stack))[0], stack)


def test_other_orders_and_places_of_chunks(tmp_path):
    version_2(tmp_path, separator="/", order="F")
    np.testing.assert_array_equal(look(tmp_path)[0], STACK)
    (tmp_path / "0" / "1" / "0").unlink()  # a chunk without a file holds the fill value
    expected = STACK.copy()
    expected[:2, 5:10] = 0
    np.testing.assert_array_equal(look(tmp_path)[0], expected)


@pytest.mark.parametrize("version", [2, 3])
def test_an_image_of_ome_zarr_is_read_in_full_resolution(tmp_path, version):
    stack = STACK[None, None]
    image = {
        "axes": [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
        + [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"],
        "datasets": [
            {
                "path": path,
                "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 2 * k, k, k]}],
            }
            for path, k in (("0", 0.5), ("1", 1))
        ],
    }
    (tmp_path / "0").mkdir()
    if version == 2:
        version_2(tmp_path / "0", stack, "blosc", "/")
        (tmp_path / ".zgroup").write_text('{"zarr_format": 2}')
        (tmp_path / ".zattrs").write_text(json.dumps({"multiscales": [image]}))
    else:
        version_3(tmp_path / "0", stack, "blosc")
        header = {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": {"ome": {"multiscales": [image]}},
        }
        (tmp_path / "zarr.json").write_text(json.dumps(header))
    images, found = look(tmp_path)
    np.testing.assert_array_equal(images, STACK)
    assert found.voxel_nm == (1.0, 0.5, 0.5)


def test_what_cannot_be_read_is_named(tmp_path):
    for name in "ab":
        version_2(tmp_path / name)
    (tmp_path / ".zgroup").write_text("{}")
    with pytest.raises(UserError, match=r"is a group of arrays \(a, b\); name one of them"):
        look(tmp_path)
    np.testing.assert_array_equal(look(tmp_path / "b")[0], STACK)  # the way out
    version_3(tmp_path / "c", more=["sharding_indexed"])
    with pytest.raises(UserError, match="is stored with sharding_indexed"):
        look(tmp_path / "c")
    version_2(tmp_path / "d", STACK[None].repeat(2, 0))
    with pytest.raises(UserError, match=r"has the shape \(2, 5, 12, 14\)"):
        look(tmp_path / "d")
    version_2(tmp_path / "e", compression="blosc")
    (tmp_path / "e" / "1.0.0").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"1\.0\.0: is damaged"):
        look(tmp_path / "e")
    (tmp_path / "e" / ".zarray").write_text("{")
    with pytest.raises(UserError, match="is not readable"):
        look(tmp_path / "e")


def test_an_array_of_which_hardly_anything_is_there_is_refused(tmp_path):
    version_2(tmp_path)
    header = json.loads((tmp_path / ".zarray").read_text())
    (tmp_path / ".zarray").write_text(json.dumps({**header, "shape": [5, 120_000, 14_000]}))
    with pytest.raises(UserError, match=r"bytes would unpack to 16\.8 GB, which images do not do"):
        look(tmp_path)


@pytest.mark.parametrize("shape", [[5.5, 12, 14], [5, 12, -14], [5, 12, True], "5"])
def test_lengths_are_whole_numbers(tmp_path, shape):
    version_2(tmp_path)
    header = json.loads((tmp_path / ".zarray").read_text())
    (tmp_path / ".zarray").write_text(json.dumps({**header, "shape": shape}))
    with pytest.raises(UserError, match=r"its header gives the lengths .*, expected whole numbers"):
        look(tmp_path)
