"""What was written in any form that a format allows is read back equal."""

import json
import zlib

import h5py
import imagecodecs
import numpy as np
import tifffile
from hypothesis import assume, given
from hypothesis import strategies as st

from catomo.files.readers import open_images
from helpers.mrc import mrc

SEEDS = st.integers(0, 1000)
SIZES = st.integers(2, 9)
SHAPES = st.tuples(st.integers(2, 4), SIZES, SIZES)
ORDERS = st.sampled_from("<>")
KINDS = ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8")


def values(shape, kind, seed):
    """Return an array with the whole range of its type, least and largest values included."""
    dtype = np.dtype(kind)
    rng = np.random.default_rng(seed)
    if dtype.kind == "b":
        return rng.random(shape) > 0.5
    if dtype.kind == "f":
        return (rng.normal(size=shape) * 10.0 ** rng.integers(-4, 4)).astype(dtype)
    bounds = np.iinfo(dtype)
    array = rng.integers(bounds.min, bounds.max, shape, dtype.newbyteorder("="), endpoint=True)
    array.flat[:2] = bounds.min, bounds.max
    return array.astype(dtype)


def check(path, expected):
    """Check that a file gives these images, and says so before it is read."""
    with open_images(path) as stack:
        assert stack.shape == expected.shape
        images = np.stack([stack.read(number) for number in range(len(expected))])
        assert images.dtype == stack.dtype
    np.testing.assert_array_equal(images, expected)


@given(
    shape=SHAPES,
    kind=st.sampled_from((*KINDS, "f2", "?")),
    seed=SEEDS,
    order=ORDERS,
    compression=st.sampled_from((None, "zlib", "lzw", "packbits", "zstd", "deflate")),
    predictor=st.booleans(),
    layout=st.sampled_from(({}, {"rowsperstrip": 1}, {"rowsperstrip": 3}, {"tile": (16, 16)})),
    form=st.sampled_from(
        (
            {},
            {"metadata": None},
            {"bigtiff": True},
            {"contiguous": False},
            {"ome": True},
            {"metadata": {"axes": "TYX"}},
        )
    ),
    white_is_zero=st.booleans(),
)
def test_tiff(
    tmp_path, shape, kind, seed, order, compression, predictor, layout, form, white_is_zero
):
    stack = values(shape, kind, seed)
    assume(not (predictor and (kind in ("?", "f2") or compression in (None, "packbits"))))
    assume(not (kind == "f2" and form.get("ome")))  # OME knows no such type
    assume(not (kind == "?" and (form.get("ome") or compression == "packbits" or layout)))
    options = {"compression": compression, "predictor": predictor, **layout, **form}
    if white_is_zero and kind in ("u1", "u2", "u4"):
        options["photometric"] = "miniswhite"
        expected = np.iinfo(kind).max - stack
    else:
        options["photometric"] = "minisblack"
        expected = stack.astype(np.uint8) if kind == "?" else stack
    tifffile.imwrite(tmp_path / "a.tif", stack, byteorder=order, **options)
    check(tmp_path / "a.tif", expected)


@given(
    shape=SHAPES,
    mode_and_kind=st.sampled_from(((0, "i1"), (1, "i2"), (2, "f4"), (6, "u2"), (12, "f2"))),
    seed=SEEDS,
    order=ORDERS,
    axes=st.permutations((1, 2, 3)),
    extended=st.integers(0, 300),
)
def test_mrc(tmp_path, shape, mode_and_kind, seed, order, axes, extended):
    mode, kind = mode_and_kind
    volume = values(shape, kind, seed)
    stored = volume.transpose([3 - axis for axis in reversed(axes)])
    path = mrc(tmp_path / "a.mrc", stored, 0.5, b"MAP ", bytes(extended), b"", order, mode)
    content = bytearray(path.read_bytes())
    content[64:76] = np.array(axes, f"{order}i4").tobytes()
    path.write_bytes(content)
    check(path, volume)


@given(
    shape=SHAPES,
    kind=st.sampled_from((*KINDS, "f2", "u8", "i8", "?")),
    seed=SEEDS,
    order=ORDERS,
    by_columns=st.booleans(),
    version=st.sampled_from(((1, 0), (2, 0), (3, 0))),
    one=st.booleans(),
)
def test_npy(tmp_path, shape, kind, seed, order, by_columns, version, one):
    stack = values(shape, kind, seed)
    stored = np.asarray(stack, np.dtype(kind).newbyteorder(order), order="F" if by_columns else "C")
    stored = stored[0] if one else stored
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array(file, stored, version)
    expected = stack[:1] if one else stack
    check(tmp_path / "a.npy", expected.astype(np.uint8) if kind == "?" else expected)


@given(shape=SHAPES, kind=st.sampled_from(("u1", "u2")), seed=SEEDS, level=st.integers(0, 9))
def test_png(tmp_path, shape, kind, seed, level):
    image = values(shape, kind, seed)[0]
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(image, level))
    check(tmp_path / "a.png", image[None])


@given(
    shape=SHAPES,
    kind=st.sampled_from(KINDS),
    seed=SEEDS,
    order=ORDERS,
    chunks=st.tuples(SIZES, SIZES, SIZES),
    by_columns=st.booleans(),
    separator=st.sampled_from("./"),
    compressor=st.sampled_from(("", "zlib", "gzip", "zstd")),
)
def test_zarr(
    tmp_path_factory, shape, kind, seed, order, chunks, by_columns, separator, compressor
):
    folder = tmp_path_factory.mktemp("zarr")
    stack = values(shape, kind, seed)
    dtype = np.dtype(kind).newbyteorder(order)
    pack = {
        "": bytes,
        "zlib": zlib.compress,
        "gzip": imagecodecs.gzip_encode,
        "zstd": imagecodecs.zstd_encode,
    }[compressor]
    counts = [-(-n // size) for n, size in zip(shape, chunks, strict=True)]
    for place in np.ndindex(*counts):
        chunk = np.zeros(chunks, dtype)
        begin = [p * size for p, size in zip(place, chunks, strict=True)]
        part = stack[tuple(slice(b, b + size) for b, size in zip(begin, chunks, strict=True))]
        chunk[tuple(slice(n) for n in part.shape)] = part
        file = folder / separator.join(map(str, place))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pack(chunk.tobytes("F" if by_columns else "C")))
    header = {
        "zarr_format": 2,
        "shape": shape,
        "chunks": chunks,
        "dtype": dtype.str,
        "order": "F" if by_columns else "C",
        "fill_value": 0,
        "filters": None,
        "compressor": {"id": compressor} if compressor else None,
        "dimension_separator": separator,
    }
    (folder / ".zarray").write_text(json.dumps(header))
    check(folder, stack)


@given(
    shape=SHAPES,
    kind=st.sampled_from((*KINDS, "?")),
    seed=SEEDS,
    order=ORDERS,
    compression=st.sampled_from((None, "gzip", "lzf")),
    shuffle=st.booleans(),
    group=st.sampled_from(("", "exported/", "a group/of β/")),
)
def test_hdf5(tmp_path, shape, kind, seed, order, compression, shuffle, group):
    stack = values(shape, kind, seed)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = stack.astype(stack.dtype.newbyteorder(order))
        file.create_dataset(f"{group}data", data=data, compression=compression, shuffle=shuffle)
    check(tmp_path / "a.h5", stack.astype(np.uint8) if kind == "?" else stack)
