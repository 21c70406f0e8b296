"""catomo's own stacks on disk: uncompressed BigTIFF for floats and images, zlib TIFF for labels.

Stacks are written and read slab by slab with plain file operations, never by memory
mapping: mapped pages count as resident memory, and a job's memory must not grow with
the volume. All files hold their pixel size as OME metadata, so Fiji, napari and
ParaView open them to scale.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Self
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import DTypeLike

from catomo.errors import UserError

_MOST_32_BIT = 2**32 - 1


class StackWriter:
    """Write an uncompressed stack along its first axis, in slabs, in any order.

    Parameters
    ----------
    path : path
        File to write.
    shape : (int, int, int)
        Shape of the whole stack.
    dtype : dtype
        ``float32`` or ``uint8``.
    pixel_size_nm : float
        Edge of a pixel in nm, the same along all spatial axes.
    """

    def __init__(
        self,
        path: Path | str,
        shape: Sequence[int],
        dtype: DTypeLike,
        pixel_size_nm: float,
    ):
        import tifffile

        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype).newbyteorder("<")
        with tifffile.TiffWriter(path, bigtiff=True, ome=False, byteorder="<") as tiff:
            # No data: tifffile only reserves the space, zero-filled, in one block.
            tiff.write(
                shape=self.shape,
                dtype=self.dtype,
                photometric="minisblack",
                metadata=None,
                software=False,
                description=_ome_xml(Path(path).name, self.shape, self.dtype, pixel_size_nm),
                contiguous=True,
                **_resolution(pixel_size_nm),
            )
        with tifffile.TiffFile(path) as tiff:
            self._offset = tiff.pages[0].dataoffsets[0]
        self._file = open(path, "r+b")
        self._page_bytes = int(np.prod(self.shape[1:])) * self.dtype.itemsize

    def write(self, start: int, slab: np.ndarray) -> None:
        """Write `slab` (n, rows, columns) at index `start` of the first axis."""
        if slab.shape[1:] != self.shape[1:] or start + len(slab) > self.shape[0]:
            raise ValueError(f"slab {slab.shape} at {start} does not fit into {self.shape}")
        self._file.seek(self._offset + start * self._page_bytes)
        self._file.write(np.ascontiguousarray(slab, dtype=self.dtype).data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class StackReader:
    """Read an uncompressed stack written by `StackWriter`, slab by slab.

    Attributes
    ----------
    shape : (int, int, int)
    dtype : dtype
    """

    def __init__(self, path: Path | str):
        import tifffile

        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            if series.dataoffset is None:
                raise UserError(f"{path}: found a compressed or scattered TIFF, expected one block")
            pages, rows, columns = (1,) * (3 - len(series.shape)) + tuple(series.shape)
            self.shape = pages, rows, columns
            self.dtype = series.dtype.newbyteorder(tiff.byteorder)
            self._offset = series.dataoffset
        self._file = open(path, "rb")

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return slabs ``start:stop`` of the first axis as a new array."""
        stop = self.shape[0] if stop is None else min(stop, self.shape[0])
        page = self.shape[1:]
        self._file.seek(self._offset + start * int(np.prod(page)) * self.dtype.itemsize)
        out = np.empty((stop - start, *page), dtype=self.dtype)
        self._file.readinto(out.data.cast("B"))
        return out

    def read_rows(self, start: int, stop: int) -> np.ndarray:
        """Return ``stack[:, start:stop]`` (for a tilt series: some slices of every tilt)."""
        pages, rows, columns = self.shape
        out = np.empty((pages, stop - start, columns), dtype=self.dtype)
        for page in range(pages):
            self._file.seek(self._offset + (page * rows + start) * columns * self.dtype.itemsize)
            self._file.readinto(out[page].data.cast("B"))
        return out

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def write_stack(path: Path | str, stack: np.ndarray, pixel_size_nm: float) -> None:
    """Write a whole stack (three axes) uncompressed."""
    with StackWriter(path, stack.shape, stack.dtype, pixel_size_nm) as writer:
        writer.write(0, stack)


