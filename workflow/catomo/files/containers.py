"""Images written for other programs: MRC, OME-Zarr 0.4 and NXtomo.

All three hold the same numbers in the same order as catomo's own TIFF, so image i, row j and
column k are found there under the same three indices. Images are written one by one, so memory
does not grow with their number. The same images give the same bytes: no clock, no names of places.
"""

from __future__ import annotations

import gzip
import json
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catomo.files.mrc import MADE_HERE

Page = np.ndarray

_MRC_MODES = {"float32": (2, "<f4"), "uint8": (6, "<u2")}  # a byte of mode 0 may count as signed
_LONGEST_CHUNK_PX = 1024
_GZIP_LEVEL = 6
_ANGSTROMS_PER_NM = 10


@dataclass(frozen=True)
class Images:
    """Images to write.

    Attributes
    ----------
    title : str
        What they are, in plain ASCII: it becomes part of the file.
    shape : (int, int, int)
        Images, rows, columns.
    dtype : dtype
        ``float32``, or ``uint8`` for labels.
    pages : callable
        ``pages()`` returns all images (rows, columns) in order, each time it is called.
    pixel_size_nm : float
        Distance of columns and rows, and of the images of a volume.
    axes : (str, str, str)
        What images, rows and columns count, such as ``("y", "z", "x")``: each image lies at one
        y. Where the first is not called x, y or z, the images are no volume.
    """

    title: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    pages: Callable[[], Iterable[Page]]
    pixel_size_nm: float
    axes: tuple[str, str, str]

    @property
    def is_volume(self) -> bool:
        """Whether the images lie on top of each other."""
        return self.axes[0] in ("x", "y", "z")

    @property
    def words(self) -> str:
        """What they are and how they lie, for a text inside the file."""
        images, rows, columns = self.axes
        return f"{self.title}; images along {images}, rows along {rows}, columns along {columns}"


def write_mrc(path: Path, images: Images) -> None:
    """Write an MRC file (MRC2014, little-endian); the voxel in its header is in Å.

    Sections are the images, as in catomo's TIFF: the sections of a volume (y, z, x) lie along
    the tilt axis, as in a tomogram that IMOD has not rotated yet. Labels become 16-bit numbers.

    Parameters
    ----------
    path : Path
    images : Images
    """
    mode, stored = _MRC_MODES[images.dtype.name]
    low, high, total, squares = math.inf, -math.inf, 0.0, 0.0
    with open(path, "wb") as file:
        file.write(bytes(1024))
        for page in images.pages():
            file.write(np.ascontiguousarray(page, stored).data)
            low, high = min(low, float(page.min())), max(high, float(page.max()))
            values = page.astype(np.float64)
            total, squares = total + values.sum(), squares + (values * values).sum()
        mean = total / math.prod(images.shape)
        rms = math.sqrt(max(squares / math.prod(images.shape) - mean * mean, 0.0))
        file.seek(0)
        file.write(_mrc_header(images, mode, (low, high, mean), rms))


def _mrc_header(images: Images, mode: int, values: Sequence[float], rms: float) -> bytes:
    """Return the 1024 bytes that begin an MRC file; the numbers here are places of bytes in it."""
    count, rows, columns = images.shape
    size = images.pixel_size_nm * _ANGSTROMS_PER_NM
    sampling = columns, rows, count if images.is_volume else 1
    head = bytearray(1024)
    struct.pack_into("<4i", head, 0, columns, rows, count, mode)
    struct.pack_into("<3i", head, 28, *sampling)
    struct.pack_into("<6f", head, 40, *(n * size for n in sampling), 90, 90, 90)
    struct.pack_into("<3i", head, 64, 1, 2, 3)
    struct.pack_into("<3f", head, 76, *values)
    struct.pack_into("<i", head, 88, 1 if images.is_volume else 0)  # the space group says which
    struct.pack_into("<i", head, 108, 20141)
    struct.pack_into("<4s4Bf", head, 208, b"MAP ", 0x44, 0x44, 0, 0, rms)
    label = f"{MADE_HERE}{images.words}"
    struct.pack_into("<i80s", head, 220, 1, label.encode("ascii").ljust(80))
    return bytes(head)


def write_ome_zarr(
    folder: Path, images: Images, attributes: Mapping[str, Any] | None = None
) -> None:
    """Write an OME-Zarr image (version 0.4) of one resolution, scaled in nanometres.

    OME-Zarr calls the axes of a volume z, y and x, whatever the images lie along, as the OME-XML
    of catomo's TIFF does. The name of the image says what they are in the specimen.

    Parameters
    ----------
    folder : Path
        The folder to write, such as ``volume.ome.zarr``.
    images : Images
        Floats are stored as they are, labels compressed with gzip.
    attributes : mapping, optional
        More to put beside ``multiscales``, such as the tilt angles (``tilt_deg``).
    """
    _write_json(folder / ".zgroup", {"zarr_format": 2})
    scale = [images.pixel_size_nm] * 3
    axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"]
    if not images.is_volume:
        axes[0], scale[0] = {"name": images.axes[0], "type": images.axes[0]}, 1.0
    multiscale = {
        "version": "0.4",
        "name": images.words,
        "axes": axes,
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        ],
    }
    _write_json(folder / ".zattrs", {"multiscales": [multiscale], **(attributes or {})})
    _write_array(folder / "0", images)


