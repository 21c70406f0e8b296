"""MATLAB files up to version 7 (.mat); those of version 7.3 are HDF5 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files import child
from catomo.files.hdf5 import chosen
from catomo.files.limits import check_compression, check_memory

FIRST_BYTES = b"MATLAB 5.0 MAT-file"
_NUMBERS = {"single", "double", "logical"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}


def read(path: Path, member: str, output: Path) -> dict[str, Any]:
    """Read a variable (rows, columns, images); see `catomo.files.child.open_in_child`.

    Raises
    ------
    UserError
        If no variable, or more than one, can be meant.
    """
    from scipy.io import loadmat, whosmat

    shapes = {name: shape for name, shape, kind in whosmat(path) if kind in _NUMBERS}
    name = chosen(path, member, shapes)
    needed = int(np.prod(shapes[name])) * 8
    check_compression(path, needed // 8)
    check_memory(path, needed)
    array = np.asarray(loadmat(path, variable_names=[name])[name])
    if array.ndim > 3 and sum(n > 1 for n in array.shape) <= 3:
        array = array.squeeze()
    if array.ndim not in (2, 3):
        raise UserError(f"{path}: {name} has the shape {array.shape}, expected (y, x, n)")
    if array.dtype.kind not in "biuf":
        raise UserError(f"{path}: {name} holds {array.dtype}, expected grey values")
    images = array[None] if array.ndim == 2 else np.moveaxis(array, 2, 0)
    return child.found(output, np.ascontiguousarray(images))
