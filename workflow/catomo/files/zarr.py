"""Zarr arrays of version 2 and 3 in folders, and the OME-Zarr images made of them.

The first (full) resolution of an OME-Zarr image is read. Arrays in shards, filters and rare
compressions are refused; whoever needs them can save the image as TIFF.
"""

from __future__ import annotations

import itertools
import json
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files.image_stack import UNKNOWN, ImageStack, Voxel
from catomo.files.limits import check_compression, check_memory
from catomo.files.pixel_size import length_nm

_COMPRESSIONS = ("zlib", "gzip", "zstd", "blosc")


@contextmanager
def open_zarr(path: Path) -> Iterator[ImageStack]:
    """Open a Zarr array (n, y, x), or the full resolution of an OME-Zarr image.

    Raises
    ------
    UserError
        If there is no such array, or it is stored in a way that is not known here.
    """
    attributes = _attributes(path)
    multiscales = attributes.get("ome", attributes).get("multiscales")
    folder, image = path, {}
    if multiscales:
        image = multiscales[0]
        folder = path / image["datasets"][0]["path"]
    elif not _is_array(path):
        arrays = sorted(part for part in path.iterdir() if _is_array(part))
        if len(arrays) != 1:
            names = ", ".join(part.name for part in arrays[:5]) or "none"
            raise UserError(f"{path}: is a group of arrays ({names}); name one of them as {path}/…")
        folder = arrays[0]
    array = _read_header(folder)
    long = [axis for axis, length in enumerate(array.shape) if length > 1]
    if len(long) not in (2, 3):
        raise UserError(
            f"{folder}: has the shape {array.shape}, expected grey images (n, y, x); save one "
            "channel or time of it"
        )
    shape = (1, *(array.shape[axis] for axis in long))[-3:]
    slab = array.chunks[long[0]] if len(long) == 3 else 1
    check_compression(folder, math.prod(shape) * array.dtype.itemsize)
    check_memory(folder, 2 * slab * shape[1] * shape[2] * array.dtype.itemsize)

    @lru_cache(maxsize=1)  # neighbouring images lie in the same chunks
    def chunks_at(number: int) -> np.ndarray:
        return array.slab(long[0] if len(long) == 3 else None, number).reshape(-1, *shape[1:])

    def read(number: int) -> np.ndarray:
        return chunks_at(number // slab)[number % slab]

    voxel = _voxel(image, long) if image else UNKNOWN
    sizes = shape[0], shape[1], shape[2]
    tilt_deg = attributes.get("tilt_deg")  # as catomo's own export writes it
    yield ImageStack(sizes, array.dtype.newbyteorder("="), read, tilt_deg, voxel)


@dataclass(frozen=True)
class _Array:
    """An array in chunks, each a file of its own."""

    folder: Path
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype
    order: Any
    fill: Any
    compression: str
    prefix: str
    separator: str

    def slab(self, axis: int | None, number: int) -> np.ndarray:
        """Return all values of the chunks that are the `number`-th along an axis."""
        counts = [-(-n // size) for n, size in zip(self.shape, self.chunks, strict=True)]
        spans = [
            range(number, number + 1) if at == axis else range(count)
            for at, count in enumerate(counts)
        ]
        starts = [span.start * size for span, size in zip(spans, self.chunks, strict=True)]
        stops = [
            min(span.stop * size, n)
            for span, size, n in zip(spans, self.chunks, self.shape, strict=True)
        ]
        values = np.full(
            [stop - start for start, stop in zip(starts, stops, strict=True)],
            self.fill or 0,
            self.dtype.newbyteorder("="),
        )
        for place in itertools.product(*spans):
            chunk = self._chunk(place)
            if chunk is None:
                continue
            begins = [p * size - s for p, size, s in zip(place, self.chunks, starts, strict=True)]
            target = values[
                tuple(slice(b, b + size) for b, size in zip(begins, self.chunks, strict=True))
            ]
            target[...] = chunk[tuple(slice(n) for n in target.shape)]
        return values

    def _chunk(self, place: tuple[int, ...]) -> np.ndarray | None:
        """Return a chunk; None if it has no file, and so holds nothing but the fill value."""
        file = self.folder / (self.prefix + self.separator.join(map(str, place)))
        if not file.is_file():
            return None
        size = int(np.prod(self.chunks)) * self.dtype.itemsize
        content = _unpacked(file, self.compression, size)
        if len(content) != size:
            raise UserError(f"{file}: holds {len(content)} bytes, expected {size}; copy it again")
        return np.frombuffer(content, self.dtype).reshape(self.chunks, order=self.order)


def _unpacked(file: Path, compression: str, size: int) -> bytes:
    """Return the bytes of a chunk, of which there must be `size`."""
    import imagecodecs

    content = file.read_bytes()
    if not compression:
        return content
    try:
        if compression in ("zlib", "gzip"):
            return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, size + 1)
        decode = {"zstd": imagecodecs.zstd_decode, "blosc": imagecodecs.blosc_decode}[compression]
        return bytes(decode(content, out=size))
    except Exception as error:  # a damaged chunk can break the decoder in any way
        raise UserError(f"{file}: is damaged ({error}); copy the folder again") from None


def _read_json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    content = json.loads(file.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


def _attributes(path: Path) -> dict[str, Any]:
    return _read_json(path / "zarr.json").get("attributes", {}) | _read_json(path / ".zattrs")


def _is_array(path: Path) -> bool:
    return (path / ".zarray").is_file() or _read_json(path / "zarr.json").get(
        "node_type"
    ) == "array"


def _read_header(folder: Path) -> _Array:
    """Return an array by its header of version 2 (.zarray) or 3 (zarr.json)."""
    old = _read_json(folder / ".zarray")
    if old:
        compressor = old.get("compressor") or {}
        _check_known(folder, bool(old.get("filters")), [compressor.get("id", "")])
        return _Array(
            folder,
            _lengths(folder, old["shape"]),
            _lengths(folder, old["chunks"]),
            _dtype(folder, old["dtype"]),
            old.get("order", "C"),
            old.get("fill_value"),
            compressor.get("id", ""),
            "",
            old.get("dimension_separator", "."),
        )
    new = _read_json(folder / "zarr.json")
    if not new:
        raise UserError(f"{folder}: is no Zarr array; copy the whole folder again")
    codecs = {codec["name"]: codec.get("configuration", {}) for codec in new["codecs"]}
    packing = [name for name in codecs if name != "bytes"]
    _check_known(folder, len(packing) > 1 or "bytes" not in codecs, packing)
    is_big = codecs["bytes"].get("endian") == "big"
    dtype = _dtype(folder, new["data_type"]).newbyteorder(">" if is_big else "<")
    key = new.get("chunk_key_encoding", {})
    is_default = key.get("name", "default") == "default"
    separator = key.get("configuration", {}).get("separator", "/" if is_default else ".")
    return _Array(
        folder,
        _lengths(folder, new["shape"]),
        _lengths(folder, new["chunk_grid"]["configuration"]["chunk_shape"]),
        dtype,
        "C",
        new.get("fill_value"),
        packing[0] if packing else "",
        f"c{separator}" if is_default else "",
        separator,
    )


def _lengths(folder: Path, values: Any) -> tuple[int, ...]:
    if not (isinstance(values, list) and all(type(n) is int and n > 0 for n in values)):
        raise UserError(
            f"{folder}: its header gives the lengths {json.dumps(values)[:40]}, expected whole "
            "numbers above 0; copy the folder again"
        )
    return tuple(values)


def _dtype(folder: Path, name: Any) -> np.dtype:
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "iuf":
        raise UserError(f"{folder}: holds values of type {name}, expected grey images")
    return dtype


def _check_known(folder: Path, is_special: bool, compressions: list[str]) -> None:
    unknown = [name for name in compressions if name and name not in _COMPRESSIONS]
    if is_special or unknown:
        found = " ".join(unknown) or "filters"
        raise UserError(
            f"{folder}: is stored with {found}, which is not known here (known: "
            f"{' '.join(_COMPRESSIONS)}); save it as TIFF, or with one of these"
        )


def _voxel(image: dict[str, Any], long: list[int]) -> Voxel:
    """Return the voxel that OME-Zarr's axes and their scale say."""
    scales = [
        transform["scale"]
        for transform in image["datasets"][0].get("coordinateTransformations", [])
        if transform.get("type") == "scale"
    ]
    axes = image.get("axes", [])
    if not scales or len(axes) <= max(long) or len(scales[0]) <= max(long):
        return UNKNOWN
    sizes = [
        length_nm(scales[0][axis], axes[axis].get("unit", ""))
        if axes[axis].get("type") == "space"
        else None
        for axis in long
    ]
    images, rows, columns = (None, *sizes)[-3:]
    return images, rows, columns