def write_ome_labels(folder: Path, images: Images, classes: Sequence[tuple[str, str]]) -> None:
    """Write labels as a label image of OME-Zarr, which viewers lay over the image around it.

    Parameters
    ----------
    folder : Path
        The folder to write: ``labels/NAME`` inside an OME-Zarr image of the same shape, or one
        of its own.
    images : Images
    classes : sequence of (str, str)
        Name and colour (``#rrggbb``) of each class, background first; the background is shown
        transparent.
    """
    label: dict[str, Any] = {
        "version": "0.4",
        "colors": [
            {"label-value": value, "rgba": [*bytes.fromhex(colour[1:]), 255 if value else 0]}
            for value, (_, colour) in enumerate(classes)
        ],
        "properties": [
            {"label-value": value, "class": name} for value, (name, _) in enumerate(classes)
        ],
    }
    if folder.parent.name == "labels":
        label["source"] = {"image": "../../"}
        _write_json(folder.parent / ".zgroup", {"zarr_format": 2})
        _write_json(folder.parent / ".zattrs", {"labels": [folder.name]})
    write_ome_zarr(folder, images, {"image-label": label})


def _write_array(folder: Path, images: Images) -> None:
    """Write a Zarr array of version 2, in chunks of one image at most."""
    stored = images.dtype.newbyteorder("<")
    _, rows, columns = images.shape
    down, across = min(rows, _LONGEST_CHUNK_PX), min(columns, _LONGEST_CHUNK_PX)
    is_packed = images.dtype == np.uint8
    header = {
        "zarr_format": 2,
        "shape": list(images.shape),
        "chunks": [1, down, across],
        "dtype": stored.str,
        "compressor": {"id": "gzip", "level": _GZIP_LEVEL} if is_packed else None,
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "dimension_separator": "/",
    }
    _write_json(folder / ".zarray", header)
    for number, page in enumerate(images.pages()):
        for i in range(-(-rows // down)):
            for j in range(-(-columns // across)):
                part = page[i * down : (i + 1) * down, j * across : (j + 1) * across]
                chunk = np.zeros((down, across), stored)  # those at the edge are full chunks, too
                chunk[: part.shape[0], : part.shape[1]] = part
                file = folder / str(number) / str(i) / str(j)
                file.parent.mkdir(parents=True, exist_ok=True)
                content = chunk.tobytes()
                if is_packed:
                    content = gzip.compress(content, _GZIP_LEVEL, mtime=0)
                file.write_bytes(content)


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def write_nxtomo(
    path: Path, images: Images, tilt_deg: Sequence[float], unusable: Sequence[int] = ()
) -> None:
    """Write a tilt series by the NeXus definition NXtomo, with its tilt axis along the rows' y.

    Parameters
    ----------
    path : Path
    images : Images
    tilt_deg : sequence of float
        Tilt angles in degrees.
    unusable : sequence of int
        Numbers of images that programs are to leave out (image key 3, "invalid"); all others
        are projections (image key 0).
    """
    import h5py

    keys = np.zeros(images.shape[0], np.int64)
    keys[list(unusable)] = 3
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = _nx(file, "entry", "NXentry", version=1.4, default="data")
        entry["title"], entry["definition"] = images.title, "NXtomo"
        instrument = _nx(entry, "instrument", "NXinstrument")
        source = _nx(instrument, "source", "NXsource")
        source["probe"] = "electron"
        detector = _nx(instrument, "detector", "NXdetector")
        data = detector.create_dataset("data", images.shape, images.dtype.newbyteorder("<"))
        data.attrs["interpretation"] = "image"
        for number, page in enumerate(images.pages()):
            data[number] = page
        detector["image_key"] = detector["image_key_control"] = keys
        for axis in ("x", "y"):
            detector[f"{axis}_pixel_size"] = images.pixel_size_nm * 1e-9
            detector[f"{axis}_pixel_size"].attrs["units"] = "m"
        sample = _nx(entry, "sample", "NXsample")
        sample["name"] = images.title
        sample["rotation_angle"] = np.asarray(tilt_deg, np.float64)
        sample["rotation_angle"].attrs["units"] = "degree"
        shown = _nx(entry, "data", "NXdata", signal="data")
        shown["data"], shown["image_key"] = data, detector["image_key"]
        shown["rotation_angle"] = sample["rotation_angle"]


def _nx(parent: Any, name: str, kind: str, **attributes: Any) -> Any:
    """Return a new group of a NeXus class."""
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    group.attrs.update(attributes)
    return group
