"""How many voxels a stage works on, read from small files alone: the memory of a job follows it.

What cannot be read counts as nothing: the job itself says what is wrong with it.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from catomo.errors import UserError
from catomo.settings.blocks import read_blocks


def phantom_cells(path: str) -> int:
    """Return the number of cells that a phantom is drawn on, from the file that describes it."""
    file = Path(os.path.expandvars(path))
    try:
        specimen = read_blocks(file, "") if file.is_file() else {}  # a pipe would not end
    except UserError:
        return 0
    finer = specimen.get("render_oversampling") if isinstance(specimen, dict) else None
    return _product(specimen, "shape_px") * (finer**3 if type(finer) is int and finer > 0 else 1)


def recorded_voxels(record: str) -> int:
    """Return the number of voxels, or pixels, of what a stage has recorded.

    Raises
    ------
    FileNotFoundError
        The record is not there yet; Snakemake asks again when it is.
    """
    try:
        return _product(json.loads(Path(record).read_text()), "shape")
    except ValueError:
        return 0


def recorded_shape(record: str) -> list[int]:
    """Return the shape of what a stage has recorded; empty where it has recorded none yet."""
    try:
        return _shape(json.loads(Path(record).read_text()), "shape")
    except (OSError, ValueError):
        return []


def _product(content: Any, key: str) -> int:
    shape = _shape(content, key)
    return math.prod(shape) if shape else 0


def _shape(content: Any, key: str) -> list[int]:
    shape = content.get(key) if isinstance(content, dict) else None
    if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape):
        return []
    return shape