def write_labels(
    path: Path | str, labels: Iterable[np.ndarray], shape: Sequence[int], pixel_size_nm: float
) -> None:
    """Write uint8 pages zlib-compressed, one TIFF page per page of the iterable `labels`.

    Parameters
    ----------
    path : path
    labels : iterable of ndarray
        Pages (rows, columns), uint8. A generator streams: one page is held at a time.
    shape : (int, int, int)
        Shape of the whole stack.
    pixel_size_nm : float
    """
    import tifffile

    pages, rows, columns = (int(n) for n in shape)
    with tifffile.TiffWriter(path, bigtiff=True, ome=False, byteorder="<") as tiff:
        for number, page in enumerate(labels):
            tiff.write(
                np.ascontiguousarray(page, dtype=np.uint8),
                photometric="minisblack",
                compression="zlib",
                metadata=None,
                software=False,
                description=_ome_xml(
                    Path(path).name, (pages, rows, columns), np.dtype("u1"), pixel_size_nm
                )
                if number == 0
                else None,
                **_resolution(pixel_size_nm),
            )


def image_bytes(
    name: str, image: np.ndarray, pixel_size_nm: float, note: str, compression: str | None = None
) -> bytes:
    """Return the bytes of a TIFF of one uint8 image that every editor opens (no BigTIFF).

    Parameters
    ----------
    name : str
        The file's name.
    image : ndarray of uint8, (rows, columns)
    pixel_size_nm : float
    note : str
        Put as the image's description into the OME metadata; plain ASCII.
    compression : str, optional
        As in tifffile.
    """
    import tifffile

    file = io.BytesIO()
    with tifffile.TiffWriter(file, ome=False, byteorder="<") as tiff:
        tiff.write(
            image,
            photometric="minisblack",
            compression=compression,
            metadata=None,
            software=False,
            description=_ome_xml(name, (1, *image.shape), image.dtype, pixel_size_nm, note),
            **_resolution(pixel_size_nm),
        )
    return file.getvalue()


def read_pages(path: Path | str, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Return pages ``start:stop`` of any TIFF stack, compressed or not, as (n, rows, columns)."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        if len(tiff.pages) == 1:  # one contiguous block, as StackWriter writes it
            data = tiff.series[0].asarray()
            data = data[None] if data.ndim == 2 else data
            return data[start:stop]
        return np.stack([page.asarray() for page in tiff.pages[start:stop]])


def pages_of(path: Path | str) -> Iterator[np.ndarray]:
    """Yield the pages (rows, columns) of one of catomo's own stacks, one at a time."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        if len(tiff.pages) > 1 or tiff.pages[0].compression != tifffile.COMPRESSION.NONE:
            for page in tiff.pages:
                yield page.asarray()
            return
    with StackReader(path) as reader:
        for number in range(reader.shape[0]):
            yield reader.read(number, number + 1)[0]


def _resolution(pixel_size_nm: float) -> dict[str, Any]:
    # A fraction of two 32-bit numbers. Some versions of tifffile round it to 1 %.
    per_cm = Fraction(1e7 / pixel_size_nm)
    per_cm = per_cm.limit_denominator(max(1, min(_MOST_32_BIT, int(_MOST_32_BIT / per_cm))))
    return {"resolution": (per_cm.as_integer_ratio(),) * 2, "resolutionunit": "CENTIMETER"}


def _ome_xml(
    name: str, shape: Sequence[int], dtype: DTypeLike, pixel_size_nm: float, note: str = ""
) -> bytes:
    """Return OME-XML for a stack; its UUID is made from the content, never from the clock."""
    kind = {"float32": "float", "uint8": "uint8", "uint16": "uint16"}[np.dtype(dtype).name]
    n, rows, columns = shape
    identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{name} {shape} {kind} {pixel_size_nm!r}{note}")
    pixels = " ".join(
        f'{key}="{value}"'
        for key, value in {
            "ID": "Pixels:0",
            "DimensionOrder": "XYZCT",
            "Type": kind,
            "SizeX": columns,
            "SizeY": rows,
            "SizeZ": n,
            "SizeC": 1,
            "SizeT": 1,
            "PhysicalSizeX": repr(float(pixel_size_nm)),
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": repr(float(pixel_size_nm)),
            "PhysicalSizeYUnit": "nm",
            "PhysicalSizeZ": repr(float(pixel_size_nm)),
            "PhysicalSizeZUnit": "nm",
        }.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        f'UUID="urn:uuid:{identity}"><Image ID="Image:0" Name={quoteattr(name)}>'
        f"{f'<Description>{note}</Description>' if note else ''}<Pixels {pixels}>"
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="{n}"/>'
        "</Pixels></Image></OME>"
    ).encode()
