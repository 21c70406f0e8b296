"""HDF5 files: an array by its path in the file, NXtomo, and MATLAB files of version 7.3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catomo.errors import UserError
from catomo.files.image_stack import UNKNOWN, Voxel
from catomo.files.limits import check_compression, check_memory
from catomo.files.pixel_size import length_nm

if TYPE_CHECKING:
    import h5py

SUFFIXES = (".h5", ".hdf5", ".hdf", ".nxs", ".nx", ".he5", ".ims", ".ilp")
FIRST_BYTES = b"\x89HDF\r\n\x1a\n"
_MATLAB_START = 512  # MATLAB puts a text of its own before the file


def is_hdf5(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of HDF5, or of MATLAB 7.3."""
    return FIRST_BYTES in (head[:8], head[_MATLAB_START : _MATLAB_START + 8])


def chosen(path: Path, member: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return the name of the array that is meant.

    Parameters
    ----------
    path : Path
    member : str
        The name as given; empty if none is.
    shapes : dict
        Shape of each array of numbers in the file.

    Raises
    ------
    UserError
        If there is none, or several can be meant.
    """
    if member:
        for name in (member, member.strip("/"), f"/{member.strip('/')}"):
            if name in shapes:
                return name
        known = ", ".join(sorted(shapes)[:5]) or "none"
        raise UserError(f"{path}: holds no array '{member}'; arrays in it: {known}")
    for axes in (3, 2):
        names = [n for n, shape in shapes.items() if sum(size > 1 for size in shape) == axes]
        if len(names) == 1:
            return names[0]
        if names:
            listed = ", ".join(
                f"{name} ({' × '.join(map(str, shapes[name]))})" for name in sorted(names)[:5]
            )
            raise UserError(
                f"{path}: holds several arrays of images: {listed}; name the one that is meant, as "
                f"in {path}:{sorted(names)[0]}"
            )
    raise UserError(f"{path}: holds no array of images")


def read(path: Path, member: str, output: Path) -> dict[str, Any]:
    """Read an array (n, y, x); see `catomo.files.child.open_in_child`.

    Raises
    ------
    UserError
        If no array, or more than one, can be meant.
    """
    import h5py

    with h5py.File(path, "r") as file:
        if not member:
            entry = _nxtomo(file)
            if entry is not None:
                return _read_nxtomo(path, entry, output)
        arrays: dict[str, h5py.Dataset] = {}

        def keep(name: str, item: object) -> None:
            is_array = isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf"
            if is_array and not name.startswith("#"):
                arrays[f"/{name}"] = item

        file.visititems(keep)
        if member and member not in arrays and isinstance(file.get(member), h5py.Dataset):
            arrays[f"/{member.strip('/')}"] = file[member]
        array = arrays[chosen(path, member, {name: item.shape for name, item in arrays.items()})]
        is_matlab = "MATLAB_class" in array.attrs
        _copy(path, array, output, transpose=is_matlab)
        order = "columns, rows, images" if is_matlab else "images, rows, columns"
        note = f"{path}: {array.name} is read, whose axes count {order}"
        voxel = _element_size(array)
    return {"tilt_deg": None, "voxel_nm": list(voxel), "notes": [note]}


def _axes(path: Path, array: h5py.Dataset) -> list[int]:
    """Return which axes count images, rows and columns; others must have the length 1."""
    axes = list(range(array.ndim))
    for axis in range(array.ndim):  # (1, n, y, x) first, then (n, y, x, 1)
        if len(axes) > 3 and array.shape[axis] == 1:
            axes.remove(axis)
    if len(axes) not in (2, 3) or 0 in array.shape:
        raise UserError(
            f"{path}: {array.name} has the shape {array.shape}, expected grey images (n, y, x)"
        )
    return axes


def _copy(
    path: Path,
    array: h5py.Dataset,
    output: Path,
    numbers: Iterable[int] | None = None,
    transpose: bool = False,
) -> None:
    """Write images of an array as .npy one by one, by default all."""
    axes = _axes(path, array)
    images = array.shape[axes[0]] if len(axes) == 3 else 1
    rows, columns = (array.shape[axis] for axis in axes[-2:])
    dtype = np.dtype(np.uint8) if array.dtype.kind == "b" else array.dtype
    image = rows * columns * dtype.itemsize
    check_compression(path, images * image)
    check_memory(path, 2 * image)
    wanted = list(range(images) if numbers is None else numbers)
    shape = (len(wanted), columns, rows) if transpose else (len(wanted), rows, columns)
    target = np.lib.format.open_memmap(output, mode="w+", dtype=dtype, shape=shape)
    for place, number in enumerate(wanted):
        index = [slice(None) if axis in axes else 0 for axis in range(array.ndim)]
        if len(axes) == 3:
            index[axes[0]] = number
        stored = array[tuple(index)]
        target[place] = stored.T if transpose else stored
    target.flush()


def _element_size(array: h5py.Dataset) -> Voxel:
    """Return the voxel that ilastik's and Fiji's plugins write (z, y, x in µm)."""
    sizes = array.attrs.get("element_size_um")
    if sizes is None or np.size(sizes) != 3:
        return UNKNOWN
    z, y, x = (length_nm(size, "µm") for size in np.ravel(sizes))
    return z, y, x


def _nxtomo(file: h5py.File) -> h5py.Group | None:
    """Return the one entry that is a tilt series by the definition NXtomo."""
    entries = [
        group
        for group in file.values()
        if hasattr(group, "keys") and "sample/rotation_angle" in group and _data_of(group)
    ]
    return entries[0] if len(entries) == 1 else None


def _data_of(entry: h5py.Group) -> h5py.Dataset | None:
    for name in ("data/data", "instrument/detector/data"):
        found = entry.get(name)
        if found is not None and getattr(found, "ndim", 0) == 3:
            return found
    return None


def _read_nxtomo(path: Path, entry: h5py.Group, output: Path) -> dict[str, Any]:
    """Read the projections of an NXtomo entry; images of the beam and the dark are left out."""
    data, angles = _data_of(entry), entry["sample/rotation_angle"]
    assert data is not None
    keys = entry.get("instrument/detector/image_key", entry.get("data/image_key"))
    kinds = np.zeros(len(data), int) if keys is None else np.ravel(keys[()])
    tilt = np.ravel(angles[()]).astype(float)
    if not len(tilt) == len(kinds) == len(data):
        raise UserError(
            f"{path}: {entry.name} holds {len(data)} images, {len(tilt)} angles and {len(kinds)} "
            "image keys; mend the file so that there is one of each per image"
        )
    if str(_text(angles.attrs.get("units", "deg"))).lower().startswith("rad"):
        tilt = np.rad2deg(tilt)
    numbers = np.flatnonzero(kinds == 0)
    if not len(numbers):
        raise UserError(f"{path}: {entry.name} holds no projection (image_key 0)")
    _copy(path, data, output, numbers)
    left = len(kinds) - len(numbers)
    note = (
        f"{path}: {left} images of the beam or the dark, or that are marked invalid (image_key), "
        "are left out"
    )
    sizes = [
        length_nm(item[()].ravel()[0], _text(item.attrs.get("units", "m"))) if item else None
        for item in (entry.get(f"instrument/detector/{axis}_pixel_size") for axis in "yx")
    ]
    return {
        "tilt_deg": tilt[numbers].tolist(),
        "voxel_nm": [None, *sizes],
        "notes": [note] if left else [],
    }


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
